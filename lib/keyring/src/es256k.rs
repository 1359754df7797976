//! ES256K: signing by `k256`, which AWS-LC does several times slower and without saying which key a signature is of.
//!
//! What is not overwritten: the copies that the compiler makes on the stack as a key is opened, and the nonce of each signature, which
//! neither `ecdsa` nor `rfc6979` clears there.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::signature::{ECDSA_P256K1_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use k256::SecretKey;
use k256::ecdsa::SigningKey;
use k256::pkcs8::DecodePrivateKey as _;
use sha3::{Digest as _, Keccak256};

/// Bytes of r‖s.
const SIGNATURE_BYTES: usize = 64;

/// What is added to the number of the key that a signature is of: the v of Ethereum, which was Bitcoin's.
pub(crate) const LEAST_V: u8 = 27;

/// A private key on secp256k1, whose signatures have the lower one of both s.
pub(crate) struct Secp256k1 {
    /// A `SubjectPublicKeyInfo` in DER.
    public_key: Vec<u8>,
    key: SigningKey,
    /// Whether it signs Keccak-256 and says which key it was, so that this can be recovered.
    is_recoverable: bool,
}

impl Secp256k1 {
    /// In a box from the first, because what it is moved out of is not overwritten.
    pub(crate) fn open(pkcs8: &[u8], is_recoverable: bool) -> Result<Box<Self>, KeyRejected> {
        // AWS-LC finds whether its parts belong together, and overwrites its copy as soon as that is done.
        let checked = EcdsaKeyPair::from_pkcs8(&ECDSA_P256K1_SHA256_FIXED_SIGNING, pkcs8)?;
        let public_key = checked.public_key().as_der()?.as_ref().to_vec();
        let key = SecretKey::from_pkcs8_der(pkcs8).map_err(|_| KeyRejected::from(Unspecified))?;
        Ok(Box::new(Self { public_key, key: SigningKey::from(&key), is_recoverable }))
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
        let (signature, number) = if self.is_recoverable {
            self.key.sign_prehash_recoverable(&Keccak256::digest(input))
        } else {
            self.key.sign_prehash_recoverable(digest(&SHA256, input).as_ref())
        };
        // No v says that r was reduced, which nobody has ever seen.
        if self.is_recoverable && number.is_x_reduced() {
            return Err(Unspecified);
        }
        out.extend_from_slice(&signature.to_bytes());
        out.extend(self.is_recoverable.then(|| LEAST_V + number.to_byte()));
        Ok(())
    }
}
