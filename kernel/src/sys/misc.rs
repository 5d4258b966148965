//! System calls about the system: its name, limits, usage, random bytes, the end of the machine.

use alloc::vec::Vec;

use super::errno::{EFAULT, EINVAL, ENOSYS, EPERM, Result};
use super::table::calls;
use crate::arch::sync::SpinLock;
use crate::arch::tsc;
use crate::arch::user::{self, plain};
use crate::dev::power;
use crate::mm::{frames, space};
use crate::random;
use crate::task::process::FDS;
use crate::task::sched;
use crate::task::thread::THREADS;
use crate::time::{Clock, SECOND};

calls! {
    63 uname(at) = uname;
    97 getrlimit(resource, at) = getrlimit;
    98 getrusage(who, at) = getrusage;
    99 sysinfo(at) = sysinfo;
    103 syslog(kind, at, len) = syslog;
    160 setrlimit(resource, at) = setrlimit;
    169 reboot(a, b, command) = reboot;
    170 sethostname(at, len) = sethostname;
    302 prlimit64(pid, resource, new, old) = prlimit64;
    318 getrandom(at, len, flags) = getrandom;
    334 rseq(at, len, flags, signature) = rseq;
}

static HOSTNAME: SpinLock<Vec<u8>> = SpinLock::new(Vec::new());

/// The host's name.
pub fn hostname() -> Vec<u8> {
    let name = HOSTNAME.lock().clone();
    if name.is_empty() {
        b"lintel".to_vec()
    } else {
        name
    }
}

/// Sets the host's name.
pub fn set_hostname(name: &[u8]) {
    *HOSTNAME.lock() = name.to_vec();
}

fn uname(at: u64) -> Result<usize> {
    let mut fields = [0u8; 6 * 65];
    let name = hostname();
    let texts: [&[u8]; 6] = [
        b"Linux",
        &name,
        b"6.1.0-lintel",
        b"#1 SMP",
        b"x86_64",
        b"(none)",
    ];
    for (n, text) in texts.iter().enumerate() {
        let len = text.len().min(64);
        fields[n * 65..n * 65 + len].copy_from_slice(&text[..len]);
    }
    user::write_bytes(at, &fields).map(|()| 0)
}

fn sethostname(at: u64, len: u64) -> Result<usize> {
    if len > 64 {
        return Err(EINVAL);
    }
    let mut name = alloc::vec![0; len as usize];
    user::read_bytes(at, &mut name)?;
    set_hostname(&name);
    Ok(0)
}

const INFINITY: u64 = u64::MAX;

fn limit(resource: u64) -> Result<[u64; 2]> {
    match resource {
        3 => Ok([8 << 20, INFINITY]),
        4 => Ok([0, INFINITY]),
        6 => Ok([65536, 65536]),
        7 => {
            let n = FDS.lock().limit() as u64;
            Ok([n, 1 << 20])
        }
        8 => Ok([64 << 10, 64 << 10]),
        11 => Ok([65536, 65536]),
        12 => Ok([819_200, 819_200]),
        13 | 14 => Ok([0, 0]),
        0..16 => Ok([INFINITY, INFINITY]),
        _ => Err(EINVAL),
    }
}

fn getrlimit(resource: u64, at: u64) -> Result<usize> {
    user::write(at, &limit(resource)?).map(|()| 0)
}

fn setrlimit(resource: u64, at: u64) -> Result<usize> {
    let [soft, hard] = user::read::<[u64; 2]>(at)?;
    if soft > hard {
        return Err(EINVAL);
    }
    let [_, most] = limit(resource)?;
    if hard > most {
        return Err(EPERM);
    }
    if resource == 7 {
        FDS.lock().set_limit(soft as usize);
    }
    Ok(0)
}

fn prlimit64(_pid: u64, resource: u64, new: u64, old: u64) -> Result<usize> {
    let before = limit(resource)?;
    if new != 0 {
        setrlimit(resource, new)?;
    }
    if old != 0 {
        user::write(old, &before)?;
    }
    Ok(0)
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Usage {
    words: [u64; 18],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct SysInfo {
    words: [u64; 10],
    processes: u16,
    pad: [u16; 3],
    high: [u64; 2],
    unit: u32,
    tail: u32,
}

plain!(Usage, SysInfo);

fn getrusage(who: u64, at: u64) -> Result<usize> {
    let ns = match who as i32 {
        0 => Clock::Process.now(),
        1 => Clock::Thread.now(),
        -1 => 0,
        _ => return Err(EINVAL),
    };
    let (free, total) = frames::counts();
    let mut words = [0; 18];
    words[0] = ns / SECOND;
    words[1] = ns % SECOND / 1000;
    words[4] = (total - free) * 4;
    words[6 + 2] = space::fault_count();
    user::write(at, &Usage { words }).map(|()| 0)
}

fn sysinfo(at: u64) -> Result<usize> {
    let (free, total) = frames::counts();
    let load = (sched::runnable() as u64 + 1) << 16;
    let words = [
        tsc::now() / SECOND,
        load,
        load,
        load,
        total * 4096,
        free * 4096,
        0,
        0,
        0,
        0,
    ];
    let processes = THREADS.lock().len() as u16;
    user::write(
        at,
        &SysInfo {
            words,
            processes,
            pad: [0; 3],
            high: [0; 2],
            unit: 1,
            tail: 0,
        },
    )
    .map(|()| 0)
}

fn syslog(_kind: u64, _at: u64, _len: u64) -> Result<usize> {
    Ok(0)
}

fn reboot(a: u64, _b: u64, command: u64) -> Result<usize> {
    if a as u32 != 0xfee1_dead {
        return Err(EINVAL);
    }
    match command as u32 {
        0x0123_4567 | 0xa1b2_c3d4 => power::reset(),
        0x4321_fedc | 0xcdef_0123 => power::off(0),
        0 | 0x89ab_cdef => Ok(0),
        _ => Err(EINVAL),
    }
}

fn getrandom(at: u64, len: u64, flags: u64) -> Result<usize> {
    if flags & !7 != 0 {
        return Err(EINVAL);
    }
    let len = (len as usize).min(32 << 20);
    let mut done = 0;
    while done < len {
        let mut bytes = [0u8; 256];
        let part = (len - done).min(bytes.len());
        random::fill(&mut bytes[..part]);
        let stored = user::write_some(at + done as u64, &bytes[..part]);
        done += stored;
        if stored < part {
            return if done == 0 { Err(EFAULT) } else { Ok(done) };
        }
    }
    Ok(done)
}

/// Restartable sequences are an optimisation that programs can do without.
fn rseq(_at: u64, _len: u64, _flags: u64, _signature: u64) -> Result<usize> {
    Err(ENOSYS)
}
