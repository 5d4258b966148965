//! Measures loading: `cargo run --release -p loader --example link_time -- FILE…` (or folders of `.beam` files).
//!
//! Prints the time to link all files once, by step: the best of 20 rounds.

#[path = "../tests/common/bifs.rs"]
mod bifs;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use loader::BeamFile;

fn beams(path: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(path) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "beam")
            })
            .collect(),
        Err(_) => vec![path.to_path_buf()],
    }
}

fn main() -> std::io::Result<()> {
    bifs::register();
    let paths: Vec<_> = std::env::args_os()
        .skip(1)
        .flat_map(|path| beams(path.as_ref()))
        .collect();
    let files = paths
        .iter()
        .map(std::fs::read)
        .collect::<Result<Vec<_>, _>>()?;
    let (mut parse, mut checksum, mut link) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let (mut operations, mut instructions) = (0, 0);
    let mut first = None;
    for _ in 0..20 {
        (operations, instructions) = (0, 0);
        let start = Instant::now();
        let parsed: Vec<_> = files
            .iter()
            .flat_map(|bytes| BeamFile::parse(bytes))
            .collect();
        let all = start.elapsed();
        parse = parse.min(all);
        let start = Instant::now();
        for file in &parsed {
            std::hint::black_box(loader::link::checksum(file));
        }
        checksum = checksum.min(start.elapsed());
        let start = Instant::now();
        for (file, path) in parsed.iter().zip(&paths) {
            match loader::link::link(file) {
                Ok(module) => {
                    operations += file.code().len();
                    instructions += module.len();
                }
                Err(error) => eprintln!("{}: {error}", path.display()),
            }
        }
        let linked = start.elapsed();
        link = link.min(linked);
        first.get_or_insert(all + linked);
    }
    let bytes: usize = files.iter().map(Vec::len).sum();
    println!(
        "{} files, {bytes} bytes, {operations} operations, {instructions} instructions: \
         parse {parse:?}, link {link:?} of which checksum {checksum:?}; the first time {:?}",
        files.len(),
        first.unwrap_or_default(),
    );
    Ok(())
}
