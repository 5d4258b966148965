//! BIFs that turn atoms and numbers into text and back.

#![forbid(unsafe_code)]

use crate::arithmetic::{self, Integer};
use crate::atom::{Atom, AtomError, MAX_CHARACTERS, well_known};
use crate::bif::lists::byte_list;
use crate::bif::{BifResult, Call, Stop, badarg, system_limit};
use crate::numeric::big::{self, ParseError};
use crate::numeric::float::{self, Format};
use crate::term::{Kind, Term};
use crate::text::atom::{self as atom_text, Unfit};
use crate::text::{latin1, utf8};

crate::bifs! {
    "erlang" {
        "atom_to_list"/1 Plain atom_to_list_1;
        "atom_to_binary"/2 Plain atom_to_binary_2;
        "list_to_atom"/1 Plain list_to_atom_1;
        "list_to_existing_atom"/1 Plain list_to_existing_atom_1;
        "binary_to_atom"/2 Plain binary_to_atom_2;
        "binary_to_existing_atom"/2 Plain binary_to_existing_atom_2;
        "integer_to_list"/1 Plain integer_to_list_1;
        "integer_to_list"/2 Plain integer_to_list_2;
        "integer_to_binary"/1 Plain integer_to_binary_1;
        "integer_to_binary"/2 Plain integer_to_binary_2;
        "list_to_integer"/1 Plain list_to_integer_1;
        "list_to_integer"/2 Plain list_to_integer_2;
        "binary_to_integer"/1 Plain binary_to_integer_1;
        "binary_to_integer"/2 Plain binary_to_integer_2;
        "float_to_list"/1 Plain float_to_list_1;
        "float_to_list"/2 Plain float_to_list_2;
        "float_to_binary"/1 Plain float_to_binary_1;
        "float_to_binary"/2 Plain float_to_binary_2;
        "list_to_float"/1 Plain list_to_float_1;
        "binary_to_float"/1 Plain binary_to_float_1;
        "float"/1 Guard float_1;
        "trunc"/1 Guard trunc_1;
        "round"/1 Guard round_1;
        "floor"/1 Guard floor_1;
        "ceil"/1 Guard ceil_1;
    }
    "string" {
        "list_to_integer"/1 Plain string_list_to_integer_1;
        "list_to_float"/1 Plain string_list_to_float_1;
    }
}

// Atoms ----------------------------------------------------------------------------------------------

fn atom<'p>(term: Term<'p>) -> Result<Atom, Stop<'p>> {
    term.as_atom().ok_or_else(badarg)
}

fn atom_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.string(atom(call.arg(0))?.name()))
}

/// How an atom's name is encoded in a binary.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Latin1,
    Utf8,
}

fn encoding<'p>(term: Term<'p>) -> Result<Encoding, Stop<'p>> {
    match term.as_atom() {
        Some(well_known::LATIN1) => Ok(Encoding::Latin1),
        Some(well_known::UTF8 | well_known::UNICODE) => Ok(Encoding::Utf8),
        _ => Err(badarg()),
    }
}

fn atom_to_binary_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = atom(call.arg(0))?.name().as_bytes();
    match encoding(call.arg(1))? {
        Encoding::Utf8 => Ok(call.heap.binary(name)),
        Encoding::Latin1 => {
            let mut bytes = Vec::with_capacity(name.len());
            if latin1::from_utf8(name, &mut bytes) != name.len() {
                return Err(badarg());
            }
            Ok(call.heap.binary(&bytes))
        }
    }
}

fn intern<'p>(name: &str) -> BifResult<'p> {
    match Atom::new(name) {
        Ok(atom) => Ok(Term::atom(atom)),
        Err(AtomError::TooLong) => Err(system_limit()),
        // OTP ends the node here with "no more index entries in atom_tab".
        Err(AtomError::TableFull) => crate::fatal::no_more_atoms(),
    }
}

