//! The chunks of a `.beam` file, one file a subject.
//!
//! Every parser takes the bytes of its chunk and gives a table whose indexes are checked, so that
//! whoever reads the tables later cannot fail. `Attr`, `CInf`, `Dbgi`, `Docs`, `Meta` and others are
//! raw bytes here ([`BeamFile::chunk`](crate::BeamFile::chunk)): what is in them is terms, and terms are
//! decoded elsewhere.

mod atoms;
mod code_header;
mod functions;
mod lines;
mod literals;
mod types;

pub use atoms::AtomIndex;
pub(crate) use atoms::{parse_latin1_atoms, parse_utf8_atoms};
pub(crate) use code_header::CodeHeader;
pub use functions::{Export, Import, Lambda};
pub(crate) use functions::{parse_exports, parse_imports, parse_lambdas};
pub use lines::{LineIndex, Lines, Location};
pub use literals::{LiteralIndex, Literals};
pub(crate) use types::parse_types;
pub use types::{Type, TypeIndex, TypeSet};
