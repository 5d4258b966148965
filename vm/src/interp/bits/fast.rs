//! Matching where it is simple: what the interpreter does in place. Whatever is out of the ordinary gives
//! none, and [`off_the_fast_path`](super::off_the_fast_path) does it.
//!
//! Words given here are registers of the running process; nothing is collected meanwhile.

use super::matching::Context;
use crate::binary::HEAP_LIMIT;
use crate::heap::raw::STACK_SLACK;
use crate::term::word::{self, BoxedKind, Word};

/// Words of a match context and of a part of a binary.
const OBJECT: usize = 4;

/// Whether so many words have room below the stack.
#[inline(always)]
fn fits(hp: *mut Word, e: *mut Word, words: usize) -> bool {
    (e as usize).wrapping_sub(hp as usize) >= (words + STACK_SLACK) * size_of::<Word>()
        && !cfg!(feature = "zeal")
}

/// Whether an object has room below the stack.
#[inline(always)]
fn has_room(hp: *mut Word, e: *mut Word) -> bool {
    fits(hp, e, OBJECT)
}

/// A binary of at most `HEAP_LIMIT` bytes at `hp`.
///
/// # Safety
/// It [fits](fits).
#[inline(always)]
unsafe fn copy(hp: &mut *mut Word, bytes: &[u8]) -> Word {
    let at = *hp;
    let words = bytes.len().div_ceil(size_of::<Word>());
    // SAFETY: by contract; the last word is zeroed before it is partly written, or is the length itself.
    unsafe {
        *at.add(1 + words) = 0;
        *at = word::header(BoxedKind::HeapBits, 1 + words);
        *at.add(1) = bytes.len() as Word * 8;
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), at.add(2).cast(), bytes.len());
        *hp = at.add(2 + words);
    }
    word::boxed(at)
}

/// Builds a boxed object of three words at `hp`.
///
/// # Safety
/// There [is room](has_room).
#[inline(always)]
unsafe fn object(hp: &mut *mut Word, kind: BoxedKind, words: [Word; 3]) -> Word {
    let at = *hp;
    // SAFETY: by contract.
    unsafe {
        *at = word::header(kind, 3);
        *at.add(1) = words[0];
        *at.add(2) = words[1];
        *at.add(3) = words[2];
        *hp = at.add(OBJECT);
    }
    word::boxed(at)
}

/// A field's size in bits, where it is an ordinary number.
#[inline(always)]
pub(crate) fn size(size: Word, unit: u64) -> Option<usize> {
    if !word::is_small(size) {
        return None;
    }
    let units = u32::try_from(word::small_value(size)).ok()?;
    usize::try_from(u64::from(units).checked_mul(unit)?).ok()
}

/// Starts matching a part of a binary or a context.
#[inline(always)]
pub(crate) fn start(source: Word, hp: &mut *mut Word, e: *mut Word) -> Option<Word> {
    if !word::is_boxed(source) {
        return None;
    }
    let at = word::pointer(source);
    // SAFETY: a boxed term points to its header; a `SubBits` has three words after it.
    unsafe {
        const CONTEXT: Word = word::header(BoxedKind::MatchContext, 3);
        const PART: Word = word::header(BoxedKind::SubBits, 3);
        match *at {
            CONTEXT => Some(source),
            PART if has_room(*hp, e) => {
                let words = [*at.add(1), *at.add(1) + *at.add(2), *at.add(3)];
                Some(object(hp, BoxedKind::MatchContext, words))
            }
            _ => None,
        }
    }
}

/// The number in the next `bits` bits (1 to 56), big-endian; the position moves on.
#[inline(always)]
pub(crate) fn integer(context: Word, bits: usize, signed: bool) -> Option<i64> {
    let context = Context::of(context)?;
    let position = context.position();
    if context.left() < bits {
        return None;
    }
    let bytes = context.bytes();
    let first = position / 8;
    let value = if bits == 8 && position % 8 == 0 {
        u64::from(*bytes.get(first)?) << 56
    } else {
        let eight = bytes.get(first..)?.first_chunk::<8>()?;
        u64::from_be_bytes(*eight) << (position % 8)
    };
    context.set_position(position + bits);
    Some(if signed {
        value as i64 >> (64 - bits)
    } else {
        (value >> (64 - bits)) as i64
    })
}

