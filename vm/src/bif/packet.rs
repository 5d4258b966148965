//! `erlang:decode_packet/3`.

#![forbid(unsafe_code)]

use std::borrow::Cow;

use crate::atom::{Atom, well_known};
use crate::bif::{BifResult, Call, Stop, badarg, badarg_because};
use crate::heap::Heap;
use crate::term::{Bits, Term};
use crate::text::http::{HEADERS, Http, METHODS, Uri};
use crate::text::packet::{self, Kind, Limits, Parsed};

crate::bifs! {
    "erlang": "decode_packet"/3 Plain decode_packet_3;
}

/// The kind that an option `packet` or the first argument of `decode_packet/3` names.
pub fn kind(name: Term<'_>) -> Option<Kind> {
    if let Some(size) = name.as_small() {
        return match size {
            0 => Some(Kind::Raw),
            1 => Some(Kind::One),
            2 => Some(Kind::Two),
            4 => Some(Kind::Four),
            _ => None,
        };
    }
    Some(match name.as_atom()?.name() {
        "raw" => Kind::Raw,
        "asn1" => Kind::Asn1,
        "sunrm" => Kind::Sunrm,
        "cdr" => Kind::Cdr,
        "fcgi" => Kind::Fcgi,
        "line" => Kind::Line,
        "tpkt" => Kind::Tpkt,
        "http" => Kind::Http,
        "httph" => Kind::Httph,
        "http_bin" => Kind::HttpBin,
        "httph_bin" => Kind::HttphBin,
        "ssl_tls" => Kind::SslTls,
        _ => return None,
    })
}

fn limits<'p>(kind: Kind, options: Term<'p>) -> Result<Limits, Stop<'p>> {
    let mut limits = Limits::default();
    for option in options.proper_list().ok_or_else(badarg)? {
        let [name, value] = option.as_tuple_of().ok_or_else(badarg)?;
        let value = value
            .as_u64()
            .and_then(|value| u32::try_from(value).ok())
            .ok_or_else(badarg)?;
        match (name.as_atom().map(Atom::name), u8::try_from(value)) {
            (Some("packet_size"), _) => limits.packet_size = value as usize,
            (Some("line_length"), _) => limits.line_length = value as usize,
            (Some("line_delimiter"), Ok(byte)) if kind == Kind::Line => limits.delimiter = byte,
            _ => return Err(badarg()),
        }
    }
    Ok(limits)
}

fn decode_packet_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let kind = kind(call.arg(0)).ok_or_else(|| badarg_because(well_known::BADOPT))?;
    let bits = call.arg(1).as_bits().ok_or_else(badarg)?;
    let limits = limits(kind, call.arg(2))?;
    let heap = call.heap;
    let aligned = bits.aligned();
    let bytes = &aligned[..bits.bit_len() / 8];
    let invalid = || {
        heap.tuple(&[
            Term::atom(well_known::ERROR),
            Term::atom(crate::atom!("invalid")),
        ])
    };
    let mut headers = false;
    let len = match packet::length(kind, bytes, &limits, &mut headers) {
        Err(packet::Invalid) => return Ok(invalid()),
        Ok(Some(len)) if (1..=bytes.len()).contains(&len) => len,
        Ok(needed) => {
            let needed = needed
                .filter(|&len| len > 0)
                .map_or(Term::UNDEFINED, Term::size);
            return Ok(heap.tuple(&[Term::atom(crate::atom!("more")), needed]));
        }
    };
    let source = Source { heap, bits, bytes };
    let packet = &bytes[..len];
    let decoded = match packet::parse(kind, packet, &mut headers) {
        Some(parsed) => source.parsed(&parsed, matches!(kind, Kind::HttpBin | Kind::HttphBin)),
        None => {
            let body = packet::body(kind, packet);
            heap.part(bits, body.start * 8, body.len() * 8)
        }
    };
    // The bits after the last whole byte go with the rest.
    let rest = heap.part(bits, len * 8, bits.bit_len() - len * 8);
    Ok(heap.tuple(&[Term::OK, decoded, rest]))
}

/// The bytes that a packet is in, of which parts become binaries.
struct Source<'h, 'b> {
    heap: Heap<'h>,
    bits: Bits<'h>,
    bytes: &'b [u8],
}

