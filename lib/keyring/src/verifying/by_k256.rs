//! ES256K, by the arithmetic of `k256`, and faster for a key that has signed much.
//!
//! The equation is always that of ECDSA for each signature by itself ([SEC 1, section 4.1.4](https://www.secg.org/sec1-v2.pdf)):
//! `R = (z/s)·G + (r/s)·Q` is not the neutral element, and its x is r modulo n. Who knows the parity of its y knows that `ecrecover`
//! gives `Q`, and has no square root to take. Tables of multiples of `G` and `Q` save the doublings; all s of a call are inverted by
//! one inversion, and so are the third coordinates of all points.

use std::sync::LazyLock;

use k256::ecdsa::Signature;
use k256::elliptic_curve::BatchNormalize as _;
use k256::elliptic_curve::ff::BatchInverter;
use k256::elliptic_curve::group::CurveAffine as _;
use k256::elliptic_curve::ops::{MulByGeneratorVartime as _, Reduce as _};
use k256::elliptic_curve::point::AffineCoordinates as _;
use k256::elliptic_curve::scalar::IsHigh as _;
use k256::{AffinePoint, FieldBytes, ProjectivePoint, PublicKey, Scalar};

use super::multiples::{Multiples, Point};
use super::of_key::OfKey;

/// Bits of a window of a key's multiples: 43 additions, 120 KB.
const BITS: usize = 6;

/// Of `G`: 33 additions, 360 KB once in a process.
static OF_BASE: LazyLock<Multiples<ProjectivePoint, 8>> =
    LazyLock::new(|| Multiples::new(ProjectivePoint::GENERATOR));

/// A public key on secp256k1.
#[derive(Clone)]
pub(super) struct ByK256 {
    point: ProjectivePoint,
    multiples: OfKey<ProjectivePoint, BITS>,
}

/// That a digest has a signature.
pub(super) struct Claim {
    z: Scalar,
    r: Scalar,
    s: Scalar,
    /// Of the y of the point that r is the x of; none if the signature does not say it.
    y_is_odd: Option<bool>,
}

impl ByK256 {
    /// Of a point that is not compressed.
    pub(super) fn new(point: &[u8; 65]) -> Result<Self, k256::elliptic_curve::Error> {
        let point = PublicKey::from_sec1_bytes(point)?.to_projective();
        Ok(Self { point, multiples: OfKey::new(point) })
    }

    pub(super) fn for_many(self) -> Self {
        Self { multiples: self.multiples.for_many(), ..self }
    }

    /// Whether each claim holds; one that could not be read does not.
    pub(super) fn verify(&self, claims: &[Option<Claim>]) -> Vec<bool> {
        let mut inverses: Vec<Scalar> = claims.iter().flatten().map(|claim| claim.s).collect();
        let mut space = vec![Scalar::ZERO; inverses.len()];
        BatchInverter::invert_with_external_scratch(&mut inverses, &mut space);
        let factors = claims.iter().flatten().zip(&inverses).map(|(claim, s)| (claim.z * s, claim.r * s));
        let points: Vec<ProjectivePoint> = self.multiples.with(inverses.len(), |multiples| match multiples {
            Some(multiples) => {
                factors.map(|(of_g, of_q)| multiples.add_product(OF_BASE.product(&of_g), &of_q)).collect()
            }
            None => factors.map(|(of_g, of_q)| self.sum(&of_g, &of_q)).collect(),
        });
        let mut points = ProjectivePoint::batch_normalize_vartime(points.as_slice()).into_iter();
        let holds = |claim: &Option<Claim>| {
            claim
                .as_ref()
                .and_then(|claim| Some((claim, points.next()?)))
                .is_some_and(|(claim, r)| claim.holds(&r))
        };
        claims.iter().map(holds).collect()
    }

    fn sum(&self, of_g: &Scalar, of_q: &Scalar) -> ProjectivePoint {
        ProjectivePoint::mul_by_generator_and_mul_add_vartime(of_g, of_q, &self.point)
    }
}

impl Claim {
    /// None if the signature has another length, an r or s that is zero or not reduced, or the higher one of both s.
    pub(super) fn new(digest: [u8; 32], compact: &[u8], y_is_odd: Option<bool>) -> Option<Self> {
        let (r, s) = Signature::from_slice(compact).ok()?.split_scalars();
        let z = Scalar::reduce(&FieldBytes::from(digest));
        (!bool::from(s.is_high())).then_some(Self { z, r: *r, s: *s, y_is_odd })
    }

    fn holds(&self, point: &AffinePoint) -> bool {
        let x = point.x();
        let is_r = match self.y_is_odd {
            None => Scalar::reduce(&x) == self.r,
            // An x that was reduced has a number of its own, which no v says.
            Some(odd) => x == self.r.to_bytes() && bool::from(point.y_is_odd()) == odd,
        };
        is_r && !bool::from(point.is_identity())
    }
}

