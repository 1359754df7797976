//! EdDSA, and faster for a key that has signed much.
//!
//! The equation is always that of `verify_strict` of `ed25519-dalek`, which takes each signature by itself
//! ([RFC 8032, section 5.1.7](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.7), without the cofactor): `R` has to
//! be the encoding of `s·B − k·A`, and of no small order. Its batches of many keys would accept signatures that it does
//! not accept alone. Here tables of multiples of `A` and `B` save the doublings, and `R` is compared as bytes.

use std::sync::{LazyLock, OnceLock};

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use rsa::sha2::{Digest as _, Sha512};

use super::multiples::Multiples;

/// Bytes of a point, and of a scalar.
const HALF: usize = 32;

/// Signatures of one key, side by side, from which on it pays to make its multiples for them alone: that takes as long as
/// verifying some ten.
const ENOUGH: usize = 32;

/// Of a key: 43 additions, 220 KB.
type OfKey = Multiples<6>;

/// Of `B`: 32 additions, 650 KB once in a process.
static OF_BASE: LazyLock<Multiples<8>> = LazyLock::new(|| Multiples::new(&ED25519_BASEPOINT_POINT));

/// The points of small order, encoded.
static SMALL_ORDER: LazyLock<[CompressedEdwardsY; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress()));

/// A public key that is of no small order.
#[derive(Clone)]
pub(super) struct Ed25519 {
    key: ed25519_dalek::VerifyingKey,
    /// Multiples of −A, if they are to be kept.
    multiples: Option<OnceLock<OfKey>>,
}

impl Ed25519 {
    pub(super) const fn new(key: ed25519_dalek::VerifyingKey) -> Self {
        Self { key, multiples: None }
    }

    pub(super) fn for_many(self) -> Self {
        Self { multiples: Some(OnceLock::new()), ..self }
    }

    pub(super) fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .and_then(|signature| self.key.verify_strict(payload, &signature))
            .is_ok()
    }

    pub(super) fn verify_batch(&self, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        let make = || OfKey::new(&-self.key.to_edwards());
        match &self.multiples {
            Some(kept) => self.verify_by(kept.get_or_init(make), pairs),
            None if pairs.len() >= ENOUGH => self.verify_by(&make(), pairs),
            None => pairs.iter().map(|(payload, signature)| self.verify(payload, signature)).collect(),
        }
    }

    fn verify_by(&self, multiples: &OfKey, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        let points: Vec<Option<EdwardsPoint>> =
            pairs.iter().map(|(payload, signature)| self.point(multiples, payload, signature)).collect();
        // One inversion for all.
        let found: Vec<EdwardsPoint> = points.iter().flatten().copied().collect();
        let mut encoded = EdwardsPoint::compress_batch_alloc(&found).into_iter();
        let is_true = |(point, (_, signature)): (&Option<EdwardsPoint>, &(&[u8], &[u8]))| {
            let Some(encoded) = point.and_then(|_| encoded.next()) else { return false };
            encoded.as_bytes() == &signature[..HALF] && !SMALL_ORDER.contains(&encoded)
        };
        points.iter().zip(pairs).map(is_true).collect()
    }

    /// `s·B − k·A`; none if the signature has another length, or an `s` that is not reduced.
    fn point(&self, multiples: &OfKey, payload: &[u8], signature: &[u8]) -> Option<EdwardsPoint> {
        let (r, s) = signature.split_at_checked(HALF)?;
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        let hash = Sha512::new().chain_update(r).chain_update(self.key.as_bytes()).chain_update(payload);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        Some(multiples.add_product(OF_BASE.product(&s), &k))
    }
}
