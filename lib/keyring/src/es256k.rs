//! ES256K: signing by libsecp256k1, which AWS-LC does several times slower and without saying which key a signature is of.
//!
//! The key is copied from AWS-LC's memory to its place, and libsecp256k1 reads it there: nothing else holds it. Both overwrite what they
//! had of it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::signature::{ECDSA_P256K1_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use chancery_kernel::Secp256k1Key;
use sha3::{Digest as _, Keccak256};

/// Bytes of r‖s.
const SIGNATURE_BYTES: usize = 64;

/// What is added to the number of the key that a signature is of: the v of Ethereum, which was Bitcoin's.
pub(crate) const LEAST_V: u8 = 27;

/// A private key on secp256k1, whose signatures have the lower one of both s.
pub(crate) struct Secp256k1 {
    /// A `SubjectPublicKeyInfo` in DER.
    public_key: Vec<u8>,
    key: Secp256k1Key,
    /// Whether it signs Keccak-256 and says which key it was, so that this can be recovered.
    is_recoverable: bool,
}

impl Secp256k1 {
    pub(crate) fn open(pkcs8: &[u8], is_recoverable: bool) -> Result<Self, KeyRejected> {
        // AWS-LC finds whether its parts belong together, and overwrites its copies as soon as they are read.
        let checked = EcdsaKeyPair::from_pkcs8(&ECDSA_P256K1_SHA256_FIXED_SIGNING, pkcs8)?;
        let public_key = checked.public_key().as_der()?.as_ref().to_vec();
        let secret = checked.private_key().as_be_bytes()?;
        let key = Secp256k1Key::new(secret.as_ref()).map_err(|_| Unspecified)?;
        Ok(Self { public_key, key, is_recoverable })
    }

    /// A `SubjectPublicKeyInfo` in DER.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    pub(crate) const fn signature_len(&self) -> usize {
        if self.is_recoverable { SIGNATURE_BYTES + 1 } else { SIGNATURE_BYTES }
    }

    /// Appends the signature of a signing input.
    pub(crate) fn sign(&self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Unspecified> {
        let digest = if self.is_recoverable {
            Keccak256::digest(input).into()
        } else {
            digest(&SHA256, input).as_ref().try_into().map_err(|_| Unspecified)?
        };
        let signature = self.key.sign(&digest).map_err(|_| Unspecified)?;
        // No v says that r was reduced, which nobody has ever seen.
        if self.is_recoverable && signature.is_reduced {
            return Err(Unspecified);
        }
        out.extend_from_slice(&signature.bytes);
        out.extend(self.is_recoverable.then(|| LEAST_V + u8::from(signature.y_is_odd)));
        Ok(())
    }
}
