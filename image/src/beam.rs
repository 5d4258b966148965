//! `.beam` files without what running them does not need.

/// Chunks for debuggers, documentation and tools.
const DROPPED: &[&[u8; 4]] = &[b"Dbgi", b"Abst", b"Docs", b"LocT", b"ExDp", b"ExCk"];

/// The file without those chunks; unchanged if it is no plain `.beam` file (a compressed one, for instance).
pub fn stripped(bytes: Vec<u8>) -> Vec<u8> {
    match kept(&bytes) {
        Some(chunks) => {
            let mut out = b"FOR1".to_vec();
            out.extend_from_slice(&(chunks.len() as u32 + 4).to_be_bytes());
            out.extend_from_slice(b"BEAM");
            out.extend_from_slice(&chunks);
            out
        }
        None => bytes,
    }
}

/// Whether it is a `.beam` file that is not compressed as a whole.
pub fn is_plain(bytes: &[u8]) -> bool {
    bytes.starts_with(b"FOR1")
}

fn kept(bytes: &[u8]) -> Option<Vec<u8>> {
    let rest = bytes.strip_prefix(b"FOR1")?;
    let mut rest = rest.get(4..)?.strip_prefix(b"BEAM")?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let id: &[u8; 4] = rest.first_chunk()?;
        let len = u32::from_be_bytes(*rest.get(4..)?.first_chunk()?) as usize;
        let whole = 8 + len.checked_next_multiple_of(4)?;
        // The last chunk's padding may be missing.
        let chunk = rest
            .get(..whole.min(rest.len()))
            .filter(|c| c.len() >= 8 + len)?;
        if !DROPPED.contains(&id) {
            out.extend_from_slice(chunk);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        rest = &rest[chunk.len()..];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut body = b"BEAM".to_vec();
        for (id, data) in chunks {
            body.extend_from_slice(*id);
            body.extend_from_slice(&(data.len() as u32).to_be_bytes());
            body.extend_from_slice(data);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        [b"FOR1", &(body.len() as u32).to_be_bytes()[..], &body].concat()
    }

    #[test]
    fn debugging_information_goes_and_code_stays() {
        let code: (&[u8; 4], &[u8]) = (b"Code", b"12345");
        let all = file(&[(b"AtU8", b"ab"), (b"Dbgi", b"long text"), code]);
        assert_eq!(stripped(all), file(&[(b"AtU8", b"ab"), code]));
    }

    #[test]
    fn what_is_no_beam_file_stays_as_it_is() {
        for bytes in [
            &b"\x1f\x8b compressed"[..],
            b"",
            b"FOR1\0\0\0\x09BEAMCode\0\0\0\x09",
        ] {
            assert_eq!(stripped(bytes.to_vec()), bytes);
        }
    }
}
