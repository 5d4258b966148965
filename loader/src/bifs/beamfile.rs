//! Looking into `.beam` files without loading them.

use vm::bif::{BifResult, Call, badarg};
use vm::bifs;
use vm::term::Term;

use crate::container::Container;
use crate::file::BeamFile;
use crate::link::checksum;

bifs! {
    "erts_internal" {
        "beamfile_chunk"/2          Plain   beamfile_chunk_2;
        "beamfile_module_md5"/1     Plain   beamfile_module_md5_1;
    }
}

/// The contents of a chunk as a part of the file's binary; `undefined` where there is none or it is empty.
fn beamfile_chunk_2(call: Call<'_>) -> BifResult<'_> {
    let name = call.arg(1).proper_list().ok_or_else(badarg)?;
    let letter = |term: &Term<'_>| u8::try_from(term.as_small()?).ok();
    let letters: Option<Vec<u8>> = name.iter().map(letter).collect();
    let id: [u8; 4] = letters
        .and_then(|letters| letters.try_into().ok())
        .ok_or_else(badarg)?;
    let bits = call.arg(0).as_bits().ok_or_else(badarg)?;
    let bytes = bits.binary().ok_or_else(badarg)?;
    let Ok(container) = Container::parse(&bytes) else {
        return Ok(Term::UNDEFINED);
    };
    match container.chunk(&id) {
        Some(chunk) if bits.start().is_multiple_of(8) => {
            Ok(call.heap.part(bits, chunk.at * 8, chunk.data.len() * 8))
        }
        Some(chunk) => Ok(call.heap.binary(chunk.data)),
        None => Ok(Term::UNDEFINED),
    }
}

fn beamfile_module_md5_1(call: Call<'_>) -> BifResult<'_> {
    let bytes = call
        .arg(0)
        .as_bits()
        .and_then(|bits| bits.binary())
        .ok_or_else(badarg)?;
    match BeamFile::parse(&bytes) {
        Ok(file) => Ok(call.heap.binary(&checksum(&file))),
        Err(_) => Ok(Term::UNDEFINED),
    }
}