/// The text of a list of characters. What is no character is `badarg`, more than an atom holds `system_limit`.
fn characters<'p>(list: Term<'p>) -> Result<String, Stop<'p>> {
    let mut text = String::new();
    let mut elements = list.list();
    let mut count = 0;
    for element in elements.by_ref() {
        let value = element
            .as_small()
            .and_then(|value| u32::try_from(value).ok());
        text.push(value.and_then(char::from_u32).ok_or_else(badarg)?);
        count += 1;
    }
    if !elements.rest().is_nil() {
        return Err(badarg());
    }
    if count > MAX_CHARACTERS {
        Err(system_limit())
    } else {
        Ok(text)
    }
}

fn list_to_atom_1<'p>(call: Call<'p>) -> BifResult<'p> {
    intern(&characters(call.arg(0))?)
}

fn list_to_existing_atom_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = characters(call.arg(0)).map_err(|_| badarg())?;
    Atom::existing(&name).map(Term::atom).ok_or_else(badarg)
}

fn binary_name<'p>(call: Call<'p>) -> Result<String, Stop<'p>> {
    let bytes = call
        .arg(0)
        .as_bits()
        .and_then(|bits| bits.binary())
        .ok_or_else(badarg)?;
    let name = match encoding(call.arg(1))? {
        Encoding::Latin1 => bytes.iter().map(|&byte| byte as char).collect(),
        Encoding::Utf8 => {
            // What comes after too many characters is never looked at.
            atom_text::measure(&bytes).map_err(|unfit| match unfit {
                Unfit::TooLong => system_limit(),
                Unfit::Encoding => badarg(),
            })?;
            String::from_utf8(bytes.into_owned()).map_err(|_| badarg())?
        }
    };
    if utf8::count(name.as_bytes()) > MAX_CHARACTERS {
        Err(system_limit())
    } else {
        Ok(name)
    }
}

fn binary_to_atom_2<'p>(call: Call<'p>) -> BifResult<'p> {
    intern(&binary_name(call)?)
}

fn binary_to_existing_atom_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = binary_name(call).map_err(|_| badarg())?;
    Atom::existing(&name).map(Term::atom).ok_or_else(badarg)
}

// Integers -------------------------------------------------------------------------------------------

fn radix<'p>(term: Term<'p>) -> Result<u32, Stop<'p>> {
    term.as_usize()
        .filter(|radix| (2..=36).contains(radix))
        .map(|radix| radix as u32)
        .ok_or_else(badarg)
}

fn print_integer<'p>(call: Call<'p>, radix: u32) -> Result<Vec<u8>, Stop<'p>> {
    let mut out = Vec::with_capacity(24);
    match call.arg(0).kind() {
        Kind::Small(value) => big::print_i64(value, radix, &mut out),
        Kind::Big(value) => {
            big::print(value, radix, &mut out);
            call.charge(value.limbs.len());
        }
        _ => return Err(badarg()),
    }
    Ok(out)
}

fn integer_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.byte_list(&print_integer(call, 10)?, Term::NIL))
}

fn integer_to_list_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let radix = radix(call.arg(1))?;
    Ok(call.heap.byte_list(&print_integer(call, radix)?, Term::NIL))
}

fn integer_to_binary_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.binary(&print_integer(call, 10)?))
}

fn integer_to_binary_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let radix = radix(call.arg(1))?;
    Ok(call.heap.binary(&print_integer(call, radix)?))
}

fn read_integer<'p>(call: Call<'p>, text: &[u8], radix: u32) -> BifResult<'p> {
    match big::parse(text, radix) {
        Ok(value) => Ok(arithmetic::integer(call.heap, &value)),
        Err(ParseError::NoInteger) => Err(badarg()),
        Err(ParseError::SystemLimit) => Err(system_limit()),
    }
}

fn list_to_integer_1<'p>(call: Call<'p>) -> BifResult<'p> {
    read_integer(call, &byte_list(call.arg(0)).ok_or_else(badarg)?, 10)
}

