//! The emulator's command line for an image, and what its end means.

use std::path::PathBuf;
use std::process::Command;

use crate::build::quoted;

/// The emulator.
pub const QEMU: &str = "qemu-system-x86_64";

/// How to run an image.
#[derive(Debug)]
pub struct Options {
    /// The image.
    pub image: PathBuf,
    /// The machine: `microvm` or `q35`.
    pub machine: String,
    /// Processors.
    pub processors: u32,
    /// Memory in megabytes.
    pub memory_mb: u32,
    /// Ports of the host that lead to ports of the guest.
    pub ports: Vec<Port>,
    /// What the guest's network card leads to (an argument of QEMU's `-netdev`), if not the emulator's own network.
    pub network: Option<String>,
    /// Words for the boot's command line, before `--` the kernel's, after it arguments of `erl`.
    pub words: Vec<String>,
    /// Use the processor's virtualisation.
    pub kvm: bool,
    /// The console is a person's terminal: control characters go to the guest, and Ctrl-A X ends the emulator.
    pub terminal: bool,
    /// More arguments for the emulator.
    pub more: Vec<String>,
}

/// A port of the host that leads to one of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// UDP; else TCP.
    pub udp: bool,
    /// The host's.
    pub host: u16,
    /// The guest's.
    pub guest: u16,
}

impl std::str::FromStr for Port {
    type Err = String;

    /// `PORT`, `HOST:GUEST`, with `udp:` or `tcp:` before.
    fn from_str(text: &str) -> Result<Port, String> {
        let (udp, rest) = match text.split_once(':') {
            Some(("udp", rest)) => (true, rest),
            Some(("tcp", rest)) => (false, rest),
            _ => (false, text),
        };
        let (host, guest) = rest.split_once(':').unwrap_or((rest, rest));
        let number = |word: &str| {
            word.parse::<u16>()
                .ok()
                .filter(|&port| port != 0)
                .ok_or_else(|| format!("`{word}` is no port: write 8080, 8080:80 or udp:5353:53"))
        };
        Ok(Port {
            udp,
            host: number(host)?,
            guest: number(guest)?,
        })
    }
}

/// The command that runs an image.
pub fn command(options: &Options) -> Command {
    let mut command = Command::new(QEMU);
    let microvm = options.machine == "microvm";
    let machine = match microvm {
        true => "microvm,rtc=on",
        false => &options.machine,
    };
    command.args(["-machine", machine]);
    match options.kvm {
        true => command.args(["-accel", "kvm", "-cpu", "host"]),
        false => command.args(["-accel", "tcg", "-cpu", "max"]),
    };
    command.args(["-smp", &options.processors.to_string()]);
    command.args(["-m", &options.memory_mb.to_string()]);
    command.args(["-nodefaults", "-display", "none"]);
    let console = match options.terminal {
        true => "stdio,id=console,mux=on,signal=off",
        false => "stdio,id=console,signal=off",
    };
    command.args(["-chardev", console, "-serial", "chardev:console"]);
    if options.terminal {
        command.args(["-mon", "chardev=console,mode=readline"]);
    }
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]);
    let device = |name: &str| format!("virtio-{name}-{}", if microvm { "device" } else { "pci" });
    let mut network = String::from(options.network.as_deref().unwrap_or("user"));
    network += ",id=net";
    for port in &options.ports {
        let kind = if port.udp { "udp" } else { "tcp" };
        network += &format!(",hostfwd={kind}::{}-:{}", port.host, port.guest);
    }
    command.args(["-netdev", &network]);
    command.args(["-device", &format!("{},netdev=net", device("net"))]);
    command.args(["-device", &device("rng")]);
    command.arg("-kernel").arg(&options.image);
    if !options.words.is_empty() {
        let line: Vec<String> = options.words.iter().map(|word| quoted(word)).collect();
        command.args(["-append", &line.join(" ")]);
    }
    command.args(&options.more);
    command
}

/// The same command, ended when this process ends, however that happens: an emulator that nobody watches would
/// run for ever. It needs `setpriv` (util-linux), and does without where that is missing.
pub fn with_us(command: Command) -> Command {
    const BEHIND: &str = "setpriv";
    if !on_path(BEHIND) || !on_path(QEMU) {
        return command;
    }
    let mut outer = Command::new(BEHIND);
    outer
        .args(["--pdeathsig", "TERM", "--"])
        .arg(command.get_program())
        .args(command.get_args());
    outer
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

/// The guest's exit code, of the emulator's: `2n + 1` for a code `n` that is not 0.
pub fn exit_code(emulators: i32) -> i32 {
    match emulators {
        0 => 0,
        odd if odd % 2 == 1 => odd / 2,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read() {
        let port = |udp, host, guest| Ok(Port { udp, host, guest });
        assert_eq!("8080".parse(), port(false, 8080, 8080));
        assert_eq!("8080:80".parse(), port(false, 8080, 80));
        assert_eq!("udp:5353:53".parse(), port(true, 5353, 53));
        assert!("0:80".parse::<Port>().is_err());
        assert!("udp:x".parse::<Port>().is_err());
    }
}
