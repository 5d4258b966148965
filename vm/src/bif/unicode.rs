//! BIFs that convert text: module `unicode`, names of files (`prim_file`, `file`), `io:printable_range/0`.

#![forbid(unsafe_code)]

use bytes::Bytes;
use smallvec::smallvec;

use crate::atom::{Atom, well_known};
use crate::bif::characters::{Encoding, Progress, Reading};
use crate::bif::progress::{give_way, resumed};
use crate::bif::settings::{self, NameEncoding};
use crate::bif::{BifResult, Call, Stop, Trap, badarg};
use crate::code::{Export, Mfa};
use crate::heap::Heap;
use crate::term::{Kind, Term};
use crate::text::compose::compose;
use crate::text::{latin1, utf8};

crate::bifs! {
    "unicode" {
        "characters_to_binary"/2 Heavy characters_to_binary_2;
        "characters_to_list"/2 Heavy characters_to_list_2;
        "bin_is_7bit"/1 Plain bin_is_7bit_1;
    }
    "prim_file" {
        "internal_name2native"/1 Plain internal_name2native_1;
        "internal_native2name"/1 Plain internal_native2name_1;
        "internal_normalize_utf8"/1 Plain internal_normalize_utf8_1;
        "is_translatable"/1 Plain is_translatable_1;
    }
    "file" {
        "native_name_encoding"/0 Plain native_name_encoding_0;
    }
    "io" {
        "printable_range"/0 Plain printable_range_0;
    }
}

/// Units of work (bytes, mostly) for one reduction.
const WORK_PER_REDUCTION: usize = 128;
/// Work after which it is looked whether the slice is used up.
const STRIDE: usize = 64 * WORK_PER_REDUCTION;

fn encoding<'p>(term: Term<'p>) -> Option<Encoding> {
    match term.as_atom()? {
        well_known::LATIN1 => Some(Encoding::Latin1),
        well_known::UTF8 | well_known::UNICODE => Some(Encoding::Utf8),
        _ => None,
    }
}

/// Other encodings are read by Erlang code.
fn read_in_erlang<'p>(call: Call<'p>, function: Atom) -> Stop<'p> {
    let mfa = Mfa {
        module: well_known::UNICODE,
        function,
        arity: 2,
    };
    Trap::Call {
        export: Export::of(mfa),
        args: smallvec![call.arg(0), call.arg(1)],
    }
    .into()
}

/// How reading ended, with what was read.
struct Outcome<'p> {
    /// `error` or `incomplete`, and the rest.
    fault: Option<(Atom, Term<'p>)>,
    text: Vec<u8>,
    count: usize,
}

/// Reads all input; gives way in between.
fn read<'p>(call: Call<'p>, encoding: Encoding) -> Result<Outcome<'p>, Stop<'p>> {
    let (mut reading, mut input) = match resumed::<Reading>(call) {
        None => (Reading::new(encoding), call.arg(0)),
        Some((reading, &[rest])) => (reading, rest),
        Some(_) => return Err(badarg()),
    };
    let outcome = |reading: Reading, fault| Outcome {
        fault,
        text: reading.out,
        count: reading.count,
    };
    loop {
        let mut budget = STRIDE;
        let progress = reading.read(call.heap, input, &mut budget);
        let used_up = call.charge((STRIDE - budget) / WORK_PER_REDUCTION);
        match progress {
            Progress::Done => return Ok(outcome(reading, None)),
            Progress::Error(rest) => return Ok(outcome(reading, Some((well_known::ERROR, rest)))),
            Progress::Incomplete(rest) => {
                return Ok(outcome(reading, Some((crate::atom!("incomplete"), rest))));
            }
            Progress::Badarg => return Err(badarg()),
            Progress::More(rest) if used_up => return Err(give_way(call, reading, &[rest])),
            Progress::More(rest) => input = rest,
        }
    }
}

fn is_ascii(bytes: &[u8]) -> bool {
    bytes.is_ascii()
}

