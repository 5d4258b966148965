//! Copying terms from heap to heap.
//!
//! A copy is made in two passes: one counts the words, one copies into a piece of memory of just that size.
//! The second needs no stack: like the collector it goes over the copy and fetches what its words still
//! point to outside. Sharing within a term is lost, as in the stock VM, except in [`super::copy_shared`], which
//! literals are made with.
//!
//! `SHARE` says whether literals are shared (messages) or copied (all that outlives a module).

use std::sync::Arc;

use smallvec::SmallVec;

use super::fragment::{Fragment, OffHeap};
use super::literal::Region;
use super::{Heap, OwnedTerm};
use crate::binary::BinaryData;
use crate::resource::Resource;
use crate::term::Term;
use crate::term::word::{self, BoxedKind, Word};

/// The most words that are copied whole: there may be some among them that the term does not need.
const COPIED_WHOLE: usize = 256;

impl<'h> Heap<'h> {
    /// A copy of a term of any heap, literals included.
    pub fn copy(self, term: Term<'_>) -> Term<'h> {
        self.copy_term::<false>(term)
    }

    /// A copy of a term of any heap that shares its literals: for what the purge of literals knows to look
    /// at, such as messages and the arguments of a new process.
    pub fn copy_message(self, term: Term<'_>) -> Term<'h> {
        self.copy_term::<true>(term)
    }

    /// A copy of a term that has memory of its own, literals included, as [`copy`](Heap::copy) makes it. Where that
    /// memory is one piece without objects off the heap, as mostly, it is copied whole and only its pointers are
    /// changed: nothing is counted or gone through first.
    pub fn copy_owned(self, owned: &OwnedTerm) -> Term<'h> {
        let root = owned.root;
        let fragment = owned.fragments;
        if fragment.is_null() || owned.off_heap().head.get() != word::NIL {
            return self.copy(owned.term());
        }
        // SAFETY: the fragment lives as long as `owned`, and nothing writes to it.
        let (from, words, only) = unsafe {
            let only = (*fragment).next.is_null();
            (Fragment::words(fragment), (*fragment).used, only)
        };
        let inside =
            |word: Word| (word::pointer(word) as usize).wrapping_sub(from as usize) < words * 8;
        if !only || words > COPIED_WHOLE || word::is_immediate(root) || !inside(root) {
            return self.copy(owned.term());
        }
        let to = self.raw().alloc(words);
        let distance = (to as Word).wrapping_sub(from as Word);
        // SAFETY:
        // 1. The fragment holds `words` words of complete objects, `to` has room for them.
        // 2. `at` stands at a header or a term: raw words are skipped as the header's kind says.
        // 3. Pointers into the fragment lead, moved by the distance, to the same object's copy; the tag stays, since
        //    the distance is one of words.
        unsafe {
            copy_few(from, to, words);
            let mut at = to;
            let end = to.add(words);
            while at < end {
                let word = *at;
                if word::is_header(word) {
                    at = at.add(1 + raw_words(word));
                    continue;
                }
                if !word::is_immediate(word) {
                    *at = match inside(word) {
                        true => word.wrapping_add(distance),
                        // A literal, which must be copied as the rest is.
                        false => self.copy(Term::from_word(word)).word(),
                    };
                }
                at = at.add(1);
            }
            Term::from_word(root.wrapping_add(distance))
        }
    }

    fn copy_term<const SHARE: bool>(self, term: Term<'_>) -> Term<'h> {
        let words = copy_words::<SHARE>(term.word());
        if words == 0 {
            // SAFETY: an immediate, or a literal that by contract outlives the copy.
            return unsafe { Term::from_word(term.word()) };
        }
        let raw = self.raw();
        let to = raw.alloc(words);
        // SAFETY: room for the words that were counted; they become this heap's, with its off-heap list.
        unsafe { Term::from_word(copy_into::<SHARE>(term.word(), to, words, &raw.off_heap)) }
    }
}

/// A fragment of its own with a copy of a term, which it returns with the number of words; none for what
/// needs no copy.
pub(super) fn copy_to_fragment<const SHARE: bool>(
    root: Word,
    off_heap: &OffHeap,
) -> (Word, *mut Fragment, usize) {
    let words = copy_words::<SHARE>(root);
    if words == 0 {
        return (root, std::ptr::null_mut(), 0);
    }
    let fragment = Fragment::allocate(words, std::ptr::null_mut());
    // SAFETY: the fragment was just allocated with room for the words that were counted.
    unsafe {
        let to = Fragment::take(fragment, words).expect("a new fragment has its room");
        (
            copy_into::<SHARE>(root, to, words, off_heap),
            fragment,
            words,
        )
    }
}

/// What is still to be visited. Depth lies here, not on the native stack.
type Pending = SmallVec<[Word; 32]>;

/// How many words a copy of the term takes.
pub(crate) fn copy_words<const SHARE: bool>(root: Word) -> usize {
    if word::is_immediate(root) {
        return 0;
    }
    let literals = Region::get();
    let mut words = 0;
    let mut pending = Pending::new();
    let mut current = root;
    loop {
        // Follows `current` as far as it leads; all else waits.
        while !word::is_immediate(current) {
            let at = word::pointer(current);
            if SHARE && literals.contains(at) {
                break;
            }
            // SAFETY: a pointer of a living term leads to a whole object.
            unsafe {
                if word::is_cons(current) {
                    words += 2;
                    let head = *at;
                    if !word::is_immediate(head) {
                        pending.push(head);
                    }
                    current = *at.add(1);
                } else {
                    let (own, terms) = boxed_words(at);
                    words += own;
                    for &term in terms {
                        if !word::is_immediate(term) {
                            pending.push(term);
                        }
                    }
                    break;
                }
            }
        }
        match pending.pop() {
            Some(next) => current = next,
            None => return words,
        }
    }
}

/// How many words a copy of a boxed object takes without its terms, and these.
///
/// # Safety
/// `at` is a complete object that stays for `'a`.
#[inline]
unsafe fn boxed_words<'a>(at: *const Word) -> (usize, &'a [Word]) {
    // SAFETY: by contract; the words are those of the kind.
    unsafe {
        let header = *at;
        let size = word::header_words(header);
        match word::header_kind(header) {
            BoxedKind::SubBits | BoxedKind::MatchContext => (part_words(Part::of(at)), &[]),
            kind => {
                let raw = kind.raw_words().min(size);
                let terms = std::slice::from_raw_parts(at.add(1 + raw), size - raw);
                (1 + size, terms)
            }
        }
    }
}

/// A part of a bit string, taken apart.
struct Part {
    start: usize,
    len: usize,
    holder: *const Word,
}

impl Part {
    /// # Safety
    /// `at` is a complete `SubBits` or `MatchContext`.
    #[inline]
    unsafe fn of(at: *const Word) -> Part {
        // SAFETY: by contract there are three words, of which the third points to the holder.
        unsafe {
            let (start, third) = (*at.add(1) as usize, *at.add(2) as usize);
            let len = match word::header_kind(*at) {
                BoxedKind::SubBits => third,
                _ => third - start,
            };
            Part {
                start,
                len,
                holder: word::pointer(*at.add(3)),
            }
        }
    }

