//! Fusing neighbours, and resolving jumps.
//!
//! The rules are the arms of [`fuse`], each a few instructions that follow each other and the one that does
//! the same. No rule reaches over a label. An instruction made of several has the line of the last of them
//! that had one: what comes before in a rule cannot raise.

use crate::place::placed;
use vm::code::Instr;
use vm::code::instr::{Jump, Links, Reg, Table};
use vm::code::module::Line;
use vm::term::word::{self, Word};

use crate::rewrite::Draft;

/// Applies the rules to all of the code, and makes every jump a distance.
pub(crate) fn finish(draft: &mut Draft, label_limit: u32) {
    let places = fuse_all(draft, label_limit);
    resolve(draft, &places);
}

/// The rules: what the instructions at the front of `code` become, and how many they are.
#[inline]
fn fuse(code: &[Instr], data: &[Word]) -> Option<(usize, Instr)> {
    use Instr::*;
    const X0: Reg = Reg::x(0);
    Some(match *code {
        // The result is moved to where it is returned.
        [Move { src, dst: X0 }, Return, ..] => (2, MoveReturn { src }),
        [MoveC { dst: X0, value }, Return, ..] => (2, MoveCReturn { value }),
        [Move { src, dst: X0 }, Deallocate { words }, Return, ..] => {
            (3, MoveDeallocateReturn { src, words })
        }

        // The last argument is moved to its place.
        [Move { src, dst }, Call { target }, ..] => (2, MoveCall { src, dst, target }),

        // The last two.
        [
            Move {
                src: src1,
                dst: dst1,
            },
            Move {
                src: src2,
                dst: dst2,
            },
            Call { target },
            ..,
        ] => (
            3,
            Move2Call {
                src1,
                dst1,
                src2,
                dst2,
                target,
            },
        ),

        // A value is moved for those who wait for it elsewhere.
        [Move { src, dst }, Jump { target }, ..] => (2, MoveJump { src, dst, target }),

        // Moves that follow each other, in their order: three only between places of one sort, for which there
        // is a form that knows them.
        [
            Move {
                src: src1,
                dst: dst1,
            },
            Move {
                src: src2,
                dst: dst2,
            },
            Move {
                src: src3,
                dst: dst3,
            },
            ..,
        ] if [src2, src3].iter().all(|src| src.is_y() == src1.is_y())
            && [dst2, dst3].iter().all(|dst| dst.is_y() == dst1.is_y()) =>
        {
            (
                3,
                Move3 {
                    src1,
                    dst1,
                    src2,
                    dst2,
                    src3,
                    dst3,
                },
            )
        }
        [
            Move {
                src: src1,
                dst: dst1,
            },
            Move {
                src: src2,
                dst: dst2,
            },
            ..,
        ] => (
            2,
            Move2 {
                src1,
                dst1,
                src2,
                dst2,
            },
        ),

        // A list's cell is made where there is room.
        [
            TestHeap { live, need: 2 },
            PutList {
                head,
                tail,
                dst: X0,
            },
            Deallocate { words },
            Return,
            ..,
        ] => (
            4,
            TestHeapPutListReturn {
                live,
                head,
                tail,
                words,
            },
        ),
        [TestHeap { live, need: 2 }, PutList { head, tail, dst }, ..] => (
            2,
            TestHeapPutList {
                live,
                head,
                tail,
                dst,
            },
        ),

        // Both operands of an operator.
        [
            FloatLoad {
                src: src1,
                dst: dst1,
            },
            FloatLoad {
                src: src2,
                dst: dst2,
            },
            ..,
        ] => (
            2,
            FloatLoad2 {
                src1,
                dst1,
                src2,
                dst2,
            },
        ),

        // The end of a function with a frame.
        [Deallocate { words }, Return, ..] => (2, DeallocateReturn { words }),

        // A fun is called in place of a return: its caller's frame must not stay.
        [CallFun { arity }, Deallocate { words }, Return, ..] => (3, CallFunLast { arity, words }),

        // A list just seen to be non-empty is at once taken apart.
        [
            IsNonemptyList { src, fail },
            GetList {
                src: again,
                head,
                tail,
            },
            ..,
        ] if src == again => (
            2,
            IsNonemptyListGetList {
                src,
                fail,
                head,
                tail,
            },
        ),
        [IsNonemptyList { src, fail }, GetHd { src: again, dst }, ..] if src == again => {
            (2, IsNonemptyListGetHd { src, fail, dst })
        }
        [IsNonemptyList { src, fail }, GetTl { src: again, dst }, ..] if src == again => {
            (2, IsNonemptyListGetTl { src, fail, dst })
        }

        // A pair is taken apart.
        [
            IsTuple { src, fail },
            TestArity {
                src: again,
                fail: too,
                arity,
            },
            GetTupleElement {
                src: src1,
                dst: dst1,
                index: index1 @ 0..=0xff,
            },
            GetTupleElement {
                src: src2,
                dst: dst2,
                index: index2 @ 0..=0xff,
            },
            ..,
        ] if src == again
            && fail == too
            && src == src1
            && src == src2
            && src != dst1
            && arity <= u16::MAX.into()
            && !three_elements(&code[2..]) =>
        {
            (
                4,
                IsTupleOfArityGet2 {
                    src,
                    fail,
                    arity: arity as u16,
                    dst1,
                    dst2,
                    index1: index1 as u8,
                    index2: index2 as u8,
                },
            )
        }

        // A tuple, and one of a certain size: both fail in the same way.
        [
            IsTuple { src, fail },
            TestArity {
                src: again,
                fail: too,
                arity,
            },
            ..,
        ] if src == again && fail == too => (2, IsTupleOfArity { src, fail, arity }),
        [
            IsTuple { src, fail },
            IsTaggedTuple {
                src: again,
                fail: too,
                arity,
                tag,
            },
            ..,
        ] if src == again && fail == too => (
            2,
            IsTaggedTuple {
                src,
                fail,
                arity,
                tag,
            },
        ),

        // Elements of one tuple, as long as it is still there to be read.
        [
            GetTupleElement {
                src,
                dst: dst1,
                index,
            },
            GetTupleElement {
                src: src2,
                dst: dst2,
                index: index2,
            },
            GetTupleElement {
                src: src3,
                dst: dst3,
                index: index3,
            },
            ..,
        ] if src == src2
            && src == src3
            && src != dst1
            && src != dst2
            && index2 == index + 1
            && index3 == index + 2
            && index3 <= u16::MAX.into() =>
        {
            (
                3,
                GetTupleElement3 {
                    src,
                    index: index as u16,
                    dst1,
                    dst2,
                    dst3,
                },
            )
        }
        [
            GetTupleElement {
                src,
                dst: dst1,
                index: index1,
            },
            GetTupleElement {
                src: again,
                dst: dst2,
                index: index2,
            },
            ..,
        ] if src == again && src != dst1 && index1.max(index2) <= u16::MAX.into() => (
            2,
            GetTupleElement2 {
                src,
                dst1,
                index1: index1 as u16,
                dst2,
                index2: index2 as u16,
            },
        ),

        // An integer among integers, an atom among atoms: comparing the words says as much as the test.
        [IsInteger { src, fail }, select, ..]
            if selects(select, src, fail, data, word::is_small) =>
        {
            (2, select)
        }
        [IsAtom { src, fail }, select, ..] if selects(select, src, fail, data, word::is_atom) => {
            (2, select)
        }

        _ => return None,
    })
}

