//! ES256K: signing by libsecp256k1, which AWS-LC does several times slower and without saying which key a signature is of.
//!
//! What is not overwritten: the copies that the compiler makes on the stack as a key is opened, and the one that the binding makes
//! for each signature, from which it takes the next blinding. libsecp256k1 itself clears nonces and keys.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand;
use aws_lc_rs::signature::{ECDSA_P256K1_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, SecretKey, rerandomize_global_context};
use sha3::{Digest as _, Keccak256};
use zeroize::Zeroizing;

/// Bytes of r‖s.
const SIGNATURE_BYTES: usize = 64;

/// What is added to the number of the key that a signature is of: the v of Ethereum, which was Bitcoin's.
pub(crate) const LEAST_V: u8 = 27;

thread_local! {
    /// The binding blinds each thread's arithmetic anew after each signature, by what it was blinded with before: this is the first.
    static BLINDED: Result<(), Unspecified> = {
        let mut seed = Zeroizing::new([0; 32]);
        rand::fill(seed.as_mut_slice()).map(|()| rerandomize_global_context(&seed))
    };
}

/// A private key on secp256k1, whose signatures have the lower one of both s.
pub(crate) struct Secp256k1 {
    /// A `SubjectPublicKeyInfo` in DER.
    public_key: Vec<u8>,
    key: SecretKey,
    /// Whether it signs Keccak-256 and says which key it was, so that this can be recovered.
    is_recoverable: bool,
}

impl Secp256k1 {
    /// In a box from the first, because what it is moved out of is not overwritten.
    pub(crate) fn open(pkcs8: &[u8], is_recoverable: bool) -> Result<Box<Self>, KeyRejected> {
        // AWS-LC finds whether its parts belong together, and overwrites its copies as soon as they are read.
        let checked = EcdsaKeyPair::from_pkcs8(&ECDSA_P256K1_SHA256_FIXED_SIGNING, pkcs8)?;
        let public_key = checked.public_key().as_der()?.as_ref().to_vec();
        let secret = checked.private_key().as_be_bytes()?;
        let secret = <[u8; 32]>::try_from(secret.as_ref()).map(Zeroizing::new).map_err(|_| Unspecified)?;
        let key = SecretKey::from_secret_bytes(*secret).map_err(|_| Unspecified)?;
        Ok(Box::new(Self { public_key, key, is_recoverable }))
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
        BLINDED.with(|blinded| *blinded)?;
        let digest = if self.is_recoverable {
            Keccak256::digest(input).into()
        } else {
            digest(&SHA256, input).as_ref().try_into().map_err(|_| Unspecified)?
        };
        let signature = RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(digest), &self.key);
        let (number, signature) = signature.serialize_compact();
        let number = number.to_u8();
        // No v says that r was reduced, which nobody has ever seen.
        if self.is_recoverable && number > 1 {
            return Err(Unspecified);
        }
        out.extend_from_slice(&signature);
        out.extend(self.is_recoverable.then_some(LEAST_V + number));
        Ok(())
    }
}

impl Drop for Secp256k1 {
    fn drop(&mut self) {
        self.key.non_secure_erase();
    }
}
