//! Printing terms as the virtual machine itself does (the stock VM's `%T`): for `erlang:display/1`, crash
//! reports, backtraces and messages to the logger. Close to `~p`, but not the same.
//!
//! The text is bytes: atoms are in UTF-8, the characters of strings in Latin-1, as in the stock VM.

use std::fmt;
use std::io::Write;

use smallvec::SmallVec;

use super::views::{MapForm, terms};
use super::word::BoxedKind;
use super::{Bits, ExternalId, Kind, Term};
use crate::atom::Atom;
use crate::node_name;
use crate::numeric::{big, float};
use crate::reference;
use crate::resource;
use crate::text::display;

/// What is still to be printed.
enum Step<'h> {
    Text(&'static str),
    Term(Term<'h>),
    /// Terms with commas between them; before the first too, if it is not the first of all.
    Terms(&'h [Term<'h>], bool),
    /// Associations, alike.
    Pairs(&'h [Term<'h>], &'h [Term<'h>], bool),
    /// What follows the first elements of a list.
    Tail(Term<'h>),
}

struct Printer<'h, 'o> {
    out: &'o mut Vec<u8>,
    /// How many terms and characters there may be.
    left: i64,
    steps: SmallVec<[Step<'h>; 16]>,
}

/// The limit was reached.
struct Full;

impl Term<'_> {
    /// Appends its text.
    pub fn print(self, out: &mut Vec<u8>) {
        self.print_limited(usize::MAX, out);
    }

    /// Appends its text, up to about as many terms and characters; `"... "` says that there were more.
    pub fn print_limited(self, limit: usize, out: &mut Vec<u8>) {
        let mut printer = Printer {
            out,
            left: i64::try_from(limit).unwrap_or(i64::MAX),
            steps: SmallVec::new(),
        };
        let _ = printer.run(self);
        if printer.left <= 0 {
            out.extend_from_slice(b"... ");
        }
    }
}

