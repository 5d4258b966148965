//! A long mixed load: clients on the host against a guest that is busy with timers, ETS and processes too.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::guest::Guest;
use super::{build, release};

/// Connections at a time.
const CLIENTS: usize = 200;
/// Threads that serve them.
const THREADS: usize = 4;
/// How many exchanges a connection lasts.
const EXCHANGES: u64 = 50;
/// The longest message.
const MESSAGE_MAX: u64 = 4000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Memory of the guest in megabytes.
const MEMORY_MB: &str = "128";
/// What the guest may have less at the end than after its warm-up, in kilobytes.
const GROWTH_MAX_KB: i64 = 4096;

/// Runs for so many minutes; an error is whatever the guest or a client sees, or growth.
pub fn run(lintel: &Path, work: &Path, minutes: u64) -> Result<()> {
    let folder = release::make(work, "soak", &["image_soak"], "-s image_soak")?;
    let image = work.join("soak.img");
    build(lintel, &[&folder], &image)?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let forward = format!("{port}:7");
    let options = ["--smp", "2", "--memory", MEMORY_MB, "--port", &forward];
    let mut guest = Guest::start(lintel, &image, &options)?;
    guest.expect("serving")?;
    let clients = Clients::start(port);
    let outcome = watch(&mut guest, &clients, Duration::from_secs(60 * minutes));
    let exchanges = clients.exchanges.load(Ordering::Relaxed);
    clients.stop()?;
    outcome?;
    println!("{exchanges} exchanges by {CLIENTS} clients");
    Ok(())
}

/// Reads the guest's reports until the time is over.
fn watch(guest: &mut Guest, clients: &Clients, time: Duration) -> Result<()> {
    let start = Instant::now();
    let mut first = None;
    let mut said = Instant::now();
    loop {
        let line = guest.line("soak ")?;
        let now = Report::read(&line).with_context(|| format!("the report `{line}`"))?;
        ensure!(
            !clients.stop.load(Ordering::Relaxed),
            "a client failed; the guest's last report: {line}"
        );
        // A sixth of the time, at most five minutes, is for caches and heaps to find their size.
        let warm = start.elapsed() > (time / 6).min(Duration::from_secs(300));
        let first = match &first {
            None if !warm => continue,
            None => {
                println!("warm: {line}");
                first.insert(now)
            }
            Some(first) => first,
        };
        let (used, lost) = (now.memory - first.memory, first.available - now.available);
        if said.elapsed() > Duration::from_secs(300) {
            said = Instant::now();
            println!("{line}");
        }
        if start.elapsed() < time {
            continue;
        }
        println!("end: {line}");
        ensure!(
            used <= GROWTH_MAX_KB && lost <= GROWTH_MAX_KB,
            "growth: the VM uses {used} KB more, the guest has {lost} KB less"
        );
        return Ok(());
    }
}

/// Figures of a report that tell of growth, in kilobytes.
#[derive(Clone, Copy)]
struct Report {
    memory: i64,
    available: i64,
}

impl Report {
    fn read(line: &str) -> Option<Report> {
        let field = |name: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.parse().ok())
        };
        Some(Report {
            memory: field("memory=")?,
            available: field("available=")?,
        })
    }
}

struct Clients {
    stop: Arc<AtomicBool>,
    exchanges: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Clients {
    fn start(port: u16) -> Clients {
        let stop = Arc::new(AtomicBool::new(false));
        let exchanges = Arc::new(AtomicU64::new(0));
        let threads = (0..THREADS as u64)
            .map(|n| {
                let (stop, exchanges) = (stop.clone(), exchanges.clone());
                std::thread::spawn(move || {
                    let result = serve(port, n + 1, &stop, &exchanges);
                    stop.store(true, Ordering::Relaxed);
                    result
                })
            })
            .collect();
        Clients {
            stop,
            exchanges,
            threads,
        }
    }

    /// Ends them; the first error that one had.
    fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            match thread.join() {
                Ok(result) => result.context("a client")?,
                Err(_) => bail!("a client panicked"),
            }
        }
        Ok(())
    }
}

/// A share of the clients, in turns: each sends a message and gets it back.
fn serve(port: u16, seed: u64, stop: &AtomicBool, exchanges: &AtomicU64) -> Result<()> {
    let mut random = seed;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(seed);
        (random >> 33) % below
    };
    let mut streams: Vec<Option<(TcpStream, u64)>> = (0..CLIENTS / THREADS).map(|_| None).collect();
    loop {
        for slot in &mut streams {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if slot.is_none() {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                *slot = Some((stream, 1 + next(2 * EXCHANGES)));
            }
            let Some((stream, left)) = slot else { continue };
            let len = 1 + next(MESSAGE_MAX) as usize;
            let sent: Vec<u8> = (0..len).map(|_| next(256) as u8).collect();
            stream.write_all(&sent).context("sending")?;
            let mut got = vec![0; len];
            stream.read_exact(&mut got).context("the answer")?;
            ensure!(got == sent, "{len} bytes came back changed");
            exchanges.fetch_add(1, Ordering::Relaxed);
            *left -= 1;
            if *left == 0 {
                *slot = None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
