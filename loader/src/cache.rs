//! Modules as they were linked when an image was built: reading them costs a tenth of linking them again.
//!
//! [`build`] links modules and writes what came out; [`open`] takes such a file, and from then on [`find`] answers in
//! place of the linker, for the very bytes of a `.beam` file that were linked. Code refers to atoms by their indexes:
//! the file begins with the atoms of the node that wrote it, which the node that reads it makes in the same order
//! before it makes any others. What is an address when code runs is told by a list of [`Kind`]s.
//!
//! A cache is good for the build that made it, which it names; another one's is refused. Whoever names the file to
//! [`open`] vouches for it, as for the VM itself: its code is not checked again.

mod bytes;

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use vm::atom::{self, Atom, well_known};
use vm::code::fun::FunId;
use vm::code::module::{Exported, Function, Line, Module, Parts};
use vm::code::packed::{Packed, pack, unpack};
use vm::code::{Export, FunEntry, Instr, Mfa};
use vm::heap::LiteralArea;
use vm::term::word::Word;

use crate::error::LoadError;
use crate::file::BeamFile;
use crate::link;
use crate::literals::decode;
use crate::rewrite::address;
use bytes::{Reader, Writer};

const MAGIC: &[u8] = b"Lintel modules\n";

/// A module to be linked.
pub struct Source {
    /// Its `.beam` file.
    pub bytes: Vec<u8>,
    /// Whether it is one of the preloaded.
    pub preloaded: bool,
}

/// What a word of code or data stands for; its number is an index, or an offset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The address of the export of an import.
    Export,
    /// The address of the BIF that an import names.
    Bif,
    /// The address of a fun's entry.
    Fun,
    /// An address in the strings.
    String,
    /// A constant term.
    Constant,
}

impl Kind {
    const ALL: [Kind; 5] = [
        Kind::Export,
        Kind::Bif,
        Kind::Fun,
        Kind::String,
        Kind::Constant,
    ];
    const SHIFT: u32 = 28;

    fn with(self, number: usize) -> u32 {
        (self as u32) << Kind::SHIFT | number as u32
    }

    fn of(word: u32) -> Option<(Kind, usize)> {
        let kind = Kind::ALL.get((word >> Kind::SHIFT) as usize)?;
        Some((*kind, (word & ((1 << Kind::SHIFT) - 1)) as usize))
    }
}

/// An open cache.
struct Cache {
    file: File,
    /// How many bytes of an instruction are kept, by its number.
    lengths: Vec<u8>,
    modules: HashMap<(Atom, bool), Entry>,
}

/// Where a module is, and what it was made of.
#[derive(Clone, Copy)]
struct Entry {
    source_len: u32,
    source_crc: u32,
    at: u64,
    len: u32,
    crc: u32,
}

static CACHE: OnceLock<Cache> = OnceLock::new();

/// Takes a cache. It must be the first that makes atoms, after the well-known ones. `fingerprint` names this build.
pub fn open(path: &Path, fingerprint: &str) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut head = vec![0; MAGIC.len() + size_of::<u32>()];
    file.read_exact_at(&mut head, 0)
        .map_err(|error| error.to_string())?;
    let len = head
        .strip_prefix(MAGIC)
        .and_then(|rest| Some(u32::from_le_bytes(*rest.first_chunk()?)))
        .ok_or("not a cache of modules")?;
    let mut index = vec![0; len as usize];
    file.read_exact_at(&mut index, head.len() as u64)
        .map_err(|error| error.to_string())?;
    let mut reader = Reader::new(&index);
    if reader.bytes() != Some(fingerprint.as_bytes()) {
        return Err("it was made by another build".into());
    }
    let (lengths, modules) = read_index(&mut reader, head.len() as u64 + u64::from(len))
        .ok_or("it is cut off, or other atoms were made before it was opened")?;
    CACHE
        .set(Cache {
            file,
            lengths,
            modules,
        })
        .map_err(|_| "a cache is open".into())
}

