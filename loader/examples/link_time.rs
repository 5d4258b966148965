//! Measures loading: `cargo run --release -p loader --example link_time -- FILE…` (or folders of `.beam` files).
//!
//! Prints the time to load all files once, by step: the best of `ROUNDS` (20) rounds, and the first.

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
    let rounds: usize = std::env::var("ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(20);
    let (mut parse, mut link, mut first) = (Duration::MAX, Duration::MAX, None);
    let (mut operations, mut instructions) = (0, 0);
    for _ in 0..rounds {
        (operations, instructions) = (0, 0);
        let (mut parsing, mut linking) = (Duration::ZERO, Duration::ZERO);
        let mut loaded = Vec::new();
        for (bytes, path) in files.iter().zip(&paths) {
            let start = Instant::now();
            let file = match BeamFile::parse(bytes) {
                Ok(file) => file,
                Err(error) => {
                    eprintln!("{}: {error}", path.display());
                    continue;
                }
            };
            parsing += start.elapsed();
            let start = Instant::now();
            match loader::link::link(&file) {
                Ok(module) => {
                    operations += file.code().len();
                    instructions += module.len();
                    loaded.push(module);
                }
                Err(error) => eprintln!("{}: {error}", path.display()),
            }
            linking += start.elapsed();
        }
        (parse, link) = (parse.min(parsing), link.min(linking));
        first.get_or_insert((parsing, linking));
    }
    let bytes: usize = files.iter().map(Vec::len).sum();
    println!(
        "{} files, {bytes} bytes, {operations} operations, {instructions} instructions: \
         parse {parse:?}, link {link:?}; the first time {:?}",
        files.len(),
        first.unwrap_or_default(),
    );
    Ok(())
}