impl<'h> Source<'h, '_> {
    fn parsed(&self, parsed: &Parsed<'_>, binaries: bool) -> Term<'h> {
        match parsed {
            Parsed::Http(http) => self.http(http, binaries),
            Parsed::SslTls {
                content_type,
                version,
                prefix,
                data,
            } => {
                let version = [version.0, version.1].map(|byte| Term::int(byte.into()));
                let data = if prefix.as_slice().is_empty() {
                    self.binary(data)
                } else {
                    self.heap.binary(&[prefix.as_slice(), data].concat())
                };
                self.heap.tuple(&[
                    Term::atom(crate::atom!("ssl_tls")),
                    Term::NIL,
                    Term::int((*content_type).into()),
                    self.heap.tuple(&version),
                    data,
                ])
            }
        }
    }

    /// A binary of some of the bytes: a part of the whole where it is long.
    fn binary(&self, part: &[u8]) -> Term<'h> {
        let offset = (part.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize);
        match offset.filter(|offset| part.len() > 24 && offset + part.len() <= self.bytes.len()) {
            Some(offset) => self.heap.part(self.bits, offset * 8, part.len() * 8),
            None => self.heap.binary(part),
        }
    }

    fn http(&self, http: &Http<'_>, binaries: bool) -> Term<'h> {
        let heap = self.heap;
        let text = |text: &[u8]| {
            if binaries {
                self.binary(text)
            } else {
                heap.byte_list(text, Term::NIL)
            }
        };
        let version =
            |(major, minor): (i32, i32)| heap.tuple(&[Term::int(major), Term::int(minor)]);
        match http {
            Http::Response {
                version: number,
                status,
                phrase,
            } => heap.tuple(&[
                Term::atom(crate::atom!("http_response")),
                version(*number),
                Term::int(*status),
                text(phrase),
            ]),
            Http::Request {
                method,
                uri,
                version: number,
            } => {
                let known = METHODS.iter().find(|known| known.as_bytes() == *method);
                let method = known.map_or_else(
                    || text(method),
                    |&known| Term::atom(Atom::from_static(known)),
                );
                heap.tuple(&[
                    Term::atom(crate::atom!("http_request")),
                    method,
                    self.uri(uri, &text),
                    version(*number),
                ])
            }
            Http::Header {
                number,
                name,
                original,
                value,
            } => {
                let name = match number {
                    0 => match name {
                        Cow::Borrowed(name) => text(name),
                        Cow::Owned(name) if binaries => heap.binary(name),
                        Cow::Owned(name) => heap.byte_list(name, Term::NIL),
                    },
                    &number => Term::atom(Atom::from_static(HEADERS[number - 1])),
                };
                heap.tuple(&[
                    Term::atom(crate::atom!("http_header")),
                    Term::size(*number),
                    name,
                    text(original),
                    text(value),
                ])
            }
            Http::EndOfHeaders => Term::atom(crate::atom!("http_eoh")),
            Http::Error(line) => heap.tuple(&[Term::atom(crate::atom!("http_error")), text(line)]),
        }
    }

    fn uri(&self, uri: &Uri<'_>, text: &dyn Fn(&[u8]) -> Term<'h>) -> Term<'h> {
        let heap = self.heap;
        match uri {
            Uri::Star => Term::atom(well_known::TIMES),
            Uri::AbsPath(path) => heap.tuple(&[Term::atom(crate::atom!("abs_path")), text(path)]),
            Uri::Absolute {
                secure,
                host,
                port,
                path,
            } => heap.tuple(&[
                Term::atom(crate::atom!("absoluteURI")),
                Term::atom(if *secure {
                    crate::atom!("https")
                } else {
                    crate::atom!("http")
                }),
                text(host),
                port.map_or(Term::UNDEFINED, Term::int),
                text(path),
            ]),
            Uri::Scheme(scheme, rest) => {
                heap.tuple(&[Term::atom(crate::atom!("scheme")), text(scheme), text(rest)])
            }
            Uri::Text(line) => text(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::bif::testing::compare;

    #[test]
    fn packets_are_decoded_as_by_the_stock_vm() {
        let kinds = [
            "raw",
            "0",
            "1",
            "2",
            "4",
            "3",
            "asn1",
            "sunrm",
            "cdr",
            "fcgi",
            "line",
            "tpkt",
            "http",
            "httph",
            "http_bin",
            "httph_bin",
            "ssl_tls",
            "foo",
        ];
        let data = [
            "<<>>",
            "<<0>>",
            "<<1,2,3,4:4>>",
            "<<0,2,97,98,99>>",
            "<<0,0,0,2,97,98,99>>",
            "<<\"GET / HTTP/1.1\",13,10,\"rest\">>",
            "<<\"FOO http://a.b:80/c HTTP/1.0\",13,10>>",
            "<<\"GET * HTTP/1.1\",10,\"X\">>",
            "<<\"HTTP/1.1 200 OK\",13,10>>",
            "<<\"content-length: 5\",13,10,\"x\">>",
            "<<\"x-very-own: a long value that is more than a few bytes\",13,10,\"x\">>",
            "<<13,10,\"x\">>",
            "<<22,3,1,0,2,1,2,3>>",
            "<<128,4,1,3,1,9,9,9>>",
            "<<3,0,0,8,1,2,3,4,5>>",
            "<<1,1,0,1,0,1,0,0,9,9>>",
            "<<\"line one\",10,\"two\">>",
            "<<48,3,1,2,3,4>>",
        ];
        let options = [
            "[]",
            "[{packet_size,3}]",
            "[{line_length,4}]",
            "[{line_delimiter,110}]",
            "[{packet_size,a}]",
            "[foo]",
        ];
        let mut calls = Vec::new();
        for kind in kinds {
            for data in data {
                for options in options {
                    calls.push(format!("erlang:decode_packet({kind},{data},{options})"));
                }
            }
        }
        compare(&calls);
    }
}
