//! A key that signs: one payload; `batch` has the rest.

mod batch;
mod pair;

use std::fmt;

use uuid::Uuid;

use self::pair::Pair;
use crate::lockstep::Lockstep;
use crate::{Algorithm, DataKey, Form, Frame, SignError, UnwrapError, unwrap};

/// A private key, ready to sign in the envelope of its ring, bound to its algorithm.
///
/// It can be shared between threads, but not cloned; its `Debug` shows the id and the
/// algorithm, no more.
pub struct SigningKey {
    id: Uuid,
    algorithm: Algorithm,
    signature_len: usize,
    pair: Pair,
    /// The envelope.
    frame: Frame,
    /// Only where the kernel signs such keys.
    lockstep: Option<Lockstep>,
}

impl SigningKey {
    /// Opens a wrapped key that signs payloads as they are: see [`SigningKey::open_in`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn open(
        data_key: &DataKey,
        keyring: Uuid,
        key: Uuid,
        algorithm: Algorithm,
        wrapped: &[u8],
    ) -> Result<Self, UnwrapError> {
        Self::open_in(&Form::raw(algorithm), data_key, keyring, key, wrapped)
    }

    /// Opens a wrapped key of a ring of this form. See [`wrap`](crate::wrap) for what it is bound to.
    ///
    /// AWS-LC checks that the parts of the key belong together, which is most of the cost: on
    /// one core of the reference machine about 170 µs for RSA of 2048 bits, 11 µs for ES256,
    /// 8 µs for EdDSA; the decryption before it takes less than 1 µs. The first signature of
    /// an RSA key takes another 260 µs, once, to prepare its arithmetic and its blinding. So
    /// opening an RSA key is worth about two signatures: open it once a batch, not once a
    /// record.
    ///
    /// # Errors
    ///
    /// [`UnwrapError`], which names the key, when the wrapped key does not open or is no
    /// private key of the form's algorithm.
    pub fn open_in(
        form: &Form,
        data_key: &DataKey,
        keyring: Uuid,
        key: Uuid,
        wrapped: &[u8],
    ) -> Result<Self, UnwrapError> {
        let algorithm = form.algorithm();
        let pkcs8 = unwrap(data_key, keyring, key, algorithm, wrapped)?;
        let pair =
            Pair::open(form, &pkcs8).map_err(|source| UnwrapError::Rejected { key, algorithm, source })?;
        let signature_len = match pair.signature_len() {
            bytes @ (256 | 384 | 512) if algorithm.is_rsa() => bytes,
            bytes if algorithm.is_rsa() => return Err(UnwrapError::RsaKeySize { key, bytes }),
            bytes => bytes,
        };
        let unnamed = UnwrapError::Unnamed { key, algorithm };
        let Some(public_key) = pair.public_key() else { return Err(unnamed) };
        let frame = Frame::new(form, &public_key).ok_or(unnamed)?;
        let lockstep = Lockstep::open(algorithm, &pkcs8, &public_key);
        Ok(Self { id: key, algorithm, signature_len, pair, frame, lockstep })
    }

    /// Makes sure that what is signed with this key verifies with that public key: a
    /// `SubjectPublicKeyInfo` in DER, byte by byte as [`generate`](crate::generate) gives it.
    ///
    /// # Errors
    ///
    /// [`UnwrapError::OtherPublicKey`].
    pub fn belongs_to(&self, spki_der: &[u8]) -> Result<(), UnwrapError> {
        match self.pair.public_key() {
            Some(own) if own == spki_der => Ok(()),
            _ => Err(UnwrapError::OtherPublicKey { key: self.id }),
        }
    }

    /// The id of the key, as given to [`SigningKey::open`].
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The algorithm that this key signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The length of every signature of this key in bytes.
    #[must_use]
    pub const fn signature_len(&self) -> usize {
        self.signature_len
    }

    /// Appends the signature of `payload`, in the envelope, to `out`: exactly [`SigningKey::signature_len`]
    /// bytes, or none on an error.
    ///
    /// # Errors
    ///
    /// [`SignError::Failed`] when the library fails.
    pub fn sign(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SignError> {
        self.sign_input(self.frame.signing_input(payload, &mut Vec::new()), out)
    }

    fn sign_input(&self, input: &[u8], out: &mut Vec<u8>) -> Result<(), SignError> {
        let before = out.len();
        let signed = self.pair.sign(input, self.signature_len, out);
        // A signature of another length would shift all that follow it in `Signatures`.
        if signed.is_ok() && out.len() - before == self.signature_len {
            return Ok(());
        }
        out.truncate(before);
        let library = self.pair.library();
        Err(SignError::Failed { key: self.id, algorithm: self.algorithm, library })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_key_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<SigningKey>();
    }
}
