//! Small releases for tests: kernel, stdlib, and one application with modules of `xtask/erl`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::otp;

/// Makes a release folder with these modules, settings and arguments of `erl`.
pub fn make(work: &Path, name: &str, modules: &[&str], arguments: &str) -> Result<PathBuf> {
    let folder = work.join(name);
    // What an earlier run left would be packed too.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let version = folder.join("releases/1.0");
    fs::create_dir_all(&version)?;
    let installed = otp::installed()?;
    fs::copy(
        installed.root.join("bin/start_clean.boot"),
        version.join("start.boot"),
    )?;
    fs::write(version.join("sys.config"), "[{stdlib, [{answer, 42}]}].\n")?;
    fs::write(
        version.join("vm.args"),
        format!("# Settings of the node\n-noshell\n-pa /otp/lib/{name}-1.0/ebin\n{arguments}\n"),
    )?;
    let ebin = folder.join(format!("lib/{name}-1.0/ebin"));
    fs::create_dir_all(&ebin)?;
    let drivers = otp::drivers()?;
    for module in modules {
        let file = format!("{module}.beam");
        fs::copy(drivers.join(&file), ebin.join(&file))
            .with_context(|| format!("no module {module} in xtask/erl"))?;
    }
    Ok(folder)
}
