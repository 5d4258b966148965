//! The line that is being edited, and what to send to the terminal to show its changes.
//!
//! The buffer holds the line's characters in cells. A control character shown as `^X` takes two cells,
//! a tab as many as reach the next multiple of eight, and a character that the terminal cannot show
//! one per byte of its escape `\ooo` or `\x{H}`; the first cell holds the character and a tag, the
//! others the tag alone. Positions count cells, columns are found by adding widths. What is sent equals
//! OTP 25's ttsl_drv.c byte for byte, so that the shell looks the same.
//!
//! Invariants: `position` ≤ `cells.len()`; `len` ≤ `cells.len()`. Between commands cells from `len` on
//! are leftovers.

use super::capabilities::Capabilities;
use super::utf8::{self, Next};

/// Marks the cells of a control character.
const CONTROL: u32 = 0x1000_0000;
/// Marks the cells of a character shown as an escape.
const ESCAPED: u32 = 0x0100_0000;
/// All bits of marks.
const TAGS: u32 = 0xff00_0000;

/// A line longer than this is broken, in cells.
const LONGEST_LINE: usize = 1 << 16;

/// What the terminal's locale says of characters.
pub trait Characters {
    /// Columns; negative for what cannot be printed.
    fn width(&self, character: u32) -> i32;
    /// Whether a byte can be printed.
    fn is_printable(&self, byte: u8) -> bool;
}

/// The line and its terminal.
pub struct Line<C> {
    characters: C,
    capabilities: Capabilities,
    columns: usize,
    utf8: bool,
    cells: Vec<u32>,
    len: usize,
    position: usize,
    out: Vec<u8>,
}

impl<C: Characters> Line<C> {
    /// An empty line.
    pub fn new(characters: C, capabilities: Capabilities, columns: usize, utf8: bool) -> Self {
        Self {
            characters,
            capabilities,
            columns: columns.max(1),
            utf8,
            cells: Vec::new(),
            len: 0,
            position: 0,
            out: Vec::new(),
        }
    }

    /// Whether the terminal shows UTF-8.
    pub fn utf8(&self) -> bool {
        self.utf8
    }

    /// Sets whether the terminal shows UTF-8.
    pub fn set_utf8(&mut self, utf8: bool) {
        self.utf8 = utf8;
    }

    /// The window has this many columns now.
    pub fn set_columns(&mut self, columns: usize) {
        self.columns = columns.max(1);
    }

    /// Takes what is to be sent to the terminal.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Before each command: an endless line is ended.
    pub fn limit(&mut self) {
        if self.position > LONGEST_LINE {
            self.put(b"\n");
        }
    }

    /// Writes text over the line from the position on.
    pub fn put(&mut self, text: &[u8]) {
        let count = self.store(text);
        self.len = self.len.max(self.position);
        if count > 0 {
            self.write(self.position - count, self.position, false);
        }
    }

    /// Inserts text at the position.
    pub fn insert(&mut self, text: &[u8]) {
        let tail = self.cells[self.position.min(self.len)..self.len].to_vec();
        let count = self.store(text);
        self.cells.truncate(self.position);
        self.cells.extend_from_slice(&tail);
        self.len = self.cells.len();
        self.write(self.position - count, self.len, false);
        self.move_cursor(self.len, self.position);
    }

    /// Moves the position by characters.
    pub fn step(&mut self, by: i32) {
        let to = self.stepped(by);
        self.move_cursor(self.position, to);
        self.position = to;
    }

    /// Deletes characters after the position, or before it (`count` < 0).
    pub fn delete(&mut self, count: i32) {
        let to = self.stepped(count);
        let (from, to) = if to < self.position {
            (to, self.position)
        } else {
            (self.position, to)
        };
        if from == to {
            return;
        }
        let erased = if from < self.position {
            usize::try_from(-self.move_cursor(self.position, from)).unwrap_or(0)
        } else {
            self.column(to).saturating_sub(self.column(from))
        };
        self.cells.drain(from..to);
        self.len -= to - from;
        self.position = from;
        self.write(from, self.len, false);
        self.out.extend(std::iter::repeat_n(b' ', erased));
        if self.capabilities.stays_in_last_column
            && (self.column(self.len) + erased).is_multiple_of(self.columns)
        {
            self.out.push(b' ');
            self.left(1);
        }
        self.move_cursor(self.len + erased, from);
    }

    /// Rings the bell.
    pub fn beep(&mut self) {
        self.out.push(7);
    }

    /// Where the position is after so many characters.
    fn stepped(&self, by: i32) -> usize {
        let is_rest = |at: usize| self.cells[at] & TAGS != 0 && self.cells[at] & !TAGS == 0;
        let mut at = self.position;
        for _ in 0..by {
            if at >= self.len {
                break;
            }
            at += 1;
            while at < self.len && is_rest(at) {
                at += 1;
            }
        }
        for _ in by..0 {
            if at == 0 {
                break;
            }
            at -= 1;
            while at > 0 && is_rest(at) {
                at -= 1;
            }
        }
        at
    }

