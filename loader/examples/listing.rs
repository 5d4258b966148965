//! Prints the specific instructions of `.beam` files: `cargo run -p loader --example listing -- FILE…`

#[path = "../tests/common/bifs.rs"]
mod bifs;

use loader::{BeamFile, uncompressed};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    bifs::register();
    for path in std::env::args_os().skip(1) {
        let bytes = std::fs::read(&path)?;
        let bytes = uncompressed(&bytes)?;
        let module = loader::link::link(&BeamFile::parse(&bytes)?)?;
        print!("{}", vm::code::listing::Listing::new(&module));
    }
    Ok(())
}
