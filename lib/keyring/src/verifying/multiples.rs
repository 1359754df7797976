//! Multiples of a point: with them its product with a scalar is a few dozen additions and no doubling.
//!
//! What is public is multiplied here, so the time may tell what it was. The tables of `curve25519-dalek` and `k256` are made for
//! secrets: they read eight entries for each one that is used, and take twice the additions.

/// Bytes of a scalar.
const SCALAR_BYTES: usize = 32;

/// A point of a curve, as a library adds it.
pub(super) trait Point: Copy {
    type Scalar;
    /// A point of a table, in whichever form is added fastest.
    type Entry: Clone;
    /// Bits of a scalar that is reduced.
    const SCALAR_BITS: usize;

    fn neutral() -> Self;
    fn plus(self, other: &Self) -> Self;
    fn add(&mut self, entry: &Self::Entry);
    fn subtract(&mut self, entry: &Self::Entry);
    fn entries(points: Vec<Self>) -> Vec<Self::Entry>;
    /// Those of a reduced scalar, the lowest first.
    fn scalar_bytes(scalar: &Self::Scalar) -> [u8; SCALAR_BYTES];
}

/// A point P as j·2^(`BITS`·w)·P, for each window w of a scalar and each j from 1 to 2^(`BITS` − 1). `BITS` is from 2 to 9.
#[derive(Clone)]
pub(super) struct Multiples<P: Point, const BITS: usize>(Vec<P::Entry>);

impl<P: Point, const BITS: usize> Multiples<P, BITS> {
    /// Multiples for each window but the highest: a digit is from 1 − half to half.
    const HALF: usize = 1 << (BITS - 1);

    /// With room for what the highest one takes from that below.
    const WINDOWS: usize = (P::SCALAR_BITS + 1).div_ceil(BITS);

    /// Multiples for the highest window, which is not full: all bits that are left, and what is carried.
    const HIGHEST: usize = 1 << (P::SCALAR_BITS - (Self::WINDOWS - 1) * BITS);

    pub(super) fn new(point: P) -> Self {
        const { assert!(BITS >= 2 && BITS <= 9, "a window is within two bytes") };
        let mut points = Vec::with_capacity((Self::WINDOWS - 1) * Self::HALF + Self::HIGHEST);
        let mut first = point;
        for window in 1..=Self::WINDOWS {
            let mut multiple = first;
            points.push(multiple);
            for _ in 1..if window == Self::WINDOWS { Self::HIGHEST } else { Self::HALF } {
                multiple = multiple.plus(&first);
                points.push(multiple);
            }
            first = multiple.plus(&multiple);
        }
        Self(P::entries(points))
    }

    /// `sum` and the product with a reduced scalar.
    pub(super) fn add_product(&self, mut sum: P, scalar: &P::Scalar) -> P {
        let bytes = P::scalar_bytes(scalar);
        let byte = |place: usize| bytes.get(place).copied().unwrap_or(0);
        let mut carried = 0;
        for (window, multiples) in self.0.chunks(Self::HALF).enumerate() {
            let (place, shift) = (window * BITS / 8, window * BITS % 8);
            let pair = usize::from(u16::from_le_bytes([byte(place), byte(place + 1)]));
            let digit = ((pair >> shift) & ((1 << BITS) - 1)) + carried;
            // A digit above half is that much less than nothing, and one more of the next window.
            carried = usize::from(digit > Self::HALF);
            match digit {
                0 => {}
                digit if carried == 0 => sum.add(&multiples[digit - 1]),
                digit => {
                    if let Some(below) = (2 * Self::HALF - digit).checked_sub(1) {
                        sum.subtract(&multiples[below]);
                    }
                }
            }
        }
        sum
    }

    pub(super) fn product(&self, scalar: &P::Scalar) -> P {
        self.add_product(P::neutral(), scalar)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fmt::Debug;

    use super::*;

    fn are_those_of_a_size<P: Point + Debug + PartialEq, const BITS: usize>(
        point: P,
        other: P,
        products: &[(P::Scalar, P)],
    ) where
        P::Scalar: Debug,
    {
        let multiples = Multiples::<P, BITS>::new(point);
        for (scalar, product) in products {
            assert_eq!(multiples.product(scalar), *product, "{BITS} bits, {scalar:?}");
            let sum = other.plus(product);
            assert_eq!(multiples.add_product(other, scalar), sum, "{BITS} bits, {scalar:?}");
        }
    }

    /// The products of a point with scalars, as its library has them, come out of windows of every size.
    pub(in super::super) fn are_those_of_the_library<P: Point + Debug + PartialEq>(
        point: P,
        other: P,
        products: &[(P::Scalar, P)],
    ) where
        P::Scalar: Debug,
    {
        are_those_of_a_size::<P, 2>(point, other, products);
        are_those_of_a_size::<P, 3>(point, other, products);
        are_those_of_a_size::<P, 4>(point, other, products);
        are_those_of_a_size::<P, 5>(point, other, products);
        are_those_of_a_size::<P, 6>(point, other, products);
        are_those_of_a_size::<P, 7>(point, other, products);
        are_those_of_a_size::<P, 8>(point, other, products);
        are_those_of_a_size::<P, 9>(point, other, products);
    }
}
