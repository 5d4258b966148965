//! ELF files as far as an image needs them: their segments, their interpreter, and what loading them reads.

/// A segment is loaded.
pub const PT_LOAD: u32 = 1;
/// A segment names the interpreter.
const PT_INTERP: u32 = 3;
/// A segment holds notes.
pub const PT_NOTE: u32 = 4;
/// Bytes of the file's header and of a segment's.
pub const HEADER: usize = 64;
/// Bytes of a program header.
pub const PROGRAM_HEADER: usize = 56;

/// A program header of a 64-bit file.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// `PT_…`.
    pub kind: u32,
    /// Rights.
    pub flags: u32,
    /// Where its bytes are in the file.
    pub offset: u64,
    /// Virtual address.
    pub address: u64,
    /// Physical address.
    pub physical: u64,
    /// Bytes in the file.
    pub file_len: u64,
    /// Bytes in memory.
    pub memory_len: u64,
    /// Alignment.
    pub align: u64,
}

/// Whether bytes start as an ELF file does.
pub fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    word(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    word(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    word(bytes, at).map(u64::from_le_bytes)
}

/// The segments of an x86-64 file, or what is wrong with it. Every segment's bytes lie in the file.
pub fn segments(bytes: &[u8]) -> Result<Vec<Segment>, &'static str> {
    if !is_elf(bytes) || bytes.get(4..6) != Some(&[2, 1]) {
        return Err("not a 64-bit ELF file");
    }
    if u16_at(bytes, 18) != Some(62) {
        return Err("not made for x86-64");
    }
    let table = u64_at(bytes, 32).ok_or("cut off")?;
    let (size, count) = (
        u16_at(bytes, 54).ok_or("cut off")?,
        u16_at(bytes, 56).ok_or("cut off")?,
    );
    if usize::from(size) != PROGRAM_HEADER {
        return Err("its program headers have an unknown size");
    }
    (0..usize::from(count))
        .map(|n| {
            segment(
                bytes,
                usize::try_from(table)
                    .ok()?
                    .checked_add(n * PROGRAM_HEADER)?,
            )
        })
        .collect::<Option<Vec<_>>>()
        .filter(|all| all.iter().all(|segment| segment.bytes(bytes).is_some()))
        .ok_or("cut off")
}

fn segment(bytes: &[u8], at: usize) -> Option<Segment> {
    bytes.get(at..at.checked_add(PROGRAM_HEADER)?)?;
    let long = |offset| u64_at(bytes, at + offset);
    Some(Segment {
        kind: u32_at(bytes, at)?,
        flags: u32_at(bytes, at + 4)?,
        offset: long(8)?,
        address: long(16)?,
        physical: long(24)?,
        file_len: long(32)?,
        memory_len: long(40)?,
        align: long(48)?,
    })
}

impl Segment {
    /// Its bytes in the file.
    pub fn bytes<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        let start = usize::try_from(self.offset).ok()?;
        file.get(start..start.checked_add(usize::try_from(self.file_len).ok()?)?)
    }

    /// The header's bytes.
    pub fn header(&self) -> [u8; PROGRAM_HEADER] {
        let mut header = [0; PROGRAM_HEADER];
        header[..4].copy_from_slice(&self.kind.to_le_bytes());
        header[4..8].copy_from_slice(&self.flags.to_le_bytes());
        let words = [
            self.offset,
            self.address,
            self.physical,
            self.file_len,
            self.memory_len,
            self.align,
        ];
        for (n, word) in words.into_iter().enumerate() {
            header[8 + n * 8..16 + n * 8].copy_from_slice(&word.to_le_bytes());
        }
        header
    }
}

/// The program that loads this one, if it is dynamic.
pub fn interpreter(bytes: &[u8]) -> Option<&[u8]> {
    let all = segments(bytes).ok()?;
    let name = all.iter().find(|s| s.kind == PT_INTERP)?.bytes(bytes)?;
    Some(name.strip_suffix(b"\0").unwrap_or(name))
}

/// The file without what loading never reads: everything behind the last segment, where symbols and debugging
/// information are.
pub fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    let Ok(all) = segments(&bytes) else {
        return bytes;
    };
    let table = u64_at(&bytes, 32).unwrap_or(0) + (all.len() * PROGRAM_HEADER) as u64;
    let end = all.iter().map(|s| s.offset + s.file_len).max().unwrap_or(0);
    bytes.truncate(usize::try_from(end.max(table)).unwrap_or(usize::MAX));
    // No section headers: their place, their number, and the index of their names.
    bytes[40..48].fill(0);
    bytes[60..64].fill(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_trimmed_and_still_has_its_segments() {
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("this program");
        let before = segments(&own).expect("segments");
        let trimmed = trimmed(own.clone());
        assert!(trimmed.len() < own.len());
        let after = segments(&trimmed).expect("segments");
        assert_eq!(before.len(), after.len());
        assert_eq!(interpreter(&own), interpreter(&trimmed));
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("this program");
        for len in [0, 3, 20, 63, 100, 4000] {
            assert!(segments(&own[..len]).is_err());
        }
    }
}
