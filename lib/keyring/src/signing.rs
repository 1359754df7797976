//! A key that signs: by AWS-LC what is signed alone; `batch` has the rest.

mod batch;

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use uuid::Uuid;

use crate::lockstep::Lockstep;
use crate::{Algorithm, DataKey, SignError, UnwrapError, unwrap};

/// Bytes of a signature by ES256
/// ([RFC 7518, section 3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)) and by
/// EdDSA ([RFC 8032, section 5.1.6](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.6)).
const CURVE_SIGNATURE_BYTES: usize = 64;

/// A private key, ready to sign, bound to its algorithm.
///
/// It can be shared between threads, but not cloned; its `Debug` shows the id and the
/// algorithm, no more.
pub struct SigningKey {
    id: Uuid,
    algorithm: Algorithm,
    signature_len: usize,
    pair: Pair,
    /// Of RS256 alone, and only where the kernel signs such keys.
    lockstep: Option<Lockstep>,
}

// Every pair is a handle to a key that AWS-LC parsed once: signing parses nothing. It has no
// call that writes into the caller's memory, so each signature costs a few short-lived
// allocations inside aws-lc-rs. To hash first and call `sign_digest` is some 8 % slower for RSA
// and no faster for ES256.
enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Opens a wrapped key. See [`wrap`](crate::wrap) for what it is bound to.
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
    /// private key of `algorithm`.
    pub fn open(
        data_key: &DataKey,
        keyring: Uuid,
        key: Uuid,
        algorithm: Algorithm,
        wrapped: &[u8],
    ) -> Result<Self, UnwrapError> {
        let pkcs8 = unwrap(data_key, keyring, key, algorithm, wrapped)?;
        let pair = match algorithm {
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(&pkcs8).map(|pair| Pair::Rsa(pair, &RSA_PKCS1_SHA256)),
            Algorithm::Ps256 => RsaKeyPair::from_pkcs8(&pkcs8).map(|pair| Pair::Rsa(pair, &RSA_PSS_SHA256)),
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).map(Pair::P256)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(&pkcs8).map(Pair::Ed25519),
        }
        .map_err(|source| UnwrapError::Rejected { key, algorithm, source })?;

        let signature_len = match &pair {
            Pair::Rsa(pair, _) => match pair.public_modulus_len() {
                bytes @ (256 | 384 | 512) => bytes,
                bytes => return Err(UnwrapError::RsaKeySize { key, bytes }),
            },
            Pair::P256(_) | Pair::Ed25519(_) => CURVE_SIGNATURE_BYTES,
        };
        let lockstep = matches!(algorithm, Algorithm::Rs256).then(|| Lockstep::open(&pkcs8)).flatten();
        Ok(Self { id: key, algorithm, signature_len, pair, lockstep })
    }

    /// Makes sure that what is signed with this key verifies with that public key: a
    /// `SubjectPublicKeyInfo` in DER, byte by byte as [`generate`](crate::generate) gives it.
    ///
    /// # Errors
    ///
    /// [`UnwrapError::OtherPublicKey`].
    pub fn belongs_to(&self, spki_der: &[u8]) -> Result<(), UnwrapError> {
        let own = match &self.pair {
            Pair::Rsa(pair, _) => pair.public_key().as_der(),
            Pair::P256(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        };
        match own {
            Ok(own) if own.as_ref() == spki_der => Ok(()),
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

    /// The length of every signature of this key in bytes: 256, 384 or 512 for RSA, 64 for
    /// ES256 and EdDSA.
    #[must_use]
    pub const fn signature_len(&self) -> usize {
        self.signature_len
    }

    /// Appends the signature of `payload` to `out`, by AWS-LC: exactly [`SigningKey::signature_len`]
    /// bytes, or none on an error.
    ///
    /// # Errors
    ///
    /// [`SignError::Failed`] when AWS-LC fails.
    pub fn sign(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SignError> {
        // aws-lc-rs takes its random bytes from AWS-LC, whatever it is given here.
        let random = SystemRandom::new();
        let before = out.len();
        match &self.pair {
            Pair::Rsa(pair, encoding) => {
                out.resize(before + self.signature_len, 0);
                pair.sign(*encoding, &random, payload, &mut out[before..])
            }
            Pair::P256(pair) => {
                pair.sign(&random, payload).map(|signature| out.extend_from_slice(signature.as_ref()))
            }
            Pair::Ed25519(pair) => {
                pair.try_sign(payload).map(|signature| out.extend_from_slice(signature.as_ref()))
            }
        }
        .and_then(|()| {
            // A signature of another length would shift all that follow it in `Signatures`.
            if out.len() - before == self.signature_len { Ok(()) } else { Err(Unspecified) }
        })
        .map_err(|Unspecified| {
            out.truncate(before);
            SignError::Failed { key: self.id, algorithm: self.algorithm }
        })
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
