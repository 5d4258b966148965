//! Compiled patterns as programs hold them: `{re_pattern, Groups, Unicode, CrLf, Code}`.
//!
//! `Code` is a binary that says how to compile the pattern again: it can be stored and sent like any other,
//! and means the same on each node. What it compiles to is kept in a cache, found by the binary's bytes.

#![forbid(unsafe_code)]

use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::heap::Heap;
use crate::regex::{Bsr, CompileError, Newline, Regex};
use crate::term::Term;

/// What each `Code` begins with.
const MAGIC: [u8; 4] = *b"LRE1";
/// Magic, options, newline and bsr.
const HEADER: usize = 10;
/// How many compiled patterns are kept.
const CACHED: usize = 2048;

/// How to compile a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// PCRE's options.
    pub options: u32,
    /// What ends a line.
    pub newline: Newline,
    /// What `\R` matches.
    pub bsr: Bsr,
    /// The pattern.
    pub pattern: Vec<u8>,
}

/// Compiled expressions by the binary that stands for them.
type Compiled = HashMap<Box<[u8]>, Arc<Regex>, rustc_hash::FxBuildHasher>;
static CACHE: LazyLock<RwLock<Compiled>> = LazyLock::new(RwLock::default);

impl Recipe {
    /// The binary.
    pub fn to_code(&self) -> Vec<u8> {
        let mut code = Vec::with_capacity(HEADER + self.pattern.len());
        code.extend_from_slice(&MAGIC);
        code.extend_from_slice(&self.options.to_le_bytes());
        code.push(self.newline as u8);
        code.push(self.bsr as u8);
        code.extend_from_slice(&self.pattern);
        code
    }

    /// From the binary; none if it is no such one.
    pub fn of_code(code: &[u8]) -> Option<Recipe> {
        let (header, pattern) = code.split_at_checked(HEADER)?;
        let options = header.strip_prefix(&MAGIC)?;
        let newline = [
            Newline::Default,
            Newline::Cr,
            Newline::Lf,
            Newline::CrLf,
            Newline::Any,
            Newline::AnyCrLf,
        ];
        let bsr = [Bsr::Default, Bsr::AnyCrLf, Bsr::Unicode];
        Some(Recipe {
            options: u32::from_le_bytes(options[..4].try_into().ok()?),
            newline: *newline.get(usize::from(header[8]))?,
            bsr: *bsr.get(usize::from(header[9]))?,
            pattern: pattern.to_vec(),
        })
    }

    /// The pattern compiled, from the cache where it was compiled before.
    pub fn compile(&self) -> Result<Arc<Regex>, CompileError> {
        self.compile_as(&self.to_code())
    }

    fn compile_as(&self, code: &[u8]) -> Result<Arc<Regex>, CompileError> {
        if let Some(regex) = CACHE.read().get(code) {
            return Ok(regex.clone());
        }
        let (pattern, moved) = modern(&self.pattern);
        let (pattern, rewritten) = controls(&pattern);
        let regex = Regex::compile(&pattern, self.options, self.newline, self.bsr)
            .map(Arc::new)
            .map_err(|error| {
                let longer = rewritten.iter().filter(|&&end| end <= error.offset).count();
                CompileError {
                    offset: error.offset + moved - longer,
                    ..error
                }
            })?;
        let mut cache = CACHE.write();
        if cache.len() >= CACHED {
            // Patterns in use are compiled again when they are next needed.
            cache.clear();
        }
        cache.insert(code.into(), regex.clone());
        Ok(regex)
    }

    /// What the options of a match change in a compiled pattern.
    pub fn with_line_ends(&self, newline: Newline, bsr: Bsr) -> Recipe {
        Recipe {
            newline: if newline == Newline::Default {
                self.newline
            } else {
                newline
            },
            bsr: if bsr == Bsr::Default { self.bsr } else { bsr },
            ..self.clone()
        }
    }
}

/// The compiled pattern of a binary.
pub fn load(code: &[u8]) -> Option<Arc<Regex>> {
    if let Some(regex) = CACHE.read().get(code) {
        return Some(regex.clone());
    }
    Recipe::of_code(code)?.compile_as(code).ok()
}

/// The pattern with what PCRE 8 calls otherwise at its start (`(*UTF8)`), and by how much it became shorter.
fn modern(pattern: &[u8]) -> (std::borrow::Cow<'_, [u8]>, usize) {
    let mut at = 0;
    while let Some(rest) = pattern[at..].strip_prefix(b"(*") {
        if rest.starts_with(b"UTF8)") {
            let joined = [&pattern[..at + 5], &pattern[at + 6..]].concat();
            return (joined.into(), 1);
        }
        match rest.iter().position(|&byte| byte == b')') {
            Some(end)
                if rest[..end]
                    .iter()
                    .all(|byte| byte.is_ascii_uppercase() || b"_=0123456789".contains(byte)) =>
            {
                at += end + 3;
            }
            _ => break,
        }
    }
    (pattern.into(), 0)
}

/// The pattern with `\c` before a character that is not printable, which PCRE 8 takes, written by its number; and where
/// what became a byte longer ends in it.
fn controls(pattern: &[u8]) -> (std::borrow::Cow<'_, [u8]>, Vec<usize>) {
    let mut ends = Vec::new();
    let mut written = Vec::new();
    let (mut at, mut copied) = (0, 0);
    while at + 1 < pattern.len() {
        if pattern[at] != b'\\' {
            at += 1;
            continue;
        }
        match (pattern[at + 1], pattern.get(at + 2)) {
            // Nothing is special up to the end of a quotation.
            (b'Q', _) => {
                let rest = &pattern[at..];
                let end = rest.windows(2).position(|pair| pair == b"\\E");
                at = end.map_or(pattern.len(), |end| at + end + 2);
            }
            (b'c', Some(&control @ (..=0x1f | 0x7f))) => {
                written.extend_from_slice(&pattern[copied..at]);
                written.extend_from_slice(format!("\\x{:02x}", control ^ 0x40).as_bytes());
                ends.push(written.len());
                at += 3;
                copied = at;
            }
            (b'c', _) => at += 3,
            _ => at += 2,
        }
    }
    if ends.is_empty() {
        return (pattern.into(), ends);
    }
    written.extend_from_slice(&pattern[copied..]);
    (written.into(), ends)
}

/// The tuple of a compiled pattern.
pub fn term<'h>(heap: Heap<'h>, recipe: &Recipe, regex: &Regex, unicode: bool) -> Term<'h> {
    heap.tuple(&[
        Term::atom(crate::atom!("re_pattern")),
        Term::size(regex.groups()),
        Term::int(unicode.into()),
        Term::int(regex.has_crlf_newline().into()),
        heap.binary(&recipe.to_code()),
    ])
}
