//! For tests of BIFs: terms read from and written as text, calls that give way and go on, and the comparison
//! with the stock VM.

use super::{BifEntry, BifFn, Call, Class, Exception, Stop, Trap};
use crate::arithmetic;
use crate::atom::Atom;
use crate::heap::Heap;
use crate::numeric::float::{self, Format};
use crate::numeric::{big, oracle};
use crate::process::{Process, REDUCTIONS};
use crate::term::{Kind, Pid, Term};

/// Reads a term: what Erlang's syntax has without variables and calls. `skew` lets binaries begin within a byte.
pub(crate) struct Reader<'t, 'h> {
    text: &'t [u8],
    heap: Heap<'h>,
    skew: bool,
}

impl<'t, 'h> Reader<'t, 'h> {
    pub(crate) fn new(text: &'t str, heap: Heap<'h>, skew: bool) -> Self {
        Reader {
            text: text.as_bytes(),
            heap,
            skew,
        }
    }

    fn space(&mut self) {
        while self.text.first().is_some_and(u8::is_ascii_whitespace) {
            self.text = &self.text[1..];
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.space();
        let found = self.text.starts_with(token.as_bytes());
        if found {
            self.text = &self.text[token.len()..];
        }
        found
    }

    fn expect(&mut self, token: &str) {
        assert!(
            self.eat(token),
            "{token:?} expected before {:?}",
            String::from_utf8_lossy(self.text)
        );
    }

    fn take(&mut self, while_: impl Fn(u8) -> bool) -> &'t str {
        let len = self.text.iter().take_while(|&&byte| while_(byte)).count();
        let (taken, rest) = self.text.split_at(len);
        self.text = rest;
        std::str::from_utf8(taken).unwrap()
    }

    fn elements(&mut self, end: &str) -> Vec<Term<'h>> {
        let mut elements = Vec::new();
        if self.eat(end) {
            return elements;
        }
        loop {
            elements.push(self.term());
            if !self.eat(",") {
                self.expect(end);
                return elements;
            }
        }
    }

    pub(crate) fn term(&mut self) -> Term<'h> {
        self.space();
        if self.eat("<<") {
            self.binary()
        } else if self.eat("[") {
            let mut elements = Vec::new();
            let mut tail = Term::NIL;
            if !self.eat("]") {
                loop {
                    elements.push(self.term());
                    if self.eat("|") {
                        tail = self.term();
                        self.expect("]");
                        break;
                    }
                    if !self.eat(",") {
                        self.expect("]");
                        break;
                    }
                }
            }
            self.heap.list_with_tail(&elements, tail)
        } else if self.eat("#{") {
            let mut pairs = Vec::new();
            while !self.eat("}") {
                let key = self.term();
                self.expect("=>");
                pairs.push((key, self.term()));
                self.eat(",");
            }
            crate::map::from_pairs(self.heap, &pairs)
        } else if self.eat("{") {
            let elements = self.elements("}");
            self.heap.tuple(&elements)
        } else if self.eat("\"") {
            let text = self.take(|byte| byte != b'"');
            self.expect("\"");
            self.heap.string(text)
        } else if self.eat("'") {
            let name = self.take(|byte| byte != b'\'');
            self.expect("'");
            Term::atom(Atom::new(name).unwrap())
        } else if self.text[0].is_ascii_lowercase() {
            let name =
                self.take(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@'));
            Term::atom(Atom::new(name).unwrap())
        } else {
            self.number()
        }
    }

    fn number(&mut self) -> Term<'h> {
        let text = self.take(|byte| byte.is_ascii_alphanumeric() || b"+-.#".contains(&byte));
        if let Some((radix, digits)) = text.split_once('#') {
            let value = big::parse(digits.as_bytes(), radix.parse().unwrap()).unwrap();
            arithmetic::integer(self.heap, &value)
        } else if text.contains('.') {
            self.heap.float(float::parse(text.as_bytes()).unwrap())
        } else {
            arithmetic::integer(self.heap, &big::parse(text.as_bytes(), 10).unwrap())
        }
    }

    fn binary(&mut self) -> Term<'h> {
        let mut bits: Vec<bool> = Vec::new();
        while !self.eat(">>") {
            self.space();
            if self.eat("\"") {
                let text = self.take(|byte| byte != b'"');
                self.expect("\"");
                let bytes = text.chars().map(|char| char as u8);
                bits.extend(
                    bytes.flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)),
                );
            } else {
                let value: u64 = self.take(|byte| byte.is_ascii_digit()).parse().unwrap();
                let size = if self.eat(":") {
                    self.take(|byte| byte.is_ascii_digit()).parse().unwrap()
                } else {
                    8
                };
                bits.extend((0..size).rev().map(|bit| value >> bit & 1 == 1));
            }
            self.eat(",");
        }
        let len = bits.len();
        let before = if self.skew { 3 } else { 0 };
        bits.splice(0..0, std::iter::repeat_n(true, before));
        let bytes: Vec<u8> = bits
            .chunks(8)
            .map(|byte| {
                (0..8).fold(0, |all, bit| {
                    all << 1 | u8::from(byte.get(bit).copied().unwrap_or(self.skew))
                })
            })
            .collect();
        if self.skew {
            let whole = self.heap.bitstring(&bytes, before + len);
            self.heap.part(whole.as_bits().unwrap(), before, len)
        } else {
            self.heap.bitstring(&bytes, len)
        }
    }
}

