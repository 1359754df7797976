//! ES256K, by libsecp256k1.

use secp256k1::ecdsa::{RecoverableSignature, RecoveryId, Signature};
use secp256k1::{Message, PublicKey};

/// A public key on secp256k1.
#[derive(Clone)]
pub(super) struct ByLibsecp256k1(PublicKey);

impl ByLibsecp256k1 {
    /// Of a point that is not compressed.
    pub(super) fn new(point: [u8; 65]) -> Result<Self, secp256k1::Error> {
        PublicKey::from_byte_array_uncompressed(point).map(Self)
    }

    /// The higher one of both s does not pass.
    pub(super) fn verify(&self, digest: [u8; 32], signature: &[u8]) -> bool {
        Signature::from_compact(signature)
            .and_then(|signature| self.0.verify(Message::from_digest(digest), &signature))
            .is_ok()
    }

    /// As `ecrecover` of a chain does: the key comes out of the signature.
    pub(super) fn recovers(&self, digest: [u8; 32], compact: &[u8], y_is_odd: bool) -> bool {
        let number = if y_is_odd { RecoveryId::One } else { RecoveryId::Zero };
        let Ok(signature) = RecoverableSignature::from_compact(compact, number) else { return false };
        // Recovery takes the higher one of both s, too.
        let mut lower = signature.to_standard();
        let given = lower;
        lower.normalize_s();
        given == lower && signature.recover(Message::from_digest(digest)).is_ok_and(|key| key == self.0)
    }
}
