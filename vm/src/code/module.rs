//! Loaded modules: their code, and what is looked up by a code address.
use super::{Instr, Mfa};
use std::sync::Arc;
/// Where an instruction comes from in the source.
#[derive(Clone, Debug)]
pub struct SourceLocation {
    /// The file's name.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
}
/// The function that an instruction belongs to.
#[derive(Clone, Debug)]
pub struct CodeLocation {
    /// The function.
    pub mfa: Mfa,
    /// Where in the source, if the compiler said.
    pub location: Option<SourceLocation>,
}
/// The function and place of an instruction.
pub fn find(_at: *const Instr) -> Option<CodeLocation> {
    None
}
