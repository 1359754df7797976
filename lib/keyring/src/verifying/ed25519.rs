//! EdDSA, and faster for a key that has signed much.
//!
//! The equation is always that of `verify_strict` of `ed25519-dalek`, which takes each signature by itself
//! ([RFC 8032, section 5.1.7](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.7), without the cofactor): `R` has to
//! be the encoding of `s·B − k·A`, and of no small order. Its batches of many keys would accept signatures that it does
//! not accept alone. Here tables of multiples of `A` and `B` save the doublings, and `R` is compared as bytes.

use std::iter;
use std::sync::LazyLock;

use chancery_kernel::Sha512 as EightBySha512;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;
use rsa::sha2::{Digest as _, Sha512};

use super::multiples::{Multiples, Point};
use super::of_key::OfKey;
use crate::Library;
use crate::messages::Messages;

/// Bytes of a point, and of a scalar.
const HALF: usize = 32;

/// Bits of a window of a key's multiples: 43 additions, 220 KB.
const BITS: usize = 6;

/// Of `B`: 32 additions, 640 KB once in a process.
static OF_BASE: LazyLock<Multiples<EdwardsPoint, 8>> =
    LazyLock::new(|| Multiples::new(ED25519_BASEPOINT_POINT));

/// The points of small order, encoded.
static SMALL_ORDER: LazyLock<[CompressedEdwardsY; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress()));

/// A public key that is of no small order.
#[derive(Clone)]
pub(super) struct Ed25519 {
    key: ed25519_dalek::VerifyingKey,
    /// Of −A.
    multiples: OfKey<EdwardsPoint, BITS>,
}

impl Ed25519 {
    pub(super) fn new(key: ed25519_dalek::VerifyingKey) -> Self {
        Self { key, multiples: OfKey::new(-key.to_edwards()) }
    }

    pub(super) fn for_many(self) -> Self {
        Self { multiples: self.multiples.for_many(), ..self }
    }

    pub(super) fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .and_then(|signature| self.key.verify_strict(payload, &signature))
            .is_ok()
    }

    pub(super) fn verify_batch(&self, made_by: Library, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        self.multiples.with(pairs.len(), |multiples| match multiples {
            Some(multiples) => self.verify_by(multiples, made_by, pairs),
            None => pairs.iter().map(|(payload, signature)| self.verify(payload, signature)).collect(),
        })
    }

    fn verify_by(
        &self,
        multiples: &Multiples<EdwardsPoint, BITS>,
        made_by: Library,
        pairs: &[(&[u8], &[u8])],
    ) -> Vec<bool> {
        let digests = self.digests(made_by, pairs);
        let points: Vec<Option<EdwardsPoint>> = iter::zip(pairs, &digests)
            .map(|((_, signature), digest)| point(multiples, signature, digest))
            .collect();
        // One inversion for all.
        let found: Vec<EdwardsPoint> = points.iter().flatten().copied().collect();
        let mut encoded = EdwardsPoint::compress_batch_alloc(&found).into_iter();
        let is_true = |(point, (_, signature)): (&Option<EdwardsPoint>, &(&[u8], &[u8]))| {
            let Some(encoded) = point.and_then(|_| encoded.next()) else { return false };
            encoded.as_bytes() == &signature[..HALF] && !SMALL_ORDER.contains(&encoded)
        };
        points.iter().zip(pairs).map(is_true).collect()
    }

    /// Of R, A and the payload: k, before it is reduced. Of no meaning where the signature has no R. What the kernel signed is hashed
    /// by another library: a hash of its own that was wrong would be wrong again.
    fn digests(&self, made_by: Library, pairs: &[(&[u8], &[u8])]) -> Vec<[u8; 64]> {
        let r = |signature: &[u8]| signature.first_chunk::<HALF>().copied().unwrap_or_default();
        // One alone is hashed sooner without the other lanes.
        let is_for_eight = made_by != Library::Kernel && pairs.len() > 1;
        let Some(sha512) = EightBySha512::available().filter(|_| is_for_eight) else {
            let hash = |(payload, signature): &(&[u8], &[u8])| {
                let begun = Sha512::new().chain_update(r(signature)).chain_update(self.key.as_bytes());
                begun.chain_update(payload).finalize().into()
            };
            return pairs.iter().map(hash).collect();
        };
        let bytes = pairs.iter().map(|(payload, _)| 2 * HALF + payload.len()).sum();
        let mut messages = Messages::with_capacity(pairs.len(), bytes);
        for (payload, signature) in pairs {
            messages.push(|message| {
                message.extend_from_slice(&r(signature));
                message.extend_from_slice(self.key.as_bytes());
                message.extend_from_slice(payload);
            });
        }
        sha512.digests(&messages.iter().collect::<Vec<_>>())
    }
}

/// `s·B − k·A`; none if the signature has another length, or an `s` that is not reduced.
fn point(
    multiples: &Multiples<EdwardsPoint, BITS>,
    signature: &[u8],
    digest: &[u8; 64],
) -> Option<EdwardsPoint> {
    let (_, s) = signature.split_at_checked(HALF)?;
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
    let k = Scalar::from_bytes_mod_order_wide(digest);
    Some(multiples.add_product(OF_BASE.product(&s), &k))
}

impl Point for EdwardsPoint {
    type Scalar = Scalar;
    type Entry = Self;
    const SCALAR_BITS: usize = 253;

    fn neutral() -> Self {
        Self::identity()
    }

    fn plus(self, other: &Self) -> Self {
        self + other
    }

    fn add(&mut self, entry: &Self) {
        *self += entry;
    }

    fn subtract(&mut self, entry: &Self) {
        *self -= entry;
    }

    fn entries(points: Vec<Self>) -> Vec<Self> {
        points
    }

    fn scalar_bytes(scalar: &Scalar) -> [u8; 32] {
        scalar.to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifying::multiples::tests::are_those_of_the_library;

    #[test]
    fn products_are_those_of_the_library() {
        let random =
            (0..200_u32).map(|n| Scalar::from_bytes_mod_order_wide(&Sha512::digest(n.to_le_bytes()).into()));
        let small = (0..600_u32).map(Scalar::from);
        // The greatest, and those in which every window is full, half full, or carries.
        let patterns = (0..=255_u8).map(|byte| Scalar::from_bytes_mod_order([byte; 32]));
        let ends = [-Scalar::ONE, -Scalar::from(2_u8), Scalar::from(u64::MAX), Scalar::from(u128::MAX)];
        let scalars = random.chain(small).chain(patterns).chain(ends);
        let point = ED25519_BASEPOINT_POINT * Scalar::from(12_345_u32);
        let products: Vec<_> = scalars.map(|scalar| (scalar, point * scalar)).collect();
        are_those_of_the_library(point, ED25519_BASEPOINT_POINT, &products);
    }
}
