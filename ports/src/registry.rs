//! The registry: which driver stands behind what `open_port` was asked.
//!
//! It is looked into before a process is thought of. Entries are of three kinds: a *driver* by its name
//! (`{spawn, "ram_file_drv"}`, `{spawn_driver, …}`), a *program* by its base name (`{spawn,
//! "\"/usr/…/memsup\""}`, `{spawn_executable, …}`), and a *matcher* on the whole command (`sh -s disksup`).
//! Later entries come first, so users replace what is built in. Programs and matchers can be turned off
//! by name, here or in the environment variable [`DISABLING_VARIABLE`]; then the real program runs. Programs can
//! be given to drivers that are there, here ([`Registry::serve`]) or in [`SERVING_VARIABLE`].
//!
//! The lock is held for look-ups and changes only.

use crate::driver::DriverFactory;
use crate::drivers::fd::FdDriver;
use crate::drivers::inet::{SctpDriver, TcpDriver, UdpDriver};
use crate::drivers::ram_file::RamFileDriver;
use crate::drivers::spawn::SpawnDriver;
use crate::drivers::tty::TtyDriver;
use crate::open::Command;
use crate::programs::cpu_sup::CpuSup;
use crate::programs::disksup::Disksup;
use crate::programs::heart::Heart;
use crate::programs::inet_gethost::InetGethost;
use crate::programs::memsup::Memsup;
use parking_lot::RwLock;
use std::collections::HashSet;
use std::sync::Arc;

/// Names of entries to turn off, separated by commas; `all` turns off every program and matcher.
pub const DISABLING_VARIABLE: &str = "LINTEL_NO_DRIVERS";

/// `PROGRAM=ENTRY` pairs, separated by commas: whoever starts the program gets the driver of the entry.
pub const SERVING_VARIABLE: &str = "LINTEL_DRIVERS";

/// Whether a command is meant.
pub type Matcher = Box<dyn Fn(&Command) -> bool + Send + Sync>;

/// The table.
pub struct Registry(RwLock<Table>);

struct Table {
    entries: Vec<Entry>,
    disabled: HashSet<String>,
    spawn: Arc<dyn DriverFactory>,
    fd: Arc<dyn DriverFactory>,
}

struct Entry {
    name: String,
    kind: Kind,
    factory: Arc<dyn DriverFactory>,
}

enum Kind {
    Driver,
    Program,
    Matcher(Matcher),
}

impl Registry {
    /// A table with nothing but operating-system processes and descriptors.
    #[must_use]
    pub fn empty() -> Self {
        Self(RwLock::new(Table {
            entries: Vec::new(),
            disabled: HashSet::new(),
            spawn: Arc::new(SpawnDriver),
            fd: Arc::new(FdDriver),
        }))
    }

    /// The table of a node, without what the environment turns off.
    #[must_use]
    pub fn standard() -> Self {
        let registry = Self::empty();
        registry.add_driver("ram_file_drv", Arc::new(RamFileDriver));
        registry.add_driver("tty_sl", Arc::new(TtyDriver));
        registry.add_driver("tcp_inet", Arc::new(TcpDriver));
        registry.add_driver("udp_inet", Arc::new(UdpDriver));
        registry.add_driver("sctp_inet", Arc::new(SctpDriver));
        registry.add_program("inet_gethost", Arc::new(InetGethost));
        registry.add_program("memsup", Arc::new(Memsup));
        registry.add_program("cpu_sup", Arc::new(CpuSup));
        registry.add_program("heart", Arc::new(Heart::new()));
        let is_disksup = |command: &Command| {
            matches!(command, Command::Spawn(_))
                && matches!(command.words()[..], [shell, b"-s", b"disksup", ..] if base_name(shell) == b"sh")
        };
        registry.add_matcher("disksup", Box::new(is_disksup), Arc::new(Disksup));
        for name in std::env::var(DISABLING_VARIABLE)
            .unwrap_or_default()
            .split(',')
        {
            registry.set_enabled(name.trim(), false);
        }
        registry
    }

