//! Module `binary`: search, split, copies, numbers in bytes.
//!
//! A compiled pattern is `{bm, Ref}` (one binary) or `{ac, Ref}` (several), as in the stock VM.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::arithmetic::{self, Integer};
use crate::bif::binary::{part, part_range};
use crate::bif::progress::{give_way, original, resumed};
use crate::bif::{BifResult, Call, Stop, badarg, system_limit};
use crate::fatal::{Memory, out_of_memory};
use crate::heap::Heap;
use crate::numeric::big::{self, Endian};
use crate::reference;
use crate::term::{Bits, Term};
use crate::text::search::{Found, Pattern, Search, Step};

crate::bifs! { "binary":
    "match"/2 Heavy match_2;
    "match"/3 Heavy match_3;
    "matches"/2 Heavy matches_2;
    "matches"/3 Heavy matches_3;
    "split"/2 Heavy split_2;
    "split"/3 Heavy split_3;
    "compile_pattern"/1 Plain compile_pattern_1;
    "copy"/1 Heavy copy_1;
    "copy"/2 Heavy copy_2;
    "at"/2 Plain at_2;
    "first"/1 Plain first_1;
    "last"/1 Plain last_1;
    "part"/2 Plain part_2;
    "part"/3 Plain part_3;
    "referenced_byte_size"/1 Plain referenced_byte_size_1;
    "longest_common_prefix"/1 Plain longest_common_prefix_1;
    "longest_common_suffix"/1 Plain longest_common_suffix_1;
    "encode_unsigned"/1 Plain encode_unsigned_1;
    "encode_unsigned"/2 Plain encode_unsigned_2;
    "decode_unsigned"/1 Plain decode_unsigned_1;
    "decode_unsigned"/2 Plain decode_unsigned_2;
}

fn whole<'p>(term: Term<'p>) -> Result<Bits<'p>, Stop<'p>> {
    term.as_bits()
        .filter(|bits| bits.is_binary())
        .ok_or_else(badarg)
}

fn bytes<'p>(term: Term<'p>) -> Result<Cow<'p, [u8]>, Stop<'p>> {
    Ok(whole(term)?.aligned())
}

// Patterns -------------------------------------------------------------------------------------------

/// A compiled pattern behind a reference.
struct Compiled(Arc<Pattern>);

/// The binaries of a pattern, one or a list of them.
fn pattern_bytes<'p>(term: Term<'p>) -> Result<Vec<Cow<'p, [u8]>>, Stop<'p>> {
    if term.as_bits().is_some() {
        return Ok(vec![bytes(term)?]);
    }
    term.proper_list()
        .ok_or_else(badarg)?
        .into_iter()
        .map(bytes)
        .collect()
}

fn compile<'p>(term: Term<'p>) -> Result<Arc<Pattern>, Stop<'p>> {
    Pattern::compile(&pattern_bytes(term)?)
        .map(Arc::new)
        .ok_or_else(badarg)
}

/// A pattern, compiled or not.
fn pattern<'p>(term: Term<'p>) -> Result<Arc<Pattern>, Stop<'p>> {
    let Some([tag, reference]) = term.as_tuple_of() else {
        return compile(term);
    };
    let compiled = reference.resource::<Compiled>().ok_or_else(badarg)?;
    if tag.is_atom(tag_of(&compiled.0)) {
        Ok(compiled.0.clone())
    } else {
        Err(badarg())
    }
}

fn tag_of(pattern: &Pattern) -> crate::atom::Atom {
    match pattern {
        Pattern::One(_) => crate::atom!("bm"),
        Pattern::Many { .. } => crate::atom!("ac"),
    }
}

fn compile_pattern_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let pattern = compile(call.arg(0))?;
    let tag = Term::atom(tag_of(&pattern));
    let reference = call
        .heap
        .magic_ref(Arc::new(Compiled(pattern)), reference::next());
    Ok(call.heap.tuple(&[tag, reference]))
}

// Search ---------------------------------------------------------------------------------------------

