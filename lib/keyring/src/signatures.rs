//! The signatures of one batch, side by side in one piece of memory.

use std::slice::ChunksExact;

/// Signatures of one length, in the order in which they were made.
///
/// All signatures of a key have the same length, so they need no list of their own places:
/// 1,000 signatures of RS256 with 2048 bits are one allocation of 256,000 bytes. Reuse one
/// container for batch after batch: [`Signatures::clear`] keeps the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    bytes: Vec<u8>,
    signature_len: usize,
}

impl Signatures {
    /// An empty container for signatures of `signature_len` bytes each, without memory yet.
    ///
    /// # Panics
    ///
    /// If `signature_len` is zero.
    #[must_use]
    pub const fn new(signature_len: usize) -> Self {
        assert!(signature_len > 0, "a signature has at least one byte");
        Self { bytes: Vec::new(), signature_len }
    }

    /// How many signatures there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() / self.signature_len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The length of each signature in bytes.
    #[must_use]
    pub const fn signature_len(&self) -> usize {
        self.signature_len
    }

    /// The signatures one by one, each a slice of [`Signatures::signature_len`] bytes.
    pub fn iter(&self) -> ChunksExact<'_, u8> {
        self.bytes.chunks_exact(self.signature_len)
    }

    /// All signatures, one straight after the other.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Drops the signatures and keeps the memory for the next batch.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Makes room for so many more signatures at once.
    pub(crate) fn reserve(&mut self, additional: usize) {
        self.bytes.reserve(additional.saturating_mul(self.signature_len));
    }

    /// Where the next signature goes. Whoever writes to it appends whole signatures only.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl<'a> IntoIterator for &'a Signatures {
    type Item = &'a [u8];
    type IntoIter = ChunksExact<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_come_back_in_order_and_apart() {
        let mut signatures = Signatures::new(3);
        assert!(signatures.is_empty());
        signatures.buffer().extend_from_slice(b"onetwosix");
        assert_eq!(signatures.len(), 3);
        assert_eq!(signatures.iter().len(), 3);
        assert_eq!(signatures.iter().collect::<Vec<_>>(), [b"one", b"two", b"six"]);
        assert_eq!((&signatures).into_iter().next(), Some(b"one".as_slice()));
        assert_eq!(signatures.as_bytes(), b"onetwosix");
    }

    #[test]
    fn clearing_keeps_the_memory_and_the_length_of_a_signature() {
        let mut signatures = Signatures::new(64);
        signatures.reserve(10);
        let capacity = signatures.bytes.capacity();
        assert!(capacity >= 640);
        signatures.buffer().extend_from_slice(&[1; 64]);
        signatures.clear();
        assert!(signatures.is_empty());
        assert_eq!(signatures.signature_len(), 64);
        assert_eq!(signatures.bytes.capacity(), capacity);
    }

    #[test]
    #[should_panic(expected = "at least one byte")]
    fn a_signature_of_no_bytes_is_refused() {
        let _ = Signatures::new(0);
    }
}
