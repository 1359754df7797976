//! ES256K, by libsecp256k1.

use rsa::sha2::{Digest as _, Sha256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId, Signature};
use secp256k1::{Message, PublicKey};
use tiny_keccak::{Hasher as _, Keccak};

use crate::es256k::LEAST_V;

/// What stands before the point in a `SubjectPublicKeyInfo`: SEQUENCE { SEQUENCE { id-ecPublicKey, secp256k1 }, BIT STRING … }.
const HEAD: &[u8] =
    b"\x30\x56\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x42\x00";

/// A public key on secp256k1.
#[derive(Clone)]
pub(super) struct Ethereum {
    key: PublicKey,
    /// Whether its signatures are over Keccak-256 and say which key they are of.
    is_recoverable: bool,
}

impl Ethereum {
    pub(super) fn new(spki_der: &[u8], is_recoverable: bool) -> Result<Self, secp256k1::Error> {
        let point = spki_der.strip_prefix(HEAD).and_then(|point| <[u8; 65]>::try_from(point).ok());
        let point = point.ok_or(secp256k1::Error::InvalidPublicKey)?;
        Ok(Self { key: PublicKey::from_byte_array_uncompressed(point)?, is_recoverable })
    }

    pub(super) fn verify(&self, input: &[u8], signature: &[u8]) -> bool {
        if self.is_recoverable {
            return self.recovers(input, signature);
        }
        // The higher one of both s does not pass.
        Signature::from_compact(signature)
            .and_then(|signature| {
                self.key.verify(Message::from_digest(Sha256::digest(input).into()), &signature)
            })
            .is_ok()
    }

    /// As `ecrecover` of a chain does: the key comes out of the signature.
    fn recovers(&self, input: &[u8], signature: &[u8]) -> bool {
        let Some((v, compact)) = signature.split_last() else { return false };
        let number = match v.checked_sub(LEAST_V) {
            Some(0) => RecoveryId::Zero,
            Some(1) => RecoveryId::One,
            _ => return false,
        };
        let Ok(signature) = RecoverableSignature::from_compact(compact, number) else { return false };
        // Recovery takes the higher one of both s, too.
        let mut lower = signature.to_standard();
        let given = lower;
        lower.normalize_s();
        let (mut keccak, mut hash) = (Keccak::v256(), [0; 32]);
        keccak.update(input);
        keccak.finalize(&mut hash);
        let message = Message::from_digest(hash);
        given == lower && signature.recover(message).is_ok_and(|key| key == self.key)
    }
}
