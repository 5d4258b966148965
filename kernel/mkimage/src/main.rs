//! `mkimage OUT [HOST[:GUEST]]...`: packs files and folders of this machine into a kernel image file.
//!
//! A host path alone keeps its path in the image. `--libs` adds the shared libraries that the packed
//! programs name (asking the dynamic loader), `--empty DIR` an empty folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use imagefs::Builder;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((out, rest)) = args.split_first() else {
        eprintln!("usage: mkimage OUT [--libs] [--empty DIR] [HOST[:GUEST]]...");
        return ExitCode::from(2);
    };
    match run(Path::new(out), rest) {
        Ok(size) => {
            eprintln!("{out}: {size} bytes");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("mkimage: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(out: &Path, args: &[String]) -> io::Result<usize> {
    let mut builder = Builder::new();
    let mut programs = Vec::new();
    let mut libraries = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--libs" => libraries = true,
            "--empty" => {
                if let Some(dir) = args.next() {
                    builder.directory(dir.as_bytes(), 0o777, 0);
                }
            }
            _ => {
                let (host, guest) = arg.split_once(':').unwrap_or((arg, arg));
                add(
                    &mut builder,
                    Path::new(host),
                    Path::new(guest),
                    &mut programs,
                )
                .map_err(|e| named(host, &e))?;
            }
        }
    }
    if libraries {
        for path in libraries_of(&programs) {
            // The loader asks for the path as named; the file may lie behind symbolic links.
            let bytes = fs::read(&path).map_err(|e| named(&path.to_string_lossy(), &e))?;
            builder.file(
                path.as_os_str().as_bytes(),
                0o755,
                fs::metadata(&path)?.mtime(),
                bytes,
            );
        }
    }
    let image = builder.finish();
    fs::write(out, &image)?;
    Ok(image.len())
}

fn named(path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

fn add(
    builder: &mut Builder,
    host: &Path,
    guest: &Path,
    programs: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let meta = fs::symlink_metadata(host)?;
    let path = guest.as_os_str().as_bytes();
    if meta.is_symlink() {
        builder.symlink(
            path,
            fs::read_link(host)?.as_os_str().as_bytes(),
            meta.mtime(),
        );
    } else if meta.is_dir() {
        builder.directory(path, meta.permissions().mode() & 0o7777, meta.mtime());
        for entry in fs::read_dir(host)? {
            let name = entry?.file_name();
            add(builder, &host.join(&name), &guest.join(&name), programs)?;
        }
    } else if meta.is_file() {
        let bytes = fs::read(host)?;
        if bytes.starts_with(b"\x7fELF") {
            programs.push(host.to_path_buf());
        }
        builder.file(
            path,
            meta.permissions().mode() & 0o7777,
            meta.mtime(),
            bytes,
        );
    }
    Ok(())
}

/// The paths that the dynamic loader would open for these programs, and the loader itself.
fn libraries_of(programs: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for program in programs {
        let Ok(output) = Command::new("ldd").arg(program).output() else {
            continue;
        };
        for line in output.stdout.split(|&b| b == b'\n') {
            let path = line
                .split(|&b| b == b' ' || b == b'\t')
                .find(|word| word.starts_with(b"/"));
            if let Some(path) = path {
                found.insert(PathBuf::from(OsStr::from_bytes(path)));
            }
        }
    }
    found
}
