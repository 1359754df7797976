//! Verifying, by libraries that share no code with the one that signed.

mod by_k256;
mod by_libsecp256k1;
mod ed25519;
mod es256;
mod es256k;
mod multiples;
mod of_key;
mod rs256;

use std::error::Error;
use std::fmt;

use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams};
use p384::ecdsa::signature::Verifier as _;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::sha2::{Digest as _, Sha256};
use rsa::signature::hazmat::PrehashVerifier as _;
use rsa::traits::PublicKeyParts as _;

use crate::messages::Messages;
use crate::verifying::ed25519::Ed25519;
use crate::verifying::es256::Es256;
use crate::verifying::es256k::Es256k;
use crate::verifying::rs256::Rs256;
use crate::{Algorithm, Envelope, Form, Frame, Library, RsaKeySize};

/// Bytes that an envelope puts around most payloads, at the most.
const AROUND: usize = 128;

/// A public key, parsed once, that checks signatures of one algorithm in one envelope.
///
/// It can be shared between threads.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    frame: Frame,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Rs256(Box<Rs256>),
    Ps256(rsa::pss::VerifyingKey<Sha256>),
    Es256(Box<Es256>),
    Es384(Box<p384::ecdsa::VerifyingKey>),
    Es256k(Box<Es256k>),
    EdDsa(Box<Ed25519>),
    MlDsa44(Box<ml_dsa::VerifyingKey<MlDsa44>>),
    MlDsa65(Box<ml_dsa::VerifyingKey<MlDsa65>>),
    MlDsa87(Box<ml_dsa::VerifyingKey<MlDsa87>>),
}

impl VerifyingKey {
    /// Reads a DER `SubjectPublicKeyInfo`
    /// ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7)). RS256 and PS256
    /// both take a key of the kind `rsaEncryption`.
    ///
    /// # Errors
    ///
    /// [`PublicKeyError`] when it is no public key of this algorithm, has bytes after its
    /// end, is an RSA key of another size than those of [`RsaKeySize`], or is one of the few
    /// Ed25519 points under which a signature proves nothing.
    pub fn from_spki_der(algorithm: Algorithm, spki_der: &[u8]) -> Result<Self, PublicKeyError> {
        Self::of_form(&Form::raw(algorithm), spki_der)
    }

