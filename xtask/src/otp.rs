//! The installed OTP: where it is, what version, and its compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::vm::{Vm, build_dir, root};

/// What the stock VM says of itself.
#[derive(Debug, Clone)]
pub struct Otp {
    /// The folder that holds `lib`.
    pub root: PathBuf,
    /// The full version, such as `25.2.3`.
    pub version: String,
    /// `jit` or `emu`.
    pub flavor: String,
}

/// Asks the stock VM.
pub fn installed() -> Result<Otp> {
    let answer = Vm::stock()
        .eval(
            "R = code:root_dir(), V = erlang:system_info(otp_release), \
             F = case catch erlang:system_info(emu_flavor) of A when is_atom(A) -> A; _ -> emu end, \
             io:format(\"~ts~n~ts~n~w~n\", [R, V, F])",
        )
        .context("the stock VM is needed: run `cargo xtask setup` first")?;
    let mut lines = answer.lines();
    let (Some(root), Some(release), Some(flavor)) = (lines.next(), lines.next(), lines.next())
    else {
        bail!("unexpected answer of the stock VM: {answer}");
    };
    let root = PathBuf::from(root);
    let version = std::fs::read_to_string(root.join("releases").join(release).join("OTP_VERSION"))
        .map_or_else(|_| release.to_string(), |text| text.trim().to_string());
    Ok(Otp {
        root,
        version,
        flavor: flavor.to_string(),
    })
}

impl Otp {
    /// The folder of an application, such as `lib/kernel-8.5.3`.
    pub fn app_dir(&self, app: &str) -> Result<PathBuf> {
        let lib = self.root.join("lib");
        let prefix = format!("{app}-");
        let entries =
            std::fs::read_dir(&lib).with_context(|| format!("reading {}", lib.display()))?;
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok())
            .filter(|entry| {
                let name = entry.file_name();
                name.to_string_lossy()
                    .strip_prefix(&prefix)
                    .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
            })
            .map(|entry| entry.path())
            .collect();
        found.sort();
        found
            .pop()
            .with_context(|| format!("no application {app} in {}", lib.display()))
    }
}

/// Compiles files with the stock compiler into a folder of beam files, when one is newer than its beam.
/// The compiler runs in the folder of each file, so that stack traces carry base names.
pub fn erlc(files: &[PathBuf], out: &Path, flags: &[&str]) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    let mut by_dir: std::collections::BTreeMap<&Path, Vec<&Path>> = Default::default();
    for file in files {
        if stale(file, out) {
            by_dir
                .entry(file.parent().expect("a file has a folder"))
                .or_default()
                .push(file);
        }
    }
    for (dir, files) in by_dir {
        let mut command = Command::new("erlc");
        command.current_dir(dir).arg("-o").arg(out).args(flags);
        command.args(files.iter().filter_map(|file| file.file_name()));
        process::output(command)?;
    }
    Ok(())
}

fn stale(source: &Path, out: &Path) -> bool {
    let beam = out.join(
        source
            .with_extension("beam")
            .file_name()
            .expect("a file has a name"),
    );
    let time = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|meta| meta.modified())
            .ok()
    };
    match (time(source), time(&beam)) {
        (Some(source), Some(beam)) => source > beam,
        _ => true,
    }
}

/// The `.erl` files of a folder, sorted.
pub fn erl_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "erl"))
        .collect();
    files.sort();
    Ok(files)
}

/// Compiles the drivers in `xtask/erl` and returns the folder of their beam files.
pub fn drivers() -> Result<PathBuf> {
    let out = build_dir("xtask/ebin")?;
    erlc(
        &erl_files(&root().join("xtask/erl"))?,
        &out,
        &["+debug_info"],
    )?;
    Ok(out)
}
