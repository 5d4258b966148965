//! The terms of a crash dump: what processes have on their stacks, in their mailboxes, dictionaries and heaps, in the
//! form that `crashdump_viewer` reads.
//!
//! A value is written in place (`I42`, `A2:ok`, `N`, `P<0.1.0>`) or as `H` and the address of an object, which has a
//! line of its own: `7F00C0:lI1|N`. Objects in literal areas are shared by all processes and written once
//! ([`Shared`]), as are the bytes of large binaries.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use parking_lot::Mutex;
use vm::binary::BinaryData;
use vm::code::stacks::{self, Slot};
use vm::etf::encode::{EncodeOptions, encode};
use vm::heap::{Heap, RawHeap};
use vm::map;
use vm::process::flags::Flag;
use vm::process::{Process, hooks};
use vm::term::{Bits, Kind, Map, Term, word};

/// Bytes of text that the objects of one process, or all literals, may take: a dump is for looking at.
const LIMIT: usize = 64 << 20;
/// Binaries up to here stand in their own lines.
const SHORT: usize = 64;
/// Maps up to here are written as flat ones.
const FLAT: usize = 32;
/// Addresses from here on are of objects that only the dump has: the keys of a map as a tuple, its pairs.
const MADE_UP: u64 = 0xF000_0000_0000_0000;

/// What is written once for all processes.
#[derive(Default)]
pub struct Shared {
    literals: Mutex<Section>,
    binaries: Mutex<BTreeMap<u64, Arc<BinaryData>>>,
}

impl Shared {
    /// The sections of literals and of binaries.
    pub fn text(&self) -> String {
        let mut text = String::from("=literals\n");
        text.push_str(&self.literals.lock().text);
        for (address, data) in &*self.binaries.lock() {
            let bytes = data.bytes();
            let _ = writeln!(
                text,
                "=binary:{address:X}\n{:X}:{}",
                bytes.len(),
                base64(bytes)
            );
        }
        text
    }
}

/// The lines of objects, and which there are already.
#[derive(Default)]
struct Section {
    text: String,
    seen: HashSet<u64>,
    made_up: u64,
}

/// The sections about the terms of a process: messages, dictionary, stack, heap. A sensitive process shows none.
pub fn process(process: &Process, shared: &Shared) -> String {
    if process.has_flag(Flag::Sensitive) {
        return String::new();
    }
    let pid = hooks::print(Term::pid(process.pid()));
    let own = RawHeap::detached();
    let heap = Heap::new(&own);
    let mut writer = Writer {
        shared,
        section: Section::default(),
        waiting: Vec::new(),
    };
    let mut text = String::new();
    let messages = process.messages();
    if !messages.is_empty() {
        let _ = writeln!(text, "=proc_messages:{pid}");
        for message in messages {
            let _ = writeln!(text, "{}:N", writer.value(message));
        }
    }
    let mut entries = process.dictionary_list(heap).list().peekable();
    if entries.peek().is_some() {
        let _ = writeln!(text, "=proc_dictionary:{pid}");
        for entry in entries {
            let _ = writeln!(text, "{}", writer.value(entry));
        }
    }
    let _ = writeln!(text, "=proc_stack:{pid}");
    let mut number = 0;
    stacks::slots(process, |at, slot| {
        let (label, value) = match slot {
            Slot::Return(place) => {
                number = 0;
                (format!("{at:#018x}"), format!("SReturn addr {place}"))
            }
            Slot::Catch(place) => (format!("y{number}"), format!("SCatch {place}")),
            Slot::Value(value) => (format!("y{number}"), writer.value(value)),
        };
        number += u32::from(label.starts_with('y'));
        let _ = writeln!(text, "{label}:{value}");
    });
    let _ = writeln!(text, "=proc_heap:{pid}");
    writer.write_waiting();
    text.push_str(&writer.section.text);
    text
}

/// Writes values, and afterwards the objects that they point to.
struct Writer<'h, 's> {
    shared: &'s Shared,
    section: Section,
    waiting: Vec<Term<'h>>,
}

fn address(term: Term<'_>) -> u64 {
    word::pointer(term.word()) as u64
}

