//! Numbers modulo the order of a curve's base point, eight side by side: one block each, by Montgomery's multiplication.
//!
//! With R = 2²⁶⁰ a product is a·b/R, below twice the order where `a` is below R and `b` below the order, which is below R/16.

mod constants;

pub(crate) use constants::{Constants, Digits, times_r};

use crate::lanes::{DIGIT_BITS, DIGIT_MASK, LANES, Lanes};
use crate::montgomery::Modulus;
use crate::number::{BLOCK_BITS, Number, carry, is_equal, reduce_once, splat};

/// Bytes of a number below the order.
pub(crate) const BYTES: usize = 32;

/// What the arithmetic needs, in all lanes.
pub(crate) struct Order<V> {
    modulus: Modulus<V, 1>,
    /// The order less two, by which powers are inverses: no secret.
    exponent: Digits,
    r3: Number<V, 1>,
    half: Number<V, 1>,
    offset: Number<V, 1>,
}

impl<V: Lanes> Order<V> {
    #[inline(always)]
    pub(crate) fn new(constants: &Constants) -> Self {
        let modulus = Modulus {
            number: splat(&constants.order),
            // One block has no step that needs it.
            folded: splat(&[]),
            inverse: splat::<V, 1>(&constants.inverse)[0],
            r2: splat(&constants.r2),
        };
        let [r3, half, offset] =
            [constants.r3, constants.half, constants.offset].map(|digits| splat(&digits));
        let mut exponent = constants.order;
        exponent[0] -= 2;
        Self { modulus, exponent, r3, half, offset }
    }

    #[inline(always)]
    fn product(&self, a: &Number<V, 1>, b: &Number<V, 1>) -> Number<V, 1> {
        let mut product = *a;
        V::multiply(&mut product, a, b, &self.modulus);
        product
    }

