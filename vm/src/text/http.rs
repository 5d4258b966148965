//! Lines of HTTP as OTP takes them apart: `{http_request, …}`, `{http_response, …}`, `{http_header, …}`,
//! `http_eoh`, `{http_error, …}`.

use std::borrow::Cow;

/// The methods that are atoms.
pub static METHODS: [&str; 7] = ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE"];

/// The names of headers that are atoms. The number that OTP gives with a name is its place here, from 1.
pub static HEADERS: [&str; 52] = [
    "Cache-Control",
    "Connection",
    "Date",
    "Pragma",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "From",
    "Host",
    "If-Modified-Since",
    "If-Match",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "User-Agent",
    "Age",
    "Location",
    "Proxy-Authenticate",
    "Public",
    "Retry-After",
    "Server",
    "Vary",
    "Warning",
    "Www-Authenticate",
    "Allow",
    "Content-Base",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-Md5",
    "Content-Range",
    "Content-Type",
    "Etag",
    "Expires",
    "Last-Modified",
    "Accept-Ranges",
    "Set-Cookie",
    "Set-Cookie2",
    "X-Forwarded-For",
    "Cookie",
    "Keep-Alive",
    "Proxy-Connection",
];

/// Longer names of headers are left as they are.
const MAX_NAME: usize = 50;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Http<'a> {
    /// `{http_response, Version, Status, Phrase}`.
    Response {
        /// Major and minor.
        version: (i32, i32),
        /// The code.
        status: i32,
        /// What follows it.
        phrase: &'a [u8],
    },
    /// `{http_request, Method, Uri, Version}`.
    Request {
        /// An atom if in [`METHODS`].
        method: &'a [u8],
        /// What is asked for.
        uri: Uri<'a>,
        /// Major and minor; 0.9 if there is none.
        version: (i32, i32),
    },
    /// `{http_header, Number, Name, OriginalName, Value}`.
    Header {
        /// The place in [`HEADERS`], from 1, where the name is an atom; else 0.
        number: usize,
        /// The name, each word of it capitalised, unless it is long.
        name: Cow<'a, [u8]>,
        /// The name as it was.
        original: &'a [u8],
        /// The value; where it went on in further lines, with their ends.
        value: &'a [u8],
    },
    /// `http_eoh`: the end of the headers.
    EndOfHeaders,
    /// `{http_error, Line}`: no such line, its end included.
    Error(&'a [u8]),
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uri<'a> {
    /// `'*'`.
    Star,
    /// `{abs_path, Path}`.
    AbsPath(&'a [u8]),
    /// `{absoluteURI, http | https, Host, Port | undefined, Path}`.
    Absolute {
        /// `https`, else `http`.
        secure: bool,
        /// The host.
        host: &'a [u8],
        /// The port, if one was given.
        port: Option<i32>,
        /// The path, at least `/`.
        path: &'a [u8],
    },
    /// `{scheme, Scheme, Rest}`.
    Scheme(&'a [u8], &'a [u8]),
    /// Anything else, as it is.
    Text(&'a [u8]),
}

/// Takes a line apart. `headers` says whether a header is expected, and is set for the next line.
pub fn parse<'a>(line: &'a [u8], headers: &mut bool) -> Http<'a> {
    let text = match line {
        [text @ .., b'\r', _] => text,
        [text @ .., b'\n'] => text,
        text => text,
    };
    let parsed = if *headers {
        if text.is_empty() {
            *headers = false;
            return Http::EndOfHeaders;
        }
        header(text)
    } else {
        let start = if text.starts_with(b"HTTP/") {
            response(&text[5..])
        } else {
            request(text)
        };
        *headers |= start.is_some();
        start
    };
    parsed.unwrap_or(Http::Error(line))
}

