//! BIFs on the external term format: `term_to_binary` and its kind, `binary_to_term`, `external_size`.
//!
//! Both ways work in slices ([`progress`]): what Rust knows of the work is kept in a reference, the terms that
//! it still needs beside it.

#![forbid(unsafe_code)]

use super::progress;
use crate::atom;
use crate::atom::Atom;
use crate::bif::{BifResult, Call, Stop, badarg, badarg_because, system_limit};
use crate::etf::deflate::Deflate;
use crate::etf::inflate::Inflate;
use crate::etf::{self, Decoder, EncodeOptions, Encoder, Options, decode, encode, tags};
use crate::term::{Bits, Term};

crate::bifs! {
    "erlang" {
        "binary_to_term"/1 Heavy binary_to_term;
        "binary_to_term"/2 Heavy binary_to_term;
        "external_size"/1 Plain external_size_1;
        "external_size"/2 Plain external_size_2;
        "term_to_binary"/1 Heavy term_to_binary;
        "term_to_binary"/2 Heavy term_to_binary;
        "term_to_iovec"/1 Heavy term_to_iovec;
        "term_to_iovec"/2 Heavy term_to_iovec;
    }
    "erts_debug" {
        "dist_ext_to_term"/2 Plain dist_ext_to_term_2;
    }
}

/// Parts of a term that are written or read for one reduction.
const PARTS_PER_REDUCTION: usize = 16;
/// Bytes that are compressed, and decompressed, for one reduction.
const PACKED_PER_REDUCTION: usize = 32;
const UNPACKED_PER_REDUCTION: usize = 128;
/// The least that a slice does, so that there is always some progress.
const LEAST_REDUCTIONS: usize = 100;
/// The level of `compressed` without a number.
const DEFAULT_LEVEL: u32 = 6;
/// The most atoms of a distribution header (OTP: `ERTS_MAX_INTERNAL_ATOM_CACHE_ENTRIES`).
const MAX_CACHED_ATOMS: usize = 255;

/// The reductions that a slice may take, at least [`LEAST_REDUCTIONS`].
fn reductions(call: Call<'_>) -> usize {
    usize::try_from(call.process().reductions_left())
        .map_or(LEAST_REDUCTIONS, |left| left.max(LEAST_REDUCTIONS))
}

/// What `term_to_binary/2` was told: how to write, and the level of compression (0 for none).
fn write_options<'p>(call: Call<'p>) -> Result<(EncodeOptions<'static>, u32), Stop<'p>> {
    let (mut options, mut level) = (EncodeOptions::default(), 0);
    let Some(&list) = call.args().get(1) else {
        return Ok((options, level));
    };
    for option in list.proper_list().ok_or_else(badarg)? {
        if option.is_atom(atom!("compressed")) {
            level = DEFAULT_LEVEL;
        } else if option.is_atom(atom!("deterministic")) {
            options.deterministic = true;
        } else {
            match tagged(option) {
                Some((name, number @ 0..=2)) if name == atom!("minor_version") => {
                    options.new_floats = number > 0;
                    options.utf8_atoms = number == 2;
                }
                Some((name, number @ 0..=9)) if name == atom!("compressed") => {
                    level = number as u32;
                }
                _ => return Err(badarg()),
            }
        }
    }
    Ok((options, level))
}

/// `{Atom, SmallInteger}`.
fn tagged(term: Term<'_>) -> Option<(Atom, i64)> {
    let [name, number] = term.as_tuple_of()?;
    Some((name.as_atom()?, number.as_small()?))
}

/// How far writing has come.
enum Writing {
    Encode(encode::Progress),
    Compress(Box<Deflate>),
}

fn term_to_binary<'p>(call: Call<'p>) -> BifResult<'p> {
    write(call, false)
}

fn term_to_iovec<'p>(call: Call<'p>) -> BifResult<'p> {
    write(call, true)
}