    #[inline(always)]
    fn sum(a: &Number<V, 1>, b: &Number<V, 1>) -> Number<V, 1> {
        let mut sum = *a;
        for (digit, more) in sum.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
            *digit = digit.plus(*more);
        }
        carry(&mut sum);
        sum
    }

    /// A hash, times R and below four times the order.
    #[inline(always)]
    pub(crate) fn of_hash(&self, hash: &Number<V, 2>) -> Number<V, 1> {
        let [lower, upper] = hash.map(|block| [block]);
        Self::sum(&self.product(&lower, &self.modulus.r2), &self.product(&upper, &self.r3))
    }

    /// A number below R, below the order.
    #[inline(always)]
    pub(crate) fn reduced(&self, number: &Number<V, 1>) -> Number<V, 1> {
        self.plain(&self.product(number, &self.modulus.r2))
    }

    /// What gives the order with a number that is no more than it.
    #[inline(always)]
    pub(crate) fn opposite(&self, number: &Number<V, 1>) -> Number<V, 1> {
        let mut opposite = self.modulus.number;
        for (digit, taken) in opposite.as_flattened_mut().iter_mut().zip(number.as_flattened()) {
            *digit = digit.minus(*taken);
        }
        carry(&mut opposite);
        opposite
    }

    /// A number times R, below eight times the order, without R and below the order.
    #[inline(always)]
    pub(crate) fn plain(&self, number: &Number<V, 1>) -> Number<V, 1> {
        self.below_order(&self.product(number, &one()))
    }

    /// k·a + r, below the order: k is times R and below four times the order, a and r are not and are below it.
    #[inline(always)]
    pub(crate) fn multiply_and_add(
        &self,
        k: &Number<V, 1>,
        a: &Number<V, 1>,
        r: &Number<V, 1>,
    ) -> Number<V, 1> {
        let mut sum = Self::sum(&self.product(k, a), r);
        reduce_once(&mut sum, &self.modulus.number);
        reduce_once(&mut sum, &self.modulus.number);
        sum
    }

    /// A number below R, times R and below the order.
    #[inline(always)]
    pub(crate) fn times_r(&self, number: &Number<V, 1>) -> Number<V, 1> {
        self.below_order(&self.product(number, &self.modulus.r2))
    }

    /// A number of which this is known: it is below twice the order.
    #[inline(always)]
    pub(crate) fn below_order(&self, number: &Number<V, 1>) -> Number<V, 1> {
        let mut below = *number;
        reduce_once(&mut below, &self.modulus.number);
        below
    }

    /// Numbers below R become one by them times R, below twice the order, `MOST` of them at the most: with one inversion, and
    /// three products for each of them. That of zero, and of those beside it, is zero.
    #[inline(always)]
    pub(crate) fn invert_each<const MOST: usize>(&self, numbers: &mut [Number<V, 1>]) {
        let mut before: [Number<V, 1>; MOST] = [crate::number::zero(); MOST];
        // Products of numbers below twice the order are, too.
        let mut all = self.product(&one(), &self.modulus.r2);
        for (number, before) in numbers.iter_mut().zip(&mut before) {
            *number = self.product(number, &self.modulus.r2);
            *before = all;
            all = self.product(&all, number);
        }
        let factor = all;
        let highest = (0..BLOCK_BITS).rev().find(|bit| self.has_bit(*bit)).unwrap_or_default();
        for bit in (0..highest).rev() {
            all = self.product(&all, &all);
            if self.has_bit(bit) {
                all = self.product(&all, &factor);
            }
        }
        for (number, before) in numbers.iter_mut().zip(&before).rev() {
            let inverse = self.product(&all, before);
            all = self.product(&all, number);
            *number = inverse;
        }
    }

    /// Whether the exponent has a bit.
    const fn has_bit(&self, bit: usize) -> bool {
        self.exponent[bit / DIGIT_BITS as usize] >> (bit % DIGIT_BITS as usize) & 1 == 1
    }

    /// (a + b·c)·d, below the order: `a` is below 2²⁵⁶, b below the order, c times R and below the order, d times R and below twice the order.
    #[inline(always)]
    pub(crate) fn sum_times(
        &self,
        a: &Number<V, 1>,
        b: &Number<V, 1>,
        c: &Number<V, 1>,
        d: &Number<V, 1>,
    ) -> Number<V, 1> {
        let sum = Self::sum(a, &self.product(b, c));
        self.below_order(&self.product(&sum, d))
    }

    /// (a − b·c)·d, below twice the order, of numbers as [`Order::sum_times`] takes them.
    #[inline(always)]
    pub(crate) fn difference_times(
        &self,
        a: &Number<V, 1>,
        b: &Number<V, 1>,
        c: &Number<V, 1>,
        d: &Number<V, 1>,
    ) -> Number<V, 1> {
        let product = self.product(b, c);
        let mut difference = *a;
        let places = difference.as_flattened_mut().iter_mut().zip(product.as_flattened());
        // The product is below twice the order.
        for ((digit, taken), order) in places.zip(self.modulus.number.as_flattened()) {
            *digit = digit.plus(*order).plus(*order).minus(*taken);
        }
        carry(&mut difference);
        self.product(&difference, d)
    }

    /// Which lanes' numbers are inverses: `inverse` is times R and below twice the order. Everybody may know.
    #[inline(always)]
    pub(crate) fn is_inverse(&self, number: &Number<V, 1>, inverse: &Number<V, 1>) -> [bool; LANES] {
        is_equal(&self.below_order(&self.product(number, inverse)), &one())
    }

    /// The signed bits of a number below R, as `rows.rs` has them.
    #[inline(always)]
    pub(crate) fn signs(&self, number: &Number<V, 1>) -> Number<V, 1> {
        Self::sum(&self.product(number, &self.half), &self.offset)
    }
}

/// One in every lane.
#[inline(always)]
fn one<V: Lanes>() -> Number<V, 1> {
    splat(&[1])
}

/// Digits of each lane's bytes, the lowest byte first.
#[inline(always)]
pub(crate) fn read<V: Lanes, const B: usize, const N: usize>(bytes: &[[u8; N]; LANES]) -> Number<V, B> {
    let mut number = crate::number::zero();
    for (place, digit) in number.as_flattened_mut().iter_mut().enumerate() {
        let bit = place * DIGIT_BITS as usize;
        // Eight bytes hold a digit that begins at their first or fifth bit; before the end, at a later one.
        let first = (bit / 8).min(N - 8);
        let mut lanes = [0; LANES];
        for (lane, bytes) in lanes.iter_mut().zip(bytes) {
            let word = bytes[first..].first_chunk().copied().map_or(0, u64::from_le_bytes);
            *lane = word >> (bit - 8 * first) & DIGIT_MASK;
        }
        *digit = V::from_lanes(lanes);
    }
    number
}

/// Each lane's bytes of a number below 2²⁵⁶, the lowest first.
#[inline(always)]
pub(crate) fn bytes<V: Lanes>(number: &Number<V, 1>) -> [[u8; BYTES]; LANES] {
    let digits = number[0].map(V::to_lanes);
    let mut lanes = [[0; BYTES]; LANES];
    for (lane, bytes) in lanes.iter_mut().enumerate() {
        let [a, b, c, d, e] = digits.map(|digit| digit[lane]);
        let words = [a | b << 52, b >> 12 | c << 40, c >> 24 | d << 28, d >> 36 | e << 16];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }
    lanes
}