/// The next `bits` bits as a part of the binary, or a copy where they are few whole bytes (as in the stock VM: a
/// small binary does not keep a large one); the position moves on.
#[inline(always)]
pub(crate) fn part(context: Word, bits: usize, hp: &mut *mut Word, e: *mut Word) -> Option<Word> {
    let context = Context::of(context)?;
    if context.left() < bits || !has_room(*hp, e) {
        return None;
    }
    let position = context.position();
    if bits.is_multiple_of(8) && bits <= HEAP_LIMIT * 8 {
        let bytes = context.bytes().get(position / 8..)?.get(..bits / 8)?;
        if position % 8 != 0 || !fits(*hp, e, 2 + HEAP_LIMIT / 8) {
            return None;
        }
        context.set_position(position + bits);
        // SAFETY: there is room.
        return Some(unsafe { copy(hp, bytes) });
    }
    let words = [position as Word, bits as Word, context.holder()];
    context.set_position(position + bits);
    // SAFETY: there is room.
    Some(unsafe { object(hp, BoxedKind::SubBits, words) })
}

/// The rest of the bits; the position stays.
#[inline(always)]
pub(crate) fn rest(context: Word, hp: &mut *mut Word, e: *mut Word) -> Option<Word> {
    let context = Context::of(context)?;
    if !has_room(*hp, e) {
        return None;
    }
    let words = [
        context.position() as Word,
        context.left() as Word,
        context.holder(),
    ];
    // SAFETY: there is room.
    Some(unsafe { object(hp, BoxedKind::SubBits, words) })
}

/// How many bits are left.
#[inline(always)]
pub(crate) fn left(context: Word) -> Option<usize> {
    Some(Context::of(context)?.left())
}

/// Moves on by `bits`; whether so many were left.
#[inline(always)]
pub(crate) fn skip(context: Word, bits: usize) -> Option<bool> {
    let context = Context::of(context)?;
    let enough = context.left() >= bits;
    if enough {
        context.set_position(context.position() + bits);
    }
    Some(enough)
}

/// The position as an integer.
#[inline(always)]
pub(crate) fn position(context: Word) -> Option<Word> {
    Some(word::small(Context::of(context)?.position() as i64))
}

/// Goes back to a position that [`position`] gave.
#[inline(always)]
pub(crate) fn set_position(context: Word, position: Word) -> Option<()> {
    let context = Context::of(context)?;
    let position = usize::try_from(word::small_value(position)).ok()?;
    if position > context.end() {
        return None;
    }
    context.set_position(position);
    Some(())
}

/// Whether the next bits are those of `literal`, both whole bytes; if so the position moves on.
#[inline(always)]
pub(crate) fn literal(context: Word, literal: &[u8]) -> Option<bool> {
    let context = Context::of(context)?;
    let position = context.position();
    if position % 8 != 0 {
        return None;
    }
    let bits = literal.len() * 8;
    if context.left() < bits {
        return Some(false);
    }
    let holds = context.bytes().get(position / 8..)?.starts_with(literal);
    if holds {
        context.set_position(position + bits);
    }
    Some(holds)
}

/// The next character of UTF-8, if it is one of ASCII at a byte's beginning; the position moves on.
#[inline(always)]
pub(crate) fn ascii(context: Word) -> Option<Word> {
    let context = Context::of(context)?;
    let position = context.position();
    if position % 8 != 0 || context.left() < 8 {
        return None;
    }
    let byte = *context.bytes().get(position / 8)?;
    if !byte.is_ascii() {
        return None;
    }
    context.set_position(position + 8);
    Some(word::small(i64::from(byte)))
}
