//! AES-256-GCM around a secret document, bound to what it is for.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use crate::secret::Secret;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + NONCE_BYTES;

/// What an empty document would measure, sealed.
pub(crate) const LEAST_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// A version byte (1), a fresh random nonce (12 bytes), the ciphertext, the tag (16 bytes).
pub(crate) fn seal(key: &Secret, bound_to: &[u8], document: &[u8]) -> Result<Vec<u8>, Unspecified> {
    // Holds the document in the clear until it is sealed in place.
    let mut sealed = Zeroizing::new(Vec::with_capacity(LEAST_BYTES + document.len()));
    sealed.push(VERSION);
    sealed.extend_from_slice(&[0; NONCE_BYTES]);
    sealed.extend_from_slice(document);

    let sealing = RandomizedNonceKey::new(&AES_256_GCM, key.bytes())?;
    let (nonce, tag) =
        sealing.seal_in_place_separate_tag(Aad::from(bound_to), &mut sealed[HEADER_BYTES..])?;
    sealed[1..HEADER_BYTES].copy_from_slice(nonce.as_ref());
    sealed.extend_from_slice(tag.as_ref());
    Ok(std::mem::take(&mut *sealed))
}

/// Opens what [`seal`] sealed with the same key for the same purpose.
pub(crate) fn open(key: &Secret, bound_to: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
    // The version first: another one may well be shorter.
    if let Some(&given) = sealed.first()
        && given != VERSION
    {
        return Err(NotOpened::UnknownVersion { given });
    }
    let Some((header, ciphertext)) =
        sealed.split_at_checked(HEADER_BYTES).filter(|(_, rest)| rest.len() >= TAG_BYTES)
    else {
        return Err(NotOpened::Truncated { given: sealed.len() });
    };

    let does_not_open = |_| NotOpened::DoesNotOpen;
    let nonce = Nonce::try_assume_unique_for_key(&header[1..]).map_err(does_not_open)?;
    let opening = RandomizedNonceKey::new(&AES_256_GCM, key.bytes()).map_err(does_not_open)?;
    let mut document = Zeroizing::new(ciphertext.to_vec());
    let length =
        opening.open_in_place(nonce, Aad::from(bound_to), &mut document).map_err(does_not_open)?.len();
    document.truncate(length);
    Ok(document)
}

/// Why something sealed does not open.
pub(crate) enum NotOpened {
    /// Fewer bytes than [`LEAST_BYTES`].
    Truncated { given: usize },
    /// A version that this program does not know, or nothing that was sealed at all.
    UnknownVersion { given: u8 },
    /// The tag is not right for this key and purpose.
    DoesNotOpen,
}
