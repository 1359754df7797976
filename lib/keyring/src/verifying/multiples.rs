//! Multiples of a point of edwards25519: with them its product with a scalar is a few dozen additions and no doubling.
//!
//! What is public is multiplied here, so the time may tell what it was. The tables of `curve25519-dalek` are made for secrets: they
//! read eight entries for each one that is used, and take twice the additions.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;

/// Bits of a scalar that is reduced.
const SCALAR_BITS: usize = 253;

/// A point P as j·2^(`BITS`·w)·P, for each window w of a scalar and each j from 1 to 2^(`BITS` − 1). `BITS` is from 2 to 8.
#[derive(Clone)]
pub(super) struct Multiples<const BITS: usize>(Vec<EdwardsPoint>);

impl<const BITS: usize> Multiples<BITS> {
    /// Multiples for each window: a digit is from 1 − half to half.
    const HALF: usize = 1 << (BITS - 1);

    pub(super) fn new(point: &EdwardsPoint) -> Self {
        const { assert!(BITS >= 2 && BITS <= 8, "a window is within two bytes") };
        let windows = SCALAR_BITS.div_ceil(BITS);
        let mut points = Vec::with_capacity(windows * Self::HALF);
        let mut first = *point;
        for _ in 0..windows {
            let mut multiple = first;
            points.push(multiple);
            for _ in 1..Self::HALF {
                multiple += &first;
                points.push(multiple);
            }
            first = multiple + multiple;
        }
        Self(points)
    }

    /// `sum` and the product with a reduced scalar.
    pub(super) fn add_product(&self, mut sum: EdwardsPoint, scalar: &Scalar) -> EdwardsPoint {
        let bytes = scalar.as_bytes();
        let mut carried = 0;
        for (window, multiples) in self.0.chunks_exact(Self::HALF).enumerate() {
            let (byte, shift) = (window * BITS / 8, window * BITS % 8);
            let next = bytes.get(byte + 1).copied().unwrap_or(0);
            let pair = usize::from(u16::from_le_bytes([bytes[byte], next]));
            let digit = ((pair >> shift) & ((1 << BITS) - 1)) + carried;
            // A digit above half is that much less than nothing, and one more of the next window. The highest window is not
            // full, and takes what is carried.
            carried = usize::from(digit > Self::HALF);
            match digit {
                0 => {}
                digit if carried == 0 => sum += &multiples[digit - 1],
                digit => {
                    if let Some(below) = (2 * Self::HALF - digit).checked_sub(1) {
                        sum -= &multiples[below];
                    }
                }
            }
        }
        sum
    }

    pub(super) fn product(&self, scalar: &Scalar) -> EdwardsPoint {
        self.add_product(EdwardsPoint::identity(), scalar)
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as B;
    use rsa::sha2::{Digest as _, Sha512};

    use super::*;

    fn scalars() -> Vec<Scalar> {
        let random =
            (0..200_u32).map(|n| Scalar::from_bytes_mod_order_wide(&Sha512::digest(n.to_le_bytes()).into()));
        let small = (0..600_u32).map(Scalar::from);
        // The greatest, and those in which every window is full, half full, or carries.
        let patterns = (0..=255_u8).map(|byte| Scalar::from_bytes_mod_order([byte; 32]));
        let ends = [-Scalar::ONE, -Scalar::from(2_u8), Scalar::from(u64::MAX), Scalar::from(u128::MAX)];
        random.chain(small).chain(patterns).chain(ends).collect()
    }

    fn same_as_the_library<const BITS: usize>() {
        let point = B * Scalar::from(12_345_u32);
        let multiples = Multiples::<BITS>::new(&point);
        for scalar in scalars() {
            assert_eq!(multiples.product(&scalar), point * scalar, "{BITS} bits, {scalar:?}");
            assert_eq!(multiples.add_product(B, &scalar), B + point * scalar, "{BITS} bits, {scalar:?}");
        }
    }

    #[test]
    fn products_are_those_of_the_library() {
        same_as_the_library::<2>();
        same_as_the_library::<3>();
        same_as_the_library::<6>();
        same_as_the_library::<7>();
        same_as_the_library::<8>();
    }
}
