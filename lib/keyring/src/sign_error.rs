//! What can go wrong when a batch is signed.

use uuid::Uuid;

use crate::{Algorithm, Library};

/// Why a payload is not signed. Every message names the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The library gives no reason. A lack of memory or of random bytes is all that is known.
    #[error("key {key} could not sign with {algorithm}: {library} failed")]
    Failed {
        /// The id of the key.
        key: Uuid,
        /// The algorithm of the key.
        algorithm: Algorithm,
        /// What signs.
        library: Library,
    },
    /// The kernel gave nothing out.
    #[error("key {key} could not sign with {algorithm}: {why}")]
    Lockstep {
        /// The id of the key.
        key: Uuid,
        /// The algorithm of the key.
        algorithm: Algorithm,
        /// What the kernel says.
        why: chancery_kernel::SignError,
    },
    /// The container was made for the signatures of another kind of key.
    #[error("key {key} makes signatures of {wanted} bytes, the container is for {given}")]
    SignatureLength {
        /// The id of the key.
        key: Uuid,
        /// The length of the key's signatures in bytes.
        wanted: usize,
        /// The length that the container was made for, in bytes.
        given: usize,
    },
}
