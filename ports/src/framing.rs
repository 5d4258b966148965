//! Framing: `stream`, `{packet, N}` and `{line, N}`.
//!
//! [`Deframer`] cuts the bytes that arrive from a driver into messages for the owner, without copying
//! a packet that arrived whole. [`Framing::header`] is what goes before a message to the driver.
//! OTP 25: sys_drivers.c (packets) and io.c (lines, where CR LF and LF both end one).

use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;

/// How the bytes of a port are cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Framing {
    /// As they come.
    #[default]
    Stream,
    /// After a length of one, two or four bytes, big-endian.
    Packet(PacketBytes),
    /// By line, in pieces of at most this many bytes. Towards the driver: as they come.
    Line(usize),
}

/// The size of a packet's length header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketBytes {
    /// Up to 255 bytes.
    One = 1,
    /// Up to 65,535 bytes.
    Two = 2,
    /// Up to 4 GiB.
    Four = 4,
}

/// A message to the driver is longer than its header can say: the port exits with `einval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Framing {
    /// `{packet, N}` for the sizes that exist.
    #[must_use]
    pub fn packet(bytes: u8) -> Option<Self> {
        match bytes {
            1 => Some(Self::Packet(PacketBytes::One)),
            2 => Some(Self::Packet(PacketBytes::Two)),
            4 => Some(Self::Packet(PacketBytes::Four)),
            _ => None,
        }
    }

    /// The bytes before a message of this length to the driver.
    ///
    /// # Errors
    /// The length does not fit.
    pub fn header(self, len: usize) -> Result<Bytes, TooLong> {
        let Self::Packet(size) = self else {
            return Ok(Bytes::new());
        };
        let size = size as usize;
        let len = u32::try_from(len).map_err(|_| TooLong)?;
        let all = len.to_be_bytes();
        let (cut, header) = all.split_at(4 - size);
        if cut.iter().any(|&byte| byte != 0) {
            return Err(TooLong);
        }
        Ok(Bytes::copy_from_slice(header))
    }
}

/// A message for the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// `{data, Bytes}`.
    Data(Bytes),
    /// `{data, {eol, Bytes}}`.
    Eol(Bytes),
    /// `{data, {noeol, Bytes}}`.
    NoEol(Bytes),
}

/// The state of cutting one port's bytes.
#[derive(Debug)]
pub struct Deframer(State);

#[derive(Debug)]
enum State {
    Stream,
    Packet { size: usize, parts: Gathered },
    Line(Line),
}

impl Deframer {
    /// Nothing received yet.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Stream => State::Stream,
            Framing::Packet(size) => State::Packet {
                size: size as usize,
                parts: Gathered::default(),
            },
            Framing::Line(limit) => State::Line(Line::new(limit)),
        })
    }

    /// Takes bytes and gives every message they complete.
    pub fn push(&mut self, data: Bytes) -> Vec<Frame> {
        match &mut self.0 {
            State::Stream if data.is_empty() => Vec::new(),
            State::Stream => vec![Frame::Data(data)],
            State::Packet { size, parts } => {
                parts.push(data);
                std::iter::from_fn(|| parts.packet(*size))
                    .map(Frame::Data)
                    .collect()
            }
            State::Line(line) => line.push(&data),
        }
    }

    /// The stream has ended: what is left of a line is a message; what is left of a packet is not.
    pub fn finish(&mut self) -> Vec<Frame> {
        match &mut self.0 {
            State::Stream | State::Packet { .. } => Vec::new(),
            State::Line(line) => line.finish(),
        }
    }
}

/// Pieces that are not yet a packet.
#[derive(Debug, Default)]
struct Gathered {
    pieces: VecDeque<Bytes>,
    len: usize,
}

impl Gathered {
    fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// The next packet, if it is here whole.
    fn packet(&mut self, size: usize) -> Option<Bytes> {
        let body = self.peek_length(size)?;
        if self.len - size < body {
            return None;
        }
        self.take(size);
        Some(self.take(body))
    }

    /// The length that the header says.
    fn peek_length(&self, size: usize) -> Option<usize> {
        if self.len < size {
            return None;
        }
        let bytes = self.pieces.iter().flatten().take(size);
        Some(bytes.fold(0, |length, &byte| length << 8 | usize::from(byte)))
    }

    /// Removes `count` bytes; copies only when they lie in several pieces.
    fn take(&mut self, count: usize) -> Bytes {
        self.len -= count;
        let mut joined = BytesMut::new();
        while let Some(front) = self.pieces.front_mut() {
            let wanted = count - joined.len();
            if front.len() > wanted || (front.len() == wanted && joined.is_empty()) {
                let taken = front.split_to(wanted);
                if front.is_empty() {
                    self.pieces.pop_front();
                }
                if joined.is_empty() {
                    return taken;
                }
                joined.extend_from_slice(&taken);
                break;
            }
            if joined.is_empty() {
                joined.reserve(count);
            }
            joined.extend_from_slice(front);
            self.pieces.pop_front();
            if joined.len() == count {
                break;
            }
        }
        joined.freeze()
    }
}