type Index = (Vec<u8>, HashMap<(Atom, bool), Entry>);

fn read_index(reader: &mut Reader<'_>, base: u64) -> Option<Index> {
    let lengths = reader.bytes()?.to_vec();
    let first = reader.number()?;
    let count = reader.number()?;
    if first != well_known::COUNT {
        return None;
    }
    atom::reserve(count as usize);
    for index in first..first + count {
        let made = Atom::new(std::str::from_utf8(reader.bytes()?).ok()?).ok()?;
        if made.index() != index {
            return None;
        }
    }
    let count = reader.number()?;
    let modules = (0..count)
        .map(|_| {
            let name = Atom::at(reader.number()?)?;
            let preloaded = reader.number()? != 0;
            let entry = Entry {
                source_len: reader.number()?,
                source_crc: reader.number()?,
                at: base + u64::from(reader.number()?),
                len: reader.number()?,
                crc: reader.number()?,
            };
            Some(((name, preloaded), entry))
        })
        .collect::<Option<_>>()?;
    Some((lengths, modules))
}

/// The module that these bytes were linked to, if the cache holds it.
pub(crate) fn find(name: Atom, bytes: &[u8], preloaded: bool) -> Option<Arc<Module>> {
    let cache = CACHE.get()?;
    let entry = cache.modules.get(&(name, preloaded))?;
    if entry.source_len as usize != bytes.len() || entry.source_crc != crc32fast::hash(bytes) {
        return None;
    }
    let mut stored = vec![0; entry.len as usize];
    cache.file.read_exact_at(&mut stored, entry.at).ok()?;
    if crc32fast::hash(&stored) != entry.crc {
        return None;
    }
    read(name, &mut Reader::new(&stored), &cache.lengths).map(Module::new)
}

/// The parts of a stored module.
fn read(name: Atom, reader: &mut Reader<'_>, lengths: &[u8]) -> Option<Parts> {
    let atom = |index: u32| Atom::at(index);
    let md5: [u8; 16] = reader.bytes()?.try_into().ok()?;
    let on_load = reader.number()?.checked_sub(1);
    let exports = reader.list(|r| {
        Some(Exported {
            name: atom(r.number()?)?,
            arity: r.number()? as u8,
            entry: r.number()?,
        })
    })?;
    // What grows from one to the next is stored as the difference.
    let mut entry = 0;
    let functions = reader.list(|r| {
        let (name, arity, is_native) = (atom(r.number()?)?, r.number()? as u8, r.number()? != 0);
        entry += r.number()?;
        Some(Function {
            name,
            arity,
            entry,
            is_native,
        })
    })?;
    let (mut at, mut last) = (0, 0);
    let lines = reader.list(|r| {
        at += r.number()?;
        let file = r.number()?;
        last += r.signed()?;
        Some(Line {
            at,
            file,
            line: last as u32,
        })
    })?;
    let files = reader.list(|r| Some(Arc::from(std::str::from_utf8(r.bytes()?).ok()?)))?;
    let imports = reader.list(|r| {
        Some(Export::of(Mfa {
            module: atom(r.number()?)?,
            function: atom(r.number()?)?,
            arity: r.number()?,
        }))
    })?;
    let mut new_index = 0..;
    let funs = reader.list(|r| {
        let function = atom(r.number()?)?;
        let id = FunId {
            module: name,
            new_uniq: md5,
            new_index: new_index.next()?,
            uniq: r.number()?,
            index: r.number()?,
            arity: r.number()?,
        };
        Some((FunEntry::of(id, function, r.number()?), r.number()?))
    })?;
    let attributes = reader.bytes()?.into();
    let compile_info = reader.bytes()?.into();
    let strings: Arc<[u8]> = reader.bytes()?.into();
    let constants = reader.list(|r| r.bytes())?;
    let literals = LiteralArea::build(|heap| {
        // What the encoder wrote can be decoded; a term that cannot leaves too few, which is seen below.
        let decoded = constants.iter().map_while(|bytes| decode(heap, bytes).ok());
        decoded.collect()
    });
    let mut at = 0;
    let places = reader.list(|r| {
        at += r.number()?;
        Some((at, r.number()?))
    })?;
    let mut code = reader.list(|r| instruction(r, lengths))?;
    let mut data = reader.list(|r| Some(r.signed()? as Word))?;
    for (place, what) in places {
        let (kind, number) = Kind::of(what)?;
        let word = match kind {
            Kind::Export => address(*imports.get(number)?),
            Kind::Bif => address(imports.get(number)?.bif()?),
            Kind::Fun => address(funs.get(number)?.0),
            Kind::String => strings.as_ptr().wrapping_add(number) as Word,
            Kind::Constant if number < literals.len() => literals.term(number).word(),
            Kind::Constant => return None,
        };
        let place = place as usize;
        match place.checked_sub(code.len()) {
            None => code.get_mut(place)?[1] = word,
            Some(place) => *data.get_mut(place)? = word,
        }
    }
    Some(Parts {
        name,
        code: unpack(code)?,
        data,
        strings,
        literals,
        functions,
        lines,
        files,
        exports,
        funs,
        on_load,
        attributes,
        compile_info,
        md5,
    })
}

