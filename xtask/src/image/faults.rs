//! What goes wrong in a guest and must be said, or survived: memory and descriptors that run out, native code that
//! faults, a network that loses, doubles, delays, cuts and floods.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::guest::Guest;
use super::relay::Faults;
use super::{MEMORY_MB, ended, network};
use crate::process::{check, output};
use crate::vm::root;

/// A kernel that ends for want of memory ends as if killed by signal 9; QEMU's exit code has seven bits of the guest's.
const KILLED: i32 = 9;
/// Bytes that an echo and a page have on a bad network.
const BYTES: usize = 30_000;

/// A bit of everything, for the usual tests.
const MIXED: Faults = Faults {
    lost: 20,
    doubled: 30,
    late: 30,
    cut: 10,
    noise: 2,
};

/// Nothing but one fault, and that often.
const SINGLE: [(&str, Faults); 5] = [
    ("lost", Faults { lost: 100, ..NONE }),
    (
        "doubled",
        Faults {
            doubled: 400,
            ..NONE
        },
    ),
    ("late", Faults { late: 300, ..NONE }),
    ("cut off", Faults { cut: 100, ..NONE }),
    ("flooded", Faults { noise: 60, ..NONE }),
];
const NONE: Faults = Faults {
    lost: 0,
    doubled: 0,
    late: 0,
    cut: 0,
    noise: 0,
};

/// An echo and pages over a network with some of every fault.
pub fn mixed(lintel: &Path, image: &Path) -> Result<()> {
    network::behind(lintel, image, MIXED, BYTES)
}

/// The same with much of one fault, for each.
pub fn single(lintel: &Path, image: &Path) -> Result<()> {
    for (name, faults) in SINGLE {
        super::step(&format!("a network whose frames are {name}"), || {
            network::behind(lintel, image, faults, BYTES)
        })?;
    }
    Ok(())
}

/// A node that takes memory until there is none: the console names the thread, and the exit code tells it.
pub fn memory(lintel: &Path, shell: &Path) -> Result<()> {
    let takes = "F = fun(F, L) -> F(F, [binary:copy(<<1>>, 100000) | L]) end, F(F, []).";
    let options = [
        "--memory", MEMORY_MB, "--", "--", "-noshell", "-eval", takes,
    ];
    let mut guest = Guest::start(lintel, shell, &options)?;
    guest.expect("is out of memory")?;
    ended(guest, KILLED)
}

/// A process that opens files until it may not: it is told so, the others go on, and its end closes them.
pub fn descriptors(lintel: &Path, shell: &Path) -> Result<()> {
    let mut guest = Guest::start(lintel, shell, &["--memory", "256"])?;
    guest.expect("1> ")?;
    // Code that is not there yet cannot be read later.
    guest.type_line("{ok, S} = gen_tcp:listen(0, []), gen_tcp:close(S).")?;
    guest.expect("\nok")?;
    guest.expect("2> ")?;
    guest.type_line(
        "O = fun O(L) -> case file:open(\"/etc/hosts\", [read, raw]) of \
         {ok, F} -> O([F | L]); E -> {length(L) > 500, E} end end, Me = self(), \
         P = spawn(fun() -> Me ! {files, O([])}, receive stop -> ok end end), \
         receive {files, R} -> R end.",
    )?;
    guest.expect("{true,{error,emfile}}")?;
    guest.expect("3> ")?;
    guest.type_line("gen_tcp:listen(0, []).")?;
    guest.expect("{error,emfile}")?;
    guest.expect("4> ")?;
    guest.type_line(
        "M = monitor(process, P), P ! stop, receive {'DOWN', M, _, _, _} -> gone end.",
    )?;
    guest.expect("\ngone")?;
    guest.expect("5> ")?;
    guest.type_line("element(1, file:read_file(\"/etc/hosts\")).")?;
    guest.expect("\nok")?;
    guest.expect("6> ")?;
    guest.type_line("halt(4).")?;
    ended(guest, 4)
}

/// Native code that faults: the console names thread, address and instruction, and the exit code the signal.
pub fn native(work: &Path) -> Result<()> {
    let abi = root().join("tests/abi");
    check(
        Command::new("cargo")
            .args([
                "build",
                "--quiet",
                "--release",
                "--bin",
                "faults",
                "--manifest-path",
            ])
            .arg(abi.join("Cargo.toml")),
    )?;
    let kernel = root().join("kernel");
    check(
        Command::new("cargo")
            .args(["build", "--quiet", "--release", "--package", "mkimage"])
            .env_remove("RUSTFLAGS")
            .current_dir(&kernel),
    )?;
    let image = work.join("faults.image");
    let mut pack = Command::new(kernel.join("target/release/mkimage"));
    pack.arg(&image).arg("--libs").arg(format!(
        "{}:/bin/faults",
        abi.join("target/release/faults").display()
    ));
    output(pack)?;
    // Of each: what the console says, and the signal in the exit code.
    for (word, said, signal) in [
        (
            "null",
            "(native) accessed memory it may not (segmentation fault): address 0x10,",
            11,
        ),
        ("far", "(native) accessed memory it may not", 11),
        ("code", "(native) executed an illegal instruction", 4),
        ("stack", "(native) aborted", 6),
    ] {
        let run = Command::new(kernel.join("run.sh"))
            .arg(&image)
            .arg(format!("quiet ip=none -- /bin/faults {word}"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .context("running the kernel")?;
        let console = String::from_utf8_lossy(&run.stdout);
        ensure!(
            console.contains(said),
            "`{said}` is not on the console:\n{console}"
        );
        let code = run.status.code();
        ensure!(
            code == Some(2 * signal + 1),
            "QEMU's exit code is {code:?}; the console:\n{console}"
        );
    }
    Ok(())
}