/// A term as `io_lib:format("~w")` writes it.
pub(crate) fn show(term: Term<'_>) -> String {
    let mut out = Vec::new();
    write(term, &mut out);
    String::from_utf8(out).unwrap()
}

fn write(term: Term<'_>, out: &mut Vec<u8>) {
    match term.kind() {
        Kind::Small(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Kind::Big(value) => big::print(value, 10, out),
        Kind::Float(value) => float::print(value, Format::Short, out).unwrap(),
        Kind::Atom(atom) => crate::text::display::atom(atom.name().as_bytes(), out),
        Kind::Nil => out.extend_from_slice(b"[]"),
        Kind::Cons(_) => {
            let mut list = term.list();
            out.push(b'[');
            for (index, element) in list.by_ref().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(element, out);
            }
            if !list.rest().is_nil() {
                out.push(b'|');
                write(list.rest(), out);
            }
            out.push(b']');
        }
        Kind::Tuple(tuple) => {
            out.push(b'{');
            for (index, &element) in tuple.elements().iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(element, out);
            }
            out.push(b'}');
        }
        Kind::Bits(bits) => {
            let bytes = bits.aligned();
            let whole = bits.bit_len() / 8;
            let mut parts: Vec<String> = bytes[..whole].iter().map(u8::to_string).collect();
            if bits.bit_len() % 8 > 0 {
                let used = bits.bit_len() % 8;
                parts.push(format!("{}:{used}", bytes[whole] >> (8 - used)));
            }
            out.extend_from_slice(format!("<<{}>>", parts.join(",")).as_bytes());
        }
        Kind::Map(map) => match map.form() {
            crate::term::views::MapForm::Flat { keys, values, .. } => {
                out.extend_from_slice(b"#{");
                for (index, (&key, &value)) in keys.iter().zip(values).enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write(key, out);
                    out.extend_from_slice(b" => ");
                    write(value, out);
                }
                out.push(b'}');
            }
            crate::term::views::MapForm::Hash { size, .. } => {
                out.extend_from_slice(format!("#map{size}").as_bytes());
            }
        },
        Kind::Ref(_) => out.extend_from_slice(b"#Ref"),
        Kind::Pid(_) => out.extend_from_slice(b"#Pid"),
        _ => out.extend_from_slice(b"#Other"),
    }
}

