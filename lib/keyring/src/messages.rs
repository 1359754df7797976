//! Many messages in one buffer.

use std::iter;

/// Messages, one behind the other.
pub(crate) struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Messages {
    /// None, with room for as many of as many bytes together.
    pub(crate) fn with_capacity(messages: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(messages) }
    }

    /// None, as at first, with the same room.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// One more, of what is appended.
    pub(crate) fn push(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        append(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}
