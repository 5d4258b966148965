//! Terms as the virtual machine itself prints them: `erlang:display/1`, crash reports, `pid_to_list/1`.
//!
//! The form is near to `~p` but not the same: lists of Latin-1 are strings, floats have six decimals. The walk
//! has its own stack.

#![forbid(unsafe_code)]

use std::io::Write;

use crate::code::{Export, FunEntry};
use crate::node_name::{self, Node};
use crate::numeric::big;
use crate::numeric::float::{self, Format};
use crate::process::table::NUMBER_BITS;
use crate::reference;
use crate::term::{Bits, ExternalId, Kind, PortId, Reference, Term, views::MapForm};
use crate::text::display;

/// Appends a term.
pub fn print(term: Term<'_>, out: &mut Vec<u8>) {
    print_limited(term, usize::MAX, out);
}

/// A term as text.
pub fn to_bytes(term: Term<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    print(term, &mut out);
    out
}

/// Appends a term, but not much more of it than `limit` elements and characters; then three dots, as in the
/// stock VM.
pub fn print_limited(term: Term<'_>, limit: usize, out: &mut Vec<u8>) {
    let mut printer = Printer {
        left: limit,
        pending: vec![Item::Term(term)],
        out,
    };
    if !printer.run() {
        out.extend_from_slice(b"...");
    }
}

/// What is still to be printed.
enum Item<'h> {
    Term(Term<'h>),
    /// The rest of a list after its first element.
    Tail(Term<'h>),
    /// A comma, then the elements.
    Elements(&'h [Term<'h>]),
    /// A comma, then the associations.
    Pairs(Vec<(Term<'h>, Term<'h>)>),
    Text(&'static [u8]),
}

struct Printer<'h, 'o> {
    left: usize,
    pending: Vec<Item<'h>>,
    out: &'o mut Vec<u8>,
}

impl<'h> Printer<'h, '_> {
    /// Takes from the limit; false if it is used up.
    fn take(&mut self, amount: usize) -> bool {
        let enough = self.left >= amount;
        self.left = self.left.saturating_sub(amount);
        enough
    }

    /// False if the limit was reached.
    fn run(&mut self) -> bool {
        while let Some(item) = self.pending.pop() {
            let going_on = match item {
                Item::Term(term) => self.term(term),
                Item::Text(text) => {
                    self.out.extend_from_slice(text);
                    true
                }
                Item::Tail(tail) => {
                    self.tail(tail);
                    true
                }
                Item::Elements(elements) => {
                    self.elements(elements);
                    true
                }
                Item::Pairs(mut pairs) => {
                    if let Some((key, value)) = pairs.pop() {
                        let comma = if pairs.is_empty() { b"" } else { &b","[..] };
                        self.pending.push(Item::Pairs(pairs));
                        self.pending.push(Item::Text(comma));
                        self.pending.push(Item::Term(value));
                        self.pending.push(Item::Text(b"=>"));
                        self.pending.push(Item::Term(key));
                    }
                    true
                }
            };
            if !going_on {
                return false;
            }
        }
        true
    }

    fn tail(&mut self, tail: Term<'h>) {
        if let Some(cell) = tail.as_cons() {
            self.out.push(b',');
            self.pending.push(Item::Tail(cell.tail()));
            self.pending.push(Item::Term(cell.head()));
        } else if tail.is_nil() {
            self.out.push(b']');
        } else {
            self.out.push(b'|');
            self.pending.push(Item::Text(b"]"));
            self.pending.push(Item::Term(tail));
        }
    }

    fn elements(&mut self, elements: &'h [Term<'h>]) {
        if let Some((&first, rest)) = elements.split_first() {
            if !rest.is_empty() {
                self.pending.push(Item::Elements(rest));
                self.pending.push(Item::Text(b","));
            }
            self.pending.push(Item::Term(first));
        }
    }

    fn term(&mut self, term: Term<'h>) -> bool {
        if !self.take(1) {
            return false;
        }
        match term.kind() {
            Kind::Small(value) => big::print_i64(value, 10, self.out),
            Kind::Big(value) => big::print(value, 10, self.out),
            Kind::Float(value) => {
                let format = Format::Scientific { decimals: 6 };
                float::print(value, format, self.out).expect("six decimals fit any float's text");
            }
            Kind::Atom(atom) => {
                display::atom(atom.name().as_bytes(), self.out);
                return self.take(atom.name().len());
            }
            Kind::Nil => self.out.extend_from_slice(b"[]"),
            Kind::Cons(cell) => {
                if is_string(term) {
                    return self.string(term);
                }
                self.out.push(b'[');
                self.pending.push(Item::Tail(cell.tail()));
                self.pending.push(Item::Term(cell.head()));
            }
            Kind::Tuple(tuple) => {
                self.out.push(b'{');
                self.pending.push(Item::Text(b"}"));
                self.pending.push(Item::Elements(tuple.elements()));
            }
            Kind::Map(map) => {
                self.out.extend_from_slice(b"#{");
                self.pending.push(Item::Text(b"}"));
                let mut pairs: Vec<_> = match map.form() {
                    MapForm::Flat { keys, values, .. } => {
                        keys.iter().copied().zip(values.iter().copied()).collect()
                    }
                    MapForm::Hash { .. } => crate::map::iter(map).collect(),
                };
                pairs.reverse();
                self.pending.push(Item::Pairs(pairs));
            }
            Kind::Bits(bits) => return self.bits(bits),
            Kind::Pid(_) | Kind::Port(_) | Kind::Ref(_) => identifier(term, self.out),
            Kind::ExternalPid(_) | Kind::ExternalPort(_) | Kind::ExternalRef(_) => {
                identifier(term, self.out);
            }
            Kind::Fun(fun) => local_fun(fun.entry(), self.out),
            Kind::Export(export) => export_fun(export, self.out),
        }
        true
    }

    fn string(&mut self, list: Term<'h>) -> bool {
        self.out.push(b'"');
        for element in list.list() {
            if !self.take(1) {
                return false;
            }
            let byte = element.as_small().unwrap_or(0) as u8;
            display::string_byte(byte, self.out);
        }
        self.out.push(b'"');
        true
    }

    fn bits(&mut self, bits: Bits<'h>) -> bool {
        let aligned = bits.aligned();
        let whole = bits.bit_len() / 8;
        let enough = self.left >= whole;
        let shown = whole.min(self.left);
        self.left -= shown;
        let last = match bits.bit_len() % 8 {
            0 => None,
            used => Some((aligned[whole] >> (8 - used), used as u8)),
        };
        if enough {
            display::binary(&aligned[..whole], last, self.out);
        } else {
            display::binary(&aligned[..shown], None, self.out);
        }
        enough
    }
}

