//! A name server for tests: one address for every name below `.test`, and no such name for any other.

use std::net::{Ipv4Addr, UdpSocket};

use anyhow::{Context, Result};

/// The address of every name.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

/// Bytes of a message's header.
const HEADER: usize = 12;
/// The type of a question for an IPv4 address.
const TYPE_A: u16 = 1;

/// Starts it on a free port of the loopback, and answers until the program ends. The port.
pub fn serve() -> Result<u16> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("a port for the name server")?;
    let port = socket.local_addr()?.port();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut query) {
            if let Some(answer) = answer(&query[..len]) {
                // Who asked may be gone; it asks again if it wants to know.
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    Ok(port)
}

/// The answer to a query with one question; none to what is no query.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut at = HEADER;
    let mut name = Vec::new();
    loop {
        let len = usize::from(*query.get(at)?);
        at += 1;
        if len == 0 {
            break;
        }
        name.push(query.get(at..at + len)?.to_ascii_lowercase());
        at += len;
    }
    let kind = u16::from_be_bytes(*query.get(at..)?.first_chunk()?);
    let question = query.get(HEADER..at + 4)?;
    let known = name.last().is_some_and(|last| last == b"test");
    let found = known && kind == TYPE_A;
    let mut answer = query.get(..2)?.to_vec();
    // An authoritative answer, with recursion; code 3 says that there is no such name.
    answer.extend([0x85, if known { 0x80 } else { 0x83 }]);
    for count in [1, u16::from(found), 0, 0] {
        answer.extend(u16::to_be_bytes(count));
    }
    answer.extend(question);
    if found {
        // The question's name again, type, class Internet, a minute, four bytes.
        answer.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(ADDRESS.octets());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_test_have_an_address() {
        let query =
            b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04some\x04TEST\x00\x00\x01\x00\x01";
        let answer = answer(query).expect("an answer");
        assert_eq!(answer[..4], [0x12, 0x34, 0x85, 0x80]);
        assert_eq!(answer[answer.len() - 4..], ADDRESS.octets());
        let other = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03org\x00\x00\x01\x00\x01";
        assert_eq!(super::answer(other).expect("an answer")[3], 0x83);
        assert!(super::answer(&query[..20]).is_none());
    }
}
