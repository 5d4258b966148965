//! What OTP's applications learn of a guest, and do with it: `os_mon`'s reports, and `heart`'s reset.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::ended;
use super::guest::Guest;

/// Megabytes of the guest.
const MEMORY_MB: u64 = 80;

/// The reports are about the guest: its memory, its file systems, its processors.
pub fn reports(lintel: &Path, image: &Path) -> Result<()> {
    let memory = MEMORY_MB.to_string();
    let mut guest = Guest::start(lintel, image, &["--smp", "2", "--memory", &memory])?;
    guest.expect("1> ")?;
    guest.type_line("{ok, _} = application:ensure_all_started(os_mon), started.")?;
    guest.expect("\nstarted")?;
    guest.expect("2> ")?;
    guest.type_line(
        "S = memsup:get_system_memory_data(), [T, F] = [proplists:get_value(K, S) bsr 10 || \
         K <- [total_memory, free_memory]], io:format(\"memory=~w,~w~n\", [T, F]).",
    )?;
    let line = guest.line("\nmemory=")?;
    let (total, free) = line.split_once(',').context("two numbers")?;
    let (total, free): (u64, u64) = (total.parse()?, free.parse()?);
    ensure!(
        (MEMORY_MB - 16..=MEMORY_MB).contains(&(total >> 10)) && free > 0 && free < total,
        "memsup: {total} KB, {free} KB free"
    );
    guest.expect("3> ")?;
    guest.type_line("[io:format(\"disk=~ts ~w ~w~n\", [N, K, P]) || {N, K, P} <- disksup:get_disk_data()], disks.")?;
    let disk = guest.line("\ndisk=")?;
    let fields: Vec<&str> = disk.split(' ').collect();
    ensure!(
        fields.len() == 3
            && fields[0].starts_with('/')
            && fields[1].parse::<u64>()? > 0
            && fields[2].parse::<u64>()? <= 100,
        "disksup: {disk}"
    );
    guest.expect("4> ")?;
    guest.type_line(
        "cpu_sup:util([detailed, per_cpu]), \
         io:format(\"cpus=~w ~w~n\", [length(cpu_sup:util([per_cpu])), cpu_sup:nprocs() > 1]).",
    )?;
    let cpus = guest.line("\ncpus=")?;
    ensure!(cpus == "2 true", "cpu_sup: {cpus}");
    guest.expect("5> ")?;
    // Some work, which the next look sees as such.
    guest.type_line(
        "cpu_sup:util(), [lists:sort(lists:seq(10000, 1, -1)) || _ <- lists:seq(1, 20)], \
         io:format(\"busy=~w ~w~n\", [cpu_sup:util() > 1, is_integer(cpu_sup:avg1())]).",
    )?;
    let busy = guest.line("\nbusy=")?;
    ensure!(busy == "true true", "cpu_sup: {busy}");
    guest.expect("6> ")?;
    guest.type_line("halt(5).")?;
    ended(guest, 5)
}

/// A node that ends with heart behind it is started again by a reset; one that is told to stop is not.
pub fn heart(lintel: &Path, image: &Path) -> Result<()> {
    let memory = MEMORY_MB.to_string();
    let options = ["--memory", &memory, "--", "quiet", "--", "-heart"];
    let mut guest = Guest::start(lintel, image, &options)?;
    guest.expect("1> ")?;
    guest.type_line("halt(1).")?;
    guest.expect("Eshell")?;
    guest.expect("1> ")?;
    guest.type_line("init:stop().")?;
    ended(guest, 0)
}