/// The options of a search.
#[derive(Default)]
struct Options<'p> {
    scope: Option<[Term<'p>; 2]>,
    global: bool,
    trim: bool,
    trim_all: bool,
}

impl<'p> Options<'p> {
    /// Reads a list of options; those of `split` only where allowed.
    fn of(list: Term<'p>, for_split: bool) -> Result<Options<'p>, Stop<'p>> {
        let mut options = Options::default();
        for option in list.proper_list().ok_or_else(badarg)? {
            match option.as_atom().map(|atom| atom.name()) {
                Some("global") if for_split => options.global = true,
                Some("trim") if for_split => options.trim = true,
                Some("trim_all") if for_split => (options.trim, options.trim_all) = (true, true),
                Some(_) => return Err(badarg()),
                None => {
                    let [name, scope] = option.as_tuple_of().ok_or_else(badarg)?;
                    if !name.is_atom(crate::atom!("scope")) {
                        return Err(badarg());
                    }
                    options.scope = Some(scope.as_tuple_of().ok_or_else(badarg)?);
                }
            }
        }
        Ok(options)
    }

    fn range(&self, size: usize) -> Result<(usize, usize), Stop<'p>> {
        match self.scope {
            None => Ok((0, size)),
            Some([position, length]) => part_range(size, position, length).ok_or_else(badarg),
        }
    }
}

/// Bytes that are searched for one reduction.
const BYTES_PER_REDUCTION: usize = 256;
/// Bytes after which it is looked whether the slice is used up.
const STRIDE: usize = 64 * BYTES_PER_REDUCTION;
/// What an occurrence costs in bytes.
const FOUND_COST: usize = 16;

/// A search that gave way.
struct Searching {
    pattern: Arc<Pattern>,
    search: Search,
    found: Vec<Found>,
}

/// All occurrences, or the first one.
fn search<'p>(
    call: Call<'p>,
    subject: &[u8],
    options: &Options<'p>,
    all: bool,
) -> Result<Vec<Found>, Stop<'p>> {
    let mut state = match resumed::<Searching>(call) {
        Some((state, _)) => state,
        None => {
            let (start, len) = options.range(subject.len())?;
            if start + len == 0 {
                // The stock VM does not look at the pattern then.
                return Ok(Vec::new());
            }
            let pattern = pattern(call.arg(1))?;
            Searching {
                pattern,
                search: Search::new(start, start + len),
                found: Vec::new(),
            }
        }
    };
    loop {
        let mut budget = STRIDE;
        let done = loop {
            match state.search.next(&state.pattern, subject, &mut budget) {
                Step::Found(found) => {
                    state.found.push(found);
                    budget = budget.saturating_sub(FOUND_COST);
                    if !all {
                        break true;
                    }
                }
                Step::Yield => break false,
                Step::Done => break true,
            }
        };
        let used_up = call.charge((STRIDE - budget) / BYTES_PER_REDUCTION);
        if done {
            return Ok(state.found);
        }
        if used_up {
            return Err(give_way(call, state, &[]));
        }
    }
}

fn found_term<'h>(heap: Heap<'h>, found: Found) -> Term<'h> {
    heap.tuple(&[Term::size(found.start), Term::size(found.len)])
}

fn first_match<'p>(call: Call<'p>, options: &Options<'p>) -> BifResult<'p> {
    let subject = bytes(original(call))?;
    let found = search(call, &subject, options, false)?;
    Ok(found.first().map_or_else(
        || Term::atom(crate::atom!("nomatch")),
        |&found| found_term(call.heap, found),
    ))
}

fn match_2<'p>(call: Call<'p>) -> BifResult<'p> {
    first_match(call, &Options::default())
}

fn match_3<'p>(call: Call<'p>) -> BifResult<'p> {
    first_match(call, &Options::of(call.arg(2), false)?)
}

fn all_matches<'p>(call: Call<'p>, options: &Options<'p>) -> BifResult<'p> {
    let subject = bytes(original(call))?;
    let found = search(call, &subject, options, true)?;
    Ok(call
        .heap
        .list_from(found.into_iter().map(|found| found_term(call.heap, found))))
}

