//! Bit syntax.
use super::exceptions::Raised;
use super::Registers;
use crate::code::instr::{Instr, Jump};
use crate::process::Process;
use crate::term::word::Word;
pub(crate) enum Next { Following, Fail(Jump), TooLarge }
pub(crate) fn is_binary(_term: Word) -> bool { false }
pub(crate) fn execute(_p: &mut Process, _r: &mut Registers, _i: Instr) -> Result<Next, Raised> { Ok(Next::Following) }