/// An instruction: its first bytes, the others being zero.
#[inline]
fn instruction(reader: &mut Reader<'_>, lengths: &[u8]) -> Option<Packed> {
    let len = *lengths.get(usize::from(reader.peek()?))?;
    let words = u128::from_le_bytes(reader.ahead(len.into())?);
    let words = words & u128::MAX >> (128 - 8 * u32::from(len.clamp(1, 16)));
    Some([words as Word, (words >> 64) as Word])
}

/// How many bytes the instructions of each number have.
fn lengths() -> Vec<u8> {
    Instr::LENGTHS.iter().map(|&len| len as u8).collect()
}

/// Links modules and writes a cache of them; what cannot be linked is left out, and whoever loads it is told why. The
/// BIFs must have been linked, as in a node.
pub fn build(fingerprint: &str, sources: &[Source]) -> Vec<u8> {
    let linked = |source: &Source| {
        let mut file = BeamFile::parse(&source.bytes).ok()?;
        if source.preloaded {
            file.forget_lines();
        }
        let stored = write(&file).ok()?;
        Some((Atom::existing(file.module())?, stored))
    };
    let rows: Vec<_> = sources
        .iter()
        .filter_map(|source| Some((source, linked(source)?)))
        .collect();
    let mut index = Writer::default();
    index.bytes(fingerprint.as_bytes());
    index.bytes(&lengths());
    let first = well_known::COUNT;
    let atoms: Vec<Atom> = (first..atom::count()).filter_map(Atom::at).collect();
    index.number(first.into());
    index.list(&atoms, |w, atom| w.bytes(atom.name().as_bytes()));
    let mut at = 0;
    index.list(&rows, |w, (source, (name, stored))| {
        w.number(name.index().into());
        w.number(source.preloaded.into());
        w.number(source.bytes.len() as u64);
        w.number(crc32fast::hash(&source.bytes).into());
        w.number(at);
        w.number(stored.len() as u64);
        w.number(crc32fast::hash(stored).into());
        at += stored.len() as u64;
    });
    let index = index.finish();
    let mut out = MAGIC.to_vec();
    out.extend((index.len() as u32).to_le_bytes());
    out.extend(index);
    rows.iter().for_each(|(_, (_, stored))| out.extend(stored));
    out
}