fn matches_2<'p>(call: Call<'p>) -> BifResult<'p> {
    all_matches(call, &Options::default())
}

fn matches_3<'p>(call: Call<'p>) -> BifResult<'p> {
    all_matches(call, &Options::of(call.arg(2), false)?)
}

fn split<'p>(call: Call<'p>, options: &Options<'p>) -> BifResult<'p> {
    let bits = whole(original(call))?;
    let subject = bits.aligned();
    let found = search(call, &subject, options, options.global)?;
    if found.is_empty() {
        // A subject that is empty is trimmed away, but only if there was something to look for.
        let empty = options.trim && subject.is_empty();
        return Ok(if empty {
            Term::NIL
        } else {
            call.heap.list(&[bits.term()])
        });
    }
    let mut parts = Vec::with_capacity(found.len() + 1);
    let mut from = 0;
    for found in &found {
        parts.push((from, found.start));
        from = found.start + found.len;
    }
    parts.push((from, subject.len()));
    if options.trim_all {
        parts.retain(|(start, end)| start < end);
    } else if options.trim {
        while parts.last().is_some_and(|(start, end)| start == end) {
            parts.pop();
        }
    }
    let binaries = parts
        .into_iter()
        .map(|(start, end)| call.heap.part(bits, start * 8, (end - start) * 8));
    Ok(call.heap.list_from(binaries))
}

fn split_2<'p>(call: Call<'p>) -> BifResult<'p> {
    split(call, &Options::default())
}

fn split_3<'p>(call: Call<'p>) -> BifResult<'p> {
    split(call, &Options::of(call.arg(2), true)?)
}

// Parts and copies -----------------------------------------------------------------------------------

fn at_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let bytes = bytes(call.arg(0))?;
    let at = call.arg(1).as_usize().ok_or_else(badarg)?;
    bytes
        .get(at)
        .map(|&byte| Term::int(byte.into()))
        .ok_or_else(badarg)
}

fn first_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let bytes = bytes(call.arg(0))?;
    bytes
        .first()
        .map(|&byte| Term::int(byte.into()))
        .ok_or_else(badarg)
}

fn last_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let bytes = bytes(call.arg(0))?;
    bytes
        .last()
        .map(|&byte| Term::int(byte.into()))
        .ok_or_else(badarg)
}

fn part_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let [position, length] = call.arg(1).as_tuple_of().ok_or_else(badarg)?;
    part(call.heap, call.arg(0), position, length)
}

fn part_3<'p>(call: Call<'p>) -> BifResult<'p> {
    part(call.heap, call.arg(0), call.arg(1), call.arg(2))
}

fn referenced_byte_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let bits = call.arg(0).as_bits().ok_or_else(badarg)?;
    Ok(Term::size(bits.holder().len()))
}

/// The largest binary that is asked for: more than any machine has.
const LARGEST: usize = 1 << 47;
/// Bytes copied for one reduction.
const COPIED_PER_REDUCTION: usize = 4096;

/// A copy that grows.
struct Copying(Vec<u8>);

fn copies<'p>(call: Call<'p>, count: usize) -> BifResult<'p> {
    if count == 0 && original(call).as_bits().is_some() {
        return Ok(call.heap.binary(&[]));
    }
    let source = bytes(original(call))?;
    let len = source
        .len()
        .checked_mul(count)
        .filter(|&len| len <= LARGEST)
        .ok_or_else(system_limit)?;
    if len == 0 {
        return Ok(call.heap.binary(&[]));
    }
    let mut copy = resumed::<Copying>(call).map_or_else(Vec::new, |(Copying(copy), _)| copy);
    if copy.is_empty() && copy.try_reserve_exact(len).is_err() {
        out_of_memory(Memory::Binary, len);
    }
    while copy.len() < len {
        let now = (len - copy.len()).min(256 * COPIED_PER_REDUCTION);
        let until = copy.len() + now;
        while copy.len() < until {
            if let Some(rest) = source.get(copy.len()..).filter(|rest| !rest.is_empty()) {
                copy.extend_from_slice(&rest[..rest.len().min(until - copy.len())]);
                continue;
            }
            // It repeats itself, so what follows stands at its start already, however often so far.
            let from = copy.len() % source.len();
            let piece = (until - copy.len()).min(copy.len() - from);
            copy.extend_from_within(from..from + piece);
        }
        if call.charge(now / COPIED_PER_REDUCTION) && copy.len() < len {
            return Err(give_way(call, Copying(copy), &[]));
        }
    }
    Ok(call.heap.binary_from(Bytes::from(copy)))
}