    /// Reads a key of a ring of this form; else as [`VerifyingKey::from_spki_der`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn of_form(form: &Form, spki_der: &[u8]) -> Result<Self, PublicKeyError> {
        let algorithm = form.algorithm();
        let key = match algorithm {
            Algorithm::Rs256 => Key::Rs256(Box::new(Rs256::new(rsa_key(algorithm, spki_der)?, spki_der)?)),
            // With a salt as long as the hash, which RFC 7518, section 3.5, demands.
            Algorithm::Ps256 => Key::Ps256(rsa::pss::VerifyingKey::new(rsa_key(algorithm, spki_der)?)),
            Algorithm::Es256 => Key::Es256(Box::new(Es256::new(spki_der)?)),
            Algorithm::Es384 => p384::ecdsa::VerifyingKey::from_public_key_der(spki_der)
                .map(|key| Key::Es384(Box::new(key)))
                .map_err(malformed(algorithm))?,
            Algorithm::Es256k => {
                let is_recoverable = form.envelope() == Envelope::Eip191;
                Key::Es256k(Box::new(Es256k::new(spki_der, is_recoverable)?))
            }
            Algorithm::MlDsa44 => ml_dsa::VerifyingKey::from_public_key_der(spki_der)
                .map(|key| Key::MlDsa44(Box::new(key)))
                .map_err(malformed(algorithm))?,
            Algorithm::MlDsa65 => ml_dsa::VerifyingKey::from_public_key_der(spki_der)
                .map(|key| Key::MlDsa65(Box::new(key)))
                .map_err(malformed(algorithm))?,
            Algorithm::MlDsa87 => ml_dsa::VerifyingKey::from_public_key_der(spki_der)
                .map(|key| Key::MlDsa87(Box::new(key)))
                .map_err(malformed(algorithm))?,
            Algorithm::EdDsa => {
                let key = ed25519_dalek::VerifyingKey::from_public_key_der(spki_der)
                    .map_err(malformed(algorithm))?;
                if key.is_weak() {
                    return Err(PublicKeyError::Weak { algorithm });
                }
                Key::EdDsa(Box::new(Ed25519::new(key)))
            }
        };
        let frame = Frame::new(form, spki_der).ok_or(PublicKeyError::Unnamed { algorithm })?;
        Ok(Self { algorithm, frame, key })
    }

    /// The algorithm that this key verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The length of an RSA key's modulus; none for the others.
    #[must_use]
    pub fn rsa_key_size(&self) -> Option<RsaKeySize> {
        let key = match &self.key {
            Key::Rs256(key) => key.rsa(),
            Key::Ps256(key) => key.as_ref(),
            Key::Es256(_)
            | Key::Es384(_)
            | Key::Es256k(_)
            | Key::EdDsa(_)
            | Key::MlDsa44(_)
            | Key::MlDsa65(_)
            | Key::MlDsa87(_) => return None,
        };
        rsa_key_size(key)
    }

    /// Whether `signature` is a signature of exactly `payload`, in the envelope, under this key: false for
    /// anything else, a wrong length included.
    ///
    /// Ed25519 is checked strictly: neither a small-order `R` nor an `s` that is not reduced
    /// passes. For ES256 and ES384 both `s` and `n - s` pass, as X9.62 and JOSE have it; for ES256K the lower
    /// one, as Ethereum has it.
    ///
    /// It takes `rsa`, `p256`, `p384`, `ed25519-dalek` and `ml-dsa`, none of which signs. For ES256K it takes both libraries that do, and
    /// both have to agree: one of them is not the one that signed.
    #[must_use]
    pub fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        self.key.verify(self.frame.signing_input(payload, &mut Vec::new()), signature)
    }

    /// The same key, for many calls of [`VerifyingKey::verify_batch`]: one of EdDSA keeps 220 KB and one of ES256K 120 KB, with which it
    /// verifies at least twice as fast. Without, each call makes them for itself if it has enough signatures, as long as it takes to
    /// verify some ten.
    #[must_use]
    pub fn for_many(self) -> Self {
        let key = match self.key {
            Key::EdDsa(key) => Key::EdDsa(Box::new(key.for_many())),
            Key::Es256k(key) => Key::Es256k(Box::new(key.for_many())),
            other => other,
        };
        Self { key, ..self }
    }

    /// The verdict of [`VerifyingKey::verify`] for each payload and the signature beside it, which `made_by` made: by another
    /// library. Of RS256 that is AWS-LC for what the kernel signed, and the kernel for what AWS-LC signed; of ES256, AWS-LC for what the
    /// kernel signed, and `p256` for what AWS-LC signed; of ES256K, libsecp256k1 for what `k256` signed, and `k256` for what
    /// libsecp256k1 signed.
    #[must_use]
    pub fn verify_batch(&self, made_by: Library, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        if self.frame.is_raw() {
            return self.key.verify_batch(made_by, pairs);
        }
        let bytes = pairs.iter().map(|(payload, _)| payload.len() + AROUND).sum();
        let mut inputs = Messages::with_capacity(pairs.len(), bytes);
        for (payload, _) in pairs {
            inputs.push(|input| self.frame.append_signing_input(payload, input));
        }
        let framed: Vec<_> =
            inputs.iter().zip(pairs).map(|(input, (_, signature))| (input, *signature)).collect();
        self.key.verify_batch(made_by, &framed)
    }
}