/// For our own messages: not what programs see where the text is not ASCII.
impl fmt::Debug for Term<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.print_limited(1000, &mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl<'h> Printer<'h, '_> {
    fn run(&mut self, term: Term<'h>) -> Result<(), Full> {
        self.steps.push(Step::Term(term));
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Text(text) => self.text(text),
                Step::Term(term) => self.term(term)?,
                Step::Terms(all, first) => {
                    if let Some((&next, rest)) = all.split_first() {
                        if !first {
                            self.text(",");
                        }
                        self.steps.push(Step::Terms(rest, false));
                        self.steps.push(Step::Term(next));
                    }
                }
                Step::Pairs(keys, values, first) => {
                    if let (Some((&key, keys)), Some((&value, values))) =
                        (keys.split_first(), values.split_first())
                    {
                        if !first {
                            self.text(",");
                        }
                        self.steps.push(Step::Pairs(keys, values, false));
                        self.steps.push(Step::Term(value));
                        self.steps.push(Step::Text("=>"));
                        self.steps.push(Step::Term(key));
                    }
                }
                Step::Tail(tail) => match tail.as_cons() {
                    Some(cell) => {
                        self.text(",");
                        self.steps.push(Step::Tail(cell.tail()));
                        self.steps.push(Step::Term(cell.head()));
                    }
                    None if tail.is_nil() => {}
                    None => {
                        self.text("|");
                        self.steps.push(Step::Term(tail));
                    }
                },
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        self.out
            .write_fmt(text)
            .expect("writing to memory does not fail");
    }

    fn spend(&mut self) -> Result<(), Full> {
        self.left -= 1;
        if self.left < 0 { Err(Full) } else { Ok(()) }
    }

    fn term(&mut self, term: Term<'h>) -> Result<(), Full> {
        self.spend()?;
        if let Some((bitmap, children)) = term.map_node() {
            self.write(format_args!("<{bitmap:x}>{{"));
            self.steps.push(Step::Text("}"));
            self.steps.push(Step::Terms(children, true));
            return Ok(());
        }
        if term.boxed() == Some(BoxedKind::MatchContext) {
            self.text("#MatchState");
            return Ok(());
        }
        match term.kind() {
            Kind::Nil => self.text("[]"),
            Kind::Atom(atom) => self.atom(atom)?,
            Kind::Small(value) => self.write(format_args!("{value}")),
            Kind::Big(value) => big::print(value, 10, self.out),
            Kind::Float(value) => self.float(value),
            Kind::Cons(_) => self.list(term)?,
            Kind::Tuple(tuple) => {
                self.text("{");
                self.steps.push(Step::Text("}"));
                self.steps.push(Step::Terms(tuple.elements(), true));
            }
            Kind::Map(map) => match map.form() {
                MapForm::Flat { keys, values, .. } => {
                    self.text("#{");
                    self.steps.push(Step::Text("}"));
                    self.steps.push(Step::Pairs(keys, values, true));
                }
                MapForm::Hash { bitmap, .. } => {
                    self.write(format_args!("#<{bitmap:x}>{{"));
                    self.steps.push(Step::Text("}"));
                    let children = &terms(term.payload())[2..];
                    self.steps.push(Step::Terms(children, true));
                }
            },
            Kind::Bits(bits) => self.bits(bits)?,
            Kind::Fun(fun) => {
                let id = &fun.entry().id;
                self.text("#Fun<");
                self.text(id.module.name());
                // The old unique number is printed as a signed one.
                self.write(format_args!(".{}.{}>", id.index, id.uniq as i32));
            }
            Kind::Export(export) => {
                self.text("fun ");
                let mfa = &export.mfa;
                let names = [mfa.module, mfa.function].map(|atom| atom.name().as_bytes());
                display::atom(names[0], self.out);
                self.text(":");
                display::atom(names[1], self.out);
                self.write(format_args!("/{}", mfa.arity));
                self.left -= (names[0].len() + names[1].len()) as i64;
            }
            Kind::Pid(pid) => {
                self.write(format_args!("<0.{}.{}>", pid.number(), pid.serial()));
            }
            Kind::ExternalPid(id) => {
                let (number, serial) = id.pid_parts();
                self.write(format_args!("<{}.{number}.{serial}>", channel(id)));
            }
            Kind::Port(port) => self.write(format_args!("#Port<0.{}>", port.0)),
            Kind::ExternalPort(id) => {
                self.write(format_args!("#Port<{}.{}>", channel(id), id.data()[0]));
            }
            Kind::Ref(reference) => {
                if let Some(resource) = reference.resource() {
                    resource::remember(reference.number(), resource);
                }
                let [a, b, c] = reference::display_words(reference.number());
                self.write(format_args!("#Ref<0.{a}.{b}.{c}>"));
            }
            Kind::ExternalRef(id) => {
                self.write(format_args!("#Ref<{}", channel(id)));
                for word in id.reference_words().iter().rev() {
                    self.write(format_args!(".{word}"));
                }
                self.text(">");
            }
        }
        Ok(())
    }

    fn atom(&mut self, atom: Atom) -> Result<(), Full> {
        let name = atom.name().as_bytes();
        display::atom(name, self.out);
        self.left -= name.len() as i64;
        if self.left <= 0 { Err(Full) } else { Ok(()) }
    }

    fn float(&mut self, value: f64) {
        let format = float::Format::Scientific { decimals: 6 };
        float::print(value, format, self.out).expect("six decimals are not too many");
    }

    fn list(&mut self, list: Term<'h>) -> Result<(), Full> {
        let mut bytes = list.list();
        let is_string = bytes
            .by_ref()
            .all(|element| byte_of(element).is_some_and(display::is_string_byte))
            && bytes.rest().is_nil();
        if is_string {
            self.text("\"");
            for element in list.list() {
                self.spend()?;
                if let Some(byte) = byte_of(element) {
                    display::string_byte(byte, self.out);
                }
            }
            self.text("\"");
        } else if let Some(cell) = list.as_cons() {
            self.text("[");
            self.steps.push(Step::Text("]"));
            self.steps.push(Step::Tail(cell.tail()));
            self.steps.push(Step::Term(cell.head()));
        }
        Ok(())
    }

    fn bits(&mut self, bits: Bits<'h>) -> Result<(), Full> {
        let whole = bits.bit_len() / 8;
        let count = bits.bit_len() % 8;
        // Each byte takes one of the limit, and the one that uses it up is the last.
        if whole as i64 >= self.left.saturating_add(1) {
            return self.cut_bits(bits, whole, count);
        }
        let bytes = bits.aligned();
        let last = (count > 0).then(|| (bytes[whole] >> (8 - count), count as u8));
        display::binary(&bytes[..whole], last, self.out);
        self.left -= whole as i64;
        Ok(())
    }

    /// Prints as much of a bit string as the limit allows.
    fn cut_bits(&mut self, bits: Bits<'h>, whole: usize, count: usize) -> Result<(), Full> {
        let bytes = bits.aligned();
        let shown = &bytes[..usize::try_from(self.left).unwrap_or(0) + 1];
        let printable = bytes[..whole]
            .iter()
            .all(|byte| (b' '..0x7f).contains(byte));
        if count == 0 && printable {
            self.text("<<\"");
            for &byte in shown {
                if byte == b'"' {
                    self.text("\\");
                }
                self.out.push(byte);
            }
        } else {
            for (index, byte) in shown.iter().enumerate() {
                let before = if index == 0 { "<<" } else { "," };
                self.write(format_args!("{before}{byte}"));
            }
        }
        self.left = -1;
        Err(Full)
    }
}

fn byte_of(term: Term<'_>) -> Option<u8> {
    term.as_small().and_then(|value| u8::try_from(value).ok())
}