impl Point for ProjectivePoint {
    type Scalar = Scalar;
    /// Once it is normalised, a point is added in less time, and takes less memory.
    type Entry = AffinePoint;
    const SCALAR_BITS: usize = 256;

    fn neutral() -> Self {
        Self::IDENTITY
    }

    fn plus(self, other: &Self) -> Self {
        self + other
    }

    fn add(&mut self, entry: &AffinePoint) {
        *self += entry;
    }

    fn subtract(&mut self, entry: &AffinePoint) {
        *self -= entry;
    }

    fn entries(points: Vec<Self>) -> Vec<AffinePoint> {
        Self::batch_normalize_vartime(points.as_slice())
    }

    fn scalar_bytes(scalar: &Scalar) -> [u8; 32] {
        let mut bytes = <[u8; 32]>::from(scalar.to_bytes());
        bytes.reverse();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use k256::elliptic_curve::point::DecompressPoint as _;
    use rsa::sha2::{Digest as _, Sha256};

    use super::*;
    use crate::verifying::multiples::tests::are_those_of_the_library;

    const G: ProjectivePoint = ProjectivePoint::GENERATOR;

    #[test]
    fn products_are_those_of_the_library() {
        let random = (0..200_u32)
            .map(|n| Scalar::reduce(&FieldBytes::from(<[u8; 32]>::from(Sha256::digest(n.to_le_bytes())))));
        let small = (0..600_u32).map(Scalar::from);
        // The greatest, and those in which every window is full, half full, or carries.
        let patterns = (0..=255_u8).map(|byte| Scalar::reduce(&FieldBytes::from([byte; 32])));
        let ends = [-Scalar::ONE, -Scalar::from(2_u32), Scalar::from(u64::MAX), Scalar::from(u128::MAX)];
        let point = G * Scalar::from(12_345_u32);
        let products: Vec<_> =
            random.chain(small).chain(patterns).chain(ends).map(|scalar| (scalar, point * scalar)).collect();
        are_those_of_the_library(point, G, &products);
    }

    fn key(secret: Scalar) -> [ByK256; 2] {
        let point = G * secret;
        let key = ByK256 { point, multiples: OfKey::new(point) };
        [key.clone(), key.for_many()]
    }

    /// By tables and without.
    fn verdicts(secret: Scalar, claim: impl Fn() -> Claim) -> Vec<bool> {
        key(secret).iter().flat_map(|key| key.verify(&[Some(claim()), None])).collect()
    }

    #[test]
    fn a_point_that_is_the_neutral_element_is_no_signature() {
        // z + r·d = 0, so that both products are each other's negative.
        let (d, r, s) = (Scalar::from(7_u32), Scalar::from(11_u32), Scalar::from(13_u32));
        for y_is_odd in [None, Some(false), Some(true)] {
            assert_eq!(verdicts(d, || Claim { z: -(r * d), r, s, y_is_odd }), [false; 4]);
        }
        // And no r is the x of it.
        let (zero, one) = (Scalar::ZERO, AffinePoint::IDENTITY);
        for y_is_odd in [None, Some(false), Some(true)] {
            assert!(!Claim { z: zero, r: zero, s, y_is_odd }.holds(&one));
        }
    }

    #[test]
    fn a_digest_of_zero_and_products_that_are_equal_have_their_signatures() {
        let (d, k) = (Scalar::from(0xdead_beef_u32), Scalar::from(0xcafe_u32));
        let point = (G * k).to_affine();
        let r = Scalar::reduce(&point.x());
        let odd = bool::from(point.y_is_odd());
        // z = 0: G has no part in it. z = r·d: both products are one point, and the sum is its double.
        for z in [Scalar::ZERO, r * d] {
            let s = (z + r * d) * k.invert().unwrap();
            for (y_is_odd, holds) in [(None, true), (Some(odd), true), (Some(!odd), false)] {
                assert_eq!(verdicts(d, || Claim { z, r, s, y_is_odd }), [holds, false, holds, false]);
            }
            let r = r + Scalar::ONE;
            assert_eq!(verdicts(d, || Claim { z, r, s, y_is_odd: None }), [false; 4]);
        }
    }

    #[test]
    fn an_r_that_was_reduced_passes_where_nothing_says_v() {
        // The least x above n that is one of a point. Nobody knows of what product, so the point itself is looked at.
        let above = (2_u8..100).find_map(|more| {
            let mut x = (-Scalar::ONE).to_bytes();
            x[31] += more;
            let point = Option::<AffinePoint>::from(AffinePoint::decompress(&x, 0.into()))?;
            Some((point, Scalar::from(u32::from(more) - 1)))
        });
        let (point, r) = above.unwrap();
        let claim = |y_is_odd| Claim { z: Scalar::ONE, r, s: Scalar::ONE, y_is_odd };
        assert!(claim(None).holds(&point));
        assert!(!claim(Some(false)).holds(&point) && !claim(Some(true)).holds(&point));
    }
}