impl Key {
    fn verify(&self, input: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rs256(key) => key.verify(input, signature),
            Self::Ps256(key) => rsa::pss::Signature::try_from(signature)
                .and_then(|signature| key.verify_prehash(&Sha256::digest(input), &signature))
                .is_ok(),
            Self::Es256(key) => key.verify(input, signature),
            Self::Es384(key) => p384::ecdsa::Signature::from_slice(signature)
                .and_then(|signature| key.verify(input, &signature))
                .is_ok(),
            Self::Es256k(key) => key.verify(input, signature),
            Self::EdDsa(key) => key.verify(input, signature),
            Self::MlDsa44(key) => verify_ml_dsa(key, input, signature),
            Self::MlDsa65(key) => verify_ml_dsa(key, input, signature),
            Self::MlDsa87(key) => verify_ml_dsa(key, input, signature),
        }
    }

    fn verify_batch(&self, made_by: Library, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        match self {
            Self::Rs256(key) => key.verify_batch(made_by, pairs),
            Self::Es256(key) => key.verify_batch(made_by, pairs),
            Self::Es256k(key) => key.verify_batch(made_by, pairs),
            Self::EdDsa(key) => key.verify_batch(made_by, pairs),
            _ => pairs.iter().map(|(input, signature)| self.verify(input, signature)).collect(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Of FIPS 204, algorithm 3, with an empty context.
fn verify_ml_dsa<P: MlDsaParams>(key: &ml_dsa::VerifyingKey<P>, input: &[u8], signature: &[u8]) -> bool {
    ml_dsa::Signature::try_from(signature)
        .is_ok_and(|signature| key.verify_with_context(input, b"", &signature))
}

fn rsa_key(algorithm: Algorithm, spki_der: &[u8]) -> Result<RsaPublicKey, PublicKeyError> {
    let key = RsaPublicKey::from_public_key_der(spki_der).map_err(malformed(algorithm))?;
    match rsa_key_size(&key) {
        Some(_) => Ok(key),
        None => Err(PublicKeyError::RsaKeySize { algorithm, bits: key.n().bits() }),
    }
}

fn rsa_key_size(key: &RsaPublicKey) -> Option<RsaKeySize> {
    RsaKeySize::try_from(u32::try_from(key.n().bits()).ok()?).ok()
}

fn malformed<E: Error + Send + Sync + 'static>(algorithm: Algorithm) -> impl FnOnce(E) -> PublicKeyError {
    move |source| PublicKeyError::Malformed { algorithm, source: Box::new(source) }
}

/// Why bytes are no public key to verify with.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyError {
    /// Not the DER of a `SubjectPublicKeyInfo`, or one of another kind of key.
    #[error("not a public key of {algorithm} in DER")]
    Malformed {
        /// The algorithm that the key was to verify.
        algorithm: Algorithm,
        /// What the library found, in its own words.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An RSA key with a modulus that is none of [`RsaKeySize`].
    #[error("a public key of {algorithm} has 2048, 3072 or 4096 bits, not {bits}")]
    RsaKeySize {
        /// The algorithm that the key was to verify.
        algorithm: Algorithm,
        /// The length of the modulus in bits.
        bits: usize,
    },
    /// Not written as the keys of a ring are, so that no envelope can name it.
    #[error("the public key of {algorithm} is not written as the keys of a ring are")]
    Unnamed {
        /// The algorithm that the key was to verify.
        algorithm: Algorithm,
    },
    /// An Ed25519 point of small order: signatures under it say nothing about the payload.
    #[error("the public key of {algorithm} is a point of small order, which anyone can sign for")]
    Weak {
        /// The algorithm that the key was to verify.
        algorithm: Algorithm,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifying_key_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<VerifyingKey>();
    }

    #[test]
    fn an_ed25519_key_under_which_a_signature_proves_nothing_is_refused() {
        let mut spki = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
        spki.push(1); // The neutral element: y = 1.
        spki.resize(44, 0);
        assert!(matches!(
            VerifyingKey::from_spki_der(Algorithm::EdDsa, &spki),
            Err(PublicKeyError::Weak { .. })
        ));
    }
}
