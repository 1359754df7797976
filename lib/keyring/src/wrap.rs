//! Private keys at rest: each one encrypted under the data key of its ring and bound to its place.

use aws_lc_rs::error::{KeyRejected, Unspecified};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::seal::{LEAST_BYTES, NotOpened, open, seal};
use crate::{Algorithm, DataKey};

const LABEL: &[u8] = b"chancery wrapped key v1";

/// Wraps a private key: `pkcs8.len() + 29` bytes, different ones at every call. In this order:
///
/// | bytes | what |
/// |---|---|
/// | 1 | the version of this format: 1 |
/// | 12 | a nonce, fresh and random for every wrapping |
/// | as many as the key | AES-256-GCM ciphertext of the private key in PKCS#8 DER |
/// | 16 | the tag of AES-256-GCM |
///
/// The PKCS#8 document is version 1 or 2 ([RFC 5208](https://www.rfc-editor.org/rfc/rfc5208),
/// [RFC 5958](https://www.rfc-editor.org/rfc/rfc5958)). The tag also covers, as associated
/// data, `chancery wrapped key v1` || the keyring's id (16 bytes) || the key's id (16 bytes)
/// || the JOSE name of the algorithm. So whoever can write to the ledger but has not the
/// ring's data key can neither make a key nor pass one off as another, into another keyring or
/// for another algorithm. What they still can do is put back an older wrapping of the same key.
///
/// # Errors
///
/// [`WrapError`] when AWS-LC cannot encrypt, which it has no reason for but a lack of memory.
pub fn wrap(
    data_key: &DataKey,
    keyring: Uuid,
    key: Uuid,
    algorithm: Algorithm,
    pkcs8: &[u8],
) -> Result<Vec<u8>, WrapError> {
    seal(data_key.secret(), &associated_data(keyring, key, algorithm), pkcs8)
        .map_err(|Unspecified| WrapError { key })
}

/// Opens what [`wrap`] wrapped for the same keyring, key and algorithm, and returns the
/// PKCS#8 document. It does not look into the document: [`SigningKey::open`] does.
///
/// [`SigningKey::open`]: crate::SigningKey::open
///
/// # Errors
///
/// Every variant of [`UnwrapError`] but those about the document itself.
pub fn unwrap(
    data_key: &DataKey,
    keyring: Uuid,
    key: Uuid,
    algorithm: Algorithm,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
    open(data_key.secret(), &associated_data(keyring, key, algorithm), wrapped).map_err(|why| match why {
        NotOpened::Truncated { given } => UnwrapError::Truncated { key, given, least: LEAST_BYTES },
        NotOpened::UnknownVersion { given } => UnwrapError::UnknownVersion { key, given },
        NotOpened::DoesNotOpen => UnwrapError::DoesNotOpen { key },
    })
}

/// Unambiguous although nothing separates its parts: all but the last have a fixed length.
fn associated_data(keyring: Uuid, key: Uuid, algorithm: Algorithm) -> Vec<u8> {
    [LABEL, keyring.as_bytes(), key.as_bytes(), algorithm.name().as_bytes()].concat()
}

/// A private key could not be encrypted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key {key} could not be wrapped: AES-256-GCM failed")]
pub struct WrapError {
    /// The id of the key.
    pub key: Uuid,
}

/// Why a wrapped key gives no signing key. Every message names the key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UnwrapError {
    /// Fewer bytes than the shortest wrapped key has.
    #[error("key {key} is cut short: {given} bytes of a wrapped key, which has at least {least}")]
    Truncated {
        /// The id of the key.
        key: Uuid,
        /// How many bytes were given.
        given: usize,
        /// How many there are at least: 29.
        least: usize,
    },
    /// A version that this program does not know, or no wrapped key at all.
    #[error("key {key} is wrapped in format {given}, this program knows format 1 only")]
    UnknownVersion {
        /// The id of the key.
        key: Uuid,
        /// The version byte as given.
        given: u8,
    },
    /// The tag is not right for this data key, keyring, key and algorithm.
    #[error(
        "key {key} does not open: the data key is not the one that wrapped it, or the wrapped key \
         was altered"
    )]
    DoesNotOpen {
        /// The id of the key.
        key: Uuid,
    },
    /// The wrapped key opens, but is not the private key of the public key that it is said to be.
    #[error("key {key} is not the private key of the public key stored beside it: one of them was altered")]
    OtherPublicKey {
        /// The id of the key.
        key: Uuid,
    },
    /// The key opens, but has no public key that an envelope could name.
    #[error("key {key} has no public key of {algorithm}")]
    Unnamed {
        /// The id of the key.
        key: Uuid,
        /// The algorithm that it was opened for.
        algorithm: Algorithm,
    },
    /// The wrapped key opens, but AWS-LC takes its content for no private key of this
    /// algorithm.
    #[error("key {key} is no {algorithm} private key")]
    Rejected {
        /// The id of the key.
        key: Uuid,
        /// The algorithm that it was opened for.
        algorithm: Algorithm,
        /// The reason in AWS-LC's word; it holds nothing of the key.
        source: KeyRejected,
    },
    /// An RSA private key with a modulus that is none of
    /// [`RsaKeySize`](crate::RsaKeySize).
    #[error("key {key} is an RSA key of {bytes} bytes, wanted 256, 384 or 512")]
    RsaKeySize {
        /// The id of the key.
        key: Uuid,
        /// The length of the modulus, in bytes, rounded up.
        bytes: usize,
    },
}