    /// Puts text into cells from the position on; how many of the current line it took. A line that
    /// ends within the text is sent at once.
    fn store(&mut self, text: &[u8]) -> usize {
        let mut start = self.position;
        let mut rest = text;
        while let Some(&byte) = rest.first() {
            let (character, len) = match utf8::next(rest) {
                Next::Char(character, len) => (character, len),
                Next::Invalid | Next::Cut => (byte.into(), 1),
            };
            rest = &rest[len..];
            match u8::try_from(character) {
                Ok(end @ (b'\n' | b'\r')) => {
                    self.end_line(start, end);
                    start = 0;
                }
                _ => self.store_character(character),
            }
        }
        self.position - start
    }

    fn store_character(&mut self, character: u32) {
        let printable =
            u8::try_from(character).is_ok_and(|byte| self.characters.is_printable(byte));
        if printable || (self.utf8 && character >= 0x80) {
            self.store_cell(character);
        } else if character >= 0x80 {
            self.store_cell(character | ESCAPED);
            for _ in 0..escape(character).len() {
                self.store_cell(ESCAPED);
            }
        } else if character == u32::from(b'\t') {
            self.store_cell(character | CONTROL);
            while !self.position.is_multiple_of(8) {
                self.store_cell(CONTROL);
            }
        } else if character == 0x1b {
            self.store_cell(character | CONTROL);
        } else {
            self.store_cell(character | CONTROL);
            self.store_cell(CONTROL);
        }
    }

    fn store_cell(&mut self, cell: u32) {
        match self.cells.get_mut(self.position) {
            Some(old) => *old = cell,
            None => self.cells.push(cell),
        }
        self.position += 1;
    }

    /// A line feed or carriage return: what follows in the buffer is another line.
    fn end_line(&mut self, start: usize, end: u8) {
        self.write(start, self.position, true);
        self.out.push(b'\r');
        if end == b'\n' {
            self.out.push(b'\n');
        }
        self.len = self.len.saturating_sub(self.position);
        self.cells.drain(..self.position);
        self.cells.truncate(self.len);
        self.position = 0;
    }

    /// Sends cells to the terminal. `line_ends`: a line's end follows, so the cursor need not be
    /// brought out of the last column.
    fn write(&mut self, from: usize, to: usize, line_ends: bool) {
        let mut at = from;
        // What to repeat to bring the cursor out of the last column.
        let mut last = vec![b' '];
        while at < to {
            let cell = self.cells[at];
            let (shown, cells) = self.shown(at, to, cell);
            if let Some(shown) = shown {
                self.out.extend_from_slice(&shown);
                last = if cell & TAGS == 0 {
                    shown
                } else {
                    shown[shown.len() - 1..].to_vec()
                };
            }
            at += cells;
        }
        let full = at != 0 && self.column(at).is_multiple_of(self.columns);
        if !line_ends && self.capabilities.stays_in_last_column && full {
            if at >= self.len {
                self.out.push(b' ');
            } else {
                self.out.extend_from_slice(&last);
            }
            self.left(1);
        }
    }

    /// The bytes that show the character at a cell, and how many cells it has.
    fn shown(&self, at: usize, to: usize, cell: u32) -> (Option<Vec<u8>>, usize) {
        let value = cell & !TAGS;
        if cell & TAGS == 0 {
            if !self.utf8 {
                return (Some(vec![value as u8]), 1);
            }
            let mut bytes = Vec::new();
            return (utf8::put(value, &mut bytes).then_some(bytes), 1);
        }
        if cell & CONTROL != 0 {
            return match value {
                0x09 => {
                    let rest = self.cells[at + 1..to]
                        .iter()
                        .take_while(|&&cell| cell == CONTROL)
                        .count();
                    (Some(vec![b' '; rest + 1]), rest + 1)
                }
                0x1b => (Some(vec![0x1b]), 1),
                other => (Some(vec![b'^', other as u8 | 0x40]), 2),
            };
        }
        let escape = escape(value);
        let cells = escape.len() + 1;
        (Some([b"\\", escape.as_slice()].concat()), cells)
    }

    /// Moves the terminal's cursor between two positions; by how many columns of the line.
    fn move_cursor(&mut self, from: usize, to: usize) -> isize {
        let (from, to) = (self.column(from), self.column(to));
        let line = |column: usize| (column / self.columns).cast_signed();
        let column = |column: usize| (column % self.columns).cast_signed();
        let (down, right) = (line(to) - line(from), column(to) - column(from));
        let capabilities = self.capabilities;
        self.repeat(
            if down > 0 {
                capabilities.down
            } else {
                capabilities.up
            },
            down.unsigned_abs(),
        );
        self.repeat(
            if right > 0 {
                capabilities.right
            } else {
                capabilities.left
            },
            right.unsigned_abs(),
        );
        to.cast_signed() - from.cast_signed()
    }

    fn left(&mut self, count: usize) {
        self.repeat(self.capabilities.left, count);
    }

