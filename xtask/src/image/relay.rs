//! A bad network: frames between a guest and the emulator's own network, some lost, doubled, late, cut off or
//! surrounded by others that nobody asked for.
//!
//! Both ends speak the emulator's `dgram` network: one frame is one datagram. The second end is a hub in the same
//! emulator, with its own network behind.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::Result;

/// The longest frame that is relayed: segments of a large send are one frame.
const FRAME_MAX: usize = 70_000;
/// Bytes of an Ethernet header.
const HEADER: usize = 14;

/// What happens to frames, in thousandths each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// They are lost.
    pub lost: u32,
    /// They come twice.
    pub doubled: u32,
    /// They come behind the next one.
    pub late: u32,
    /// Their end is missing.
    pub cut: u32,
    /// Frames of noise for each one that goes to the guest.
    pub noise: u32,
}

/// How many frames met which fault.
#[derive(Debug, Default)]
pub struct Counts {
    pub passed: AtomicU64,
    pub lost: AtomicU64,
    pub doubled: AtomicU64,
    pub late: AtomicU64,
    pub cut: AtomicU64,
    pub noise: AtomicU64,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        write!(
            f,
            "frames: {} whole, {} lost, {} twice, {} late, {} cut off, {} of noise",
            n(&self.passed),
            n(&self.lost),
            n(&self.doubled),
            n(&self.late),
            n(&self.cut),
            n(&self.noise)
        )
    }
}

/// A relay that runs until it is dropped.
pub struct Relay {
    /// What the guest's card leads to.
    pub network: String,
    /// Further networks of the emulator.
    pub more: Vec<String>,
    pub counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Starts one. `forward` are the emulator's words for forwarded ports.
    pub fn start(faults: Faults, forward: &str) -> Result<Relay> {
        let ours = [socket()?, socket()?];
        let theirs = [free_port()?, free_port()?];
        let stop = Arc::new(AtomicBool::new(false));
        let counts = Arc::new(Counts::default());
        let dgram = |n: usize| -> Result<String> {
            let to = ours[n].local_addr()?.port();
            Ok(format!(
                "dgram,local.type=inet,local.host=127.0.0.1,local.port={},\
                 remote.type=inet,remote.host=127.0.0.1,remote.port={to}",
                theirs[n]
            ))
        };
        let more = vec![
            format!("{},id=far", dgram(1)?),
            format!("user,id=world{forward}"),
            "hubport,id=left,hubid=1,netdev=far".into(),
            "hubport,id=right,hubid=1,netdev=world".into(),
        ];
        let network = dgram(0)?;
        let threads = (0..2)
            .map(|from| -> Result<JoinHandle<()>> {
                let way = Way {
                    from: ours[from].try_clone()?,
                    to: ours[1 - from].try_clone()?,
                    port: theirs[1 - from],
                    // Noise is for the guest only.
                    faults: Faults {
                        noise: if from == 1 { faults.noise } else { 0 },
                        ..faults
                    },
                    counts: counts.clone(),
                    random: 0x9e37_79b9 + from as u64,
                };
                let stop = stop.clone();
                Ok(std::thread::spawn(move || way.run(&stop)))
            })
            .collect::<Result<_>>()?;
        Ok(Relay {
            network,
            more,
            counts,
            stop,
            threads,
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn socket() -> Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(std::time::Duration::from_millis(100)))?;
    Ok(socket)
}

fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// One direction.
struct Way {
    from: UdpSocket,
    to: UdpSocket,
    port: u16,
    faults: Faults,
    counts: Arc<Counts>,
    random: u64,
}

impl Way {
    fn run(mut self, stop: &AtomicBool) {
        let mut room = vec![0; FRAME_MAX];
        let mut late: Option<Vec<u8>> = None;
        while !stop.load(Ordering::Relaxed) {
            let Ok(len) = self.from.recv(&mut room) else {
                // Nothing came: what waits for a next frame goes now.
                late.take().iter().for_each(|frame| self.send(frame));
                continue;
            };
            let frame = &room[..len];
            for _ in 0..self.faults.noise {
                self.send_noise(frame);
            }
            if self.happens(self.faults.lost) {
                count(&self.counts.lost);
                continue;
            }
            if self.happens(self.faults.late) && late.is_none() {
                count(&self.counts.late);
                late = Some(frame.to_vec());
                continue;
            }
            let cut = self.happens(self.faults.cut);
            let len = match cut {
                true => HEADER.min(len) + self.below(len.saturating_sub(HEADER).max(1)),
                false => len,
            };
            count(if cut {
                &self.counts.cut
            } else {
                &self.counts.passed
            });
            self.send(&frame[..len]);
            if self.happens(self.faults.doubled) {
                count(&self.counts.doubled);
                self.send(frame);
            }
            late.take().iter().for_each(|frame| self.send(frame));
        }
    }

    fn send(&self, frame: &[u8]) {
        // An emulator that is gone, or has no room, loses it: so do networks.
        let _ = self.to.send_to(frame, (Ipv4Addr::LOCALHOST, self.port));
    }

    /// A copy of a frame, changed.
    fn send_noise(&mut self, frame: &[u8]) {
        count(&self.counts.noise);
        let mut noise = frame.to_vec();
        let from = match self.below(4) {
            // Any protocol at all.
            0 => 12,
            // The frame's, with another header.
            1 => HEADER,
            // To an address of nobody's.
            2 => HEADER + 12,
            // One bit of its data is another: checksums always see that, as they do not see any change of bytes.
            _ => {
                let at = self.below(noise.len().saturating_sub(HEADER + 20).max(1));
                if let Some(byte) = noise.get_mut(HEADER + 20 + at) {
                    *byte ^= 1 << self.below(8);
                }
                noise.len()
            }
        };
        for byte in noise.iter_mut().skip(from) {
            self.random = step(self.random);
            *byte = (self.random >> 33) as u8;
        }
        self.send(&noise);
    }

    fn happens(&mut self, thousandths: u32) -> bool {
        self.below(1000) < thousandths as usize
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random = step(self.random);
        (self.random >> 33) as usize % limit
    }
}

fn step(random: u64) -> u64 {
    random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
