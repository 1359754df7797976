//! ECDSA on secp256k1, by libsecp256k1.
//!
//! The safe calls of its binding share a context per thread, and blind it anew after each signature. That takes longer than the
//! signature, and what it is blinded with is made of a copy of the key, which stays on the stack. Here a key has a context of its own,
//! which is blinded once, by the system's random source.

use std::fmt;

use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Secp256k1, SignOnly, ffi};
use zeroize::Zeroizing;

/// Bytes of a private key, and of a digest.
const BYTES: usize = 32;

/// A private key on secp256k1, which is overwritten when it is dropped.
///
/// It can be shared between threads.
pub struct Secp256k1Key {
    // In a box, because what it would be moved out of is not overwritten.
    secret: Box<Zeroizing<[u8; BYTES]>>,
    context: Secp256k1<SignOnly>,
}

/// A signature by [`Secp256k1Key`], with the lower one of both s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secp256k1Signature {
    /// r‖s.
    pub bytes: [u8; 64],
    /// Whether the point that r is the x of has an odd y.
    pub y_is_odd: bool,
    /// Whether that x was reduced to be r.
    pub is_reduced: bool,
}

/// Why there is no key, or no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Secp256k1Error {
    /// It has not 32 bytes, is zero, or is not below the order of the curve.
    #[error("this is no private key on secp256k1")]
    Key,
    /// The system has no random bytes to give.
    #[error("the system gives no random bytes")]
    Random,
}

impl Secp256k1Key {
    /// Copies the key: a number, the highest byte first.
    ///
    /// # Errors
    ///
    /// [`Secp256k1Error`].
    pub fn new(secret: &[u8]) -> Result<Self, Secp256k1Error> {
        if secret.len() != BYTES {
            return Err(Secp256k1Error::Key);
        }
        let mut own = Box::new(Zeroizing::new([0; BYTES]));
        own.copy_from_slice(secret);
        let mut seed = Zeroizing::new([0; BYTES]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| Secp256k1Error::Random)?;
        let mut context = Secp256k1::signing_only();
        context.seeded_randomize(&seed);
        // SAFETY: the context is one of libsecp256k1's, and the key is 32 bytes; both are only read.
        let is_key = unsafe { ffi::secp256k1_ec_seckey_verify(context.ctx().as_ptr(), own.as_ptr()) };
        (is_key == 1).then_some(Self { secret: own, context }).ok_or(Secp256k1Error::Key)
    }

    /// Signs a digest. The nonce is that of [RFC 6979](https://www.rfc-editor.org/rfc/rfc6979), so a digest has one signature.
    ///
    /// # Errors
    ///
    /// [`Secp256k1Error::Key`], which [`Secp256k1Key::new`] has made sure of.
    pub fn sign(&self, digest: &[u8; BYTES]) -> Result<Secp256k1Signature, Secp256k1Error> {
        let mut signature = ffi::recovery::RecoverableSignature::new();
        // SAFETY: the context is this key's own, made for signing, and nobody changes it while `self` is borrowed: the call only reads
        // it. Digest and secret are 32 bytes each, which it reads; the signature is one of its own, which it writes; the function that
        // makes nonces is its own, too, and takes no data.
        let is_made = unsafe {
            ffi::recovery::secp256k1_ecdsa_sign_recoverable(
                self.context.ctx().as_ptr(),
                &raw mut signature,
                digest.as_ptr(),
                self.secret.as_ptr(),
                ffi::secp256k1_nonce_function_rfc6979,
                std::ptr::null(),
            )
        };
        if is_made != 1 {
            return Err(Secp256k1Error::Key);
        }
        let (number, bytes) = RecoverableSignature::from(signature).serialize_compact();
        let number = number.to_u8();
        Ok(Secp256k1Signature { bytes, y_is_odd: number & 1 == 1, is_reduced: number > 1 })
    }
}

impl fmt::Debug for Secp256k1Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secp256k1Key").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
        0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
    ];

    #[test]
    fn what_is_no_number_below_the_order_is_no_key() {
        let mut greatest = ORDER;
        greatest[31] -= 1;
        let mut one = [0; 32];
        one[31] = 1;
        for key in [greatest, one] {
            assert!(Secp256k1Key::new(&key).is_ok());
            assert_eq!(Secp256k1Key::new(&key[1..]).err(), Some(Secp256k1Error::Key));
        }
        for key in [ORDER, [0; 32], [0xff; 32]] {
            assert_eq!(Secp256k1Key::new(&key).err(), Some(Secp256k1Error::Key));
        }
        assert_eq!(Secp256k1Key::new(&[1; 33]).err(), Some(Secp256k1Error::Key));
    }

    #[test]
    fn a_signature_is_the_same_whatever_blinds_it_and_says_the_key_that_it_is_of() {
        let public = secp256k1::SecretKey::from_secret_bytes([7; 32]).expect("a key").public_key();
        let keys = [(); 2].map(|()| Secp256k1Key::new(&[7; 32]).expect("a key"));
        for digest in (0..100).map(|n| [n; 32]) {
            let [one, other] = keys.each_ref().map(|key| key.sign(&digest).expect("a signature"));
            assert_eq!(one, other);
            assert!(!one.is_reduced);
            let number = secp256k1::ecdsa::RecoveryId::from_u8_masked(u8::from(one.y_is_odd));
            let signature = RecoverableSignature::from_compact(&one.bytes, number).expect("a signature");
            assert_eq!(signature.recover(secp256k1::Message::from_digest(digest)), Ok(public));
        }
    }

    #[test]
    fn a_key_can_be_shared_between_threads_and_shows_nothing() {
        fn shared<T: Send + Sync>(_: &T) {}
        let key = Secp256k1Key::new(&[7; 32]).expect("a key");
        shared(&key);
        assert_eq!(format!("{key:?}"), "Secp256k1Key { .. }");
    }
}
