//! The crash dump: `erl_crash.dump`, written where the node ends with a slogan, for `crashdump_viewer` and for eyes.
//!
//! Schedulers are not stopped: a process tells of itself between two turns, and one that does not come to it within
//! a moment (one in a long native function) stands there without its details.
//! `ERL_CRASH_DUMP` names the file, `ERL_CRASH_DUMP_BYTES` limits its size, and `ERL_CRASH_DUMP_SECONDS` the time;
//! where one of the two is 0, no dump is written.

use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use scheduler::local_time::{self, DateTime};
use vm::code::table as code;
use vm::process::table;

use crate::{dump_terms, report};

/// How long the dump may take in all unless told otherwise: what is missing then are processes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the environment asks for; none for no dump.
struct Wanted {
    path: String,
    bytes: u64,
    until: Instant,
}

fn wanted() -> Option<Wanted> {
    let variable = |name: &str| {
        let value = vm::environment::get(name.as_bytes())?;
        Some(String::from_utf8_lossy(&value).into_owned())
    };
    let number = |name: &str| variable(name)?.trim().parse::<i64>().ok();
    let bytes = number("ERL_CRASH_DUMP_BYTES");
    let seconds = number("ERL_CRASH_DUMP_SECONDS");
    if bytes == Some(0) || seconds == Some(0) {
        return None;
    }
    let patience = seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(PATIENCE, Duration::from_secs);
    Some(Wanted {
        path: variable("ERL_CRASH_DUMP").unwrap_or_else(|| "erl_crash.dump".to_owned()),
        bytes: bytes
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or(u64::MAX),
        until: Instant::now() + patience,
    })
}

/// Writes the dump, and tells on the standard error stream that it does.
pub fn write(slogan: &str) {
    let Some(wanted) = wanted() else {
        return;
    };
    eprint!("\nCrash dump is being written to: {}...", wanted.path);
    match dump(&wanted, slogan) {
        Ok(()) => eprintln!("done"),
        Err(error) => eprintln!("failed: {error}"),
    }
}

/// A file of limited length: what is too much is dropped.
struct Limited<W> {
    file: W,
    left: u64,
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = bytes
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.file.write_all(&bytes[..length])?;
        self.left -= length as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn dump(wanted: &Wanted, slogan: &str) -> std::io::Result<()> {
    let file = std::fs::File::create(&wanted.path)?;
    let mut out = Limited {
        file: BufWriter::new(file),
        left: wanted.bytes,
    };
    head(&mut out, slogan)?;
    out.write_all(
        vm::bif::system_text::report("info")
            .unwrap_or_default()
            .as_bytes(),
    )?;
    // Where no scheduler is left to run them, all processes are silent: not each of them is waited for then.
    let mut patience = Duration::from_millis(200);
    let shared = Arc::new(dump_terms::Shared::default());
    for pid in table::all() {
        if Instant::now() > wanted.until {
            break;
        }
        let for_terms = Arc::clone(&shared);
        let (about, terms) = report::process_with(pid, patience, wanted.until, move |process| {
            dump_terms::process(process, &for_terms)
        });
        out.write_all(about.as_bytes())?;
        match terms {
            Some(terms) => out.write_all(terms.as_bytes())?,
            None => patience /= 2,
        }
    }
    out.write_all(ports::describe::all().as_bytes())?;
    out.write_all(report::tables().as_bytes())?;
    out.write_all(report::distribution().as_bytes())?;
    modules(&mut out)?;
    out.write_all(shared.text().as_bytes())?;
    out.write_all(b"=atoms\n")?;
    // The newest first, as a table that is too full shows what fills it.
    for index in (0..vm::atom::count()).rev() {
        if let Some(atom) = vm::atom::Atom::at(index) {
            writeln!(
                out,
                "{}",
                vm::process::hooks::print(vm::term::Term::atom(atom))
            )?;
        }
    }
    out.write_all(b"=end\n")?;
    out.flush()
}

/// Local time as C's `ctime` writes it: `Tue Nov 24 13:11:59 2026`.
fn now() -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64);
    let time = local_time::local(seconds).unwrap_or_else(|| DateTime::of_seconds(seconds));
    // 1 January 1970 was a Thursday.
    let day = DAYS[(time.seconds().div_euclid(86_400)).rem_euclid(7) as usize];
    let month = MONTHS[(time.month - 1).clamp(0, 11) as usize];
    format!(
        "{day} {month} {:2} {:02}:{:02}:{:02} {}",
        time.day, time.hour, time.minute, time.second, time.year
    )
}

fn head(out: &mut impl Write, slogan: &str) -> std::io::Result<()> {
    writeln!(out, "=erl_crash_dump:0.5\n{}", now())?;
    writeln!(out, "Slogan: {slogan}")?;
    let version = scheduler::bifs::system_info::system_version();
    writeln!(out, "System version: {}", version.trim_end())?;
    writeln!(out, "Taints: \nAtoms: {}", vm::atom::count())?;
    let thread = std::thread::current();
    writeln!(
        out,
        "Calling Thread: {}",
        thread.name().unwrap_or("unmanaged")
    )
}

fn modules(out: &mut impl Write) -> std::io::Result<()> {
    let size = |name| vm::bif::memory::code_bytes(name);
    let loaded = code::loaded();
    let total: usize = loaded.iter().map(|&name| size(name)).sum();
    writeln!(out, "=loaded_modules\nCurrent code: {total}\nOld code: 0")?;
    for name in loaded {
        writeln!(out, "=mod:{name}\nCurrent size: {}", size(name))?;
    }
    Ok(())
}
