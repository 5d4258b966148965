//! Packets in a stream of bytes: `erlang:decode_packet/3`, and the `packet` option of sockets and ports.
//!
//! [`length`] says how long the packet at the start is; [`body`] which part of it is handed on; [`parse`] takes
//! apart those kinds that are more than bytes. All limits are as in OTP 25; 0 means none.

use super::http::{self, Http};
use std::ops::Range;

/// How packets are told from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whatever has arrived.
    Raw,
    /// A header of one byte holds the length.
    One,
    /// A header of two bytes holds the length, highest byte first.
    Two,
    /// A header of four bytes holds the length, highest byte first.
    Four,
    /// ASN.1 BER.
    Asn1,
    /// Sun's record marking: four bytes, the highest bit tells the last fragment.
    Sunrm,
    /// CORBA (GIOP 1.1).
    Cdr,
    /// Fast CGI.
    Fcgi,
    /// Lines.
    Line,
    /// TPKT (RFC 1006).
    Tpkt,
    /// HTTP: a request or response line, then headers; texts are lists or, in the second form, binaries.
    Http,
    /// As [`Kind::Http`].
    HttpBin,
    /// HTTP headers only.
    Httph,
    /// As [`Kind::Httph`].
    HttphBin,
    /// SSL and TLS records.
    SslTls,
}

/// The options of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `packet_size`: longer packets are an error.
    pub packet_size: usize,
    /// `line_length`: longer lines are cut.
    pub line_length: usize,
    /// `line_delimiter`: the last byte of a line.
    pub delimiter: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            packet_size: 0,
            line_length: 0,
            delimiter: b'\n',
        }
    }
}

/// The bytes are no such packet, or it is longer than `packet_size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// The length of the packet that `bytes` begins with, header included, which may be more than there is; none if
/// that cannot be told yet. `headers` is whether the next line of HTTP is a header: false to begin with, then
/// what [`parse`] left.
pub fn length(
    kind: Kind,
    bytes: &[u8],
    limits: &Limits,
    headers: &mut bool,
) -> Result<Option<usize>, Invalid> {
    let (header, body) = match kind {
        Kind::Raw => return Ok((!bytes.is_empty()).then_some(bytes.len())),
        Kind::Line => return line_length(bytes, limits),
        Kind::Httph | Kind::HttphBin => {
            *headers = true;
            return http_length(bytes, limits, true);
        }
        Kind::Http | Kind::HttpBin => return http_length(bytes, limits, *headers),
        Kind::Asn1 => match asn1_length(bytes)? {
            Some(lengths) => lengths,
            None => return Ok(None),
        },
        _ => match fixed_header(kind, bytes)? {
            Some(lengths) => lengths,
            None => return Ok(None),
        },
    };
    // The stock VM counts in 32 bits, and refuses what overflows.
    let total = header as i64 + body;
    if limits.packet_size != 0 && body > limits.packet_size as i64
        || body < 0
        || total > i64::from(i32::MAX)
    {
        return Err(Invalid);
    }
    Ok(Some(total as usize))
}

/// Header and body of the kinds whose header is of a fixed size; the length in it may be too small.
fn fixed_header(kind: Kind, bytes: &[u8]) -> Result<Option<(usize, i64)>, Invalid> {
    let size = match kind {
        Kind::One => 1,
        Kind::Two => 2,
        Kind::Cdr => 12,
        Kind::Fcgi => 8,
        Kind::SslTls => 5,
        _ => 4,
    };
    let Some(header) = bytes.get(..size) else {
        return Ok(None);
    };
    let body = match kind {
        Kind::Sunrm => big_endian(header) & 0x7FFF_FFFF,
        Kind::Cdr if !header.starts_with(b"GIOP") => return Err(Invalid),
        Kind::Cdr if header[6] & 1 == 1 => i64::from(u32::from_le_bytes([
            header[8], header[9], header[10], header[11],
        ])),
        Kind::Cdr => big_endian(&header[8..]),
        Kind::Fcgi if header[0] != 1 => return Err(Invalid),
        Kind::Fcgi => big_endian(&header[4..6]) + i64::from(header[6]),
        Kind::Tpkt if header[0] != 3 => return Err(Invalid),
        Kind::Tpkt => big_endian(&header[2..]) - 4,
        // A client hello of SSL 2 has two bytes before it, of which this kind counts five as header.
        Kind::SslTls if is_ssl2(header) => (big_endian(&header[..2]) & 0x7FFF) - 3,
        Kind::SslTls => big_endian(&header[3..]),
        _ => big_endian(header),
    };
    Ok(Some((size, body)))
}

fn big_endian(bytes: &[u8]) -> i64 {
    bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | i64::from(byte))
}