/// Whether a rule takes three elements of a tuple at once at the front of `code`.
fn three_elements(code: &[Instr]) -> bool {
    matches!(
        *code,
        [
            Instr::GetTupleElement { src, index, .. },
            Instr::GetTupleElement { .. },
            Instr::GetTupleElement { src: again, index: last, .. },
            ..
        ] if src == again && last == index + 2
    )
}

/// Whether an instruction selects by words of one kind, on `src`, failing as the test before it.
fn selects(select: Instr, src: Reg, fail: Jump, data: &[Word], kind: fn(Word) -> bool) -> bool {
    let (again, too, values) = match select {
        Instr::SelectImm { src, fail, table } | Instr::SelectImmFew { src, fail, table } => {
            (src, fail, values(data, table))
        }
        // The values of a range are integers by its nature.
        Instr::SelectRange { src, fail, .. } => (src, fail, &[word::small(0)][..]),
        _ => return false,
    };
    again == src && too == fail && values.iter().all(|value| kind(*value))
}

fn values(data: &[Word], table: Table) -> &[Word] {
    let at = table.0.addr();
    &data[at + 1..][..data[at] as usize]
}

/// Fuses what can be, moving labels, lines and functions with the code; gives the place of each label.
fn fuse_all(draft: &mut Draft, label_limit: u32) -> Vec<u32> {
    let mut places = vec![0; label_limit as usize];
    let Draft {
        code,
        labels,
        lines,
        functions,
        data,
    } = draft;
    let mut labels = labels.iter().peekable();
    let (mut line_from, mut line_to, mut function) = (0, 0, 0);
    let (mut from, mut to) = (0, 0);
    while from < code.len() {
        while let Some((_, label)) = labels.next_if(|(at, _)| *at as usize == from) {
            places[label.0 as usize] = to as u32;
        }
        let end = labels.peek().map_or(code.len(), |(at, _)| *at as usize);
        let (count, instruction) = fuse(&code[from..end], data).unwrap_or((1, code[from]));
        code[to] = placed(instruction);
        while function < functions.len() && functions[function].entry as usize == from {
            functions[function].entry = to as u32;
            function += 1;
        }
        let mut line: Option<Line> = None;
        while line_from < lines.len() && (lines[line_from].at as usize) < from + count {
            line = Some(lines[line_from]);
            line_from += 1;
        }
        if let Some(line) = line {
            lines[line_to] = Line {
                at: to as u32,
                ..line
            };
            line_to += 1;
        }
        from += count;
        to += 1;
    }
    for (_, label) in labels {
        places[label.0 as usize] = to as u32;
    }
    code.truncate(to);
    lines.truncate(line_to);
    places
}

