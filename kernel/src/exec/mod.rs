//! Programs: loading, the first thread, and the replacement of one program by another.

pub mod elf;
pub mod image;

use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use crate::arch::context::Context;
use crate::arch::entry::TrapFrame;
use crate::arch::{percpu, tsc};
use crate::boot::CommandLine;
use crate::fs::file::{O_RDWR, Open};
use crate::fs::{fd, path, tree, tty};
use crate::mm::stacks::KernelStack;
use crate::task::signal::Signals;
use crate::task::thread::{self, THREADS, Thread};
use crate::task::{process, sched};
use crate::{println, timeline};

/// Starts the program that the command line names; without one, `/init`.
pub fn start_first(line: &CommandLine) {
    let mut args = line.args.clone();
    if args.is_empty() {
        args.push(line.option("init").unwrap_or("/init").as_bytes().to_vec());
    }
    let mut env = line.env.clone();
    for (name, value) in [
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
        ("HOME", "/"),
        ("TERM", "vt100"),
    ] {
        if !env
            .iter()
            .any(|e| e.starts_with(name.as_bytes()) && e.get(name.len()) == Some(&b'='))
        {
            env.push([name.as_bytes(), b"=", value.as_bytes()].concat());
        }
    }
    let cwd = line.option("cwd").unwrap_or("/");
    *process::CWD.lock() = path::resolve(tree::root(), cwd.as_bytes(), true)
        .ok()
        .filter(|n| n.is_dir());
    let console = Open::new(tty::open(), O_RDWR, b"/dev/console");
    for _ in 0..3 {
        let _ = fd::install(console.clone(), false);
    }
    let name = args[0].clone();
    match image::load(&name, args, env) {
        Ok(frame) => {
            timeline::mark("program");
            start(&frame, &name);
        }
        Err(error) => {
            println!(
                "cannot start {}: error {}",
                String::from_utf8_lossy(&name),
                error.0
            );
            process::exit_group(127);
        }
    }
}

fn start(frame: &TrapFrame, path: &[u8]) {
    let Some(stack) = KernelStack::new() else {
        return;
    };
    let context = Context::program(stack, frame, 0, false);
    let tid = thread::new_tid();
    process::PID.store(tid, Ordering::Relaxed);
    process::STARTED.store(tsc::now(), Ordering::Relaxed);
    let thread = Thread::new(
        tid,
        context,
        percpu::online_mask(),
        short_name(path),
        Signals::new(),
    );
    THREADS.lock().insert(tid, thread.clone());
    sched::start(thread);
}

/// A thread's first name: the program's, cut to 15 bytes.
pub fn short_name(path: &[u8]) -> [u8; 16] {
    let base = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    let mut name = [0; 16];
    let len = base.len().min(15);
    name[..len].copy_from_slice(&base[..len]);
    name
}

/// A text that ends with a zero byte.
pub fn terminated(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.push(0);
    bytes
}