fn list_to_integer_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let radix = radix(call.arg(1))?;
    read_integer(call, &byte_list(call.arg(0)).ok_or_else(badarg)?, radix)
}

fn bytes<'p>(term: Term<'p>) -> Result<std::borrow::Cow<'p, [u8]>, Stop<'p>> {
    term.as_bits()
        .and_then(|bits| bits.binary())
        .ok_or_else(badarg)
}

fn binary_to_integer_1<'p>(call: Call<'p>) -> BifResult<'p> {
    read_integer(call, &bytes(call.arg(0))?, 10)
}

fn binary_to_integer_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let radix = radix(call.arg(1))?;
    read_integer(call, &bytes(call.arg(0))?, radix)
}

/// A prefix of a list that is a number: its bytes and the rest of the list.
fn number_prefix<'p>(
    list: Term<'p>,
    mut accept: impl FnMut(u8, &[u8]) -> bool,
) -> (Vec<u8>, Term<'p>) {
    let mut rest = list;
    let mut text = Vec::new();
    while let Some(cell) = rest.as_cons() {
        match cell
            .head()
            .as_small()
            .and_then(|value| u8::try_from(value).ok())
        {
            Some(byte) if accept(byte, &text) => text.push(byte),
            _ => break,
        }
        rest = cell.tail();
    }
    (text, rest)
}

fn string_error<'p>(call: Call<'p>, reason: &'static str) -> BifResult<'p> {
    Ok(call.heap.tuple(&[
        Term::atom(well_known::ERROR),
        Term::atom(Atom::from_static(reason)),
    ]))
}

/// `string:list_to_integer/1` (what `string:to_integer/1` of a list of characters calls).
fn string_list_to_integer_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let list = call.arg(0);
    if !list.is_nil() && list.as_cons().is_none() {
        return string_error(call, "not_a_list");
    }
    let (text, rest) = number_prefix(list, |byte, before| {
        byte.is_ascii_digit() || (before.is_empty() && matches!(byte, b'+' | b'-'))
    });
    match big::parse(&text, 10) {
        Ok(value) => Ok(call
            .heap
            .tuple(&[arithmetic::integer(call.heap, &value), rest])),
        Err(_) => string_error(call, "no_integer"),
    }
}

/// `string:list_to_float/1`: the longest prefix of the form `[+-]D+.D+[eE[+-]D+]`.
fn string_list_to_float_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let list = call.arg(0);
    if !list.is_nil() && list.as_cons().is_none() {
        return string_error(call, "not_a_list");
    }
    let (text, _) = number_prefix(list, |_, before| before.len() < 1 << 16);
    let Some(len) = float_length(&text) else {
        return string_error(call, "no_float");
    };
    let mut rest = list.list();
    rest.by_ref().take(len).for_each(drop);
    let plain = text[..len].strip_prefix(b"+").unwrap_or(&text[..len]);
    match float::parse(plain).filter(|value| value.is_finite()) {
        Some(value) => Ok(call.heap.tuple(&[call.heap.float(value), rest.rest()])),
        None => string_error(call, "no_float"),
    }
}

fn float_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let whole = digits(sign);
    let point = sign + whole;
    if whole == 0 || !matches!(text.get(point), Some(b'.' | b',')) {
        return None;
    }
    let fraction = digits(point + 1);
    if fraction == 0 {
        return None;
    }
    let mut end = point + 1 + fraction;
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = if signed <= text.len() {
            digits(signed)
        } else {
            0
        };
        if exponent > 0 {
            end = signed + exponent;
        }
    }
    Some(end)
}

// Floats ---------------------------------------------------------------------------------------------

fn float<'p>(term: Term<'p>) -> Result<f64, Stop<'p>> {
    match term.kind() {
        Kind::Float(value) => Ok(value),
        _ => Err(badarg()),
    }
}

