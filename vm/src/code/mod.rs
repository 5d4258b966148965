//! Code: what the loader makes and the interpreter runs.
//!
//! [`instr`] has the specific instructions, [`export`] the table of functions that can be called by name,
//! [`fun`] what funs point to, [`module`] the loaded modules.

pub mod export;
pub mod fun;
pub mod instr;
pub mod module;

pub use export::{Export, Mfa};
pub use fun::FunEntry;
pub use instr::Instr;
