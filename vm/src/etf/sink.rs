//! Where encoded bytes go: into a buffer, or nowhere, to be counted.

/// Takes bytes.
pub(super) trait Sink: Default {
    /// Whether only the size is of interest: then the upper bound that `external_size` gives.
    const COUNTS: bool;
    fn byte(&mut self, byte: u8);
    fn bytes(&mut self, bytes: &[u8]);
    /// How many bytes it has taken.
    fn len(&self) -> usize;
    /// Replaces four bytes taken before.
    fn patch(&mut self, at: usize, value: u32);
    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }
    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }
    /// A tag and a 32-bit number.
    #[inline]
    fn tag_u32(&mut self, tag: u8, value: u32) {
        let [a, b, c, d] = value.to_be_bytes();
        self.bytes(&[tag, a, b, c, d]);
    }
}

impl Sink for Vec<u8> {
    const COUNTS: bool = false;
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.push(byte);
    }
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    #[inline]
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn patch(&mut self, at: usize, value: u32) {
        self[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
}

/// Counts bytes.
#[derive(Default)]
pub(super) struct Count(usize);

impl Sink for Count {
    const COUNTS: bool = true;
    fn byte(&mut self, _: u8) {
        self.0 += 1;
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
    fn len(&self) -> usize {
        self.0
    }
    fn patch(&mut self, _: usize, _: u32) {}
}