/// Calls a BIF as the interpreter does, giving way included; also says how often it gave way.
pub(crate) fn run<'p>(
    process: &'p Process,
    bif: BifFn,
    args: &[Term<'p>],
) -> (Result<Term<'p>, Box<Exception<'p>>>, usize) {
    let (mut bif, mut args) = (bif, args.to_vec());
    for times in 0.. {
        process.reductions.set(REDUCTIONS);
        let held: &'p [Term<'p>] = Box::leak(args.into_boxed_slice());
        match bif(Call::new(process, held)) {
            Ok(term) => return (Ok(term), times),
            Err(Stop::Raise(mut exception)) => {
                // As the interpreter does: the arguments that the caller gave.
                let given: Vec<Term<'p>> = held
                    .iter()
                    .map(|&arg| super::progress::as_given(arg))
                    .collect();
                let heap = Heap::new(&process.heap);
                exception.args.get_or_insert_with(|| heap.list(&given));
                return (Err(exception), times);
            }
            Err(Stop::Trap(trap)) => match *trap {
                Trap::Yield { args: next } => args = next.to_vec(),
                Trap::YieldReturn(term) => return (Ok(term), times),
                Trap::Call { export, args: next } => {
                    bif = find(
                        super::tables().concat_iter(),
                        export.mfa.module.name(),
                        export.mfa.function.name(),
                        next.len(),
                    )
                    .unwrap_or_else(|| panic!("a trap to {}, which is no BIF", export.mfa))
                    .run;
                    args = next.to_vec();
                }
                _ => panic!("an unexpected trap"),
            },
        }
    }
    unreachable!("the loop ends by a result")
}

trait ConcatIter {
    fn concat_iter(self) -> Box<dyn Iterator<Item = &'static BifEntry>>;
}

impl ConcatIter for Vec<&'static [BifEntry]> {
    fn concat_iter(self) -> Box<dyn Iterator<Item = &'static BifEntry>> {
        Box::new(self.into_iter().flatten())
    }
}

fn find(
    mut all: impl Iterator<Item = &'static BifEntry>,
    module: &str,
    function: &str,
    arity: usize,
) -> Option<&'static BifEntry> {
    all.find(|bif| {
        bif.module == module && bif.function == function && usize::from(bif.arity) == arity
    })
}

/// The BIF of a name.
pub(crate) fn bif(module: &str, function: &str, arity: usize) -> BifFn {
    find(super::tables().concat_iter(), module, function, arity)
        .unwrap_or_else(|| panic!("{module}:{function}/{arity} is no BIF"))
        .run
}

/// What a call of `module:function` with these arguments (a list in Erlang's syntax) gives, or its reason.
pub(crate) fn evaluate(module: &str, function: &str, args: &str, skew: bool) -> String {
    let process = Process::detached(Pid(1));
    // Lives until the test ends: terms in it are shown below.
    let process: &Process = Box::leak(Box::new(process));
    let heap = Heap::new(&process.heap);
    let args = Reader::new(args, heap, skew).term().proper_list().unwrap();
    match run(process, bif(module, function, args.len()), &args).0 {
        Ok(term) => show(term),
        Err(exception) if exception.class == Class::Error => show(exception.reason),
        Err(exception) => format!("{:?} {}", exception.class, show(exception.reason)),
    }
}

/// Compares calls with what the stock VM gives for them. Each is `module:function(args)`.
pub(crate) fn compare(calls: &[String]) {
    let Some(answers) = oracle::erl(calls) else {
        return;
    };
    assert_eq!(answers.len(), calls.len());
    let mut wrong = Vec::new();
    for (call, answer) in calls.iter().zip(&answers) {
        let (name, args) = call.split_once('(').unwrap();
        let (module, function) = name.split_once(':').unwrap();
        let args = format!("[{}]", args.strip_suffix(')').unwrap());
        for skew in [false, true] {
            let ours = evaluate(module, function, &args, skew);
            if &ours != answer {
                wrong.push(format!("{call}\n  stock: {answer}\n  here:  {ours}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        calls.len() * 2,
        wrong[..wrong
            .len()
            .min(std::env::var("DIFFS").map_or(20, |most| most.parse().unwrap()))]
            .join("\n")
    );
}