/// The options of `float_to_list/2`.
fn format<'p>(options: Term<'p>) -> Result<Format, Stop<'p>> {
    let mut format = Format::DEFAULT;
    let mut compact = false;
    for option in options.proper_list().ok_or_else(badarg)? {
        if option.is_atom(crate::atom!("compact")) {
            compact = true;
        } else if option.is_atom(crate::atom!("short")) {
            format = Format::Short;
        } else {
            let [key, value] = option.as_tuple_of().ok_or_else(badarg)?;
            let value = value.as_small().ok_or_else(badarg)?;
            if key.is_atom(crate::atom!("decimals")) {
                let decimals = i32::try_from(value)
                    .ok()
                    .filter(|&decimals| (0..=253).contains(&decimals))
                    .ok_or_else(badarg)?;
                format = Format::Fixed {
                    decimals,
                    compact: false,
                };
            } else if key.is_atom(crate::atom!("scientific")) {
                let decimals = i32::try_from(value)
                    .ok()
                    .filter(|&decimals| decimals <= 249)
                    .ok_or_else(badarg)?;
                format = Format::Scientific { decimals };
            } else {
                return Err(badarg());
            }
        }
    }
    Ok(match format {
        Format::Fixed { decimals, .. } => Format::Fixed { decimals, compact },
        other => other,
    })
}

fn print_float<'p>(term: Term<'p>, format: Format) -> Result<Vec<u8>, Stop<'p>> {
    let mut out = Vec::with_capacity(32);
    float::print(float(term)?, format, &mut out).map_err(|_| badarg())?;
    Ok(out)
}

fn float_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call
        .heap
        .byte_list(&print_float(call.arg(0), Format::DEFAULT)?, Term::NIL))
}

fn float_to_list_2<'p>(call: Call<'p>) -> BifResult<'p> {
    float(call.arg(0))?;
    Ok(call
        .heap
        .byte_list(&print_float(call.arg(0), format(call.arg(1))?)?, Term::NIL))
}

fn float_to_binary_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call
        .heap
        .binary(&print_float(call.arg(0), Format::DEFAULT)?))
}

fn float_to_binary_2<'p>(call: Call<'p>) -> BifResult<'p> {
    float(call.arg(0))?;
    Ok(call
        .heap
        .binary(&print_float(call.arg(0), format(call.arg(1))?)?))
}

fn read_float<'p>(call: Call<'p>, text: &[u8]) -> BifResult<'p> {
    let value = float::parse(text)
        .filter(|value| value.is_finite())
        .ok_or_else(badarg)?;
    Ok(call.heap.float(value))
}

fn list_to_float_1<'p>(call: Call<'p>) -> BifResult<'p> {
    read_float(call, &byte_list(call.arg(0)).ok_or_else(badarg)?)
}

fn binary_to_float_1<'p>(call: Call<'p>) -> BifResult<'p> {
    read_float(call, &bytes(call.arg(0))?)
}

fn float_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Float(_) => Ok(call.arg(0)),
        _ => arithmetic::to_float(call.arg(0))
            .map(|value| call.heap.float(value))
            .ok_or_else(badarg),
    }
}

fn whole<'p>(call: Call<'p>, rounded: fn(f64) -> Option<big::BigBuf>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Float(value) => rounded(value)
            .map(|value| arithmetic::integer(call.heap, &value))
            .ok_or_else(badarg),
        _ if Integer::of(call.arg(0)).is_some() => Ok(call.arg(0)),
        _ => Err(badarg()),
    }
}

fn trunc_1<'p>(call: Call<'p>) -> BifResult<'p> {
    whole(call, big::trunc)
}

fn round_1<'p>(call: Call<'p>) -> BifResult<'p> {
    whole(call, big::round)
}

fn floor_1<'p>(call: Call<'p>) -> BifResult<'p> {
    whole(call, big::floor)
}

fn ceil_1<'p>(call: Call<'p>) -> BifResult<'p> {
    whole(call, big::ceil)
}