/// A module as it is stored.
fn write(file: &BeamFile<'_>) -> Result<Vec<u8>, LoadError> {
    let mut imports: Vec<Mfa> = Vec::new();
    let mut addresses: HashMap<Word, u32> = HashMap::new();
    let mut funs: Vec<&'static FunEntry> = Vec::new();
    let mut constants: Vec<Vec<u8>> = file.literals().iter().map(<[u8]>::to_vec).collect();
    let parts = link::parts(file, |references| {
        for (number, import) in references.imports.iter().enumerate() {
            imports.push(import.export.mfa);
            addresses.insert(address(import.export), Kind::Export.with(number));
            if let Some(bif) = import.bif {
                addresses.insert(address(bif), Kind::Bif.with(number));
            }
        }
        for (number, &fun) in references.funs.iter().enumerate() {
            funs.push(fun);
            addresses.insert(address(fun), Kind::Fun.with(number));
        }
        for integer in references.constants.integers() {
            let encoded = vm::etf::encode(integer, &vm::etf::EncodeOptions::default());
            constants.push(encoded.expect("every integer can be encoded"));
        }
    })?;
    for number in 0..parts.literals.len() {
        let term = parts.literals.term(number);
        if !vm::term::word::is_immediate(term.word()) {
            addresses.insert(term.word(), Kind::Constant.with(number));
        }
    }
    // Functions that are BIFs refer to their own exports.
    for function in &parts.functions {
        let mfa = Mfa {
            module: parts.name,
            function: function.name,
            arity: function.arity.into(),
        };
        if let Some(export) = Export::existing(mfa) {
            addresses
                .entry(address(export))
                .or_insert(Kind::Export.with(imports.len()));
            imports.push(mfa);
        }
    }
    let strings = parts.strings.as_ptr_range();
    let what = |word: Word| {
        let within = (strings.start as Word..strings.end as Word).contains(&word);
        within
            .then(|| Kind::String.with((word - strings.start as Word) as usize))
            .or_else(|| addresses.get(&word).copied())
    };
    let (mut code, mut data) = (pack(&parts.code), parts.data);
    let words = code.iter_mut().map(|words| &mut words[1]).chain(&mut data);
    let mut places = Vec::new();
    for (place, word) in words.enumerate() {
        if let Some(what) = what(*word) {
            places.push((place as u64, what));
            *word = 0;
        }
    }
    let mut w = Writer::default();
    w.bytes(&parts.md5);
    w.number(parts.on_load.map_or(0, |entry| u64::from(entry) + 1));
    w.list(&parts.exports, |w, export| {
        w.number(export.name.index().into());
        w.number(export.arity.into());
        w.number(export.entry.into());
    });
    let mut before = 0;
    w.list(&parts.functions, |w, function| {
        w.number(function.name.index().into());
        w.number(function.arity.into());
        w.number(function.is_native.into());
        w.number((function.entry - before).into());
        before = function.entry;
    });
    let (mut at, mut last) = (0, 0);
    w.list(&parts.lines, |w, line| {
        w.number((line.at - at).into());
        w.number(line.file.into());
        w.signed(i64::from(line.line) - last);
        (at, last) = (line.at, line.line.into());
    });
    w.list(&parts.files, |w, file| w.bytes(file.as_bytes()));
    w.list(&imports, |w, mfa| {
        w.number(mfa.module.index().into());
        w.number(mfa.function.index().into());
        w.number(mfa.arity.into());
    });
    w.list(&parts.funs, |w, (fun, entry)| {
        w.number(fun.function().index().into());
        w.number(fun.id.uniq.into());
        w.number(fun.id.index.into());
        w.number(fun.id.arity.into());
        w.number(fun.num_free.into());
        w.number((*entry).into());
    });
    w.bytes(&parts.attributes);
    w.bytes(&parts.compile_info);
    w.bytes(&parts.strings);
    w.list(&constants, |w, bytes| w.bytes(bytes));
    let mut at = 0;
    w.list(&places, |w, &(place, what)| {
        w.number(place - at);
        w.number(what.into());
        at = place;
    });
    w.list(&code, |w, words| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let number = usize::from(words[0] as u16);
        w.raw(&bytes[..Instr::LENGTHS[number]]);
    });
    w.list(&data, |w, &word| w.signed(word as i64));
    Ok(w.finish())
}

#[cfg(test)]
mod tests;
