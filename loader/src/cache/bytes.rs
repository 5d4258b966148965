//! Numbers, bytes and lists in a row. A number takes as many bytes as it needs, seven bits in each, the lowest first; the
//! highest bit says that more follow.

/// Writes.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// A number.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A number that may be negative.
    pub fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }

    /// Bytes alone.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes, and how many they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    /// A list, and how many there are in it.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|item| write(self, item));
    }

    /// All that was written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads; nothing where the bytes end too early.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the first byte on.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    #[inline]
    pub fn long(&mut self) -> Option<u64> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        match first {
            0..0x80 => Some(first.into()),
            _ => self.more(first),
        }
    }

    fn more(&mut self, first: u8) -> Option<u64> {
        let mut number = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    #[inline]
    pub fn number(&mut self) -> Option<u32> {
        u32::try_from(self.long()?).ok()
    }

    #[inline]
    pub fn signed(&mut self) -> Option<i64> {
        let number = self.long()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// So many bytes, and what stands behind them as far as 16 bytes from the first.
    #[inline]
    pub fn ahead(&mut self, len: usize) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        match self.rest.first_chunk() {
            Some(all) => bytes = *all,
            None => bytes
                .iter_mut()
                .zip(self.rest)
                .for_each(|(to, from)| *to = *from),
        }
        self.rest = self.rest.get(len..)?;
        Some(bytes)
    }

    /// The next two bytes as a number, which are not taken.
    #[inline]
    pub fn peek(&self) -> Option<u16> {
        self.rest
            .first_chunk()
            .map(|bytes| u16::from_le_bytes(*bytes))
    }

    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.number()? as usize;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    /// A list of what `read` reads. Every item has a byte at least, so no memory is asked for that the file has not.
    #[inline]
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()? as usize;
        let mut items = Vec::with_capacity(count.min(self.rest.len()));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let unsigned = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let signed = [0, -1, 63, -64, i64::MAX, i64::MIN];
        let mut writer = Writer::default();
        unsigned.iter().for_each(|&number| writer.number(number));
        signed.iter().for_each(|&number| writer.signed(number));
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        assert!(unsigned.iter().all(|&number| reader.long() == Some(number)));
        assert!(signed.iter().all(|&number| reader.signed() == Some(number)));
        assert_eq!(reader.long(), None);
    }
}
