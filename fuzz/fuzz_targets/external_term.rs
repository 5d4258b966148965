//! Any bytes are an external term or not; what is read can be written, and is then read as the same.
//!
//! `cargo +nightly fuzz run external_term`

#![no_main]

use libfuzzer_sys::fuzz_target;
use vm::etf::{EncodeOptions, Options, decode, encode};
use vm::heap::OwnedTerm;
use vm::term::Term;

fuzz_target!(|bytes: &[u8]| {
    OwnedTerm::build(|heap| {
        let options = Options {
            // Without it the table of atoms fills up.
            safe: true,
            ..Options::default()
        };
        if let Ok((term, used)) = decode(heap, bytes, &options) {
            assert!(used <= bytes.len());
            let written = encode(term, &EncodeOptions::default()).expect("what fitted still fits");
            let (again, all) =
                decode(heap, &written, &options).expect("what was written can be read");
            assert_eq!(all, written.len());
            assert!(again.exactly_equals(term));
        }
        Term::NIL
    });
});