    fn repeat(&mut self, sequence: &[u8], count: usize) {
        for _ in 0..count {
            self.out.extend_from_slice(sequence);
        }
    }

    /// The column of a position, as if the window were endlessly wide. Beyond the line's end each
    /// position is a column. Colour sequences take none, nor, as in ttsl_drv.c, do the cells of
    /// control characters.
    fn column(&self, position: usize) -> usize {
        let mut column = position.saturating_sub(self.len);
        let end = position.min(self.len);
        let mut at = 0;
        while at < end {
            let sequence = escape_sequence(&self.cells[at..self.len]);
            if sequence > 0 {
                at += sequence;
            } else {
                column += usize::try_from(self.characters.width(self.cells[at])).unwrap_or(0);
                at += 1;
            }
        }
        column
    }
}

/// The length of the colour sequence at the start of some cells, 0 if there is none. One that is not
/// complete extends over the first cell that does not belong to it.
fn escape_sequence(cells: &[u32]) -> usize {
    match cells {
        [first, ..] if *first != CONTROL | 0x1b => 0,
        [] => 0,
        [_] => 1,
        [_, second, ..] if *second != u32::from(b'[') => 2,
        [_, _, rest @ ..] => {
            let is_parameter = |cell: &&u32| matches!(u8::try_from(**cell), Ok(b';' | b'0'..=b'9'));
            2 + rest.iter().take_while(is_parameter).count() + 1
        }
    }
}

/// How a character is shown that the terminal cannot print, without the backslash: `ooo` up to 511,
/// else `x{H}`.
fn escape(character: u32) -> Vec<u8> {
    if character <= 0o777 {
        format!("{character:03o}").into_bytes()
    } else {
        format!("x{{{character:X}}}").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A locale in which East Asian characters are wide.
    struct Plain;
    impl Characters for Plain {
        fn width(&self, character: u32) -> i32 {
            match character {
                0x20..0x7f | 0xa0..0x300 => 1,
                0x3000..0xa000 => 2,
                _ => -1,
            }
        }
        fn is_printable(&self, byte: u8) -> bool {
            (0x20..0x7f).contains(&byte)
        }
    }

    fn line(columns: usize, utf8: bool) -> Line<Plain> {
        Line::new(
            Plain,
            super::super::capabilities::find("xterm").unwrap(),
            columns,
            utf8,
        )
    }

    fn sent(line: &mut Line<Plain>, what: impl FnOnce(&mut Line<Plain>)) -> String {
        what(line);
        String::from_utf8_lossy(&line.take_output()).into_owned()
    }

    #[test]
    fn edits_within_a_line() {
        let mut l = line(80, true);
        assert_eq!(sent(&mut l, |l| l.put(b"abc")), "abc");
        assert_eq!(sent(&mut l, |l| l.step(-2)), "\x08\x08");
        assert_eq!(sent(&mut l, |l| l.insert(b"X")), "Xbc\x08\x08");
        assert_eq!(sent(&mut l, |l| l.delete(-1)), "\x08bc \x08\x08\x08");
        assert_eq!(sent(&mut l, |l| l.delete(1)), "c \x08\x08");
        assert_eq!(sent(&mut l, |l| l.step(9)), "\x1b[C");
        assert_eq!(sent(&mut l, |l| l.delete(9)), "");
        assert_eq!(sent(&mut l, |l| l.put(b"\nnext")), "\r\nnext");
        assert_eq!(sent(&mut l, Line::beep), "\x07");
    }

    #[test]
    fn wraps_at_the_width() {
        let mut l = line(4, true);
        assert_eq!(sent(&mut l, |l| l.put(b"abcd")), "abcd \x08");
        assert_eq!(sent(&mut l, |l| l.put(b"ef")), "ef");
        assert_eq!(sent(&mut l, |l| l.step(-5)), "\x1b[A\x08");
        assert_eq!(sent(&mut l, |l| l.step(5)), "\n\x1b[C");
        assert_eq!(sent(&mut l, |l| l.put(b"gh\n")), "gh\r\n");
    }

    #[test]
    fn special_characters() {
        let mut l = line(80, true);
        assert_eq!(sent(&mut l, |l| l.put(b"a\tb")), "a       b");
        assert_eq!(sent(&mut l, |l| l.put(b"\x01")), "^A");
        assert_eq!(sent(&mut l, |l| l.put("漢".as_bytes())), "漢");
        assert_eq!(sent(&mut l, |l| l.step(-1)), "\x08\x08");
        assert_eq!(
            sent(&mut l, |l| l.put(b"\x1b[31mr\x1b[0m")),
            "\x1b[31mr\x1b[0m"
        );

        // What takes no columns leaves the cursor where a full line would: that looks like one.
        let mut l = line(80, false);
        assert_eq!(
            sent(&mut l, |l| l.put("é€".as_bytes())),
            "\\351\\x{20AC} \x08"
        );
        assert_eq!(sent(&mut l, |l| l.put(b"\xff")), "\\377 \x08");
    }
}
