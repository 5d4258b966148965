//! What `prim_inet` asks of a socket, and the form of the answers. OTP 25, inet_int.hrl.

use bytes::Bytes;
use rustix::io::Errno;

/// `port_control` commands of sockets are offset by this. OTP 25, sys.h.
const MAGIC: u32 = 0x03f1_a300;

/// The number of a request; none of them exceeds a byte.
pub fn number(command: u32) -> u32 {
    command.wrapping_sub(MAGIC)
}

pub const OPEN: u32 = 1;
pub const CLOSE: u32 = 2;
pub const CONNECT: u32 = 3;
pub const PEER: u32 = 4;
pub const NAME: u32 = 5;
pub const BIND: u32 = 6;
pub const SETOPTS: u32 = 7;
pub const GETOPTS: u32 = 8;
pub const GETSTAT: u32 = 11;
pub const GETHOSTNAME: u32 = 12;
pub const FDOPEN: u32 = 13;
pub const GETFD: u32 = 14;
pub const GETTYPE: u32 = 15;
pub const GETSTATUS: u32 = 16;
pub const GETSERVBYNAME: u32 = 17;
pub const GETSERVBYPORT: u32 = 18;
pub const SETNAME: u32 = 19;
pub const SETPEER: u32 = 20;
pub const GETIFLIST: u32 = 21;
pub const IFGET: u32 = 22;
pub const IFSET: u32 = 23;
pub const SUBSCRIBE: u32 = 24;
pub const GETIFADDRS: u32 = 25;
pub const ACCEPT: u32 = 26;
pub const LISTEN: u32 = 27;
pub const IGNOREFD: u32 = 28;
pub const GETLADDRS: u32 = 29;
pub const GETPADDRS: u32 = 30;
pub const TCP_RECV: u32 = 42;
pub const TCP_UNRECV: u32 = 43;
pub const TCP_SHUTDOWN: u32 = 44;
pub const TCP_SENDFILE: u32 = 45;
pub const PACKET_RECV: u32 = 60;

/// Socket types of [`OPEN`] and [`GETTYPE`].
pub const TYPE_STREAM: u8 = 1;
pub const TYPE_DGRAM: u8 = 2;

/// The event that [`SUBSCRIBE`] knows: the queue of output has become empty.
pub const EMPTY_OUT_Q: u8 = 1;

/// The first byte of an answer.
const ERROR: u8 = 0;
const OK: u8 = 1;

/// An error number's name is answered, or a word of the driver's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The system's error.
    Posix(Errno),
    /// Another.
    Word(&'static str),
}

impl Refusal {
    /// There is no such request, or the socket is not open for it.
    pub const BAD_PORT: Self = Self::Word("exbadport");
    /// Not in this order.
    pub const BAD_SEQUENCE: Self = Self::Word("exbadseq");
    /// The arguments are wrong.
    pub const INVALID: Self = Self::Posix(Errno::INVAL);

    /// The error's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Posix(error) => crate::errno::name(error.raw_os_error()),
            Self::Word(word) => word,
        }
    }
}

impl From<Errno> for Refusal {
    fn from(error: Errno) -> Self {
        Self::Posix(error)
    }
}

/// What a request is answered with.
pub type Answer = Result<Vec<u8>, Refusal>;

/// The answer's bytes.
pub fn reply(answer: Answer) -> Bytes {
    match answer {
        Ok(mut bytes) => {
            bytes.insert(0, OK);
            bytes.into()
        }
        Err(refusal) => [&[ERROR], refusal.name().as_bytes()].concat().into(),
    }
}

/// A big-endian number of four bytes off the front.
pub fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (value, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_be_bytes(*value))
}

/// A signed one.
pub fn take_i32(bytes: &mut &[u8]) -> Option<i32> {
    take_u32(bytes).map(u32::cast_signed)
}

/// A big-endian number of two bytes off the front.
pub fn take_u16(bytes: &mut &[u8]) -> Option<u16> {
    let (value, rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    Some(u16::from_be_bytes(*value))
}

/// Some bytes off the front.
pub fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

/// A time-out in milliseconds; none: it never comes.
pub fn take_timeout(bytes: &mut &[u8]) -> Option<Option<u32>> {
    take_u32(bytes).map(|timeout| (timeout != u32::MAX).then_some(timeout))
}