    fn is_on_heap(&self) -> bool {
        // SAFETY: the holder is a complete object.
        word::header_kind(unsafe { *self.holder }) == BoxedKind::HeapBits
    }
}

/// A part of a binary off the heap takes a holder of its own with it; of one on the heap just its bytes.
fn part_words(part: Part) -> usize {
    if part.is_on_heap() {
        2 + part.len.div_ceil(64)
    } else {
        4 + 3
    }
}

/// Copies the term to `to`; returns the copy.
///
/// # Safety
/// `root` is a living term for which `words` were counted with the same `SHARE`, `to` has room for them, and
/// `off_heap` is the list of the heap that `to` belongs to.
pub(crate) unsafe fn copy_into<const SHARE: bool>(
    root: Word,
    to: *mut Word,
    words: usize,
    off_heap: &OffHeap,
) -> Word {
    let literals = Region::get();
    let bytes = words * 8;
    let mut top = to;
    let mut scan = to;
    // A list of immediates that was copied while the scan stood before it: nothing in it leads anywhere.
    let mut flat = Flat::NONE;
    // SAFETY:
    // 1. Pointers outside `to..` lead to living objects; those inside were made here.
    // 2. What is written was counted, so it stays within the room.
    // 3. `scan` stands at a header or a term: raw words are skipped as the header's kind says.
    unsafe {
        let copy = if word::is_immediate(root) || SHARE && literals.contains(word::pointer(root)) {
            root
        } else {
            copy_object::<SHARE>(root, &mut top, literals, off_heap, &mut flat)
        };
        while scan < top {
            if scan == flat.start {
                scan = flat.end;
                continue;
            }
            let word = *scan;
            if word::is_immediate(word) {
                scan = scan.add(1);
            } else if word::is_header(word) {
                scan = scan.add(1 + raw_words(word));
            } else {
                let at = word::pointer(word);
                let inside = (at as usize).wrapping_sub(to as usize) < bytes;
                if !(inside || SHARE && literals.contains(at)) {
                    *scan = copy_object::<SHARE>(word, &mut top, literals, off_heap, &mut flat);
                }
                scan = scan.add(1);
            }
        }
        debug_assert_eq!(top, to.add(words), "the copy takes what was counted");
        copy
    }
}

/// Cells without pointers to anything but the next of them.
struct Flat {
    start: *mut Word,
    end: *mut Word,
}

impl Flat {
    const NONE: Flat = Flat {
        start: std::ptr::null_mut(),
        end: std::ptr::null_mut(),
    };
}

/// How many words after this header are not terms.
#[inline(always)]
pub(super) fn raw_words(header: Word) -> usize {
    // Tuples are by far the most: a branch that is foreseen is faster than the table.
    if header & KIND_MASK == (BoxedKind::Tuple as Word) << word::HEADER_KIND_SHIFT {
        return 0;
    }
    const RAW: [usize; 32] = {
        let mut table = [usize::MAX; 32];
        let mut kind = 0;
        while kind < BoxedKind::ALL.len() {
            table[kind] = BoxedKind::ALL[kind].raw_words();
            kind += 1;
        }
        table
    };
    RAW[((header & KIND_MASK) >> word::HEADER_KIND_SHIFT) as usize].min(word::header_words(header))
}

/// The kind in a header.
const KIND_MASK: Word = 31 << word::HEADER_KIND_SHIFT;

/// Copies one boxed object, or the cells of a list up to what is no cell.
///
/// # Safety
/// As for [`copy_into`]; `word` is a pointer.
#[inline]
unsafe fn copy_object<const SHARE: bool>(
    word: Word,
    top: &mut *mut Word,
    literals: Region,
    off_heap: &OffHeap,
    flat: &mut Flat,
) -> Word {
    let mut from = word::pointer(word);
    // SAFETY: by contract.
    unsafe {
        if word::is_boxed(word) {
            return copy_boxed(from, top, off_heap);
        }
        let first = *top;
        let mut to = first;
        // Has a bit that immediates have not, if one of the elements has.
        let mut elements = 0;
        loop {
            let element = *from;
            *to = element;
            elements |= element;
            let tail = *from.add(1);
            to = to.add(2);
            if word::is_cons(tail) {
                from = word::pointer(tail);
                if !(SHARE && literals.contains(from)) {
                    *to.sub(1) = word::cons(to);
                    continue;
                }
            }
            *to.sub(1) = tail;
            *top = to;
            if word::is_immediate(elements | tail) {
                *flat = Flat {
                    start: first,
                    end: to,
                };
            }
            return word::cons(first);
        }
    }
}

/// # Safety
/// As for [`copy_into`]; `from` is a complete object.
unsafe fn copy_boxed(from: *mut Word, top: &mut *mut Word, off_heap: &OffHeap) -> Word {
    let to = *top;
    // SAFETY: by contract; each object is copied as its kind wants it.
    unsafe {
        let header = *from;
        let kind = word::header_kind(header);
        match kind {
            BoxedKind::SubBits | BoxedKind::MatchContext => {
                copy_part(Part::of(from), top, off_heap);
            }
            BoxedKind::RefBin | BoxedKind::MagicRef => {
                *top = copy_off_heap(from, to, off_heap);
            }
            _ => {
                let count = 1 + word::header_words(header);
                copy_few(from, to, count);
                *top = to.add(count);
            }
        }
    }
    word::boxed(to)
}

/// Copies words, without a call where they are few.
///
/// # Safety
/// Both places have `count` words and do not overlap.
#[inline(always)]
pub(crate) unsafe fn copy_few(from: *const Word, to: *mut Word, count: usize) {
    // SAFETY: by contract.
    unsafe {
        // Most objects have a few words: a loop would cost more than they do.
        match count {
            0 => {}
            1 => *to = *from,
            2 => *to.cast::<[Word; 2]>() = *from.cast::<[Word; 2]>(),
            3 => *to.cast::<[Word; 3]>() = *from.cast::<[Word; 3]>(),
            4 => *to.cast::<[Word; 4]>() = *from.cast::<[Word; 4]>(),
            5 => *to.cast::<[Word; 5]>() = *from.cast::<[Word; 5]>(),
            6 => *to.cast::<[Word; 6]>() = *from.cast::<[Word; 6]>(),
            _ => std::ptr::copy_nonoverlapping(from, to, count),
        }
    }
}

/// Copies an object that counts something, and counts it once more. Returns where the copy ends.
///
/// # Safety
/// `from` is a complete object of an off-heap kind, `to` has room for it.
pub(super) unsafe fn copy_off_heap(
    from: *const Word,
    to: *mut Word,
    off_heap: &OffHeap,
) -> *mut Word {
    // SAFETY:
    // 1. The words are those that `Heap` wrote for the kind, so the pointers came from `Arc::into_raw`
    //    or are an `Arc` themselves, alive through `from`.
    // 2. The copy owns the count that is added.
    unsafe {
        let header = *from;
        let count = 1 + word::header_words(header);
        copy_few(from, to, count);
        let binary_words = if word::header_kind(header) == BoxedKind::RefBin {
            let data = *from.add(2) as *const BinaryData;
            Arc::increment_strong_count(data);
            (*data).capacity() / 8
        } else {
            let resource = from.add(2).cast::<Arc<dyn Resource>>();
            std::mem::forget(Arc::clone(&*resource));
            0
        };
        off_heap.link(to, binary_words);
        to.add(count)
    }
}

/// # Safety
/// As for [`copy_into`].
unsafe fn copy_part(part: Part, top: &mut *mut Word, off_heap: &OffHeap) {
    let to = *top;
    // SAFETY: the room of `part_words` was counted; the holder has the bits that the part names.
    unsafe {
        if part.is_on_heap() {
            let words = part.len.div_ceil(64);
            *to = word::header(BoxedKind::HeapBits, 1 + words);
            *to.add(1) = part.len as Word;
            std::ptr::write_bytes(to.add(2), 0, words);
            let source = part.holder.add(2).cast::<u8>();
            let held = (*part.holder.add(1) as usize).div_ceil(8);
            let source = std::slice::from_raw_parts(source, held);
            let target =
                std::slice::from_raw_parts_mut(to.add(2).cast::<u8>(), part.len.div_ceil(8));
            copy_bits(source, part.start, part.len, target);
            *top = to.add(2 + words);
        } else {
            let holder = to.add(4);
            *to = word::header(BoxedKind::SubBits, 3);
            *to.add(1) = part.start as Word;
            *to.add(2) = part.len as Word;
            *to.add(3) = word::boxed(holder);
            *top = copy_off_heap(part.holder, holder, off_heap);
        }
    }
}

/// Copies `len` bits from bit `start` of `source` on to the beginning of `target`, which has just the bytes
/// for them; bits after the last are 0.
pub(crate) fn copy_bits(source: &[u8], start: usize, len: usize, target: &mut [u8]) {
    let (first, shift) = (start / 8, start % 8);
    for (index, byte) in target.iter_mut().enumerate() {
        let high = source[first + index];
        *byte = if shift == 0 {
            high
        } else {
            let low = source.get(first + index + 1).copied().unwrap_or(0);
            high << shift | low >> (8 - shift)
        };
    }
    if let (Some(last), used @ 1..) = (target.last_mut(), len % 8) {
        *last &= 0xff << (8 - used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::{Random, describe, term};
    use crate::heap::{LiteralArea, OwnedTerm, RawHeap};

    #[test]
    fn a_copy_is_equal_and_independent() {
        for seed in 0..400 {
            let random = &mut Random::new(seed);
            let raw = RawHeap::detached();
            let original = term(Heap::new(&raw), random, 5, &mut Vec::new());
            let expected = describe(original);
            let other = RawHeap::detached();
            let copy = Heap::new(&other).copy(original);
            let owned = OwnedTerm::copy_of(original);
            assert_eq!(owned.words(), original.flat_words());
            let area = LiteralArea::of(&[original, copy]);
            assert!(area.words() <= original.shared_words() + copy.shared_words());
            drop(raw);
            assert_eq!(describe(copy), expected);
            assert_eq!(describe(owned.term()), expected);
            assert_eq!(describe(Heap::new(&other).copy_owned(&owned)), expected);
            assert_eq!(describe(area.term(0)), expected);
            assert_eq!(describe(area.term(1)), expected);
            drop(other);
            assert_eq!(describe(owned.term()), expected);
        }
    }

    #[test]
    fn messages_share_literals() {
        let area = LiteralArea::build(|heap| {
            vec![heap.string("a literal string"), heap.binary(&[1; 100])]
        });
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let pair = heap.tuple(&[area.term(0), heap.cons(area.term(1), area.term(0))]);
        let message = OwnedTerm::message_of(pair);
        assert_eq!(message.words(), 3 + 2);
        let [string, rest] = message.term().as_tuple_of().expect("a pair");
        assert!(string.same(area.term(0)));
        assert!(rest.as_cons().expect("a list").tail().same(area.term(0)));
        assert_eq!(OwnedTerm::message_of(area.term(0)).words(), 0);
        let whole = OwnedTerm::copy_of(pair);
        assert_eq!(whole.words(), 3 + 2 + 2 * 32 + 3);
        assert!(!whole.term().as_tuple_of::<2>().expect("a pair")[0].is_literal());
    }

    #[test]
    fn depth_is_no_matter() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let deep = (0..300_000).fold(Term::NIL, |inner, _| {
            heap.tuple(&[heap.list(&[inner]), Term::OK])
        });
        let copy = OwnedTerm::copy_of(deep);
        assert_eq!(copy.words(), 300_000 * 5);
        assert_eq!(LiteralArea::of(&[deep]).words(), 300_000 * 5);
    }

    #[test]
    fn binaries_are_counted_and_parts_are_cut() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let data = BinaryData::copy_of(&[5; 100]);
        let whole = heap.ref_bin(Arc::clone(&data));
        let small = heap.binary(&[0xf0; 60]);
        let parts = heap.tuple(&[
            heap.part(whole.as_bits().expect("bits"), 3, 9),
            heap.part(small.as_bits().expect("bits"), 3, 9),
        ]);
        assert_eq!(Arc::strong_count(&data), 2);
        let copy = OwnedTerm::copy_of(parts);
        assert_eq!(Arc::strong_count(&data), 3);
        assert_eq!(copy.words(), 3 + 7 + 3);
        let [_, cut] = copy.term().as_tuple_of().expect("a pair");
        assert_eq!(&*cut.as_bits().expect("bits").aligned(), &[0x87, 0x80]);
        drop(copy);
        assert_eq!(Arc::strong_count(&data), 2);
    }
}
