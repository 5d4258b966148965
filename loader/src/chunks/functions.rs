//! `ImpT`, `ExpT`, `LocT` and `FunT`: the functions that a module calls, offers, keeps, and makes funs of.

use std::borrow::Cow;

use crate::chunks::AtomIndex;
use crate::error::LoadError;
use crate::operand::{Label, MAX_ARITY};
use crate::reader::Reader;

/// A function of any module that this one calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its module.
    pub module: AtomIndex,
    /// Its name.
    pub function: AtomIndex,
    /// Its arity.
    pub arity: u8,
}

/// A function of this module that has a name: exported (`ExpT`) or local (`LocT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name.
    pub function: AtomIndex,
    /// Its arity.
    pub arity: u8,
    /// Its entry.
    pub label: Label,
    /// Byte offset of the entry in its chunk, for errors.
    pub(crate) at: usize,
}

/// A function of this module that funs are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lambda {
    /// Its name.
    pub function: AtomIndex,
    /// Its arity: the fun's and that of the environment.
    pub arity: u8,
    /// Its entry.
    pub label: Label,
    /// Its number among the funs of the module, as `erlang:fun_info/2` gives it.
    pub index: u32,
    /// How many terms its environment has.
    pub num_free: u8,
    /// A hash of the module's code, as `erlang:fun_info/2` gives it.
    pub old_uniq: u32,
    /// Byte offset of the entry in its chunk, for errors.
    pub(crate) at: usize,
}

impl Lambda {
    /// The arity of the fun.
    pub fn fun_arity(&self) -> u8 {
        self.arity - self.num_free
    }
}

type Atoms<'a> = [Cow<'a, str>];

fn atom(reader: &mut Reader<'_>, atoms: &Atoms<'_>) -> Result<AtomIndex, LoadError> {
    let at = reader.pos();
    match reader.u32()? {
        index if index > 0 && (index as usize) < atoms.len() => Ok(AtomIndex(index)),
        _ => Err(reader.bad_entry(at, "not in the atom table")),
    }
}

fn arity(reader: &mut Reader<'_>) -> Result<u8, LoadError> {
    let at = reader.pos();
    match reader.u32()? {
        arity if arity <= u32::from(MAX_ARITY) => Ok(arity as u8),
        _ => Err(reader.bad_entry(at, "more than 255 arguments")),
    }
}

pub(crate) fn parse_imports(data: &[u8], atoms: &Atoms<'_>) -> Result<Vec<Import>, LoadError> {
    let mut reader = Reader::new("ImpT", data);
    let count = reader.count(12)?;
    let import = |_| {
        let (module, function) = (atom(&mut reader, atoms)?, atom(&mut reader, atoms)?);
        Ok(Import {
            module,
            function,
            arity: arity(&mut reader)?,
        })
    };
    (0..count).map(import).collect()
}

/// Parses `ExpT` or `LocT`. Whether the labels are those of functions is known once the code is decoded.
pub(crate) fn parse_exports(
    chunk: &'static str,
    data: &[u8],
    atoms: &Atoms<'_>,
) -> Result<Vec<Export>, LoadError> {
    let mut reader = Reader::new(chunk, data);
    let count = reader.count(12)?;
    let export = |_| {
        let at = reader.pos();
        let function = atom(&mut reader, atoms)?;
        Ok(Export {
            function,
            arity: arity(&mut reader)?,
            label: Label(reader.u32()?),
            at,
        })
    };
    (0..count).map(export).collect()
}

/// Parses `FunT`. As the module's checksum is taken over whole entries, nothing may follow them.
pub(crate) fn parse_lambdas(data: &[u8], atoms: &Atoms<'_>) -> Result<Vec<Lambda>, LoadError> {
    const ENTRY_BYTES: usize = 24;
    let mut reader = Reader::new("FunT", data);
    let count = reader.count(ENTRY_BYTES)?;
    if !reader.left().is_multiple_of(ENTRY_BYTES) {
        return Err(reader.bad_entry(0, "the table does not end with an entry"));
    }
    let lambda = |_| {
        let at = reader.pos();
        let function = atom(&mut reader, atoms)?;
        let arity = arity(&mut reader)?;
        let label = Label(reader.u32()?);
        let index = reader.u32()?;
        let num_free = reader.u32()?;
        let old_uniq = reader.u32()?;
        if num_free > u32::from(arity) {
            return Err(reader.bad_entry(at, "the environment is larger than the arity"));
        }
        Ok(Lambda {
            function,
            arity,
            label,
            index,
            num_free: num_free as u8,
            old_uniq,
            at,
        })
    };
    (0..count).map(lambda).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATOMS: [Cow<'static, str>; 3] =
        [Cow::Borrowed(""), Cow::Borrowed("m"), Cow::Borrowed("f")];

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn imports() {
        let import = Import {
            module: AtomIndex(1),
            function: AtomIndex(2),
            arity: 255,
        };
        assert_eq!(
            parse_imports(&words(&[1, 1, 2, 255]), &ATOMS),
            Ok(vec![import])
        );
        for bad in [
            &[1, 0, 2, 0][..],
            &[1, 1, 3, 0],
            &[1, 1, 2, 256],
            &[2, 1, 2, 0],
            &[u32::MAX, 1, 2, 0],
        ] {
            assert!(parse_imports(&words(bad), &ATOMS).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lambdas() {
        let good = parse_lambdas(&words(&[1, 2, 3, 7, 0, 2, 99]), &ATOMS).expect("one entry");
        assert_eq!(
            (good[0].fun_arity(), good[0].label, good[0].old_uniq),
            (1, Label(7), 99)
        );
        for bad in [
            &[1, 2, 3, 7, 0, 4, 99][..],
            &[1, 2, 3, 7, 0, 2, 99, 0],
            &[1, 2, 256, 7, 0, 2, 99],
        ] {
            assert!(parse_lambdas(&words(bad), &ATOMS).is_err(), "{bad:?}");
        }
    }
}
