//! Numbers, words, bytes and lists in a row, little-endian.

use vm::term::word::Word;

/// Writes.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// A number of 32 bits.
    pub fn number(&mut self, number: usize) {
        self.0.extend((number as u32).to_le_bytes());
    }

    /// A word.
    pub fn word(&mut self, word: Word) {
        self.0.extend(word.to_le_bytes());
    }

    /// Bytes, and how many they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// A list, and how many there are in it.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        self.number(items.len());
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
    pub fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*number))
    }

    /// A list of groups of words.
    pub fn words<const N: usize>(&mut self) -> Option<Vec<[Word; N]>> {
        let len = (self.number()? as usize).checked_mul(N * size_of::<Word>())?;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        let groups = bytes.chunks_exact(N * size_of::<Word>());
        let group = |bytes: &[u8]| {
            let mut words = bytes.as_chunks().0.iter();
            std::array::from_fn(|_| words.next().map_or(0, |word| Word::from_le_bytes(*word)))
        };
        Some(groups.map(group).collect())
    }

    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.number()? as usize;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    /// A list of what `read` reads. Every item has a byte at least, so no memory is asked for that the file has not.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()? as usize;
        let mut items = Vec::with_capacity(count.min(self.rest.len()));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }
}
