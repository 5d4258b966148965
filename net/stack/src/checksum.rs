//! Checksums of TCP and UDP in whole frames, for cards that do not compute them, and the partial sums for
//! those that do.

/// Where a frame's TCP or UDP part is.
struct Transport {
    /// Offset of the transport header.
    start: usize,
    /// Byte behind it all.
    end: usize,
    /// Offset of the checksum within the header.
    field: usize,
    /// Sum of the pseudo header.
    pseudo: u32,
    udp: bool,
}

fn be16(b: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(
        *b.get(at..)?.first_chunk()?,
    )))
}

/// Adds 16-bit words.
fn sum(bytes: &[u8], start: u32) -> u32 {
    let mut total = u64::from(start);
    let mut chunks = bytes.chunks_exact(4);
    for c in &mut chunks {
        total += u64::from(u32::from_be_bytes([c[0], c[1], c[2], c[3]]));
    }
    for pair in chunks.remainder().chunks(2) {
        total += u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |&b| u64::from(b));
    }
    while total >> 16 != 0 {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u32
}

/// The TCP or UDP part of an Ethernet frame; none in fragments and in anything else.
fn transport(frame: &[u8]) -> Option<Transport> {
    let (start, end, protocol, addresses) = match be16(frame, 12)? {
        0x0800 => {
            let header = usize::from(frame.get(14)? & 15) * 4;
            let fragment = be16(frame, 20)? & 0x3fff;
            if fragment != 0 {
                return None;
            }
            (
                14 + header,
                14 + be16(frame, 16)?,
                *frame.get(23)?,
                frame.get(26..34)?,
            )
        }
        0x86dd => (
            54,
            54 + be16(frame, 18)?,
            *frame.get(20)?,
            frame.get(22..54)?,
        ),
        _ => return None,
    };
    let field = match protocol {
        6 => 16,
        17 => 6,
        _ => return None,
    };
    if end > frame.len() || start + field + 2 > end {
        return None;
    }
    let pseudo = sum(addresses, u32::from(protocol) + (end - start) as u32);
    Some(Transport {
        start,
        end,
        field,
        pseudo,
        udp: protocol == 17,
    })
}

/// Fills the checksum in.
pub fn fill(frame: &mut [u8]) {
    let Some(t) = transport(frame) else { return };
    let at = t.start + t.field;
    frame[at..at + 2].fill(0);
    let value = !(sum(&frame[t.start..t.end], t.pseudo) as u16);
    let value = if t.udp && value == 0 { 0xffff } else { value };
    frame[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Fills the checksum of an ICMPv6 message in, in a frame without extension headers.
pub fn fill_icmpv6(frame: &mut [u8]) {
    frame[56..58].fill(0);
    let pseudo = sum(&frame[22..54], 58 + (frame.len() - 54) as u32);
    let value = !(sum(&frame[54..], pseudo) as u16);
    frame[56..58].copy_from_slice(&value.to_be_bytes());
}

/// Fills in the pseudo header's sum; where the card is to start summing, and where to put the result.
pub fn prepare(frame: &mut [u8]) -> Option<(u16, u16)> {
    let t = transport(frame)?;
    let at = t.start + t.field;
    let pseudo = t.pseudo as u16;
    frame[at..at + 2].copy_from_slice(&pseudo.to_be_bytes());
    Some((t.start as u16, t.field as u16))
}

/// Whether the checksum is right, or there is none to check.
pub fn verify(frame: &[u8]) -> bool {
    match transport(frame) {
        Some(t) if t.udp && be16(frame, t.start + t.field) == Some(0) => true,
        Some(t) => sum(&frame[t.start..t.end], t.pseudo) == 0xffff,
        None => true,
    }
}
