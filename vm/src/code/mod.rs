//! Code: what the loader makes and the interpreter runs.
//!
//! [`instr`] has the specific instructions, [`export`] the table of functions that can be called by name,
//! [`fun`] what funs point to, [`module`] a loaded module, [`table`] which modules are loaded, [`purge`] how
//! code goes, [`shadow`] the copy of a module that breakpoints are in, [`stacks`] what the stack of a process says,
//! [`listing`] how code looks to people.

pub mod export;
pub mod fun;
pub mod instr;
pub mod listing;
pub mod module;
pub mod native;
pub mod packed;
pub mod purge;
pub mod shadow;
pub mod stacks;
pub mod table;

pub use export::{Export, Mfa};
pub use fun::FunEntry;
pub use instr::Instr;
