//! The head of `Code`: how long it is, the format's number, and what the code claims to contain.
//!
//! A header longer than the four known words is allowed; what is added there may be ignored.

use crate::error::LoadError;
use crate::opcodes::MAX_OPCODE;
use crate::reader::Reader;

/// The only format number there has ever been.
const FORMAT: u32 = 0;

/// What the head of `Code` says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeHeader {
    /// Labels are numbered below this.
    pub labels: u32,
    /// So many functions follow.
    pub functions: u32,
    /// Where in the chunk the instructions begin.
    pub code_at: usize,
}

impl CodeHeader {
    pub fn parse(data: &[u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new("Code", data);
        let head_bytes = reader.u32()? as usize;
        let mut head = Reader::new("Code", reader.take(head_bytes)?);
        let version = head.u32()?;
        let max_opcode = head.u32()?;
        let labels = head.u32()?;
        let functions = head.u32()?;
        if version != FORMAT {
            return Err(LoadError::BadVersion {
                chunk: "Code",
                version,
            });
        }
        if max_opcode as i32 > i32::from(MAX_OPCODE) {
            return Err(LoadError::TooNew { max_opcode });
        }
        // Two bytes define a label, and compilers number labels without gaps. Tools that drop code may leave some,
        // but a header that claims more labels than the code has bytes lies, and would cost memory.
        let most_labels = data.len().max(1 << 16);
        if labels as usize > most_labels {
            return Err(LoadError::BadCount {
                chunk: "Code",
                at: 12,
                count: labels,
            });
        }
        Ok(Self {
            labels,
            functions,
            code_at: reader.pos(),
        })
    }
}