/// What may be part of a token: a character that is neither control, nor separator, nor beyond ASCII.
fn is_token(byte: u8) -> bool {
    (33..128).contains(&byte) && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

fn split_while(text: &[u8], accept: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let len = text
        .iter()
        .position(|&byte| !accept(byte))
        .unwrap_or(text.len());
    text.split_at(len)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn skip_space(text: &[u8]) -> &[u8] {
    split_while(text, is_space).1
}

/// A number, none if there are no digits; beyond 32 bits it goes round, as in C.
fn number(text: &[u8]) -> (Option<i32>, &[u8]) {
    let (digits, rest) = split_while(text, |byte| byte.is_ascii_digit());
    let value = digits.iter().fold(0i32, |value, byte| {
        value.wrapping_mul(10).wrapping_add(i32::from(byte - b'0'))
    });
    ((!digits.is_empty()).then_some(value), rest)
}

/// `Major.Minor`.
fn version(text: &[u8]) -> Option<((i32, i32), &[u8])> {
    let (major, rest) = number(text);
    let (minor, rest) = number(rest.strip_prefix(b".")?);
    Some(((major?, minor?), rest))
}

fn response(text: &[u8]) -> Option<Http<'_>> {
    let (version, rest) = version(text)?;
    let spaced = skip_space(rest);
    if spaced.len() == rest.len() {
        return None;
    }
    let (status, rest) = number(spaced);
    let phrase = skip_space(rest);
    if phrase.len() == rest.len() && !rest.is_empty() {
        return None;
    }
    Some(Http::Response {
        version,
        status: status.unwrap_or(0),
        phrase,
    })
}

fn request(text: &[u8]) -> Option<Http<'_>> {
    let (method, rest) = split_while(text, is_token);
    if method.is_empty() || !rest.first().is_some_and(|&byte| is_space(byte)) {
        return None;
    }
    let (target, rest) = split_while(skip_space(rest), |byte| !is_space(byte));
    if target.is_empty() {
        return None;
    }
    let rest = skip_space(rest);
    let version = if rest.is_empty() {
        (0, 9)
    } else {
        if rest.len() < 8 {
            return None;
        }
        version(rest.strip_prefix(b"HTTP/")?)?.0
    };
    Some(Http::Request {
        method,
        uri: uri(target),
        version,
    })
}

fn uri(target: &[u8]) -> Uri<'_> {
    let after = |scheme: &str| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme.as_bytes())
            .then_some(rest)
    };
    if target == b"*" {
        return Uri::Star;
    }
    if target.len() <= 1 || target[0] == b'/' {
        return Uri::AbsPath(target);
    }
    if let Some(rest) = after("http://") {
        return absolute(false, rest);
    }
    if let Some(rest) = after("https://") {
        return absolute(true, rest);
    }
    match memchr::memchr(b':', target) {
        None => Uri::Text(target),
        Some(at) => Uri::Scheme(&target[..at], &target[at + 1..]),
    }
}

fn absolute(secure: bool, rest: &[u8]) -> Uri<'_> {
    let (authority, path) = match memchr::memchr(b'/', rest) {
        None => (rest, &b"/"[..]),
        Some(at) => rest.split_at(at),
    };
    let (host, port) = match memchr::memchr(b':', authority) {
        None => (authority, None),
        Some(at) => match number(&authority[at + 1..]) {
            (Some(port), []) if port != 0 => (&authority[..at], Some(port)),
            _ => (&authority[..at], None),
        },
    };
    Uri::Absolute {
        secure,
        host,
        port,
        path,
    }
}

fn header(text: &[u8]) -> Option<Http<'_>> {
    let (original, rest) = split_while(text, is_token);
    let value = skip_space(rest.strip_prefix(b":")?);
    if original.len() > MAX_NAME {
        return Some(Http::Header {
            number: 0,
            name: Cow::Borrowed(original),
            original,
            value,
        });
    }
    let mut name = original.to_ascii_lowercase();
    let mut up = true;
    for byte in &mut name {
        if up {
            byte.make_ascii_uppercase();
            up = false;
        } else {
            up = *byte == b'-';
        }
    }
    let number = HEADERS
        .iter()
        .position(|known| known.as_bytes() == name)
        .map_or(0, |index| index + 1);
    Some(Http::Header {
        number,
        name: Cow::Owned(name),
        original,
        value,
    })
}
