//! What can be wrong with a `.beam` file, and where.
//!
//! A [`LoadError`] is a fault of the outside: it names the chunk and the byte offset inside that
//! chunk's data (inside the file, for the container itself), so that a log line is enough to find
//! the place with a hex dump. The stock VM answers all of these with `{error, badfile}`.

use std::fmt;

use crate::opcodes::GenericOp;

/// Why a `.beam` file cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The file does not begin as an IFF form of type `BEAM`.
    BadMagic,
    /// The data ends inside something.
    Truncated {
        /// The chunk, or `"file"`.
        chunk: &'static str,
        /// Byte offset of what could not be read.
        at: usize,
    },
    /// A chunk that every module must have is absent or empty.
    MissingChunk {
        /// Its four letters.
        chunk: &'static str,
    },
    /// The atoms are in a Latin-1 `Atom` chunk (OTP 19 and earlier), which the stock VM refuses too.
    ObsoleteAtoms,
    /// A chunk's format number is not one that is known here.
    BadVersion {
        /// The chunk.
        chunk: &'static str,
        /// The number found.
        version: u32,
    },
    /// The module says that it uses an operation from a later OTP.
    TooNew {
        /// The highest operation used, from the `Code` header.
        max_opcode: u32,
    },
    /// A number of entries that is negative, or larger than the chunk can hold.
    BadCount {
        /// The chunk.
        chunk: &'static str,
        /// Byte offset of the number.
        at: usize,
        /// The number.
        count: u32,
    },
    /// Text that should be UTF-8 is not, or an atom has more than 255 characters.
    BadText {
        /// The chunk.
        chunk: &'static str,
        /// Byte offset of the text.
        at: usize,
    },
    /// Compressed data does not decompress to what was promised.
    BadCompression {
        /// The chunk, or `"file"`.
        chunk: &'static str,
    },
    /// A field of a table has a value that the table may not hold.
    BadEntry {
        /// The chunk.
        chunk: &'static str,
        /// Byte offset of the entry.
        at: usize,
        /// Which rule is broken.
        what: &'static str,
    },
    /// No such operation, or one that no loader has accepted for many releases.
    UnknownOpcode {
        /// Byte offset in `Code`.
        at: usize,
        /// The operation's number.
        opcode: u8,
    },
    /// An operand that is malformed, refers to nothing, or has no business in its place.
    BadOperand {
        /// Byte offset of the operand (or of its instruction, when a pair of operands disagrees) in `Code`.
        at: usize,
        /// The operation it belongs to.
        op: GenericOp,
        /// Which rule is broken.
        what: &'static str,
    },
    /// An operation that is known, but that nothing here can run.
    Unsupported {
        /// Byte offset of the instruction in `Code`.
        at: usize,
        /// The operation.
        op: GenericOp,
    },
    /// The file is that of another module than the one to be loaded.
    WrongModule {
        /// Whose it is.
        found: String,
    },
    /// There is no room for another atom.
    TooManyAtoms,
    /// The instructions do not make up functions, or control could leave them.
    BadCode {
        /// Byte offset of the instruction in `Code`.
        at: usize,
        /// Which rule is broken.
        what: &'static str,
    },
}

impl LoadError {
    /// The chunk at fault: its four letters, or `"file"` for the container.
    pub fn chunk(&self) -> &'static str {
        match self {
            Self::BadMagic => "file",
            Self::ObsoleteAtoms => "Atom",
            Self::WrongModule { .. } | Self::TooManyAtoms => "AtU8",
            Self::Truncated { chunk, .. }
            | Self::MissingChunk { chunk }
            | Self::BadVersion { chunk, .. }
            | Self::BadCount { chunk, .. }
            | Self::BadText { chunk, .. }
            | Self::BadCompression { chunk }
            | Self::BadEntry { chunk, .. } => chunk,
            Self::TooNew { .. }
            | Self::UnknownOpcode { .. }
            | Self::BadOperand { .. }
            | Self::Unsupported { .. }
            | Self::BadCode { .. } => "Code",
        }
    }

    /// The byte offset inside [`chunk`](Self::chunk) where the fault is; 0 if it is the whole chunk.
    pub fn offset(&self) -> usize {
        match self {
            Self::Truncated { at, .. }
            | Self::BadCount { at, .. }
            | Self::BadText { at, .. }
            | Self::BadEntry { at, .. }
            | Self::UnknownOpcode { at, .. }
            | Self::BadOperand { at, .. }
            | Self::Unsupported { at, .. }
            | Self::BadCode { at, .. } => *at,
            _ => 0,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:#x}: ", self.chunk(), self.offset())?;
        match self {
            Self::BadMagic => write!(f, "not a BEAM file: it does not begin with FOR1 and BEAM"),
            Self::Truncated { .. } => write!(f, "the data ends too early"),
            Self::MissingChunk { .. } => write!(f, "the chunk is missing or empty"),
            Self::ObsoleteAtoms => write!(
                f,
                "the atoms are in Latin-1: compile the module again with OTP 20 or later"
            ),
            Self::BadVersion { version, .. } => write!(f, "unknown format number {version}"),
            Self::TooNew { max_opcode } => write!(
                f,
                "the module was compiled for a later release: it uses operation {max_opcode}, known are those up to {}",
                crate::opcodes::MAX_OPCODE
            ),
            Self::BadCount { count, .. } => write!(f, "impossible number of entries {count}"),
            Self::BadText { .. } => write!(f, "malformed text"),
            Self::BadCompression { .. } => write!(f, "the compressed data is damaged"),
            Self::BadEntry { what, .. } | Self::BadCode { what, .. } => write!(f, "{what}"),
            Self::UnknownOpcode { opcode, .. } => {
                write!(f, "unknown or withdrawn operation {opcode}")
            }
            Self::Unsupported { op, .. } => {
                write!(f, "the operation {} is not supported", op.name())
            }
            Self::WrongModule { found } => write!(f, "the module's name in the file is {found}"),
            Self::TooManyAtoms => write!(f, "the table of atoms is full"),
            Self::BadOperand { op, what, .. } => write!(f, "operand of {}: {what}", op.name()),
        }
    }
}

impl std::error::Error for LoadError {}
