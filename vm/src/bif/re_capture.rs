//! What a match of module `re` returns.

#![forbid(unsafe_code)]

use crate::bif::iolist;
use crate::bif::re_options::number;
use crate::heap::Heap;
use crate::regex::Regex;
use crate::term::{Bits, Term};

/// As what parts of the subject are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `{Start, Length}`.
    Index,
    /// A list of bytes.
    List,
    /// A binary.
    Binary,
    /// Not at all: just `match`.
    Nothing,
}

/// A group that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Group {
    /// By its number, or by a name that only one has; none if no group has the name.
    One(Option<usize>),
    /// By a name that several have: the first of them that took part.
    Several(Vec<usize>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Groups {
    All,
    AllButFirst,
    These(Vec<Group>),
}

/// What is to be returned.
#[derive(Clone, Debug)]
pub struct Capture {
    shape: Shape,
    groups: Groups,
}

impl Capture {
    /// What is returned where nothing was said.
    pub const DEFAULT: Capture = Capture {
        shape: Shape::Index,
        groups: Groups::All,
    };

    /// Reads `{capture, Values, Type}`; none if it is wrong.
    pub fn of(values: Term<'_>, kind: Term<'_>, regex: &Regex) -> Option<Capture> {
        let shape = match kind.as_atom()?.name() {
            "index" => Shape::Index,
            "list" => Shape::List,
            "binary" => Shape::Binary,
            _ => return None,
        };
        let nothing = Capture {
            shape: Shape::Nothing,
            groups: Groups::All,
        };
        if values.is_nil() {
            return Some(nothing);
        }
        let groups = match values.as_atom().map(|atom| atom.name()) {
            Some("all") => Groups::All,
            Some("none") => return Some(nothing),
            Some("all_but_first") => Groups::AllButFirst,
            Some("first") => Groups::These(vec![Group::One(Some(0))]),
            Some("all_names") if regex.names().is_empty() => return Some(nothing),
            Some("all_names") => Groups::These(all_names(regex)),
            Some(_) => return None,
            None => Groups::These(
                values
                    .proper_list()?
                    .into_iter()
                    .map(|value| group(value, regex))
                    .collect::<Option<_>>()?,
            ),
        };
        Some(Capture { shape, groups })
    }

    /// The result for the groups that were found.
    pub fn result<'h>(
        &self,
        heap: Heap<'h>,
        subject: &Subject<'h, '_>,
        found: &[Option<(usize, usize)>],
    ) -> Term<'h> {
        let matched = Term::atom(crate::atom!("match"));
        let at = |number: usize| found.get(number).copied().flatten();
        let parts: Vec<Option<(usize, usize)>> = match &self.groups {
            _ if self.shape == Shape::Nothing => return matched,
            Groups::All => found.to_vec(),
            Groups::AllButFirst => found[1..].to_vec(),
            Groups::These(groups) => groups
                .iter()
                .map(|group| match group {
                    Group::One(number) => number.and_then(at),
                    Group::Several(numbers) => numbers.iter().find_map(|&number| at(number)),
                })
                .collect(),
        };
        let parts = parts.into_iter().map(|part| match self.shape {
            Shape::Index => index(heap, part),
            Shape::List => heap.byte_list(subject.part(part), Term::NIL),
            _ => subject.binary(heap, part),
        });
        let list = heap.list_from(parts);
        heap.tuple(&[matched, list])
    }
}

fn index<'h>(heap: Heap<'h>, part: Option<(usize, usize)>) -> Term<'h> {
    let (start, len) = match part {
        None => (Term::int(-1), Term::int(0)),
        // `\K` within a look-ahead can let a match begin after its end.
        Some((start, end)) => (Term::size(start), heap.integer(end as i64 - start as i64)),
    };
    heap.tuple(&[start, len])
}

fn all_names(regex: &Regex) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let names = regex.names();
    for (place, (name, number)) in names.iter().enumerate() {
        if !regex.has_duplicate_names() {
            groups.push(Group::One(Some(*number)));
        } else if place == 0 || names[place - 1].0 != *name {
            groups.push(named(name, regex));
        }
    }
    groups
}

fn named(name: &[u8], regex: &Regex) -> Group {
    let mut numbers = regex
        .names()
        .iter()
        .filter(|(other, _)| other == name)
        .map(|&(_, number)| number);
    match (numbers.next(), regex.has_duplicate_names()) {
        (first, false) => Group::One(first),
        (None, true) => Group::One(None),
        (Some(first), true) => {
            let all: Vec<usize> = std::iter::once(first).chain(numbers).collect();
            if all.len() == 1 {
                Group::One(Some(first))
            } else {
                Group::Several(all)
            }
        }
    }
}

fn group(value: Term<'_>, regex: &Regex) -> Option<Group> {
    if value.as_small().is_some()
        && let Some(number) = number(value)
    {
        return Some(Group::One(Some(number as usize)));
    }
    let name = match value.as_atom() {
        Some(atom) => atom.name().as_bytes().to_vec(),
        None if value.as_bits().is_some() || value.as_cons().is_some() => {
            iolist::to_vec(value).ok()?
        }
        None => return None,
    };
    // The library takes names as C's strings.
    let name = name.split(|&byte| byte == 0).next().unwrap_or(&[]);
    Some(named(name, regex))
}

/// The subject of a match: its bytes, and the term if parts of it can be shared.
pub struct Subject<'h, 's> {
    /// All bytes.
    pub bytes: &'s [u8],
    /// A binary with these bytes, if it is worth sharing.
    pub shared: Option<Bits<'h>>,
}

impl<'h> Subject<'h, '_> {
    fn part(&self, part: Option<(usize, usize)>) -> &[u8] {
        part.and_then(|(start, end)| self.bytes.get(start..end))
            .unwrap_or(&[])
    }

    fn binary(&self, heap: Heap<'h>, part: Option<(usize, usize)>) -> Term<'h> {
        match (part, self.shared) {
            (Some((start, end)), Some(bits)) if start <= end => {
                heap.part(bits, start * 8, (end - start) * 8)
            }
            _ => heap.binary(self.part(part)),
        }
    }
}
