//! MD5, CRC-32 and Adler-32 of I/O lists. Long ones give way.

#![forbid(unsafe_code)]

use crate::bif::iolist::{NoIolist, Piece, Walk};
use crate::bif::progress::{give_way, resumed};
use crate::bif::{BifResult, Call, Stop, badarg};
use crate::numeric::hash::checksum::{adler32, adler32_combine, crc32, crc32_combine};
use crate::numeric::hash::md5::Md5;
use crate::term::Term;

crate::bifs! {
    "erlang" {
        "md5"/1 Heavy md5_1;
        "md5_init"/0 Plain md5_init_0;
        "md5_update"/2 Heavy md5_update_2;
        "md5_final"/1 Plain md5_final_1;
        "crc32"/1 Heavy crc32_1;
        "crc32"/2 Heavy crc32_2;
        "crc32_combine"/3 Plain crc32_combine_3;
        "adler32"/1 Heavy adler32_1;
        "adler32"/2 Heavy adler32_2;
        "adler32_combine"/3 Plain adler32_combine_3;
    }
}

/// Bytes for one reduction.
const BYTES_PER_REDUCTION: usize = 128;
/// Bytes of the list's own elements are gathered to pieces of this size.
const GATHERED: usize = 512;
/// The most of one binary that is taken between two looks at the reductions.
const LARGEST_PIECE: usize = 64 * 1024;

/// Feeds all bytes of `data` to `step`. In later calls the state of the earlier ones is used.
fn fold<'p, S: Send + 'static>(
    call: Call<'p>,
    data: Term<'p>,
    start: impl FnOnce() -> Result<S, Stop<'p>>,
    step: impl Fn(&mut S, &[u8]),
) -> Result<S, Stop<'p>> {
    let (mut state, mut walk) = match resumed::<S>(call) {
        None => (start()?, Walk::new(data)),
        Some((state, &[rest])) => (state, Walk::new(rest)),
        Some(_) => return Err(badarg()),
    };
    let mut gathered = Vec::with_capacity(GATHERED);
    let mut work = 0;
    while let Some(piece) = walk.piece().map_err(|NoIolist| badarg())? {
        match piece {
            Piece::Byte(byte) => {
                gathered.push(byte);
                work += 8;
            }
            Piece::Bits(bits) => {
                let len = bits.byte_len().ok_or_else(badarg)?;
                if !gathered.is_empty() {
                    step(&mut state, &gathered);
                    gathered.clear();
                }
                if len > LARGEST_PIECE {
                    let first = call.heap.part(bits, 0, LARGEST_PIECE * 8);
                    let rest = call
                        .heap
                        .part(bits, LARGEST_PIECE * 8, (len - LARGEST_PIECE) * 8);
                    walk.put_back(call.heap, rest);
                    let first = first.as_bits().expect("a part of a bit string");
                    step(&mut state, &first.aligned());
                } else {
                    step(&mut state, &bits.aligned());
                }
                work += 8 + len.min(LARGEST_PIECE);
            }
        }
        if gathered.len() >= GATHERED {
            step(&mut state, &gathered);
            gathered.clear();
        }
        if work >= LARGEST_PIECE {
            if call.charge(work / BYTES_PER_REDUCTION) {
                if !gathered.is_empty() {
                    step(&mut state, &gathered);
                }
                let rest = walk.rest(call.heap);
                return Err(give_way(call, state, &[rest]));
            }
            work = 0;
        }
    }
    if !gathered.is_empty() {
        step(&mut state, &gathered);
    }
    call.charge(work / BYTES_PER_REDUCTION);
    Ok(state)
}

fn md5_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let digest = fold(call, call.arg(0), || Ok(Md5::new()), Md5::update)?;
    Ok(call.heap.binary(&digest.finish()))
}

fn md5_init_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.binary(&Md5::new().to_bytes()))
}

fn context<'p>(term: Term<'p>) -> Result<Md5, Stop<'p>> {
    let bits = term
        .as_bits()
        .and_then(|bits| bits.binary())
        .ok_or_else(badarg)?;
    Md5::from_bytes(&bits).ok_or_else(badarg)
}

fn md5_update_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let digest = fold(call, call.arg(1), || context(call.arg(0)), Md5::update)?;
    Ok(call.heap.binary(&digest.to_bytes()))
}

fn md5_final_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.binary(&context(call.arg(0))?.finish()))
}