/// Whether the binary is its own result.
fn is_itself(bytes: &[u8], encoding: Encoding) -> bool {
    match encoding {
        Encoding::Latin1 => is_ascii(bytes),
        Encoding::Utf8 => std::str::from_utf8(bytes).is_ok(),
    }
}

/// A binary of at most so many bytes is looked at in one go.
const ONE_GO: usize = 1 << 20;

fn characters_to_binary_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let Some(encoding) = encoding(call.arg(1)) else {
        return Err(read_in_erlang(
            call,
            crate::atom!("characters_to_binary_int"),
        ));
    };
    let single = call.arg(0).as_cons().filter(|cell| cell.tail().is_nil());
    let subject = single
        .map(|cell| cell.head())
        .filter(|head| head.as_bits().is_some())
        .unwrap_or(call.arg(0));
    if let Some(bytes) = subject.as_bits().and_then(|bits| bits.binary())
        && bytes.len() <= ONE_GO
        && is_itself(&bytes, encoding)
    {
        call.charge(bytes.len() / 1024);
        return Ok(subject);
    }
    let outcome = read(call, encoding)?;
    let text = call.heap.binary_from(Bytes::from(outcome.text));
    Ok(match outcome.fault {
        None => text,
        Some((fault, rest)) => {
            // A binary alone is not within a list in the rest, even if it came in one.
            let rest = match single {
                Some(cell) if cell.head().same(subject) => unwrapped(rest),
                _ => rest,
            };
            call.heap.tuple(&[Term::atom(fault), text, rest])
        }
    })
}

/// The one element of a list; anything else as it is.
fn unwrapped<'p>(rest: Term<'p>) -> Term<'p> {
    match rest.as_cons() {
        Some(cell) if cell.tail().is_nil() => cell.head(),
        _ => rest,
    }
}

/// Text that was read and is being turned into a list, from its end.
struct Listing {
    text: Vec<u8>,
    left: usize,
    fault: Option<Atom>,
}

fn characters_to_list_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let Some(encoding) = encoding(call.arg(1)) else {
        return Err(read_in_erlang(call, crate::atom!("characters_to_list_int")));
    };
    let (mut listing, mut list, rest) = match resumed::<Listing>(call) {
        Some((listing, &[list, rest])) => (listing, list, rest),
        Some(_) => return Err(badarg()),
        None => {
            let outcome = read(call, encoding)?;
            debug_assert_eq!(outcome.count, utf8::count(&outcome.text));
            let listing = Listing {
                left: outcome.text.len(),
                text: outcome.text,
                fault: outcome.fault.map(|(fault, _)| fault),
            };
            (
                listing,
                Term::NIL,
                outcome.fault.map_or(Term::NIL, |(_, rest)| rest),
            )
        }
    };
    while listing.left > 0 {
        let from = match listing.left.saturating_sub(STRIDE) {
            0 => 0,
            from => utf8::boundary(&listing.text, from),
        };
        let from = if from < listing.left { from } else { 0 };
        for character in utf8::characters(&listing.text[from..listing.left]).rev() {
            list = call.heap.cons(Term::int(character as i32), list);
        }
        let work = listing.left - from;
        listing.left = from;
        if call.charge(work / WORK_PER_REDUCTION) && listing.left > 0 {
            return Err(give_way(call, listing, &[list, rest]));
        }
    }
    Ok(match listing.fault {
        None => list,
        Some(fault) => call.heap.tuple(&[Term::atom(fault), list, rest]),
    })
}

fn bin_is_7bit_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let bytes = call.arg(0).as_bits().and_then(|bits| bits.binary());
    Ok(Term::bool(bytes.is_some_and(|bytes| is_ascii(&bytes))))
}

// Names of files -------------------------------------------------------------------------------------

