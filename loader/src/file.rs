//! A whole `.beam` file: its tables and its code, checked so that later use cannot fail.

use std::borrow::Cow;

use crate::chunks::{
    AtomIndex, CodeHeader, Export, Import, Lambda, Lines, Literals, Type, TypeIndex, parse_exports,
    parse_imports, parse_lambdas, parse_latin1_atoms, parse_types, parse_utf8_atoms,
};
use crate::code::Code;
use crate::container::Container;
use crate::error::LoadError;
use crate::kind::Tables;
use crate::validate::{Context, validate};

/// A parsed `.beam` file. It borrows the bytes it was parsed from.
#[derive(Clone, Debug)]
pub struct BeamFile<'a> {
    container: Container<'a>,
    atoms: Vec<Cow<'a, str>>,
    imports: Vec<Import>,
    exports: Vec<Export>,
    lambdas: Vec<Lambda>,
    literals: Literals<'a>,
    lines: Option<Lines<'a>>,
    types: Option<Vec<Type>>,
    strings: &'a [u8],
    code: Code<'a>,
}

impl<'a> BeamFile<'a> {
    /// Parses and checks a file that is not compressed as a whole
    /// (see [`uncompressed`](crate::uncompressed)). The order of the checks is the stock VM's.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let container = Container::parse(bytes)?;
        if container.get(b"Code").is_some()
            && container.get(b"AtU8").is_none()
            && container.get(b"Atom").is_some()
        {
            return Err(LoadError::ObsoleteAtoms);
        }
        Self::from_container(container)
    }

    /// As [`parse`](Self::parse), and accepts modules of OTP 19 and earlier, whose atoms are in Latin-1: for tools
    /// that only look. The stock VM does not load these.
    pub fn parse_of_any_age(bytes: &'a [u8]) -> Result<Self, LoadError> {
        Self::from_container(Container::parse(bytes)?)
    }

    fn from_container(container: Container<'a>) -> Result<Self, LoadError> {
        let required = |id: &[u8; 4], chunk: &'static str| {
            container.get(id).ok_or(LoadError::MissingChunk { chunk })
        };
        let code_chunk = required(b"Code", "Code")?;
        let header = CodeHeader::parse(code_chunk)?;
        let atoms = match (container.get(b"AtU8"), container.get(b"Atom")) {
            (Some(utf8), _) => parse_utf8_atoms(utf8)?,
            (None, Some(latin1)) => parse_latin1_atoms(latin1)?,
            (None, None) => return Err(LoadError::MissingChunk { chunk: "AtU8" }),
        };
        let imports = parse_imports(required(b"ImpT", "ImpT")?, &atoms)?;
        let exports = parse_exports("ExpT", required(b"ExpT", "ExpT")?, &atoms)?;
        let lambdas = container
            .get(b"FunT")
            .map_or(Ok(Vec::new()), |data| parse_lambdas(data, &atoms))?;
        let literals = container
            .get(b"LitT")
            .map_or(Ok(Literals::default()), Literals::parse)?;
        let lines = container.get(b"Line").map_or(Ok(None), Lines::parse)?;
        let types = container.get(b"Type").map_or(Ok(None), parse_types)?;
        let strings = container.get(b"StrT").unwrap_or_default();
        let tables = Tables {
            atoms: &atoms,
            imports: &imports,
            lambdas: &lambdas,
            literals: literals.len(),
            types: types.as_ref().map(Vec::len),
            lines: lines.as_ref().map(Lines::len),
            strings: strings.len(),
            labels: header.labels,
        };
        let code = Code::decode(code_chunk, header, &tables)?;
        let context = Context {
            atoms: &atoms,
            imports: &imports,
            exports: &exports,
            lambdas: &lambdas,
        };
        validate(&code, &context)?;
        let file = Self {
            container,
            atoms,
            imports,
            exports,
            lambdas,
            literals,
            lines,
            types,
            strings,
            code,
        };
        file.check_line_count()?;
        Ok(file)
    }

    /// The line table says how many `line` instructions there are at most.
    fn check_line_count(&self) -> Result<(), LoadError> {
        let Some(lines) = &self.lines else {
            return Ok(());
        };
        let used = self.code.line_instructions();
        if used <= lines.instructions() as usize {
            return Ok(());
        }
        Err(LoadError::BadEntry {
            chunk: "Line",
            at: 8,
            what: "there are more line instructions than the table says",
        })
    }

    /// The module's name.
    pub fn module(&self) -> &str {
        self.atom(AtomIndex::MODULE)
    }

    /// The text of an atom. Every index in the tables and the code exists.
    pub fn atom(&self, index: AtomIndex) -> &str {
        &self.atoms[index.0 as usize]
    }

    /// The text of every atom, in the order of their indexes, which begin at 1.
    pub fn atoms(&self) -> impl ExactSizeIterator<Item = &str> {
        self.atoms[1..].iter().map(|atom| &**atom)
    }

    /// The functions that the module calls.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The functions that it offers.
    pub fn exports(&self) -> &[Export] {
        &self.exports
    }

    /// The functions that it makes funs of.
    pub fn lambdas(&self) -> &[Lambda] {
        &self.lambdas
    }

    /// The functions that are neither exported nor without a name. The VM does not need them, so the table is
    /// parsed only here, and its labels are not checked.
    pub fn locals(&self) -> Result<Vec<Export>, LoadError> {
        self.container.get(b"LocT").map_or(Ok(Vec::new()), |data| {
            parse_exports("LocT", data, &self.atoms)
        })
    }

    /// The constant terms.
    pub fn literals(&self) -> &Literals<'a> {
        &self.literals
    }

    /// As if the file had no line table.
    pub(crate) fn forget_lines(&mut self) {
        self.lines = None;
    }

    /// The line table, if there is one that is understood.
    pub fn lines(&self) -> Option<&Lines<'a>> {
        self.lines.as_ref()
    }

    /// The types of registers; empty if there are none that are understood, and then the code names none.
    pub fn types(&self) -> &[Type] {
        self.types.as_deref().unwrap_or_default()
    }

    /// One type. Every index in the code exists.
    pub fn type_of(&self, index: TypeIndex) -> Type {
        self.types()[index.0 as usize]
    }

    /// The string table, which binary construction and matching take bytes from.
    pub fn strings(&self) -> &'a [u8] {
        self.strings
    }

    /// The code.
    pub fn code(&self) -> &Code<'a> {
        &self.code
    }

    /// The contents of any chunk, such as `Attr`, `CInf`, `Dbgi`, `Docs`, `Meta`; `None` if absent or empty.
    pub fn chunk(&self, id: &[u8; 4]) -> Option<&'a [u8]> {
        self.container.get(id)
    }

    /// All chunks.
    pub fn container(&self) -> &Container<'a> {
        &self.container
    }

    /// Gives `digest` the bytes whose MD5 is the module's checksum, piece by piece: OTP 25, `code:module_md5/1`.
    /// The hashes inside `FunT` count as zero.
    pub fn checksum_input(&self, mut digest: impl FnMut(&[u8])) {
        for id in [b"AtU8", b"Code", b"StrT", b"ImpT", b"ExpT"] {
            digest(self.chunk(id).unwrap_or_default());
        }
        if let Some((count, entries)) = self
            .chunk(b"FunT")
            .and_then(|data| data.split_first_chunk::<4>())
        {
            digest(count);
            for entry in entries.chunks_exact(24) {
                digest(&entry[..20]);
                digest(&[0; 4]);
            }
        }
        for id in [b"LitT", b"Meta"] {
            digest(self.chunk(id).unwrap_or_default());
        }
    }
}