/// The number that stands for a node in printed identifiers: the index of its name's atom.
fn channel(id: ExternalId<'_>) -> u32 {
    let node = id.node();
    if node.name == node_name::this().0 {
        0
    } else {
        node.name.index()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::FunEntry;
    use crate::code::fun::FunId;
    use crate::heap::testing::{self, Random, hash_map, source};
    use crate::heap::{Heap, RawHeap};

    fn printed(term: Term<'_>) -> String {
        let mut out = Vec::new();
        term.print(&mut out);
        latin1(&out)
    }

    /// What `erlang:display/1` of the stock VM prints of the values of expressions; none without one.
    fn displayed(expressions: &[String]) -> Option<Vec<String>> {
        let file = std::env::temp_dir().join(format!("lintel-display-{}", std::process::id()));
        let lines: Vec<String> = expressions
            .iter()
            .map(|text| format!("{text}.\n"))
            .collect();
        std::fs::write(&file, lines.concat()).ok()?;
        let program = format!(
            "{{ok, B}} = file:read_file(\"{}\"), \
             [begin {{ok, T, _}} = erl_scan:string(binary_to_list(L)), {{ok, E}} = erl_parse:parse_exprs(T), \
               {{value, V, _}} = erl_eval:exprs(E, []), erlang:display(V) end \
             || L <- binary:split(B, <<10>>, [global, trim])], erlang:halt().",
            file.display()
        );
        let output = std::process::Command::new("erl")
            .args(["-noshell", "-mode", "minimal", "-eval", &program])
            .output();
        let _ = std::fs::remove_file(&file);
        let output = output.ok()?;
        assert!(output.status.success());
        let text = latin1(&output.stdout);
        Some(text.split_terminator("\r\n").map(str::to_owned).collect())
    }

    fn latin1(bytes: &[u8]) -> String {
        bytes.iter().map(|&byte| byte as char).collect()
    }

    #[test]
    fn text_is_that_of_the_stock_vm() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let random = &mut Random::new(21);
        let mut all: Vec<Term<'_>> = (0..600)
            .map(|_| testing::term(heap, random, 3, &mut Vec::new()))
            .collect();
        all.push(heap.string("text \"quoted\"\\ and\ttabs\n"));
        all.push(heap.byte_list(b"\xe5\xa0\xff", Term::NIL));
        all.push(heap.byte_list(b"\x85", Term::NIL));
        all.push(heap.byte_list(b"improper", Term::OK));
        all.push(heap.binary(b"a \"binary\""));
        let (terms, sources): (Vec<Term<'_>>, Vec<String>) = all
            .iter()
            .filter_map(|&term| {
                // Other nodes are printed by the numbers of their atoms.
                let text = source(term).filter(|text| !text.contains("binary_to_term"))?;
                Some((term, text))
            })
            .unzip();
        assert!(terms.len() > 200);
        let Some(lines) = displayed(&sources) else {
            return;
        };
        assert_eq!(lines.len(), terms.len());
        for ((term, text), line) in terms.iter().zip(&sources).zip(&lines) {
            assert_eq!(&printed(*term), line, "{text}");
        }
    }

    #[test]
    fn what_programs_cannot_write_is_printed_too() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let id = FunId {
            module: Atom::from_static("some module"),
            new_uniq: [0; 16],
            new_index: 3,
            uniq: 77,
            index: 2,
            arity: 1,
        };
        let entry = FunEntry::of(id, Atom::from_static("-f/0-fun-0-"), 0);
        let fun = heap.fun(entry, Term::NIL, &[]);
        assert_eq!(printed(fun), "#Fun<some module.2.77>");
        let node = node_name::intern(Atom::from_static("else@where"), 7);
        let index = node.name.index();
        let pid = heap.external_pid(node, 5 | 6 << 32);
        assert_eq!(printed(pid), format!("<{index}.5.6>"));
        let reference = heap.external_ref(node, &[1, 2, 3]);
        assert_eq!(printed(reference), format!("#Ref<{index}.3.2.1>"));
        let pairs: Vec<_> = (0..40).map(|key| (Term::int(key), Term::OK)).collect();
        let map = printed(hash_map(heap, &pairs));
        assert!(map.starts_with("#<") && map.contains("[17|ok]") && map.ends_with("}}"));
        assert_eq!(format!("{:?}", heap.tuple(&[Term::OK])), "{ok}");
    }

    #[test]
    fn the_limit_cuts_the_text() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let limited = |term: Term<'_>, limit| {
            let mut out = Vec::new();
            term.print_limited(limit, &mut out);
            latin1(&out)
        };
        let tuple = heap.tuple(&[Term::int(1), Term::int(2), Term::int(3)]);
        assert_eq!(limited(tuple, 5), "{1,2,3}");
        assert_eq!(limited(tuple, 4), "{1,2,3}... ");
        assert_eq!(limited(tuple, 3), "{1,2,... ");
        assert_eq!(limited(heap.string("string"), 3), "\"st... ");
        assert_eq!(limited(heap.binary(b"binary"), 3), "<<\"bin... ");
        assert_eq!(limited(heap.binary(&[1, 2, 3, 4, 5]), 3), "<<1,2,3... ");
        assert_eq!(
            limited(Term::atom(Atom::from_static("undefined")), 3),
            "undefined... "
        );
        let deep = (0..300_000).fold(Term::NIL, |inner, _| heap.tuple(&[heap.list(&[inner])]));
        assert_eq!(printed(deep).len(), 300_000 * 4 + 2);
    }
}