fn write<'p>(call: Call<'p>, iovec: bool) -> BifResult<'p> {
    let (mut options, level) = write_options(call)?;
    options.iovec = iovec && level == 0;
    let plain = match progress::resumed::<Writing>(call) {
        Some((Writing::Compress(deflate), _)) => return compress(call, deflate),
        Some((Writing::Encode(progress), kept)) => {
            write_on(call, Encoder::resume(progress, kept[0]), &options)?
        }
        None => write_on(call, Encoder::new(call.arg(0)), &options)?,
    };
    if options.iovec {
        return Ok(plain.finish_iovec(call.heap));
    }
    let plain = plain.finish();
    // The sizes of compressed terms are 32 bits.
    if level == 0 || u32::try_from(plain.len()).is_err() {
        return Ok(call.heap.binary_from(plain.into()));
    }
    compress(call, Box::new(Deflate::new(plain, level)))
}

/// Writes until all is written, or gives way.
fn write_on<'p>(
    call: Call<'p>,
    mut encoder: Encoder<'p>,
    options: &EncodeOptions<'_>,
) -> Result<Encoder<'p>, Stop<'p>> {
    let whole = reductions(call) * PARTS_PER_REDUCTION;
    let mut budget = whole;
    let done = encoder
        .run(call.heap, options, &mut budget)
        .map_err(|_| system_limit())?;
    call.charge((whole - budget) / PARTS_PER_REDUCTION);
    if done {
        return Ok(encoder);
    }
    let (progress, kept) = encoder.suspend(call.heap);
    Err(progress::give_way(call, Writing::Encode(progress), &[kept]))
}

fn compress<'p>(call: Call<'p>, mut deflate: Box<Deflate>) -> BifResult<'p> {
    let reductions = reductions(call);
    if !deflate.step(reductions * PACKED_PER_REDUCTION) {
        call.charge(reductions);
        return Err(progress::give_way(call, Writing::Compress(deflate), &[]));
    }
    let packed = deflate.finish();
    call.charge((packed.len() / PACKED_PER_REDUCTION).min(reductions));
    Ok(call.heap.binary_from(packed.into()))
}

fn external_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    external_size(call, &EncodeOptions::default())
}

fn external_size_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut options = EncodeOptions::default();
    for option in call.arg(1).proper_list().ok_or_else(badarg)? {
        match tagged(option) {
            // As in OTP 25, which does not take a 0 back.
            Some((name, 0)) if name == atom!("minor_version") => options.new_floats = false,
            Some((name, 1)) if name == atom!("minor_version") => {}
            _ => return Err(badarg()),
        }
    }
    external_size(call, &options)
}

fn external_size<'p>(call: Call<'p>, options: &EncodeOptions<'_>) -> BifResult<'p> {
    let size = etf::external_size(call.arg(0), options).map_err(|_| system_limit())?;
    Ok(call.heap.unsigned(size as u64))
}

/// How far reading has come: decompressing, or decoding the binary itself or what was decompressed from it.
enum Reading {
    Inflate(Box<Inflate>),
    Decode {
        progress: decode::Progress,
        /// The decompressed bytes, and how many compressed ones they were.
        plain: Option<(Vec<u8>, usize)>,
    },
}

/// What `binary_to_term/2` was told: `safe` and `used`.
fn read_options<'p>(call: Call<'p>) -> Result<(bool, bool), Stop<'p>> {
    let (mut safe, mut used) = (false, false);
    let Some(&list) = call.args().get(1) else {
        return Ok((safe, used));
    };
    let wrong = || badarg_because(atom!("badopt"));
    for option in list.proper_list().ok_or_else(wrong)? {
        if option.is_atom(atom!("safe")) {
            safe = true;
        } else if option.is_atom(atom!("used")) {
            used = true;
        } else {
            return Err(wrong());
        }
    }
    Ok((safe, used))
}

