//! Prints the generic code of `.beam` files: `cargo run -p loader --example disasm -- FILE…`.

use std::process::ExitCode;

use loader::{BeamFile, Disassembly, uncompressed};

fn main() -> ExitCode {
    let mut failed = false;
    for path in std::env::args_os().skip(1) {
        if let Err(error) = disassemble(path.as_ref()) {
            eprintln!("{}: {error}", path.display());
            failed = true;
        }
    }
    ExitCode::from(u8::from(failed))
}

fn disassemble(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let bytes = uncompressed(&bytes)?;
    println!("{}", Disassembly::new(&BeamFile::parse_of_any_age(&bytes)?));
    Ok(())
}