/// A line under way. A carriage return is held back until what follows is known.
#[derive(Debug)]
struct Line {
    limit: usize,
    text: Vec<u8>,
    held_return: bool,
}

impl Line {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            text: Vec::new(),
            held_return: false,
        }
    }

    fn push(&mut self, data: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut rest = data;
        while let Some(&byte) = rest.first() {
            rest.advance(1);
            match byte {
                b'\n' => {
                    self.held_return = false;
                    frames.push(Frame::Eol(self.cut()));
                }
                b'\r' => {
                    self.release(&mut frames);
                    self.held_return = true;
                }
                other => {
                    self.release(&mut frames);
                    self.put(other, &mut frames);
                }
            }
        }
        frames
    }

    /// A held carriage return was not the end of a line after all.
    fn release(&mut self, frames: &mut Vec<Frame>) {
        if std::mem::take(&mut self.held_return) {
            self.put(b'\r', frames);
        }
    }

    fn put(&mut self, byte: u8, frames: &mut Vec<Frame>) {
        if self.text.len() >= self.limit {
            frames.push(Frame::NoEol(self.cut()));
        }
        self.text.push(byte);
    }

    fn cut(&mut self) -> Bytes {
        std::mem::take(&mut self.text).into()
    }

    fn finish(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        self.release(&mut frames);
        if !self.text.is_empty() {
            frames.push(Frame::NoEol(self.cut()));
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a framing over every way to cut the input in two.
    fn check(framing: Framing, input: &[u8], expected: &[Frame], at_end: &[Frame]) {
        for cut in 0..=input.len() {
            let mut deframer = Deframer::new(framing);
            let mut frames = deframer.push(Bytes::copy_from_slice(&input[..cut]));
            frames.extend(deframer.push(Bytes::copy_from_slice(&input[cut..])));
            assert_eq!(frames, expected, "cut at {cut}");
            assert_eq!(deframer.finish(), at_end, "cut at {cut}");
        }
    }

    fn data(bytes: &'static [u8]) -> Frame {
        Frame::Data(Bytes::from_static(bytes))
    }
    fn eol(bytes: &'static [u8]) -> Frame {
        Frame::Eol(Bytes::from_static(bytes))
    }
    fn noeol(bytes: &'static [u8]) -> Frame {
        Frame::NoEol(Bytes::from_static(bytes))
    }

    #[test]
    fn packets() {
        let one = Framing::packet(1).unwrap();
        check(
            one,
            b"\x02ab\x00\x01c\x05x",
            &[data(b"ab"), data(b""), data(b"c")],
            &[],
        );
        let two = Framing::packet(2).unwrap();
        check(two, b"\x00\x03abc\x00\x00", &[data(b"abc"), data(b"")], &[]);
        let four = Framing::packet(4).unwrap();
        check(
            four,
            b"\x00\x00\x00\x01a\xff\xff\xff\xff",
            &[data(b"a")],
            &[],
        );
        assert_eq!(Framing::packet(3), None);
    }

    #[test]
    fn headers() {
        assert_eq!(
            Framing::packet(1).unwrap().header(255).unwrap(),
            &[255u8][..]
        );
        assert_eq!(Framing::packet(1).unwrap().header(256), Err(TooLong));
        assert_eq!(
            Framing::packet(2).unwrap().header(0x1234).unwrap(),
            &[0x12u8, 0x34][..]
        );
        assert_eq!(Framing::packet(2).unwrap().header(0x1_0000), Err(TooLong));
        assert_eq!(
            Framing::packet(4).unwrap().header(1).unwrap(),
            &[0u8, 0, 0, 1][..]
        );
        assert_eq!(Framing::Line(10).header(99).unwrap(), &[][..]);
    }

    #[test]
    fn lines() {
        check(
            Framing::Line(80),
            b"a\nbc\r\n\nd",
            &[eol(b"a"), eol(b"bc"), eol(b"")],
            &[noeol(b"d")],
        );
        check(
            Framing::Line(80),
            b"a\rb\n\r",
            &[eol(b"a\rb")],
            &[noeol(b"\r")],
        );
        check(Framing::Line(80), b"a\r\r\n", &[eol(b"a\r")], &[]);
    }

    #[test]
    fn long_lines() {
        check(
            Framing::Line(3),
            b"abcdefgh\n",
            &[noeol(b"abc"), noeol(b"def"), eol(b"gh")],
            &[],
        );
        check(
            Framing::Line(3),
            b"abc\nabc\r\nabc\rd",
            &[eol(b"abc"), eol(b"abc"), noeol(b"abc")],
            &[noeol(b"\rd")],
        );
    }
}
