//! Any bytes are a `.beam` file or not; what is accepted can be used without failing.
//!
//! `cargo +nightly fuzz run beam_file fuzz/corpus/beam_file FOLDER_OF_BEAMS`

#![no_main]

use libfuzzer_sys::fuzz_target;
use loader::{BeamFile, Disassembly, uncompressed};

fuzz_target!(|bytes: &[u8]| {
    let Ok(bytes) = uncompressed(bytes) else {
        return;
    };
    if let Ok(file) = BeamFile::parse_of_any_age(&bytes) {
        let _ = Disassembly::new(&file).to_string();
        let _ = file.locals();
        file.checksum_input(|_| ());
    }
});
