//! Suites inside an image: built once for all of a run, booted anew for every VM that a suite takes.
//!
//! What the driver tells comes over the serial console, as it comes from a VM on the host. What it must know that is
//! too long for a command line, the list of the cases that are done, it fetches from the host.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::plan::Suite;
use crate::otp::Otp;
use crate::process::check;
use crate::vm::{Vm, build_dir};
use crate::{kernel, otp};

/// Applications that Common Test and the suites call.
const APPLICATIONS: &[&str] = &[
    "kernel",
    "stdlib",
    "compiler",
    "common_test",
    "tools",
    "runtime_tools",
    "sasl",
    "crypto",
    "syntax_tools",
    "parsetools",
];
/// Where the suites' folders are in a guest: below an application of the release.
const SUITES: &str = "/otp/lib/suites-1/priv";
/// Where the guest's logs go. They go with the guest.
const LOGS: &str = "/tmp/logs";
/// The host as a guest sees it.
const HOST: &str = "10.0.2.2";

/// An image of suites.
pub struct Guest {
    lintel: PathBuf,
    image: PathBuf,
    memory_mb: u32,
    processors: u32,
}

impl Guest {
    /// Builds an image with the VM, these suites and all that they need.
    pub fn build(
        vm: &Vm,
        otp: &Otp,
        compiled: &Path,
        suites: &[Suite],
        memory_mb: u32,
        processors: u32,
    ) -> Result<Guest> {
        let lintel = vm.program().to_owned();
        let beside = lintel.parent().context("the VM is in a folder")?;
        kernel::run(&kernel::Args {
            folders: vec![beside.to_owned()],
        })?;
        let work = build_dir("image")?;
        let folder = work.join("conformance");
        let _ = std::fs::remove_dir_all(&folder);
        let version = folder.join("releases/1");
        std::fs::create_dir_all(&version)?;
        std::fs::copy(
            otp.root.join("bin/start_clean.boot"),
            version.join("start.boot"),
        )?;
        let lib = folder.join("lib");
        std::fs::create_dir_all(&lib)?;
        for name in APPLICATIONS {
            let app = otp.app_dir(name)?;
            let full = app.file_name().context("an application has a name")?;
            symlink(&app, lib.join(full))?;
        }
        let own = lib.join("suites-1");
        std::fs::create_dir_all(own.join("priv"))?;
        symlink(otp::drivers()?, own.join("ebin"))?;
        for suite in suites {
            add(
                suite,
                &compiled.join(format!("{}_test", suite.app)),
                &own.join("priv").join(format!("{}_test", suite.app)),
            )?;
        }
        let image = work.join("conformance.img");
        check(
            Command::new(&lintel)
                .args(["build", "--keep-debug"])
                .arg(&folder)
                .arg("-o")
                .arg(&image),
        )?;
        Ok(Guest {
            lintel,
            image,
            memory_mb,
            processors,
        })
    }

    /// The command that runs what is left of a suite; `done` are the terms of the cases that are not to run again.
    pub fn command(
        &self,
        suite: &Suite,
        flags: &[String],
        features: &[&str],
        done: String,
        rest: [&str; 2],
    ) -> Result<Command> {
        let port = serve(done)?;
        let mut command = Command::new(&self.lintel);
        command
            .arg("run")
            .arg(&self.image)
            .args(["--memory", &self.memory_mb.to_string()])
            .args(["--smp", &self.processors.to_string()])
            .args(["--", "quiet", "--"])
            .args(flags)
            .args(features)
            .args(["-noshell", "-s", "conformance_run", "main", "-extra"])
            .arg(format!("{SUITES}/{}_test", suite.app))
            .args([&suite.name, LOGS, &format!("tcp:{HOST}:{port}")])
            .args(rest);
        Ok(command)
    }
}

/// Adds a suite, its data, and the helpers of its application.
fn add(suite: &Suite, from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    let mut wanted: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map_or(String::new(), |name| name.to_string_lossy().into_owned());
        let own = name
            .strip_prefix(&suite.name)
            .is_some_and(|rest| matches!(rest, ".beam" | ".erl" | "_data"));
        let helper = name.ends_with(".beam") && !name.ends_with("_SUITE.beam");
        if own || helper {
            wanted.push(path);
        }
    }
    for path in wanted {
        let link = to.join(path.file_name().context("an entry has a name")?);
        if !link.exists() {
            symlink(&path, link)?;
        }
    }
    Ok(())
}

/// Hands a text to whoever connects, once. The port.
fn serve(text: String) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        if let Ok((mut stream, _)) = listener.accept() {
            // A guest that is gone needs no text.
            let _ = stream.write_all(text.as_bytes());
        }
    });
    Ok(port)
}