    /// Enters a driver by its name.
    pub fn add_driver(&self, name: &str, factory: Arc<dyn DriverFactory>) {
        self.add(name, Kind::Driver, factory);
    }

    /// Enters a program by its base name.
    pub fn add_program(&self, name: &str, factory: Arc<dyn DriverFactory>) {
        self.add(name, Kind::Program, factory);
    }

    /// Enters what a function recognises, under a name to turn it off by.
    pub fn add_matcher(&self, name: &str, matcher: Matcher, factory: Arc<dyn DriverFactory>) {
        self.add(name, Kind::Matcher(matcher), factory);
    }

    /// Lets an entry (the one that was made last under that name) stand for a program, too. `pair` is
    /// `PROGRAM=ENTRY`.
    ///
    /// # Errors
    /// What is wrong with the pair.
    pub fn serve(&self, pair: &str) -> Result<(), String> {
        let (program, entry) = pair
            .split_once('=')
            .filter(|(program, entry)| !program.is_empty() && !entry.is_empty())
            .ok_or_else(|| format!("`{pair}` is not PROGRAM=DRIVER"))?;
        let factory = {
            let table = self.0.read();
            let mut entries = table.entries.iter().rev();
            entries
                .find(|known| known.name == entry)
                .map(|known| Arc::clone(&known.factory))
        };
        let factory =
            factory.ok_or_else(|| format!("there is no driver `{entry}` for `{program}`"))?;
        self.add_program(program, factory);
        Ok(())
    }

    fn add(&self, name: &str, kind: Kind, factory: Arc<dyn DriverFactory>) {
        self.0.write().entries.push(Entry {
            name: name.to_owned(),
            kind,
            factory,
        });
    }

    /// Turns a program or matcher off or on, whether it is entered yet or not.
    pub fn set_enabled(&self, name: &str, enabled: bool) {
        let mut table = self.0.write();
        if enabled {
            table.disabled.remove(name);
        } else {
            table.disabled.insert(name.to_owned());
        }
    }

    /// The names of all entries, each with whether it is on.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, bool)> {
        let table = self.0.read();
        table
            .entries
            .iter()
            .map(|entry| (entry.name.clone(), table.is_on(entry)))
            .collect()
    }

    /// The names of the drivers, without programs.
    #[must_use]
    pub fn drivers(&self) -> Vec<String> {
        let table = self.0.read();
        let drivers = table
            .entries
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::Driver));
        drivers.map(|entry| entry.name.clone()).collect()
    }

    /// Whether a name is a driver's.
    #[must_use]
    pub fn is_driver(&self, name: &str) -> bool {
        let table = self.0.read();
        table
            .entries
            .iter()
            .any(|entry| matches!(entry.kind, Kind::Driver) && entry.name == name)
    }

    /// Who serves a command; `None` when there is no such driver, which `open_port` answers with `badarg`.
    #[must_use]
    pub fn find(&self, command: &Command) -> Option<Arc<dyn DriverFactory>> {
        let table = self.0.read();
        let (driver, program) = match command {
            Command::Fd { .. } | Command::File(_) => return Some(Arc::clone(&table.fd)),
            Command::Spawn(line) => (first_word(line), Some(program_name(line))),
            Command::SpawnDriver(line) => (first_word(line), None),
            Command::SpawnExecutable { file, .. } => (&[][..], Some(base_name(file).to_vec())),
        };
        let wanted = |entry: &&Entry| match &entry.kind {
            Kind::Driver => entry.name.as_bytes() == driver,
            Kind::Program => Some(entry.name.as_bytes()) == program.as_deref(),
            Kind::Matcher(matches) => {
                !matches!(command, Command::SpawnDriver(_)) && matches(command)
            }
        };
        let found = table
            .entries
            .iter()
            .rev()
            .filter(|entry| table.is_on(entry))
            .find(wanted);
        match (found, command) {
            (Some(entry), _) => Some(Arc::clone(&entry.factory)),
            (None, Command::SpawnDriver(_)) => None,
            (None, _) => Some(Arc::clone(&table.spawn)),
        }
    }
}

