//! Code as words that can be kept in a file: what a loader made once need not be made again.
//!
//! An instruction is two words, in the representation that it has in memory; so such code is good only for the very
//! build of the VM that wrote it. What depends on the running node (addresses of exports, funs,
//! constants) is for the loader to put in, before the words become instructions. Indexes of atoms are kept as they are.

use super::Instr;
use crate::term::word::Word;

/// An instruction as words.
pub type Packed = [Word; 2];

const _: () = assert!(size_of::<Instr>() == size_of::<Packed>() && align_of::<Instr>() <= 8);

/// The words of instructions.
pub fn pack(code: &[Instr]) -> Vec<Packed> {
    code.iter()
        .map(|instruction| {
            let mut words: Packed = [0; 2];
            let from = std::ptr::from_ref(instruction).cast::<u8>();
            let to = words.as_mut_ptr().cast::<u8>();
            instruction.places(|at, len| {
                // SAFETY: a place is a field of the instruction, so it is initialised and within its 16 bytes; the
                // words have as many, and are elsewhere.
                unsafe { std::ptr::copy_nonoverlapping(from.add(at), to.add(at), len) };
            });
            words
        })
        .collect()
}

/// The instructions of words.
///
/// Words with a number that is of no instruction give `None`. For the rest the words are trusted, as code is that the
/// loader makes: they come from [`pack`] in the same build of the VM, by way of a file that the owner of the node named
/// and vouches for.
pub fn unpack(words: Vec<Packed>) -> Option<Vec<Instr>> {
    let known = words
        .iter()
        .all(|words| usize::from(words[0] as u16) < Instr::NAMES.len());
    known.then(|| {
        words
            .into_iter()
            .map(|words| {
                // SAFETY:
                // 1. An instruction has the size of two words, and no stricter alignment.
                // 2. Its number, the first two bytes, is one that there is; all other fields but flags take any bits,
                //    and flags were written as such by `pack` (the contract above).
                unsafe { std::mem::transmute::<Packed, Instr>(words) }
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::instr::Reg;

    #[test]
    fn code_comes_back_as_it_was() {
        let code = [
            Instr::Return,
            Instr::Move {
                src: Reg::x(3),
                dst: Reg::y(1),
            },
        ];
        let back = unpack(pack(&code)).expect("known instructions");
        assert_eq!(format!("{back:?}"), format!("{code:?}"));
        assert!(unpack(vec![[0xffff, 0]]).is_none());
    }
}
