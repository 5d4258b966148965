//! The menu of the break key.
//!
//! While it is shown no descriptor is reported to a driver, and the terminal is in the mode in which the
//! node found it; processes run on.

use std::sync::OnceLock;

use ports::pause;
use vm::atom::well_known as w;
use vm::process::signal::{self, ExitKind, Peer};
use vm::process::table;
use vm::term::{Pid, Term};

use crate::report;

const HELP: &str = "BREAK: (a)bort (A)bort with dump (c)ontinue (p)roc info (i)nfo\n       \
                    (l)oaded (v)ersion (k)ill (D)b-tables (d)istribution\n";

/// The version of the stock VM that this one stands for.
static VERSION: OnceLock<String> = OnceLock::new();

/// Sets what the menu calls the version.
pub fn set_version(version: &str) {
    // A node is started once.
    let _ = VERSION.set(version.to_owned());
}

/// Shows the menu and does what is chosen.
pub fn show() {
    pause::with_terminal(|| {
        pause::write(&format!("\n{HELP}"));
        while !choose() {}
    });
}

/// The next key; the end of input ends the node.
fn key() -> u8 {
    match pause::key() {
        Ok(Some(key)) => key,
        _ => scheduler::halt::exit(0, false),
    }
}

/// Reads a key and obeys it; false if the menu goes on.
fn choose() -> bool {
    match key() {
        b'a' | b'q' => scheduler::halt::exit(0, false),
        b'A' => scheduler::halt::crash("Crash dump requested by user"),
        b'c' | b'm' => {}
        b'p' => table::all()
            .into_iter()
            .for_each(|pid| pause::write(&report::process(pid))),
        b'o' => pause::write(&ports::describe::all()),
        b'i' => pause::write(&report::info()),
        b'l' => pause::write(&report::loaded()),
        b'v' => pause::write(&format!(
            "Erlang (BEAM) emulator version {}\n",
            VERSION.get().map_or("", String::as_str)
        )),
        b'd' => pause::write(&report::distribution()),
        b'D' => pause::write(&report::tables()),
        b'k' => killer(),
        b'\n' => return false,
        other => {
            let other = char::from(other);
            pause::write(&format!(
                "Invalid option '{other}'. Please enter one of the following:\n{HELP}"
            ));
            return false;
        }
    }
    true
}

/// Shows the processes one by one, the newest first, and kills those that are chosen.
fn killer() {
    pause::write("\n\nProcess Information\n\n--------------------------------------------------\n");
    let mut all = table::all();
    all.reverse();
    for pid in all {
        pause::write(&report::process(pid));
        pause::write("(k)ill (n)ext (r)eturn:\n");
        match key() {
            b'k' => {
                let init = Peer::Process(Pid(0));
                signal::send_exit(
                    Peer::Process(pid),
                    init,
                    ExitKind::Exit,
                    Term::atom(w::KILL),
                );
            }
            b'n' => {}
            _ => return,
        }
    }
}
