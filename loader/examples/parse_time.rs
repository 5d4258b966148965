//! Measures parsing: `cargo run --release -p loader --example parse_time -- FILE…` (or folders of `.beam` files).
//!
//! Prints the time to parse all files once, decompression of literals included: the best of 20 rounds.

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
    let paths: Vec<_> = std::env::args_os()
        .skip(1)
        .flat_map(|path| beams(path.as_ref()))
        .collect();
    let files = paths
        .iter()
        .map(std::fs::read)
        .collect::<Result<Vec<_>, _>>()?;
    let mut best = Duration::MAX;
    let (mut instructions, mut operands) = (0, 0);
    for _ in 0..20 {
        let start = Instant::now();
        (instructions, operands) = (0, 0);
        for (bytes, path) in files.iter().zip(&paths) {
            match BeamFile::parse(bytes) {
                Ok(file) => {
                    instructions += file.code().len();
                    operands += file.code().operands().len();
                }
                Err(error) => eprintln!("{}: {error}", path.display()),
            }
        }
        best = best.min(start.elapsed());
    }
    let bytes: usize = files.iter().map(Vec::len).sum();
    println!(
        "{} files, {bytes} bytes, {instructions} instructions, {operands} operands: {best:?}",
        files.len()
    );
    Ok(())
}