/// The bytes that the system calls a file by, without the zero at the end; none if the name has a zero in it,
/// or characters that the encoding does not have. A binary is taken as it is.
pub fn native_name(name: Term<'_>) -> Option<Vec<u8>> {
    if let Some(bits) = name.as_bits() {
        let aligned = bits.aligned();
        let bytes = &aligned[..bits.bit_len() / 8];
        return (!bytes.contains(&0)).then(|| bytes.to_vec());
    }
    if let Some(atom) = name.as_atom() {
        let text = atom.name().as_bytes();
        let mut bytes = Vec::with_capacity(text.len());
        match settings::name_encoding() {
            NameEncoding::Utf8 => bytes.extend_from_slice(text),
            NameEncoding::Latin1 if latin1::from_utf8(text, &mut bytes) != text.len() => {
                return None;
            }
            NameEncoding::Latin1 => {}
        }
        return (!bytes.contains(&0)).then_some(bytes);
    }
    list_name(name, settings::name_encoding())
}

fn list_name(name: Term<'_>, encoding: NameEncoding) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut pending = vec![name];
    while let Some(mut rest) = pending.pop() {
        while let Some(cell) = rest.as_cons() {
            rest = cell.tail();
            match cell.head().kind() {
                Kind::Nil => {}
                Kind::Cons(_) => {
                    pending.push(rest);
                    rest = cell.head();
                }
                Kind::Small(value) => {
                    let character = u32::try_from(value).ok().filter(|&value| value != 0)?;
                    match encoding {
                        NameEncoding::Latin1 => bytes.push(u8::try_from(character).ok()?),
                        NameEncoding::Utf8 if utf8::encode(character, &mut bytes) => {}
                        NameEncoding::Utf8 => return None,
                    }
                }
                _ => return None,
            }
        }
        if !rest.is_nil() {
            return None;
        }
    }
    Some(bytes)
}

/// The name of a file as a list of characters; where it is not in the encoding, none.
pub fn name_from_native<'h>(heap: Heap<'h>, native: &[u8]) -> Option<Term<'h>> {
    match settings::name_encoding() {
        NameEncoding::Latin1 => Some(heap.byte_list(native, Term::NIL)),
        NameEncoding::Utf8 => std::str::from_utf8(native)
            .ok()
            .map(|text| heap.string(text)),
    }
}

fn internal_name2native_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if call.arg(0).as_atom().is_some() {
        return Err(badarg());
    }
    let mut bytes = native_name(call.arg(0)).ok_or_else(badarg)?;
    bytes.push(0);
    Ok(call.heap.binary(&bytes))
}

fn bytes<'p>(call: Call<'p>) -> Result<std::borrow::Cow<'p, [u8]>, Stop<'p>> {
    let bits = call.arg(0).as_bits().ok_or_else(badarg)?;
    bits.binary().ok_or_else(badarg)
}

fn internal_native2name_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let native = bytes(call)?;
    Ok(name_from_native(call.heap, &native).unwrap_or_else(|| {
        let warning = Term::atom(settings::name_warning());
        call.heap.tuple(&[Term::atom(well_known::ERROR), warning])
    }))
}

/// Composes characters.
fn internal_normalize_utf8_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let bytes = bytes(call)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| badarg())?;
    let composed: Vec<Term<'p>> = compose(text)
        .into_iter()
        .map(|char| Term::int(char as i32))
        .collect();
    call.charge(text.len() / 64);
    Ok(call.heap.list(&composed))
}

fn is_translatable_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let bytes = bytes(call)?;
    let latin1 = settings::name_encoding() == NameEncoding::Latin1;
    Ok(Term::bool(latin1 || std::str::from_utf8(&bytes).is_ok()))
}

fn native_name_encoding_0<'p>(_: Call<'p>) -> BifResult<'p> {
    Ok(Term::atom(match settings::name_encoding() {
        NameEncoding::Latin1 => well_known::LATIN1,
        NameEncoding::Utf8 => well_known::UTF8,
    }))
}

fn printable_range_0<'p>(_: Call<'p>) -> BifResult<'p> {
    Ok(Term::atom(if settings::printable_unicode() {
        well_known::UNICODE
    } else {
        well_known::LATIN1
    }))
}

#[cfg(test)]
#[path = "unicode_tests.rs"]
mod tests;
