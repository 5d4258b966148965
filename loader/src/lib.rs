//! A .beam file's way in: container, checks, rewriting, linking.
//!
//! Bytes from outside are checked once, here; what comes out cannot fail:
//! ```
//! # fn main() -> Result<(), loader::LoadError> {
//! # let bytes = include_bytes!("../tests/data/lintel_sample.beam");
//! let bytes = loader::uncompressed(bytes)?;         // undoes gzip; borrows what is not compressed
//! let file = loader::BeamFile::parse(&bytes)?;      // every chunk, every operand, every label
//! assert_eq!(file.module(), "lintel_sample");
//! for op in file.code().ops() {
//!     let _ = (op.op.name(), op.args, op.at);       // infallible
//! }
//! println!("{}", loader::Disassembly::new(&file));
//! # Ok(())
//! # }
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `container` | [`uncompressed`], [`Container`]: the IFF form and its [`Chunk`]s |
//! | `chunks` | the tables: [`Import`], [`Export`], [`Lambda`], [`Literals`], [`Lines`], [`Type`], and their indexes |
//! | `opcodes` | [`GenericOp`]: a row an operation; names, arities, kinds of operands |
//! | `operand` | [`Operand`]: one operand |
//! | `kind` | [`Kind`]: what a place of an operation may hold |
//! | `code` | [`Code`], [`Op`], [`Function`]: the instructions |
//! | `validate` | what holds for the code as a whole |
//! | `file` | [`BeamFile`]: all of it |
//! | `disasm` | [`Disassembly`]: the code for people |
//! | `literals` | the constant terms |
//! | `rewrite` | generic operations to specific instructions, a file a family |
//! | `rules` | fusing neighbours, resolving jumps |
//! | [`link`] | all of it: from bytes to a module that can be loaded |
//! | [`bifs`] | the BIFs about code |
//! | `error` | [`LoadError`]: what is wrong, in which chunk, at which byte |
//!
//! Up to `file` nothing knows terms: atoms are text, literals are bytes in the external format. Nothing reserves
//! memory by a number that the file claims before the number was compared with the size of the file.

#![forbid(unsafe_code)]

pub mod bifs;
pub mod cache;
mod chunks;
mod code;
mod container;
mod disasm;
mod error;
mod file;
mod kind;
pub mod link;
mod lists;
mod literals;
mod opcodes;
mod operand;
mod place;
mod reader;
mod rewrite;
mod rules;
mod validate;

pub use chunks::{
    AtomIndex, Export, Import, Lambda, LineIndex, Lines, LiteralIndex, Literals, Location, Type,
    TypeIndex, TypeSet,
};
pub use code::{Code, Function, Op};
pub use container::{Chunk, Container, uncompressed};
pub use disasm::Disassembly;
pub use error::LoadError;
pub use file::BeamFile;
pub use kind::Kind;
pub use opcodes::{Flow, GenericOp, MAX_OPCODE};
pub use operand::{
    FLOAT_REGISTERS, Label, LongInteger, MAX_ARITY, MAX_HEAP_WORDS, MAX_TUPLE_SIZE, Operand,
    X_REGISTERS, Y_REGISTERS,
};