fn is_ssl2(header: &[u8]) -> bool {
    header[0] & 0x80 != 0 && header[2] == 1
}

fn asn1_length(bytes: &[u8]) -> Result<Option<(usize, i64)>, Invalid> {
    let [tag, rest @ ..] = bytes else {
        return Ok(None);
    };
    let mut rest = rest;
    if tag & 0x1F == 0x1F {
        let more = rest.iter().take_while(|&&byte| byte & 0x80 != 0).count();
        rest = rest.get(more + 1..).unwrap_or(&[]);
    }
    let [first, rest @ ..] = rest else {
        return Ok(None);
    };
    let header = bytes.len() - rest.len();
    if first & 0x80 == 0 {
        return Ok(Some((header, i64::from(*first))));
    }
    let size = usize::from(first & 0x7F);
    let Some(size_bytes) = rest.get(..size) else {
        return Ok(None);
    };
    if size > 4 {
        return Err(Invalid);
    }
    Ok(Some((header + size, big_endian(size_bytes))))
}

fn line_length(bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Invalid> {
    let (size, cut) = (limits.packet_size, limits.line_length);
    match memchr::memchr(limits.delimiter, bytes) {
        None if size != 0 && bytes.len() > size => Err(Invalid),
        None if cut != 0 && bytes.len() >= cut => Ok(Some(cut)),
        None => Ok(None),
        Some(at) if size != 0 && at + 1 > size => Err(Invalid),
        Some(at) if cut != 0 && at + 1 > cut => Ok(Some(cut)),
        Some(at) => Ok(Some(at + 1)),
    }
}

/// A line; a header goes on where the next line begins with space, so that its end is seen only then.
fn http_length(bytes: &[u8], limits: &Limits, headers: bool) -> Result<Option<usize>, Invalid> {
    if matches!(bytes, b"\n" | b"\r\n") {
        return Ok(Some(bytes.len()));
    }
    // `line_length` limits here, too, for programs older than `packet_size`.
    let most = if limits.packet_size != 0 {
        limits.packet_size
    } else {
        limits.line_length
    };
    let mut from = 0;
    while let Some(at) = memchr::memchr(b'\n', &bytes[from..]) {
        let len = from + at + 1;
        let next = bytes.get(len);
        if headers && len > 2 && matches!(next, Some(b' ' | b'\t')) {
            from = len;
            continue;
        }
        if most != 0 && len > most {
            return Err(Invalid);
        }
        return Ok((!headers || next.is_some()).then_some(len));
    }
    if most != 0 && bytes.len() >= most {
        return Err(Invalid);
    }
    Ok(None)
}

/// The part of a packet that is handed on where it is handed on as bytes.
pub fn body(kind: Kind, packet: &[u8]) -> Range<usize> {
    match kind {
        Kind::One => 1..packet.len(),
        Kind::Two => 2..packet.len(),
        Kind::Four => 4..packet.len(),
        Kind::Fcgi => 0..packet.len() - usize::from(packet[6]).min(packet.len()),
        _ => 0..packet.len(),
    }
}

/// A packet that is more than bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A line of HTTP.
    Http(Http<'a>),
    /// `{ssl_tls, [], Type, {Major, Minor}, Data}`: the data are `prefix` and `data`.
    SslTls {
        /// The content type.
        content_type: u8,
        /// The version.
        version: (u8, u8),
        /// What a client hello of SSL 2 gets before it, to look like one of TLS; else empty.
        prefix: Prefix,
        /// The fragment.
        data: &'a [u8],
    },
}

/// Up to four bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix(Option<[u8; 4]>);

impl Prefix {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |bytes| bytes)
    }
}

/// Takes a whole packet apart; none for kinds whose packets are bytes (see [`body`]).
pub fn parse<'a>(kind: Kind, packet: &'a [u8], headers: &mut bool) -> Option<Parsed<'a>> {
    match kind {
        Kind::Http | Kind::HttpBin | Kind::Httph | Kind::HttphBin => {
            Some(Parsed::Http(http::parse(packet, headers)))
        }
        Kind::SslTls if is_ssl2(packet) => {
            let data = &packet[3..];
            let [_, size @ ..] = (data.len() as u32).to_be_bytes();
            Some(Parsed::SslTls {
                content_type: 22,
                version: (packet[3], packet[4]),
                prefix: Prefix(Some([1, size[0], size[1], size[2]])),
                data,
            })
        }
        Kind::SslTls => Some(Parsed::SslTls {
            content_type: packet[0],
            version: (packet[1], packet[2]),
            prefix: Prefix::default(),
            data: &packet[5..],
        }),
        _ => None,
    }
}

#[cfg(test)]
#[path = "packet_tests.rs"]
mod tests;
