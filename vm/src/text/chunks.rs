//! UTF-8 that comes in pieces: the core of `unicode:characters_to_binary` and `characters_to_list`.
//!
//! A character may be cut between two binaries of the list. What was left of the last one waits in
//! [`Joiner`]; an integer in the list, or the end, asks whether something waits.

use super::utf8::{self, Fault};

/// Copies valid characters and keeps the start of one that was cut.
#[derive(Clone, Debug, Default)]
pub struct Joiner {
    waiting: [u8; 4],
    len: usize,
}

/// The input is wrong at this byte of the piece, and was copied up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Offset in the piece just given. What waited before it belongs to the rest, too.
    pub at: usize,
}

impl Joiner {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// The start of a character that waits for its end.
    pub fn waiting(&self) -> &[u8] {
        &self.waiting[..self.len]
    }

    /// Appends the characters of the next piece to `out`, and gives their number.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<usize, Wrong> {
        if self.len == 0 {
            return self.copy(piece, 0, 0, out);
        }
        let need = utf8::length_by_first(self.waiting[0]).unwrap_or(self.len);
        let missing = need - self.len;
        if piece.len() < missing {
            self.waiting[self.len..self.len + piece.len()].copy_from_slice(piece);
            self.len += piece.len();
            return Ok(0);
        }
        let mut joined = self.waiting;
        joined[self.len..need].copy_from_slice(&piece[..missing]);
        if utf8::decode(&joined[..need]).is_err() {
            return Err(Wrong { at: 0 });
        }
        out.extend_from_slice(&joined[..need]);
        self.len = 0;
        self.copy(piece, missing, 1, out)
    }

    fn copy(
        &mut self,
        piece: &[u8],
        from: usize,
        before: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Wrong> {
        let source = &piece[from..];
        let (valid, fault) = utf8::check(source);
        out.extend_from_slice(&source[..valid]);
        if fault.is_some() {
            let rest = &source[valid..];
            // By its first byte alone: whether the bytes after it fit is seen when the next piece comes.
            if utf8::length_by_first(rest[0]).is_none_or(|length| rest.len() >= length) {
                return Err(Wrong { at: from + valid });
            }
            self.waiting[..rest.len()].copy_from_slice(rest);
            self.len = rest.len();
        }
        Ok(before + utf8::count(&source[..valid]))
    }

    /// At the end of all pieces: what is wrong with what waits; none if nothing does.
    pub fn finish(&self) -> Option<Fault> {
        if self.len == 0 {
            None
        } else {
            utf8::decode(self.waiting()).err()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::oracle::{Dice, erl};

    /// What `unicode:characters_to_binary/1` gives for a list of binaries, in Erlang's syntax.
    fn convert(pieces: &[Vec<u8>]) -> String {
        let show = |bytes: &[u8]| {
            let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
            format!("<<{}>>", bytes.join(","))
        };
        let (mut joiner, mut out) = (Joiner::new(), Vec::new());
        for (index, piece) in pieces.iter().enumerate() {
            if let Err(Wrong { at }) = joiner.feed(piece, &mut out) {
                let mut rest: Vec<String> = vec![show(&piece[at..])];
                rest.extend(pieces[index + 1..].iter().map(|piece| show(piece)));
                let rest = format!("[{}]", rest.join(","));
                let rest = if joiner.waiting().is_empty() {
                    rest
                } else {
                    format!("[{},{rest}]", show(joiner.waiting()))
                };
                return format!("{{error,{},{rest}}}", show(&out));
            }
        }
        match joiner.finish() {
            None => show(&out),
            Some(Fault::Incomplete) => {
                format!("{{incomplete,{},{}}}", show(&out), show(joiner.waiting()))
            }
            Some(Fault::Invalid) => format!("{{error,{},{}}}", show(&out), show(joiner.waiting())),
        }
    }

    #[test]
    fn the_stock_vm_joins_the_same() {
        let mut dice = Dice::new(11);
        let text = "aå€😀".as_bytes();
        let samples: Vec<Vec<Vec<u8>>> = (0..400)
            .map(|_| {
                let mut bytes: Vec<u8> = text.repeat(1 + dice.below(2));
                bytes.truncate(dice.below(bytes.len()) + 1);
                if dice.below(2) == 0 {
                    let at = dice.below(bytes.len());
                    bytes[at] = [0xC0, 0xE0, 0xED, 0xF5, 0xFF, 0x80, 0x41][dice.below(7)];
                }
                let cut = dice.below(bytes.len() + 1);
                let second = cut + dice.below(bytes.len() - cut + 1);
                vec![
                    bytes[..cut].to_vec(),
                    bytes[cut..second].to_vec(),
                    bytes[second..].to_vec(),
                ]
            })
            .collect();
        let expressions: Vec<String> = samples
            .iter()
            .map(|pieces| {
                format!("unicode:characters_to_binary([list_to_binary(P) || P <- {pieces:?}])")
            })
            .collect();
        let Some(answers) = erl(&expressions) else {
            return;
        };
        for (pieces, answer) in samples.iter().zip(&answers) {
            assert_eq!(&convert(pieces), answer, "{pieces:x?}");
        }
        assert_eq!(answers.len(), samples.len());
    }
}
