//! Areas of the program's address space: what is mapped where, with which rights, from what.

use crate::map::Map;
use alloc::string::String;
use alloc::sync::Arc;

use super::page::Page;

/// Reading is allowed.
pub const READ: u8 = 1;
/// Writing is allowed.
pub const WRITE: u8 = 2;
/// Execution is allowed.
pub const EXEC: u8 = 4;

/// Why a backing has no page to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPage {
    /// The page lies behind the end of the file.
    BehindEnd,
    /// Memory is exhausted.
    NoMemory,
}

/// A file as the memory layer sees it.
pub trait Backing: Send + Sync {
    /// The page at an index; `write` makes a page where the file has a hole.
    fn page(&self, index: u64, write: bool) -> Result<Page, NoPage>;
    /// Its path, for `/proc/self/maps`.
    fn name(&self) -> String;
}

/// Where an area's bytes come from.
#[derive(Clone)]
pub enum Source {
    /// Zeros.
    Anonymous,
    /// A file, from a page index on.
    File {
        /// The file.
        backing: Arc<dyn Backing>,
        /// Index of the area's first page.
        first: u64,
        /// Writes go to the file.
        shared: bool,
    },
}

/// One area.
#[derive(Clone)]
pub struct Area {
    /// Its end.
    pub end: u64,
    /// Rights: `READ`, `WRITE`, `EXEC`.
    pub rights: u8,
    /// Large pages may be used.
    pub large: bool,
    /// Where the bytes come from.
    pub source: Source,
}

impl Area {
    fn at_offset(&self, pages: u64) -> Area {
        let mut area = self.clone();
        if let Source::File { first, .. } = &mut area.source {
            *first += pages;
        }
        area
    }

    fn joins(&self, next: &Area) -> bool {
        self.rights == next.rights
            && self.large == next.large
            && matches!(
                (&self.source, &next.source),
                (Source::Anonymous, Source::Anonymous)
            )
    }
}

/// All areas by start address. They never overlap.
pub struct Areas(pub Map<u64, Area>);

impl Areas {
    /// None.
    pub const fn new() -> Areas {
        Areas(Map::new())
    }

    /// The area around an address, with its start.
    pub fn find(&self, at: u64) -> Option<(u64, &Area)> {
        self.0
            .range(..=at)
            .next_back()
            .filter(|(_, a)| at < a.end)
            .map(|(&s, a)| (s, a))
    }

    /// Whether nothing is mapped in a range.
    pub fn is_free(&self, from: u64, to: u64) -> bool {
        self.0
            .range(..to)
            .next_back()
            .is_none_or(|(_, a)| a.end <= from)
    }

    /// Whether everything is mapped in a range.
    pub fn is_covered(&self, from: u64, to: u64) -> bool {
        let mut at = from;
        while at < to {
            match self.find(at) {
                Some((_, area)) => at = area.end,
                None => return false,
            }
        }
        true
    }

    /// Cuts an area in two at an address inside it.
    pub fn cut(&mut self, at: u64) {
        let Some((start, area)) = self.find(at) else {
            return;
        };
        if start == at {
            return;
        }
        let upper = area.at_offset((at - start) / crate::arch::PAGE);
        self.0.insert(at, upper);
        if let Some(lower) = self.0.get_mut(&start) {
            lower.end = at;
        }
    }

    /// Takes all areas of a range out, cutting those that reach over its ends.
    pub fn remove(&mut self, from: u64, to: u64) {
        self.cut(from);
        self.cut(to);
        while let Some((&start, _)) = self.0.range(from..to).next() {
            self.0.remove(&start);
        }
    }

    /// Puts an area where nothing is, joined to equal neighbours.
    pub fn insert(&mut self, mut start: u64, mut area: Area) {
        if let Some((&s, before)) = self.0.range(..start).next_back()
            && before.end == start
            && before.joins(&area)
        {
            self.0.remove(&s);
            start = s;
        }
        if let Some(after) = self.0.get(&area.end)
            && area.joins(after)
        {
            let end = after.end;
            self.0.remove(&area.end);
            area.end = end;
        }
        self.0.insert(start, area);
    }

    /// Calls `f` on each area of a range, cut to the range, and joins what became equal.
    pub fn change(&mut self, from: u64, to: u64, f: impl Fn(&mut Area)) {
        self.cut(from);
        self.cut(to);
        let mut at = from;
        while let Some((&start, _)) = self.0.range(at..to).next() {
            if let Some(mut area) = self.0.remove(&start) {
                at = area.end;
                f(&mut area);
                self.insert(start, area);
            }
        }
    }

    /// The highest free range of a length below `top`.
    pub fn gap(&self, len: u64, top: u64, bottom: u64, align: u64) -> Option<u64> {
        let mut limit = top;
        for (&start, area) in self.0.range(..top).rev() {
            if area.end < limit {
                let at = limit.checked_sub(len)? & !(align - 1);
                if at >= area.end {
                    return (at >= bottom).then_some(at);
                }
            }
            limit = limit.min(start);
        }
        let at = limit.checked_sub(len)? & !(align - 1);
        (at >= bottom).then_some(at)
    }
}
