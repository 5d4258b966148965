//! Packets of a stream as terms for processes: bytes, or what HTTP and TLS lines are taken apart into.

use super::options::Options;
use crate::handle::TermSpec;
use bytes::Bytes;
use vm::text::http::{HEADERS, Http, METHODS, Uri};
use vm::text::packet::{Kind, Parsed};

/// Bytes as the options want them: a list, or a binary after a header.
pub fn data(options: &Options, bytes: Bytes) -> TermSpec {
    let header = options.header;
    if !options.binary || header > bytes.len() {
        return TermSpec::String(bytes);
    }
    if header == 0 {
        return TermSpec::Binary(bytes);
    }
    let list = bytes[..header]
        .iter()
        .map(|&byte| TermSpec::Int(byte.into()));
    let rest = TermSpec::Binary(bytes.slice(header..));
    TermSpec::ImproperList(list.collect(), Box::new(rest))
}

/// What a packet was taken apart into; for TLS this is the whole message to an owner.
pub fn parsed(kind: Kind, parsed: &Parsed<'_>) -> TermSpec {
    match parsed {
        Parsed::Http(http) => {
            let binary = matches!(kind, Kind::HttpBin | Kind::HttphBin);
            line(http, &|text: &[u8]| {
                let text = Bytes::copy_from_slice(text);
                if binary {
                    TermSpec::Binary(text)
                } else {
                    TermSpec::String(text)
                }
            })
        }
        Parsed::SslTls {
            content_type,
            version,
            prefix,
            data,
        } => TermSpec::Tuple(vec![
            TermSpec::atom("ssl_tls"),
            TermSpec::Port,
            TermSpec::Int((*content_type).into()),
            pair((version.0.into(), version.1.into())),
            TermSpec::Binary([prefix.as_slice(), data].concat().into()),
        ]),
    }
}

fn pair((major, minor): (i32, i32)) -> TermSpec {
    TermSpec::Tuple(vec![
        TermSpec::Int(major.into()),
        TermSpec::Int(minor.into()),
    ])
}

fn line(http: &Http<'_>, text: &dyn Fn(&[u8]) -> TermSpec) -> TermSpec {
    match http {
        Http::Response {
            version,
            status,
            phrase,
        } => TermSpec::Tuple(vec![
            TermSpec::atom("http_response"),
            pair(*version),
            TermSpec::Int((*status).into()),
            text(phrase),
        ]),
        Http::Request {
            method,
            uri,
            version,
        } => {
            let known = METHODS.iter().find(|known| known.as_bytes() == *method);
            TermSpec::Tuple(vec![
                TermSpec::atom("http_request"),
                known.map_or_else(|| text(method), |&name| TermSpec::atom(name)),
                uri_term(uri, text),
                pair(*version),
            ])
        }
        Http::Header {
            number,
            name,
            original,
            value,
        } => TermSpec::Tuple(vec![
            TermSpec::atom("http_header"),
            TermSpec::Int(*number as i64),
            match number.checked_sub(1) {
                Some(place) => TermSpec::atom(HEADERS[place]),
                None => text(name),
            },
            text(original),
            text(value),
        ]),
        Http::EndOfHeaders => TermSpec::atom("http_eoh"),
        Http::Error(line) => TermSpec::Tuple(vec![TermSpec::atom("http_error"), text(line)]),
    }
}

fn uri_term(uri: &Uri<'_>, text: &dyn Fn(&[u8]) -> TermSpec) -> TermSpec {
    match uri {
        Uri::Star => TermSpec::atom("*"),
        Uri::AbsPath(path) => TermSpec::Tuple(vec![TermSpec::atom("abs_path"), text(path)]),
        Uri::Absolute {
            secure,
            host,
            port,
            path,
        } => TermSpec::Tuple(vec![
            TermSpec::atom("absoluteURI"),
            TermSpec::atom(if *secure { "https" } else { "http" }),
            text(host),
            port.map_or(TermSpec::atom("undefined"), |port| {
                TermSpec::Int(port.into())
            }),
            text(path),
        ]),
        Uri::Scheme(scheme, rest) => {
            TermSpec::Tuple(vec![TermSpec::atom("scheme"), text(scheme), text(rest)])
        }
        Uri::Text(all) => text(all),
    }
}