impl<'h> Writer<'h, '_> {
    /// A value; where it is an object, that is going to be written.
    fn value(&mut self, term: Term<'h>) -> String {
        match term.kind() {
            Kind::Small(value) => format!("I{value}"),
            Kind::Nil => "N".to_owned(),
            Kind::Atom(atom) => format!("A{:X}:{}", atom.name().len(), atom.name()),
            Kind::Pid(_) => format!("P{}", hooks::print(term)),
            Kind::Port(_) => format!("p{}", &hooks::print(term)["#Port".len()..]),
            _ => {
                self.waiting.push(term);
                format!("H{:X}", address(term))
            }
        }
    }

    fn write_waiting(&mut self) {
        while let Some(term) = self.waiting.pop() {
            if self.section.text.len() > LIMIT {
                return;
            }
            let at = address(term);
            if term.is_literal() {
                let mut literals = self.shared.literals.lock();
                let is_new = literals.text.len() <= LIMIT && literals.seen.insert(at);
                drop(literals);
                if is_new {
                    let mut lines = String::new();
                    self.object(term, &mut lines);
                    self.shared.literals.lock().text.push_str(&lines);
                }
            } else if self.section.seen.insert(at) {
                let mut lines = String::new();
                self.object(term, &mut lines);
                self.section.text.push_str(&lines);
            }
        }
    }

    fn object(&mut self, term: Term<'h>, lines: &mut String) {
        let text = match term.kind() {
            Kind::Cons(cell) => format!("l{}|{}", self.value(cell.head()), self.value(cell.tail())),
            Kind::Tuple(tuple) => self.tuple(tuple.elements().iter().copied()),
            Kind::Float(value) => {
                let digits = format!("{value:.20e}");
                format!("F{:X}:{digits}", digits.len())
            }
            Kind::Big(big) => {
                let sign = if big.negative { "-" } else { "" };
                big.limbs.iter().rev().enumerate().fold(
                    format!("B{sign}16#"),
                    |mut digits, (index, limb)| {
                        let _ = match index {
                            0 => write!(digits, "{limb:X}"),
                            _ => write!(digits, "{limb:016X}"),
                        };
                        digits
                    },
                )
            }
            Kind::Bits(bits) => self.bits(bits),
            Kind::Map(map) => self.map(map, lines),
            _ => external(term),
        };
        let _ = writeln!(lines, "{:X}:{text}", address(term));
    }

    fn tuple(&mut self, elements: impl ExactSizeIterator<Item = Term<'h>>) -> String {
        let mut text = format!("t{:X}:", elements.len());
        self.values(elements, &mut text);
        text
    }

    fn values(&mut self, values: impl Iterator<Item = Term<'h>>, text: &mut String) {
        for (index, value) in values.enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&self.value(value));
        }
    }

    /// A line for an object that only the dump has; its address.
    fn made_up(&mut self, text: &str, lines: &mut String) -> u64 {
        // Literals are numbered with the others of their section, wherever their lines are made.
        let mut literals = self.shared.literals.lock();
        literals.made_up += 1;
        let at = MADE_UP + literals.made_up * 8;
        let _ = writeln!(lines, "{at:X}:{text}");
        at
    }

    fn map(&mut self, map: Map<'h>, lines: &mut String) -> String {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (key, value) in map::iter(map) {
            keys.push(key);
            values.push(value);
        }
        if keys.len() <= FLAT {
            let keys = self.tuple(keys.into_iter());
            let keys = self.made_up(&keys, lines);
            let mut text = format!("Mf{:X}:H{keys:X}:", values.len());
            self.values(values.into_iter(), &mut text);
            return text;
        }
        let mut text = format!("Mh{0:X}:{0:X}:", keys.len());
        for (index, (key, value)) in keys.into_iter().zip(values).enumerate() {
            let pair = format!("l{}|{}", self.value(key), self.value(value));
            let pair = self.made_up(&pair, lines);
            let comma = if index > 0 { "," } else { "" };
            let _ = write!(text, "{comma}H{pair:X}");
        }
        text
    }

    fn bits(&self, bits: Bits<'h>) -> String {
        match (bits.as_bytes(), bits.data()) {
            (Some(bytes), Some(data)) if bytes.len() > SHORT => {
                let holder = Arc::as_ptr(&data) as u64;
                let text = format!("Yc{holder:X}:{:X}:{:X}", bits.start() / 8, bytes.len());
                self.shared.binaries.lock().insert(holder, data);
                text
            }
            _ => {
                let bytes = bits.aligned();
                format!("Yh{:X}:{}", bytes.len(), base64(&bytes))
            }
        }
    }
}

/// A term in the external format; one that has none is shown as text.
fn external(term: Term<'_>) -> String {
    let encoded = encode(term, &EncodeOptions::default()).unwrap_or_default();
    format!("E{:X}:{}", encoded.len(), base64(&encoded))
}

/// Bytes in base 64 (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes(group);
        for digit in 0..4 {
            let value = (group >> (18 - 6 * digit)) & 63;
            text.push(match digit {
                _ if digit > chunk.len() => '=',
                _ => char::from(DIGITS[value as usize]),
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_base_64() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
