//! The boot's timeline: how far it was when the program did certain things. The option
//! `timeline=WORD,WORD,…` names them: a word is met when it occurs in the path of a file that is opened, or in
//! a piece of the terminal's output. When the last is met the table is printed.
//!
//! Under an emulator that counts instructions (QEMU's `-icount shift=0`) a nanosecond is an instruction.

use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::arch::sync::SpinLock;
use crate::arch::{percpu, tsc};
use crate::boot::CommandLine;
use crate::mm::space;
use crate::println;
use crate::sys::table;

/// Whether words are still waited for: looked at before anything else.
static WATCHING: AtomicBool = AtomicBool::new(false);
static UNPACKED: AtomicU64 = AtomicU64::new(0);

struct Row {
    what: String,
    /// Nanoseconds since the entry, and those of them in which all processors together idled.
    at: u64,
    idle: u64,
    faults: u64,
    calls: u64,
    unpacked: u64,
}

struct Timeline {
    rows: Vec<Row>,
    /// Words that are waited for, the next one last.
    words: Vec<String>,
}

static TIMELINE: SpinLock<Timeline> = SpinLock::new(Timeline {
    rows: Vec::new(),
    words: Vec::new(),
});

/// Starts it if the command line asks for it.
pub fn init(line: &CommandLine) {
    let Some(words) = line.option("timeline") else {
        return;
    };
    let words: Vec<String> = words.rsplit(',').map(String::from).collect();
    TIMELINE.lock().words = words;
    WATCHING.store(true, Ordering::Relaxed);
}

/// The kernel itself has come to a point.
pub fn mark(what: &str) {
    if WATCHING.load(Ordering::Relaxed) {
        let row = row(what);
        TIMELINE.lock().rows.push(row);
    }
}

/// The program opened a file or wrote to its terminal.
pub fn see(bytes: &[u8]) {
    if !WATCHING.load(Ordering::Relaxed) {
        return;
    }
    let mut timeline = TIMELINE.lock();
    let Some(word) = timeline.words.last() else {
        return;
    };
    if !bytes
        .windows(word.len().max(1))
        .any(|part| part == word.as_bytes())
    {
        return;
    }
    let met = row(word);
    timeline.rows.push(met);
    timeline.words.pop();
    if timeline.words.is_empty() {
        WATCHING.store(false, Ordering::Relaxed);
        let rows = core::mem::take(&mut timeline.rows);
        drop(timeline);
        print(&rows);
    }
}

/// Bytes of the image were unpacked.
pub fn unpacked(bytes: usize) {
    UNPACKED.fetch_add(bytes as u64, Ordering::Relaxed);
}

fn row(what: &str) -> Row {
    Row {
        what: what.into(),
        at: tsc::now(),
        idle: percpu::all()
            .map(|c| c.idle_ns.load(Ordering::Relaxed))
            .sum(),
        faults: space::fault_count(),
        calls: table::count(),
        unpacked: UNPACKED.load(Ordering::Relaxed),
    }
}

/// Every row tells what happened since the one before.
fn print(rows: &[Row]) {
    println!("timeline       at us    busy us    idle us    faults     calls  unpacked KB");
    let mut last = [0u64; 5];
    for row in rows {
        let now = [row.at, row.idle, row.faults, row.calls, row.unpacked];
        let [at, idle, faults, calls, unpacked] =
            core::array::from_fn(|n| now[n].saturating_sub(last[n]));
        println!(
            "{:12} {:7} {:10} {:10} {faults:9} {calls:9} {:12}",
            row.what,
            row.at / 1000,
            at.saturating_sub(idle) / 1000,
            idle / 1000,
            unpacked >> 10,
        );
        last = now;
    }
}