impl Table {
    fn is_on(&self, entry: &Entry) -> bool {
        let off = self.disabled.contains(&entry.name) || self.disabled.contains("all");
        matches!(entry.kind, Kind::Driver) || !off
    }
}

/// A driver's name: up to the first white space.
fn first_word(line: &[u8]) -> &[u8] {
    line.split(|byte| byte.is_ascii_whitespace())
        .next()
        .unwrap_or_default()
}

/// The base name of the program that the shell would execute: its first word with the quotes taken off.
fn program_name(line: &[u8]) -> Vec<u8> {
    let mut word = Vec::new();
    let mut quote = None;
    let mut bytes = line.trim_ascii_start().iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None | Some(b'"'), b'\\') => word.extend(bytes.next()),
            (None, byte) if byte.is_ascii_whitespace() => break,
            (_, byte) => word.push(byte),
        }
    }
    base_name(&word).to_vec()
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{StartError, Started};
    use crate::handle::PortHandle;
    use crate::open::OpenRequest;

    fn fake(_: &OpenRequest, _: PortHandle) -> Result<Started, StartError> {
        Err(StartError::General)
    }

    /// Which of the two tables' entries serves a command, by the factory's identity.
    fn serves(registry: &Registry, command: &Command, factory: &Arc<dyn DriverFactory>) -> bool {
        registry
            .find(command)
            .is_some_and(|found| Arc::ptr_eq(&found, factory))
    }

    #[test]
    fn names_and_matchers() {
        let registry = Registry::empty();
        let factory: Arc<dyn DriverFactory> = Arc::new(fake);
        registry.add_program("memsup", Arc::clone(&factory));
        let spawn = |line: &str| Command::Spawn(line.into());
        let executable = |file: &str| Command::SpawnExecutable {
            file: file.into(),
            args: vec![],
            arg0: None,
        };
        for line in [
            "memsup",
            "\"/a b/memsup\"",
            "/x/memsup arg",
            "'memsup' x",
            "mem\\sup",
        ] {
            assert!(serves(&registry, &spawn(line), &factory), "{line}");
        }
        assert!(serves(&registry, &executable("/usr/memsup"), &factory));
        for line in ["memsup2", "echo memsup", "/memsup/x", ""] {
            assert!(!serves(&registry, &spawn(line), &factory), "{line}");
        }
        assert!(
            registry
                .find(&Command::SpawnDriver(b"memsup".to_vec()))
                .is_none()
        );
        registry.add_driver("drv", Arc::clone(&factory));
        assert!(serves(
            &registry,
            &Command::SpawnDriver(b"drv -x".to_vec()),
            &factory
        ));
        assert!(serves(&registry, &spawn("drv"), &factory));
        assert!(!serves(&registry, &spawn("/bin/drv"), &factory));

        registry.set_enabled("memsup", false);
        assert!(!serves(&registry, &spawn("memsup"), &factory));
        assert_eq!(
            registry.entries(),
            [("memsup".to_owned(), false), ("drv".to_owned(), true)]
        );
        registry.set_enabled("memsup", true);
        assert_eq!(registry.serve("other=memsup"), Ok(()));
        assert!(serves(&registry, &executable("/x/other"), &factory));
        assert!(registry.serve("other").is_err() && registry.serve("other=none").is_err());
        let newer: Arc<dyn DriverFactory> = Arc::new(Memsup);
        registry.add_program("memsup", Arc::clone(&newer));
        assert!(serves(&registry, &spawn("memsup"), &newer));
    }

    #[test]
    fn the_shell_of_disksup() {
        let registry = Registry::standard();
        let found = |line: &str| {
            registry
                .find(&Command::Spawn(line.into()))
                .expect("a process at least")
        };
        let process = found("sh -s unix:cmd");
        assert!(!Arc::ptr_eq(&found("sh -s disksup 2>&1"), &process));
        assert!(!Arc::ptr_eq(&found("/bin/sh -s disksup"), &process));
        assert!(Arc::ptr_eq(&found("sh -c disksup"), &process));
    }
}