/// Makes jumps distances, in instructions and in tables.
fn resolve(draft: &mut Draft, places: &[u32]) {
    struct Resolve<'p> {
        here: u32,
        places: &'p [u32],
    }
    impl Resolve<'_> {
        fn distance(&self, label: i64) -> Jump {
            if label == 0 {
                return Jump(0);
            }
            Jump::over(self.places[label as usize].wrapping_sub(self.here) as i32)
        }
    }
    impl Links for Resolve<'_> {
        #[inline]
        fn jump(&mut self, jump: &mut Jump) {
            *jump = self.distance(jump.0.into());
        }
        fn table(&mut self, _table: &mut Table) {}
    }
    let Draft { code, data, .. } = draft;
    let mut links = Resolve { here: 0, places };
    for (here, instruction) in code.iter_mut().enumerate() {
        links.here = here as u32;
        instruction.link(&mut links);
        let jumps = match *instruction {
            Instr::SelectImm { table, .. }
            | Instr::SelectImmX { table, .. }
            | Instr::SelectImmFew { table, .. }
            | Instr::SelectImmFewX { table, .. }
            | Instr::SelectTerm { table, .. }
            | Instr::SelectArity { table, .. } => {
                let at = table.0.addr();
                let count = data[at] as usize;
                &mut data[at + 1 + count..][..count]
            }
            Instr::SelectRange { table, .. } | Instr::SelectRangeX { table, .. } => {
                let at = table.0.addr();
                let count = data[at + 1] as usize;
                &mut data[at + 2..][..count]
            }
            _ => continue,
        };
        for jump in jumps {
            *jump = i64::from(links.distance(*jump as i64).0) as Word;
        }
    }
}
