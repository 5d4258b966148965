//! Joining the kernel with an image: the image becomes one more segment, and the kernel's note says where.

use std::path::Path;

use crate::elf::{HEADER, PROGRAM_HEADER, PT_LOAD, PT_NOTE, Segment, segments};
use crate::error::Error;

const PAGE: u64 = 4096;
/// The note that holds the image's place: name length, description length, type, name.
const NOTE: &[u8] = b"\x07\0\0\0\x10\0\0\0\x01\0\0\0Lintel\0\0";

/// The kernel's file with the image in it. `path` is the kernel's, for messages.
pub fn join(path: &Path, kernel: &[u8], image: &[u8]) -> Result<Vec<u8>, Error> {
    let wrong = |what: &str| Error::format(path, what);
    let mut all = segments(kernel).map_err(wrong)?;
    all.retain(|segment| matches!(segment.kind, PT_LOAD | PT_NOTE));
    let end = all
        .iter()
        .filter(|segment| segment.kind == PT_LOAD)
        .map(|segment| segment.physical + segment.memory_len)
        .max()
        .ok_or_else(|| wrong("nothing in it is loaded"))?;
    let place = end.next_multiple_of(PAGE);
    all.push(Segment {
        kind: PT_LOAD,
        flags: 4,
        offset: 0,
        address: place,
        physical: place,
        file_len: image.len() as u64,
        memory_len: image.len() as u64,
        align: PAGE,
    });
    let mut out = kernel[..HEADER].to_vec();
    out[32..40].copy_from_slice(&(HEADER as u64).to_le_bytes());
    out[40..48].fill(0);
    out[56..58].copy_from_slice(&(all.len() as u16).to_le_bytes());
    out[58..64].fill(0);
    out.resize(HEADER + all.len() * PROGRAM_HEADER, 0);
    let mut noted = false;
    let last = all.len() - 1;
    for (n, segment) in all.iter().enumerate() {
        let bytes = match n == last {
            true => image,
            false => segment.bytes(kernel).ok_or_else(|| wrong("cut off"))?,
        };
        // A segment's offset and its address must agree within its alignment.
        let align = segment.align.max(1) as usize;
        let skew = segment.address as usize % align;
        if segment.kind == PT_LOAD && segment.file_len > 0 {
            let at = (out.len() - skew.min(out.len())).next_multiple_of(align) + skew;
            out.resize(at, 0);
        }
        let moved = Segment {
            offset: out.len() as u64,
            ..*segment
        };
        let header = HEADER + n * PROGRAM_HEADER;
        out[header..header + PROGRAM_HEADER].copy_from_slice(&moved.header());
        let start = out.len();
        out.extend_from_slice(bytes);
        if n != last {
            noted |= fill_in(&mut out[start..], place, image.len() as u64);
        }
    }
    if !noted {
        return Err(wrong(
            "it has no place for an image; it was built from other sources",
        ));
    }
    Ok(out)
}

/// Writes the image's place into the notes of a segment, wherever they are in it.
fn fill_in(segment: &mut [u8], place: u64, len: u64) -> bool {
    let Some(at) = segment.windows(NOTE.len()).position(|part| part == NOTE) else {
        return false;
    };
    let words = [place.to_le_bytes(), len.to_le_bytes()].concat();
    match segment.get_mut(at + NOTE.len()..at + NOTE.len() + words.len()) {
        Some(room) => {
            room.copy_from_slice(&words);
            true
        }
        None => false,
    }
}
