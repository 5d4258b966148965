//! Packets against the stock VM, and known ones.

use super::*;
use crate::numeric::oracle::{Dice, erl};
use crate::text::http::{HEADERS, METHODS, Uri};

const KINDS: [(Kind, &str); 15] = [
    (Kind::Raw, "raw"),
    (Kind::One, "1"),
    (Kind::Two, "2"),
    (Kind::Four, "4"),
    (Kind::Asn1, "asn1"),
    (Kind::Sunrm, "sunrm"),
    (Kind::Cdr, "cdr"),
    (Kind::Fcgi, "fcgi"),
    (Kind::Line, "line"),
    (Kind::Tpkt, "tpkt"),
    (Kind::Http, "http"),
    (Kind::HttpBin, "http_bin"),
    (Kind::Httph, "httph"),
    (Kind::HttphBin, "httph_bin"),
    (Kind::SslTls, "ssl_tls"),
];

fn numbers(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

fn binary(bytes: &[u8]) -> String {
    format!("<<{}>>", numbers(bytes))
}

/// An atom as `~w` prints it: in quotes, unless it is one of the few that need none.
fn quoted(name: &str) -> String {
    format!("'{name}'")
}

fn show_uri(uri: Uri<'_>, text: &dyn Fn(&[u8]) -> String) -> String {
    match uri {
        Uri::Star => quoted("*"),
        Uri::AbsPath(path) => format!("{{abs_path,{}}}", text(path)),
        Uri::Absolute {
            secure,
            host,
            port,
            path,
        } => {
            let scheme = if secure { "https" } else { "http" };
            let port = port.map_or("undefined".to_owned(), |port| port.to_string());
            format!(
                "{{absoluteURI,{scheme},{},{port},{}}}",
                text(host),
                text(path)
            )
        }
        Uri::Scheme(scheme, rest) => format!("{{scheme,{},{}}}", text(scheme), text(rest)),
        Uri::Text(uri) => text(uri),
    }
}

fn show_http(line: &Http<'_>, text: &dyn Fn(&[u8]) -> String) -> String {
    match line {
        Http::Response {
            version: (major, minor),
            status,
            phrase,
        } => {
            format!(
                "{{http_response,{{{major},{minor}}},{status},{}}}",
                text(phrase)
            )
        }
        Http::Request {
            method,
            uri,
            version: (major, minor),
        } => {
            let known = METHODS.iter().find(|known| known.as_bytes() == *method);
            let method = known.map_or_else(|| text(method), |known| quoted(known));
            format!(
                "{{http_request,{method},{},{{{major},{minor}}}}}",
                show_uri(*uri, text)
            )
        }
        Http::Header {
            number,
            name,
            original,
            value,
        } => {
            let name = if *number == 0 {
                text(name)
            } else {
                quoted(HEADERS[number - 1])
            };
            format!(
                "{{http_header,{number},{name},{},{}}}",
                text(original),
                text(value)
            )
        }
        Http::EndOfHeaders => "http_eoh".to_owned(),
        Http::Error(line) => format!("{{http_error,{}}}", text(line)),
    }
}

/// What `erlang:decode_packet/3` gives, as `~w` prints it.
fn decode(kind: Kind, bytes: &[u8], limits: &Limits) -> String {
    let mut headers = false;
    let len = match length(kind, bytes, limits, &mut headers) {
        Err(Invalid) => return "{error,invalid}".to_owned(),
        Ok(None) => return "{more,undefined}".to_owned(),
        Ok(Some(len)) if len > bytes.len() => return format!("{{more,{len}}}"),
        Ok(Some(len)) => len,
    };
    let (packet, rest) = bytes.split_at(len);
    let list = |bytes: &[u8]| format!("[{}]", numbers(bytes));
    let text: &dyn Fn(&[u8]) -> String = if matches!(kind, Kind::HttpBin | Kind::HttphBin) {
        &binary
    } else {
        &list
    };
    let shown = match parse(kind, packet, &mut headers) {
        None => binary(&packet[body(kind, packet)]),
        Some(Parsed::Http(line)) => show_http(&line, text),
        Some(Parsed::SslTls {
            content_type,
            version: (major, minor),
            prefix,
            data,
        }) => {
            format!(
                "{{ssl_tls,[],{content_type},{{{major},{minor}}},{}}}",
                binary(&[prefix.as_slice(), data].concat())
            )
        }
    };
    format!("{{ok,{shown},{}}}", binary(rest))
}

fn sample(dice: &mut Dice) -> Vec<u8> {
    const LINES: [&[u8]; 28] = [
        b"GET / HTTP/1.1\r\n",
        b"get  /a b\r\n",
        b"OPTIONS * HTTP/1.0\n",
        b"POST http://host:8080/x?y HTTP/1.1\r\n",
        b"POST HTTPS://host HTTP/1.1\r\n",
        b"PUT http://h:12x/ HTTP/2.0\r\n",
        b"CONNECT host:443 HTTP/1.1\r\n",
        b"FOO text HTTP/1.1\r\n",
        b"GET x\r\n",
        b"GET\r\n",
        b"GET /x FTP/1.1 \r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 404\r\n",
        b"HTTP/1.1 \r\n",
        b"HTTP/1.1 2x0 OK\r\n",
        b"HTTP/99999999999.1 7 z\r\n",
        b"content-TYPE: text/plain  \r\n more\r\nx",
        b"X-Foo-bar:baz\r\nX",
        b"Host : x\r\nX",
        b"a-very-long-header-name-that-has-more-than-fifty-Characters: v\r\nX",
        b"\r\n",
        b"\r\nX",
        b"\n",
        b"\n\n",
        b"no end",
        b"Keep-Alive:\r\n\r\n",
        b": x\r\nX",
        b"a\x80: b\n\n",
    ];
    const STARTS: [&[u8]; 10] = [
        b"GIOP\x01\x00\x00\x00",
        b"GIOP\x01\x00\x01\x00",
        b"\x03\x00\x00",
        b"\x01\x01\x00\x01\x00",
        b"\x80\x05\x01\x03\x00\x01\x02\x03",
        b"\x16\x03\x01\x00",
        b"\x1F\x81\x82\x03",
        b"\x30\x82\x00",
        b"\x00\x00\x00",
        b"\xFF\xFF\xFF\xFF",
    ];
    let mut bytes = match dice.below(3) {
        0 => LINES[dice.below(LINES.len())].to_vec(),
        1 => STARTS[dice.below(STARTS.len())].to_vec(),
        _ => Vec::new(),
    };
    bytes.extend((0..dice.below(9)).map(|_| {
        if dice.below(2) == 0 {
            dice.next() as u8
        } else {
            dice.below(11) as u8
        }
    }));
    bytes.truncate(if dice.below(4) == 0 {
        dice.below(bytes.len() + 1)
    } else {
        bytes.len()
    });
    bytes
}

#[test]
fn the_stock_vm_decodes_the_same() {
    let mut dice = Dice::new(41);
    let (mut expressions, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..3000 {
        let (kind, name) = KINDS[dice.below(KINDS.len())];
        let bytes = sample(&mut dice);
        let limit = |dice: &mut Dice| {
            if dice.below(3) == 0 {
                1 + dice.below(20)
            } else {
                0
            }
        };
        let delimiter = if dice.below(2) == 0 { b'\n' } else { b'o' };
        let limits = Limits {
            packet_size: limit(&mut dice),
            line_length: limit(&mut dice),
            delimiter,
        };
        let mut options = format!(
            "{{packet_size,{}}},{{line_length,{}}}",
            limits.packet_size, limits.line_length
        );
        if kind == Kind::Line {
            options.push_str(&format!(",{{line_delimiter,{delimiter}}}"));
        }
        expressions.push(format!(
            "erlang:decode_packet({name}, {}, [{options}])",
            binary(&bytes)
        ));
        expected.push(decode(kind, &bytes, &limits));
    }
    let Some(answers) = erl(&expressions) else {
        return;
    };
    for ((expression, expected), answer) in expressions.iter().zip(&expected).zip(&answers) {
        assert_eq!(expected, answer, "{expression}");
    }
    assert_eq!(answers.len(), expected.len());
}

#[test]
fn headers_go_on_until_their_end() {
    let mut headers = false;
    let mut rest: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n";
    let mut lines = Vec::new();
    while let Ok(Some(len)) = length(Kind::Http, rest, &Limits::default(), &mut headers) {
        let (packet, after) = rest.split_at(len);
        let Some(Parsed::Http(line)) = parse(Kind::Http, packet, &mut headers) else {
            unreachable!("HTTP is parsed")
        };
        lines.push(line);
        rest = after;
    }
    assert_eq!(lines.len(), 3);
    assert!(matches!(
        &lines[1],
        Http::Header {
            number: 14,
            value: b"a\r\n b",
            ..
        }
    ));
    assert_eq!(lines[2], Http::EndOfHeaders);
    assert!(!headers);
}