/// A sum: an integer of 32 bits.
fn sum<'p>(term: Term<'p>) -> Result<u32, Stop<'p>> {
    term.as_small()
        .and_then(|value| u32::try_from(value).ok())
        .ok_or_else(badarg)
}

fn checksum<'p>(
    call: Call<'p>,
    data: Term<'p>,
    start: impl FnOnce() -> Result<u32, Stop<'p>>,
    step: fn(u32, &[u8]) -> u32,
) -> BifResult<'p> {
    let sum = fold(call, data, start, |sum: &mut u32, bytes| {
        *sum = step(*sum, bytes)
    })?;
    Ok(call.heap.unsigned(u64::from(sum)))
}

fn crc32_1<'p>(call: Call<'p>) -> BifResult<'p> {
    checksum(call, call.arg(0), || Ok(0), crc32)
}

fn crc32_2<'p>(call: Call<'p>) -> BifResult<'p> {
    checksum(call, call.arg(1), || sum(call.arg(0)), crc32)
}

/// Adler-32 as zlib counts it: an empty binary brings both halves of a sum that no data have into range.
fn adler32_step(sum: u32, bytes: &[u8]) -> u32 {
    const BASE: u32 = 65_521;
    if bytes.is_empty() {
        (((sum >> 16) % BASE) << 16) | ((sum & 0xFFFF) % BASE)
    } else {
        adler32(sum, bytes)
    }
}

fn adler32_1<'p>(call: Call<'p>) -> BifResult<'p> {
    checksum(call, call.arg(0), || Ok(1), adler32_step)
}

fn adler32_2<'p>(call: Call<'p>) -> BifResult<'p> {
    checksum(call, call.arg(1), || sum(call.arg(0)), adler32_step)
}

fn combine<'p>(call: Call<'p>, combine: fn(u32, u32, u64) -> u32) -> BifResult<'p> {
    let size = call.arg(2).as_u64().ok_or_else(badarg)?;
    let sum = combine(sum(call.arg(0))?, sum(call.arg(1))?, size);
    Ok(call.heap.unsigned(u64::from(sum)))
}

fn crc32_combine_3<'p>(call: Call<'p>) -> BifResult<'p> {
    combine(call, crc32_combine)
}

fn adler32_combine_3<'p>(call: Call<'p>) -> BifResult<'p> {
    combine(call, adler32_combine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bif::testing::{compare, run};
    use crate::heap::Heap;
    use crate::process::Process;
    use crate::term::Pid;

    #[test]
    fn sums_are_those_of_the_stock_vm() {
        let data = [
            "[]",
            "<<>>",
            "\"abc\"",
            "[1,[<<2,3>>,4]|<<5>>]",
            "[a]",
            "<<1:1>>",
            "x",
            "[256]",
        ];
        let mut calls = Vec::new();
        for data in data {
            for name in ["md5", "crc32", "adler32"] {
                calls.push(format!("erlang:{name}({data})"));
            }
            for sum in ["0", "1", "4294967295", "4294967296", "-1", "a"] {
                calls.push(format!("erlang:crc32({sum},{data})"));
                calls.push(format!("erlang:adler32({sum},{data})"));
            }
            calls.push(format!("erlang:md5_update(<<1>>,{data})"));
            calls.push(format!("erlang:md5_final({data})"));
        }
        for (a, b, size) in [
            ("1", "2", "3"),
            ("7", "4294967295", "100000"),
            ("1", "2", "-1"),
        ] {
            calls.push(format!("erlang:crc32_combine({a},{b},{size})"));
            calls.push(format!("erlang:adler32_combine({a},{b},{size})"));
        }
        compare(&calls);
    }

    #[test]
    fn long_sums_give_way() {
        let process = Process::detached(Pid(1));
        let heap = Heap::new(&process.heap);
        let bytes: Vec<u8> = (0..2_000_001u32).map(|n| (n * 7) as u8).collect();
        let list = heap.list(&[Term::int(9), heap.binary(&bytes), Term::int(8)]);
        let (digest, times) = run(&process, md5_1, &[list]);
        assert!(times > 2, "{times}");
        let whole = [&[9], &bytes[..], &[8]].concat();
        assert_eq!(
            digest.ok().unwrap().as_bits().unwrap().as_bytes().unwrap(),
            crate::numeric::hash::md5::md5(&whole)
        );
        let (sum, _) = run(&process, crc32_2, &[Term::int(5), list]);
        assert_eq!(
            sum.ok().unwrap().as_u64(),
            Some(u64::from(crc32(5, &whole)))
        );
    }
}