fn copy_1<'p>(call: Call<'p>) -> BifResult<'p> {
    copies(call, 1)
}

fn copy_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let count = call.arg(1).as_usize().ok_or_else(badarg)?;
    copies(call, count)
}

// What binaries have in common -----------------------------------------------------------------------

fn binaries<'p>(term: Term<'p>) -> Result<Vec<Cow<'p, [u8]>>, Stop<'p>> {
    let list = term
        .proper_list()
        .filter(|list| !list.is_empty())
        .ok_or_else(badarg)?;
    list.into_iter().map(bytes).collect()
}

fn common<'p>(call: Call<'p>, same: impl Fn(&[u8], &[u8]) -> usize) -> BifResult<'p> {
    let binaries = binaries(call.arg(0))?;
    let (first, rest) = binaries.split_first().ok_or_else(badarg)?;
    let mut len = first.len();
    for other in rest {
        len = len.min(same(first, other));
    }
    call.charge(len.saturating_mul(binaries.len()) / BYTES_PER_REDUCTION);
    Ok(Term::size(len))
}

fn longest_common_prefix_1<'p>(call: Call<'p>) -> BifResult<'p> {
    common(call, |a, b| {
        a.iter().zip(b).take_while(|(a, b)| a == b).count()
    })
}

fn longest_common_suffix_1<'p>(call: Call<'p>) -> BifResult<'p> {
    common(call, |a, b| {
        a.iter()
            .rev()
            .zip(b.iter().rev())
            .take_while(|(a, b)| a == b)
            .count()
    })
}

// Numbers --------------------------------------------------------------------------------------------

fn endian<'p>(term: Term<'p>) -> Result<Endian, Stop<'p>> {
    match term.as_atom().map(|atom| atom.name()) {
        Some("big") => Ok(Endian::Big),
        Some("little") => Ok(Endian::Little),
        _ => Err(badarg()),
    }
}

fn encode<'p>(call: Call<'p>, endian: Endian) -> BifResult<'p> {
    let value = Integer::of(call.arg(0)).ok_or_else(badarg)?;
    let view = value.view();
    if view.negative {
        return Err(badarg());
    }
    let mut bytes: Vec<u8> = view.le_bytes().collect();
    if bytes.is_empty() {
        bytes.push(0);
    }
    if endian == Endian::Big {
        bytes.reverse();
    }
    call.charge(bytes.len() / BYTES_PER_REDUCTION);
    Ok(call.heap.binary(&bytes))
}

fn encode_unsigned_1<'p>(call: Call<'p>) -> BifResult<'p> {
    encode(call, Endian::Big)
}

fn encode_unsigned_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let endian = endian(call.arg(1))?;
    encode(call, endian)
}

fn decode<'p>(call: Call<'p>, endian: Endian) -> BifResult<'p> {
    let bytes = bytes(call.arg(0))?;
    call.charge(bytes.len() / BYTES_PER_REDUCTION);
    let value =
        big::from_bits(&bytes, 0, bytes.len() * 8, endian, false).map_err(|_| system_limit())?;
    Ok(arithmetic::integer(call.heap, &value))
}

fn decode_unsigned_1<'p>(call: Call<'p>) -> BifResult<'p> {
    decode(call, Endian::Big)
}

fn decode_unsigned_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let endian = endian(call.arg(1))?;
    decode(call, endian)
}

#[cfg(test)]
#[path = "binary_module_tests.rs"]
mod tests;
