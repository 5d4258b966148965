//! Linking: from a checked file to a module that can be made current.
//!
//! [`prepare`] is all of a module's way in: parse, decode the constants, look up what it calls, rewrite, fuse.
//! Nothing of it changes what runs; that is done by [`Writer::load`](vm::code::table::Writer::load).

use std::sync::Arc;

use vm::atom::Atom;
use vm::bif::settings::{self, Switch};
use vm::code::fun::FunId;
use vm::code::module::{Exported, Module, Parts};
use vm::code::{Export, FunEntry, Mfa};
use vm::numeric::hash::md5::Md5;

use crate::cache;
use crate::chunks::AtomIndex;
use crate::error::LoadError;
use crate::file::BeamFile;
use crate::literals::Constants;
use crate::rewrite::{Context, Draft, Imported, rewrite};
use crate::rules;

/// The module in the bytes of a `.beam` file that is not compressed as a whole. `name` is what it must be called.
pub fn prepare(name: Atom, bytes: &[u8]) -> Result<Arc<Module>, LoadError> {
    let without_lines = settings::is_on(Switch::NoLines);
    if !without_lines && let Some(module) = cache::find(name, bytes, false) {
        return Ok(module);
    }
    let mut file = named(name, bytes)?;
    if without_lines {
        file.forget_lines();
    }
    link(&file)
}

/// A preloaded module: without its lines, which the stock VM does not carry either, so that its functions stand in
/// stack traces without a place.
pub fn prepare_preloaded(name: Atom, bytes: &[u8]) -> Result<Arc<Module>, LoadError> {
    if let Some(module) = cache::find(name, bytes, true) {
        return Ok(module);
    }
    let mut file = named(name, bytes)?;
    file.forget_lines();
    link(&file)
}

fn named(name: Atom, bytes: &[u8]) -> Result<BeamFile<'_>, LoadError> {
    let file = BeamFile::parse(bytes)?;
    if file.module() != name.name() {
        return Err(LoadError::WrongModule {
            found: file.module().to_owned(),
        });
    }
    Ok(file)
}

/// The module of a file.
pub fn link(file: &BeamFile<'_>) -> Result<Arc<Module>, LoadError> {
    Ok(Module::new(parts(file, |_| {})?))
}

/// What the code of a module refers to.
pub(crate) struct References<'a> {
    pub imports: &'a [Imported],
    pub funs: &'a [&'static FunEntry],
    pub constants: &'a Constants,
}

/// The parts of a file's module. `look` is shown what they refer to.
pub(crate) fn parts(
    file: &BeamFile<'_>,
    look: impl FnOnce(References<'_>),
) -> Result<Parts, LoadError> {
    let atoms = atoms(file)?;
    let atom = |index: AtomIndex| atoms[index.0 as usize];
    let name = atom(AtomIndex::MODULE);
    let md5 = checksum(file);
    let constants = Constants::of(file)?;
    let imports: Vec<_> = file
        .imports()
        .iter()
        .map(|import| {
            Imported::new(Export::of(Mfa {
                module: atom(import.module),
                function: atom(import.function),
                arity: import.arity.into(),
            }))
        })
        .collect();
    let funs = funs(file, name, md5, atom);
    let strings: Arc<[u8]> = file.strings().into();
    let mut draft = rewrite(Context {
        file,
        atoms: &atoms,
        constants: &constants,
        imports: &imports,
        funs: &funs,
        strings: &strings,
    })?;
    rules::finish(&mut draft, file.code().label_limit());
    let Draft {
        code,
        data,
        lines,
        functions,
        ..
    } = draft;
    // The entry of a function: those of the draft are in the order of the file's.
    let entry = |label| {
        let function = file
            .code()
            .function_of_entry(label)
            .expect("the label of a table was checked");
        let place = file
            .code()
            .functions()
            .partition_point(|other| other.entry_op < function.entry_op);
        functions[place].entry
    };
    let exports = file.exports().iter().map(|export| Exported {
        name: atom(export.function),
        arity: export.arity,
        entry: entry(export.label),
    });
    look(References {
        imports: &imports,
        funs: &funs,
        constants: &constants,
    });
    Ok(Parts {
        name,
        exports: exports.collect(),
        funs: funs
            .iter()
            .zip(file.lambdas())
            .map(|(fun, lambda)| (*fun, entry(lambda.label)))
            .collect(),
        on_load: file.code().on_load().map(|function| entry(function.entry)),
        code,
        data,
        strings,
        literals: constants.into_area(),
        functions,
        files: files(file),
        lines,
        attributes: file.chunk(b"Attr").unwrap_or_default().into(),
        compile_info: file.chunk(b"CInf").unwrap_or_default().into(),
        md5,
    })
}

/// The atoms of the file, by its indexes.
fn atoms(file: &BeamFile<'_>) -> Result<Vec<Atom>, LoadError> {
    // Index 0 is `[]` in operands, and no atom.
    let mut atoms = vec![vm::atom::well_known::NIL];
    for text in file.atoms() {
        atoms.push(Atom::new(text).map_err(|_| LoadError::TooManyAtoms)?);
    }
    Ok(atoms)
}

/// The MD5 of the module (OTP 25, `code:module_md5/1`).
pub fn checksum(file: &BeamFile<'_>) -> [u8; 16] {
    let mut digest = Md5::new();
    file.checksum_input(|bytes| digest.update(bytes));
    digest.finish()
}

fn funs(
    file: &BeamFile<'_>,
    module: Atom,
    md5: [u8; 16],
    atom: impl Fn(AtomIndex) -> Atom,
) -> Vec<&'static FunEntry> {
    let entry = |(new_index, lambda): (usize, &crate::chunks::Lambda)| {
        let id = FunId {
            module,
            new_uniq: md5,
            new_index: new_index as u32,
            uniq: lambda.old_uniq,
            index: lambda.index,
            arity: lambda.fun_arity().into(),
        };
        FunEntry::of(id, atom(lambda.function), lambda.num_free.into())
    };
    file.lambdas().iter().enumerate().map(entry).collect()
}

/// The source files; the first is the module's own.
fn files(file: &BeamFile<'_>) -> Vec<Arc<str>> {
    let own: Arc<str> = format!("{}.erl", file.module()).into();
    let Some(lines) = file.lines() else {
        return vec![own];
    };
    (0..=lines.file_count())
        .map(|index| lines.file(index).map_or_else(|| own.clone(), Arc::from))
        .collect()
}
