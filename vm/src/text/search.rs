//! Finding patterns in a binary: the core of `binary:match`, `matches`, `split` and `replace`.
//!
//! Of the occurrences that begin first, the longest is found (OTP: `binary:match/3`). A [`Search`] is given a
//! budget of bytes, so that its caller can yield, and goes on where it stopped.

use aho_corasick::{AhoCorasick, Input, MatchKind};
use memchr::memmem::Finder;

/// One pattern or several, prepared.
#[derive(Debug)]
pub enum Pattern {
    /// A single one.
    One(Box<Finder<'static>>),
    /// Several, and the length of the longest.
    Many {
        /// Finds them all at once.
        automaton: AhoCorasick,
        /// Bytes of the longest.
        longest: usize,
    },
}

impl Pattern {
    /// Prepares patterns; none if there are none, if one is empty, or if they are too many to be searched for.
    pub fn compile<P: AsRef<[u8]>>(patterns: &[P]) -> Option<Pattern> {
        if patterns.iter().any(|pattern| pattern.as_ref().is_empty()) {
            return None;
        }
        match patterns {
            [] => None,
            [pattern] => Some(Pattern::One(Box::new(
                Finder::new(pattern.as_ref()).into_owned(),
            ))),
            patterns => {
                let longest = patterns
                    .iter()
                    .map(|pattern| pattern.as_ref().len())
                    .max()?;
                let automaton = AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(patterns)
                    .ok()?;
                Some(Pattern::Many { automaton, longest })
            }
        }
    }

    fn longest(&self) -> usize {
        match self {
            Pattern::One(finder) => finder.needle().len(),
            Pattern::Many { longest, .. } => *longest,
        }
    }

    /// The first occurrence that lies in `haystack[from..to]`.
    fn find(&self, haystack: &[u8], from: usize, to: usize) -> Option<Found> {
        match self {
            Pattern::One(finder) => {
                let start = from + finder.find(&haystack[from..to])?;
                Some(Found {
                    start,
                    len: finder.needle().len(),
                })
            }
            Pattern::Many { automaton, .. } => {
                let found = automaton.find(Input::new(haystack).range(from..to))?;
                Some(Found {
                    start: found.start(),
                    len: found.len(),
                })
            }
        }
    }
}

/// An occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its first byte.
    pub start: usize,
    /// Its length.
    pub len: usize,
}

/// What a step of a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The next occurrence; none overlaps the one before.
    Found(Found),
    /// The budget is used up: go on later.
    Yield,
    /// There are no more.
    Done,
}

/// A search through a part of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    position: usize,
    end: usize,
}

/// Fewer bytes are not looked at in one go: each go begins anew and looks a little further than it counts.
const SMALLEST_STRIDE: usize = 1024;

impl Search {
    /// Through `haystack[start..end]`; occurrences lie in it whole.
    pub fn new(start: usize, end: usize) -> Self {
        Search {
            position: start,
            end,
        }
    }

    /// Where the search goes on.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Looks for the next occurrence. `budget` is how many bytes may be looked at, and goes down by those that
    /// were.
    ///
    /// # Panics
    /// If `haystack` is shorter than the end of the search.
    pub fn next(&mut self, pattern: &Pattern, haystack: &[u8], budget: &mut usize) -> Step {
        let overlap = pattern.longest() - 1;
        while self.position < self.end {
            if *budget == 0 {
                return Step::Yield;
            }
            // An occurrence that begins within the stride is seen whole, and so is any longer one.
            let stride = (*budget)
                .max(SMALLEST_STRIDE)
                .max(overlap)
                .min(self.end - self.position);
            let horizon = self.position + stride;
            let to = horizon.saturating_add(overlap).min(self.end);
            let found = pattern
                .find(haystack, self.position, to)
                .filter(|found| found.start < horizon);
            let next = found.map_or(horizon, |found| found.start + found.len);
            *budget = budget.saturating_sub(next - self.position);
            self.position = next;
            if let Some(found) = found {
                return Step::Found(found);
            }
        }
        Step::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::oracle::{Dice, erl};

    fn matches(
        patterns: &[Vec<u8>],
        haystack: &[u8],
        start: usize,
        end: usize,
        step: usize,
    ) -> Vec<(usize, usize)> {
        let pattern = Pattern::compile(patterns).unwrap();
        let (mut search, mut found, mut budget) = (Search::new(start, end), Vec::new(), step);
        loop {
            match search.next(&pattern, haystack, &mut budget) {
                Step::Found(Found { start, len }) => found.push((start, len)),
                Step::Yield => budget = step,
                Step::Done => return found,
            }
        }
    }

    #[test]
    fn the_stock_vm_finds_the_same() {
        let mut dice = Dice::new(31);
        let word = |dice: &mut Dice, len: usize| {
            (0..len)
                .map(|_| b'a' + dice.below(3) as u8)
                .collect::<Vec<u8>>()
        };
        let show = |bytes: &[u8]| format!("<<\"{}\">>", String::from_utf8_lossy(bytes));
        let (mut expressions, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..300 {
            let len = dice.below(80);
            let haystack = word(&mut dice, len);
            let patterns: Vec<Vec<u8>> = (0..1 + dice.below(5))
                .map(|_| {
                    let len = 1 + dice.below(5);
                    word(&mut dice, len)
                })
                .collect();
            let start = dice.below(haystack.len() + 1);
            let end = start + dice.below(haystack.len() - start + 1);
            let sources: Vec<_> = patterns.iter().map(|pattern| show(pattern)).collect();
            expressions.push(format!(
                "binary:matches({}, [{}], [{{scope,{{{start},{}}}}}])",
                show(&haystack),
                sources.join(","),
                end - start
            ));
            let found = matches(&patterns, &haystack, start, end, 1 + dice.below(7));
            let found: Vec<_> = found
                .iter()
                .map(|(start, len)| format!("{{{start},{len}}}"))
                .collect();
            expected.push(format!("[{}]", found.join(",")));
        }
        let Some(answers) = erl(&expressions) else {
            return;
        };
        for ((expression, expected), answer) in expressions.iter().zip(&expected).zip(&answers) {
            assert_eq!(expected, answer, "{expression}");
        }
        assert_eq!(answers.len(), expected.len());
    }

    #[test]
    fn pauses_do_not_change_what_is_found() {
        let mut dice = Dice::new(32);
        let haystack: Vec<u8> = (0..20_000).map(|_| b"aab"[dice.below(3)]).collect();
        let patterns = [
            b"abaab".to_vec(),
            b"aba".to_vec(),
            b"aaaaaaa".repeat(300),
            b"aaaaaaaaaaa".to_vec(),
        ];
        let whole = matches(&patterns, &haystack, 0, haystack.len(), usize::MAX);
        assert!(whole.len() > 100);
        for step in [1, 1000, 1025, 7777] {
            assert_eq!(
                matches(&patterns, &haystack, 0, haystack.len(), step),
                whole
            );
        }
        assert!(Pattern::compile::<&[u8]>(&[]).is_none());
        assert!(Pattern::compile(&["a", ""]).is_none());
    }
}