/// Whether a list is a non-empty one of printable bytes.
fn is_string(list: Term<'_>) -> bool {
    let mut elements = list.list();
    let printable = elements.by_ref().all(|element| {
        element
            .as_small()
            .and_then(|value| u8::try_from(value).ok())
            .is_some_and(display::is_string_byte)
    });
    printable && elements.rest().is_nil()
}

/// The number by which a node is printed: 0 for this one, else its name's place in the atom table.
pub fn node_number(node: &Node) -> u32 {
    if node.name == node_name::this().0 {
        0
    } else {
        node.name.index()
    }
}

/// Appends a pid, port or reference; nothing for other terms.
pub fn identifier(term: Term<'_>, out: &mut Vec<u8>) {
    let result = match term.kind() {
        Kind::Pid(pid) => pid_text(
            0,
            pid.0 & ((1 << NUMBER_BITS) - 1),
            pid.0 >> NUMBER_BITS,
            out,
        ),
        Kind::Port(PortId(number)) => write!(out, "#Port<0.{number}>"),
        Kind::Ref(reference) => reference_text(reference, out),
        Kind::ExternalPid(id) => {
            let number = id.data()[0];
            pid_text(
                node_number(id.node()),
                number & 0xffff_ffff,
                number >> 32,
                out,
            )
        }
        Kind::ExternalPort(id) => {
            write!(out, "#Port<{}.{}>", node_number(id.node()), id.data()[0])
        }
        Kind::ExternalRef(id) => external_reference(id, out),
        _ => Ok(()),
    };
    result.expect("writing to memory does not fail");
}

fn pid_text(node: u32, number: u64, serial: u64, out: &mut Vec<u8>) -> std::io::Result<()> {
    write!(out, "<{node}.{number}.{serial}>")
}

fn reference_text(reference: Reference<'_>, out: &mut Vec<u8>) -> std::io::Result<()> {
    let [first, second, third] = reference::display_words(reference.number());
    write!(out, "#Ref<0.{first}.{second}.{third}>")
}

fn external_reference(id: ExternalId<'_>, out: &mut Vec<u8>) -> std::io::Result<()> {
    write!(out, "#Ref<{}", node_number(id.node()))?;
    for word in id.data()[1..].iter().rev() {
        write!(out, ".{word}")?;
    }
    write!(out, ">")
}

fn local_fun(entry: &FunEntry, out: &mut Vec<u8>) {
    write!(
        out,
        "#Fun<{}.{}.{}>",
        entry.id.module, entry.id.index, entry.id.uniq
    )
    .expect("writing to memory does not fail");
}

fn export_fun(export: &Export, out: &mut Vec<u8>) {
    out.extend_from_slice(b"fun ");
    display::atom(export.mfa.module.name().as_bytes(), out);
    out.push(b':');
    display::atom(export.mfa.function.name().as_bytes(), out);
    write!(out, "/{}", export.mfa.arity).expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bif::testing::Reader;
    use crate::heap::{Heap, RawHeap};

    /// The right column is what `erlang:display/1` of OTP 25 prints.
    #[test]
    fn terms_are_printed_as_by_the_stock_vm() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        for (text, printed) in [
            ("[]", "[]"),
            ("[1,2|3]", "[1,2|3]"),
            ("[97,10,34]", "\"a\\n\\\"\""),
            ("[97,b]", "[97,b]"),
            ("{a,'B c',{}}", "{a,'B c',{}}"),
            ("1.5", "1.500000e+00"),
            ("<<\"abc\">>", "<<\"abc\">>"),
            ("<<1,2:3>>", "<<1,2:3>>"),
            ("-36893488147419103232", "-36893488147419103232"),
            ("[[[1]],{[2]}]", "[[[1]],{[2]}]"),
        ] {
            let term = Reader::new(text, heap, false).term();
            assert_eq!(String::from_utf8(to_bytes(term)).unwrap(), printed);
        }
        let map = heap.flat_map(&[Term::int(1), Term::OK], &[Term::NIL, Term::TRUE]);
        assert_eq!(to_bytes(map), b"#{1=>[],ok=>true}");
        let mut deep = Term::NIL;
        for _ in 0..300_000 {
            deep = heap.tuple(&[deep]);
        }
        assert_eq!(to_bytes(deep).len(), 600_002);
        let mut cut = Vec::new();
        print_limited(deep, 3, &mut cut);
        assert_eq!(cut, b"{{{...");
    }
}
