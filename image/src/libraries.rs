//! The shared libraries that a program needs, as its own loader finds them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::elf::{interpreter, is_elf};
use crate::error::Error;

/// The loader of a dynamic program, and the paths by which it opens libraries, for the program and for the
/// shared objects that it may load later. Nothing for a static program.
pub fn of(program: &Path, objects: &[PathBuf]) -> Result<BTreeSet<PathBuf>, Error> {
    let bytes = fs::read(program).map_err(Error::file(program))?;
    if !is_elf(&bytes) {
        return Err(Error::format(program, "not a program"));
    }
    let Some(loader) = interpreter(&bytes) else {
        return Ok(BTreeSet::new());
    };
    let loader = PathBuf::from(OsStr::from_bytes(loader));
    let mut found = BTreeSet::from([loader.clone()]);
    for file in std::iter::once(program).chain(objects.iter().map(PathBuf::as_path)) {
        let output = Command::new(&loader)
            .arg("--list")
            .arg(file)
            .output()
            .map_err(Error::file(&loader))?;
        let text = String::from_utf8_lossy(&output.stdout);
        if let Some(line) = text.lines().find(|line| line.ends_with("=> not found")) {
            let name = line.split_whitespace().next().unwrap_or(line);
            return Err(Error::format(
                file,
                format!("it needs the shared library {name}, which is not installed"),
            ));
        }
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::format(
                file,
                format!("its shared libraries cannot be listed: {why}"),
            ));
        }
        // `name => /path (address)`, or the path alone.
        found.extend(
            text.lines()
                .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
                .map(PathBuf::from),
        );
    }
    Ok(found)
}
