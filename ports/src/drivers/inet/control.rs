//! Control messages that go with datagrams: type of service, traffic class, time to live.
//!
//! In memory each is a header (length of header and data in a word, level, type) and data, padded to
//! words. `cmsg(3)`.

use super::options::{TCLASS, TOS, TTL};

/// The size of a header: a word and two numbers.
const HEADER: usize = 16;

/// The size of a message, with its padding.
fn padded(len: usize) -> usize {
    len.next_multiple_of(8)
}

/// Room for what can be asked for with a datagram: a number each.
pub const ROOM: usize = 3 * (HEADER + 8);

/// The options in control messages from the kernel, and their values.
pub fn decode(mut bytes: &[u8]) -> Vec<(u8, i32)> {
    let mut found = Vec::new();
    while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
        let (len, kind) = header.split_at(8);
        let len = usize::from_ne_bytes(len.try_into().unwrap_or_default());
        if len < HEADER || len > bytes.len() {
            break;
        }
        let number =
            |at: usize| i32::from_ne_bytes([kind[at], kind[at + 1], kind[at + 2], kind[at + 3]]);
        let option = match (number(0), number(4)) {
            (libc::IPPROTO_IP, libc::IP_TOS) => Some(TOS),
            (libc::IPPROTO_IP, libc::IP_TTL) => Some(TTL),
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => Some(TCLASS),
            _ => None,
        };
        let data = &bytes[HEADER..len];
        if let Some(option) = option {
            let value = match *data {
                [byte] => byte.into(),
                [a, b, c, d, ..] => i32::from_ne_bytes([a, b, c, d]),
                _ => 0,
            };
            found.push((option, value));
        }
        bytes = bytes.get(padded(len)..).unwrap_or_default();
    }
    found
}

/// Control messages for the kernel; none if an option is not one of them.
pub fn encode(options: &[(u8, i32)]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(options.len() * (HEADER + 8));
    for &(option, value) in options {
        let (level, kind) = match option {
            TOS => (libc::IPPROTO_IP, libc::IP_TOS),
            TTL => (libc::IPPROTO_IP, libc::IP_TTL),
            TCLASS => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
            _ => return None,
        };
        bytes.extend((HEADER + 4).to_ne_bytes());
        for number in [level, kind, value, 0] {
            bytes.extend(number.to_ne_bytes());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let options = [(TOS, 8), (TTL, 64), (TCLASS, 3)];
        let bytes = encode(&options).expect("known options");
        assert_eq!(decode(&bytes), options);
        assert_eq!(decode(&bytes[..30]), options[..1]);
        assert_eq!(encode(&[(99, 1)]), None);
    }
}