fn binary_to_term<'p>(call: Call<'p>) -> BifResult<'p> {
    let (safe, used) = read_options(call)?;
    let wrong = badarg;
    let resumed = progress::resumed::<Reading>(call);
    let source = match &resumed {
        Some((_, kept)) => kept[0],
        None => aligned(call).ok_or_else(wrong)?,
    };
    let bytes = source
        .as_bits()
        .and_then(Bits::as_bytes)
        .ok_or_else(wrong)?;
    let (mut decoder, plain) = match resumed {
        Some((Reading::Inflate(inflate), _)) => {
            start_plain(inflate_on(call, source, bytes, inflate)?)
        }
        Some((Reading::Decode { progress, plain }, kept)) => {
            (Decoder::resume(progress, kept[1]), plain)
        }
        None if bytes.first() != Some(&tags::VERSION) => return Err(wrong()),
        None => match Inflate::of(bytes).map_err(|_| wrong())? {
            Some(inflate) => start_plain(inflate_on(call, source, bytes, Box::new(inflate))?),
            None => (Decoder::new(1), None),
        },
    };
    let options = Options {
        safe,
        ..Options::default()
    };
    let whole = reductions(call) * PARTS_PER_REDUCTION;
    let mut budget = whole;
    let read = match &plain {
        Some((plain, _)) => decoder.run(call.heap, plain, &options, &mut budget),
        None => decoder.run(call.heap, bytes, &options, &mut budget),
    };
    call.charge((whole - budget) / PARTS_PER_REDUCTION);
    let Some(term) = read.map_err(|_| wrong())? else {
        let (progress, kept) = decoder.suspend(call.heap);
        let reading = Reading::Decode { progress, plain };
        return Err(progress::give_way(call, reading, &[source, kept]));
    };
    if !used {
        return Ok(term);
    }
    let used = plain.map_or(decoder.at(), |(_, used)| used);
    Ok(call.heap.tuple(&[term, Term::size(used)]))
}

/// The binary that is read, beginning at a byte boundary; copied if it does not.
fn aligned<'p>(call: Call<'p>) -> Option<Term<'p>> {
    let bits = call.arg(0).as_bits()?;
    match bits.as_bytes() {
        Some(_) => Some(call.arg(0)),
        None => Some(call.heap.binary(&bits.binary()?)),
    }
}

fn start_plain<'p>(plain: (Vec<u8>, usize)) -> (Decoder<'p>, Option<(Vec<u8>, usize)>) {
    (Decoder::new(0), Some(plain))
}

/// Decompresses until all is plain, or gives way.
fn inflate_on<'p>(
    call: Call<'p>,
    source: Term<'p>,
    bytes: &[u8],
    mut inflate: Box<Inflate>,
) -> Result<(Vec<u8>, usize), Stop<'p>> {
    let reductions = reductions(call);
    let done = inflate
        .step(bytes, reductions * UNPACKED_PER_REDUCTION)
        .map_err(|_| badarg())?;
    if !done {
        call.charge(reductions);
        return Err(progress::give_way(
            call,
            Reading::Inflate(inflate),
            &[source],
        ));
    }
    Ok(inflate.finish())
}

/// `erts_debug:dist_ext_to_term(Atoms, Bytes)`: a term whose cached atoms are those of a tuple.
fn dist_ext_to_term_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let atoms = call.arg(0).as_tuple().ok_or_else(badarg)?.elements();
    if atoms.len() > MAX_CACHED_ATOMS {
        return Err(badarg());
    }
    let atoms: Option<Vec<Atom>> = atoms.iter().map(|atom| atom.as_atom()).collect();
    let atoms = atoms.ok_or_else(badarg)?;
    let bytes = call
        .arg(1)
        .as_bits()
        .and_then(|bits| bits.binary())
        .ok_or_else(badarg)?;
    let Some((&tags::VERSION, bytes)) = bytes.split_first() else {
        return Err(badarg());
    };
    let options = Options {
        atoms: Some(&atoms),
        ..Options::default()
    };
    let (term, _) = etf::decode_bare(call.heap, bytes, &options).map_err(|_| badarg())?;
    Ok(term)
}

#[cfg(test)]
#[path = "etf_tests.rs"]
mod tests;
