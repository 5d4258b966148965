//! Copying terms with the sharing that is in them: how literals are made.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::Heap;
use super::copy::{copy_few, copy_off_heap, raw_words};
use super::fragment::OffHeap;
use super::literal::Region;
use crate::term::Term;
use crate::term::word::{self, Word};

/// Objects and where in the copy each goes, in words from its start.
pub(crate) struct SharedPlan {
    places: HashMap<usize, usize, FxBuildHasher>,
    order: Vec<Word>,
    words: usize,
}

impl SharedPlan {
    /// How many words the copy takes.
    pub(crate) fn words(&self) -> usize {
        self.words
    }
}

impl<'h> Heap<'h> {
    /// A copy of a term in which what the term shares is shared, too. Literals are copied with the rest, or
    /// stay as they are.
    pub fn copy_sharing(self, term: Term<'_>, literals: bool) -> Term<'h> {
        let mut roots = [term.word()];
        let plan = if literals {
            shared_words(&roots)
        } else {
            shared_words_but_literals(&roots)
        };
        let raw = self.raw();
        let to = match plan.words() {
            0 => std::ptr::null_mut(),
            words => raw.alloc(words),
        };
        // SAFETY:
        // 1. The plan was just made of this root, and there is room for its words, which become this heap's.
        // 2. What is not copied is an immediate, or a literal that outlives the copy by its contract.
        unsafe {
            copy_shared(&mut roots, to, plan, &raw.off_heap);
            Term::from_word(roots[0])
        }
    }
}

/// Finds every object that the roots reach, once. Literals count as any other object.
pub(crate) fn shared_words(roots: &[Word]) -> SharedPlan {
    plan(roots, |word| !word::is_immediate(word))
}

/// The same without literals and what they reach.
fn shared_words_but_literals(roots: &[Word]) -> SharedPlan {
    let region = Region::get();
    plan(roots, |word| {
        !word::is_immediate(word) && !region.contains(word::pointer(word))
    })
}

/// Finds every object that the roots reach through words that are to be followed.
fn plan(roots: &[Word], follow: impl Fn(Word) -> bool) -> SharedPlan {
    let mut plan = SharedPlan {
        places: HashMap::default(),
        order: Vec::new(),
        words: 0,
    };
    let mut pending: SmallVec<[Word; 32]> = roots
        .iter()
        .rev()
        .copied()
        .filter(|&root| follow(root))
        .collect();
    while let Some(word) = pending.pop() {
        let at = word::pointer(word);
        let entry = plan.places.entry(at as usize);
        let hashbrown::hash_map::Entry::Vacant(entry) = entry else {
            continue;
        };
        entry.insert(plan.words);
        plan.order.push(word);
        // SAFETY: the roots are living terms, so every pointer reached leads to a complete object.
        let (size, terms) = unsafe {
            if word::is_cons(word) {
                (2, std::slice::from_raw_parts(at, 2))
            } else {
                let size = word::header_words(*at);
                let raw = raw_words(*at);
                (
                    1 + size,
                    std::slice::from_raw_parts(at.add(1 + raw), size - raw),
                )
            }
        };
        plan.words += size;
        // The last term (a list's tail) is visited first, so that a list's cells lie together.
        pending.extend(terms.iter().copied().filter(|&term| follow(term)));
    }
    plan
}

/// Copies what was planned to `to`, each object once, and turns the roots into those of the copy.
///
/// # Safety
/// The plan was made of these roots, which nothing has changed since; `to` has room for its words, and
/// `off_heap` is the list of whatever `to` belongs to.
pub(crate) unsafe fn copy_shared(
    roots: &mut [Word],
    to: *mut Word,
    plan: SharedPlan,
    off_heap: &OffHeap,
) {
    let moved = |word: Word| {
        if word::is_immediate(word) {
            return word;
        }
        // What was not planned stays where it is.
        let Some(&place) = plan.places.get(&(word::pointer(word) as usize)) else {
            return word;
        };
        // SAFETY: the place lies within the room.
        unsafe { to.add(place) as Word | (word & word::TAG_MASK) }
    };
    for &word in &plan.order {
        let from = word::pointer(word);
        let copy = word::pointer(moved(word));
        // SAFETY: each object was counted with all its words, and is copied as its kind wants it.
        unsafe {
            let (first, count) = if word::is_cons(word) {
                *copy = *from;
                *copy.add(1) = *from.add(1);
                (copy, 2)
            } else {
                let (kind, size) = (word::header_kind(*from), word::header_words(*from));
                if kind.is_off_heap() {
                    copy_off_heap(from, copy, off_heap);
                } else {
                    copy_few(from, copy, 1 + size);
                }
                let raw = raw_words(*from);
                (copy.add(1 + raw), size - raw)
            };
            for slot in std::slice::from_raw_parts_mut(first, count) {
                *slot = moved(*slot);
            }
        }
    }
    for root in roots {
        *root = moved(*root);
    }
}
