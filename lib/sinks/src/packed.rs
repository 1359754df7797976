//! Content as it is stored, and back.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

/// Most of a line is base64 of what cannot be compressed. More effort takes a quarter more time, or twice as much, for 2 % less.
const EFFORT: u32 = 2;

/// Compressed, without a name or a time: the same content gives the same bytes.
pub(crate) fn compressed(content: &[u8]) -> io::Result<Bytes> {
    let mut packed = GzBuilder::new().write(Vec::with_capacity(content.len() / 2), Compression::new(EFFORT));
    packed.write_all(content)?;
    Ok(packed.finish()?.into())
}

/// Computes the digest of content from what is stored, piece by piece.
pub(crate) enum Unpacking {
    AsItIs(Hash),
    Compressed(Box<MultiGzDecoder<Hash>>),
}

#[derive(Default)]
pub(crate) struct Hash(Sha256);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Hash {
    pub(crate) fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl Unpacking {
    pub(crate) fn new(is_compressed: bool) -> Self {
        if is_compressed {
            Self::Compressed(Box::new(MultiGzDecoder::new(Hash::default())))
        } else {
            Self::AsItIs(Hash::default())
        }
    }

    /// An error says that it is not what it should be.
    pub(crate) fn push(&mut self, stored: &[u8]) -> io::Result<()> {
        match self {
            Self::AsItIs(hash) => hash.write_all(stored),
            Self::Compressed(decoder) => decoder.write_all(stored),
        }
    }

    pub(crate) fn digest(self) -> io::Result<[u8; 32]> {
        Ok(match self {
            Self::AsItIs(hash) => hash,
            Self::Compressed(decoder) => decoder.finish()?,
        }
        .digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(stored: &[u8], is_compressed: bool) -> io::Result<[u8; 32]> {
        let mut unpacking = Unpacking::new(is_compressed);
        for piece in stored.chunks(7) {
            unpacking.push(piece)?;
        }
        unpacking.digest()
    }

    #[test]
    fn content_is_known_again_whether_it_is_compressed_or_not() {
        let content = b"a line\nand another\n".repeat(100);
        let packed = compressed(&content).expect("memory takes it");
        assert!(packed.len() < content.len() / 4);
        let digest: [u8; 32] = Sha256::digest(&content).into();
        assert_eq!(digest_of(&content, false).expect("bytes"), digest);
        assert_eq!(digest_of(&packed, true).expect("gzip"), digest);
        assert_eq!(packed, compressed(&content).expect("memory takes it"), "the same bytes each time");
    }

    #[test]
    fn half_of_it_is_something_else() {
        let packed = compressed(&b"a line\n".repeat(1_000)).expect("memory takes it");
        assert!(digest_of(&packed[..packed.len() / 2], true).is_err());
        assert!(digest_of(b"no gzip at all", true).is_err());
    }
}
