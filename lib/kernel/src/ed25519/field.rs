//! Numbers modulo p = 2²⁵⁵ − 19, eight side by side.
//!
//! Five digits of 51 bits in vectors whose products are of 52: a digit has room for what one round of carries leaves, which all
//! digits do at once. A factor is an [`Element`], and what is not carried yet a [`Sum`].
//!
//! ```text
//! a·b = low + 2⁵²·high: the low half stands at the digits' own place, the high half twice at the next one
//! 2²⁵⁵ = 19:            what stands at the places 5 to 9 stands at 0 to 4, nineteen times
//! ```
//!
//! **Ranges.** Digits of an element are below 2⁵¹ + 2¹⁵. Those of a product are below 2⁵⁹, of a sum or difference of two below 2⁶¹;
//! carried, they leave below 2¹⁰ to the next one and below 19·2¹⁰ to the lowest: an element again. A test computes it with
//! `Interval` in place of numbers.

use crate::column::Column;
use crate::lanes::{LANES, Lanes};
use crate::number::BLOCK;

/// Bits of a digit.
pub(crate) const BITS: u32 = 51;

/// All bits of a digit.
const MASK: u64 = (1 << BITS) - 1;

/// The digits of p.
const P: [u64; BLOCK] = [MASK - 18, MASK, MASK, MASK, MASK];

/// Bytes of an encoded number.
pub(crate) const BYTES: usize = 32;

/// A number that can be a factor.
#[derive(Clone, Copy)]
pub(crate) struct Element<V>(pub(crate) [V; BLOCK]);

/// A number whose digits are to be carried.
#[derive(Clone, Copy)]
pub(crate) struct Sum<V>(pub(crate) [V; BLOCK]);

impl<V: Lanes> Element<V> {
    /// The same number in all lanes, by its digits.
    #[inline(always)]
    pub(crate) fn splat(digits: [u64; BLOCK]) -> Self {
        Self(digits.map(V::splat))
    }

    /// A small number.
    #[inline(always)]
    pub(crate) fn small(number: u64) -> Self {
        Self::splat([number, 0, 0, 0, 0])
    }

    /// The product.
    #[inline(always)]
    pub(crate) fn times(&self, other: &Self) -> Sum<V> {
        let mut column = Column::new();
        column.add(&self.0, &other.0);
        folded(column)
    }

    /// The square.
    #[inline(always)]
    pub(crate) fn squared(&self) -> Sum<V> {
        let mut column = Column::new();
        column.add_pairs(&self.0);
        column.double();
        column.add_squares(&self.0);
        folded(column)
    }

    /// Squared so many times.
    #[inline(always)]
    fn squared_often(&self, times: u32) -> Self {
        let mut power = *self;
        for _ in 0..times {
            power = power.squared().carried();
        }
        power
    }

    /// The same number, to be added to.
    #[inline(always)]
    pub(crate) const fn sum(&self) -> Sum<V> {
        Sum(self.0)
    }

    /// `one` where the mask's bits are set, `other` elsewhere.
    #[inline(always)]
    pub(crate) fn choose_by(mask: V, one: &Self, other: &Self) -> Self {
        let mut chosen = other.0;
        for (digit, one) in chosen.iter_mut().zip(one.0) {
            *digit = mask.choose_by(one, *digit);
        }
        Self(chosen)
    }

    /// The same number below p.
    #[inline(always)]
    pub(crate) fn reduced(&self) -> Self {
        let Self(mut digits) = *self;
        // What is above 2²⁵⁵ after 19 were added is how often p can be taken away: never or once.
        let mut often = V::splat(19);
        for digit in digits {
            often = often.plus(digit).above::<BITS>();
        }
        digits[0] = V::splat(0).add_low(often, V::splat(19)).plus(digits[0]);
        for place in 1..BLOCK {
            digits[place] = digits[place].plus(digits[place - 1].above::<BITS>());
        }
        Self(digits.map(|digit| digit.below::<BITS>()))
    }

    /// Whether all lanes' numbers are zero: everybody may know.
    #[inline(always)]
    pub(crate) fn is_zero(&self) -> bool {
        let mut bits = V::splat(0);
        for digit in self.reduced().0 {
            bits = bits.or(digit);
        }
        bits.reveal().to_lanes() == [0; LANES]
    }

    /// Each lane's number below p as RFC 8032 encodes it: 255 bits, the lowest byte first.
    #[inline(always)]
    pub(crate) fn encoded(&self) -> [[u8; BYTES]; LANES] {
        let digits = self.reduced().0.map(V::to_lanes);
        let mut encoded = [[0; BYTES]; LANES];
        for (lane, bytes) in encoded.iter_mut().enumerate() {
            let [a, b, c, d, e] = digits.map(|digit| digit[lane]);
            let words = [a | b << 51, b >> 13 | c << 38, c >> 26 | d << 25, d >> 39 | e << 12];
            for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
        }
        encoded
    }

    /// From 255 bits of each lane; the highest bit is left out.
    #[inline(always)]
    pub(crate) fn decoded(bytes: &[[u8; BYTES]; LANES]) -> Self {
        let mut digits = [V::splat(0); BLOCK];
        for (place, digit) in digits.iter_mut().enumerate() {
            // Eight bytes that begin no more than twelve bits before the digit.
            let bit = place * BITS as usize;
            let first = (bit / 8).min(BYTES - 8);
            let mut lanes = [0; LANES];
            for (lane, bytes) in lanes.iter_mut().zip(bytes) {
                let word = bytes[first..].first_chunk().copied().map_or(0, u64::from_le_bytes);
                *lane = word >> (bit - 8 * first) & MASK;
            }
            *digit = V::from_lanes(lanes);
        }
        Self(digits)
    }
}

impl<V: Lanes> Sum<V> {
    #[inline(always)]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.0;
        for (digit, more) in sum.iter_mut().zip(other.0) {
            *digit = digit.plus(more);
        }
        Self(sum)
    }

    /// The difference, and a multiple of p that keeps its digits above zero.
    #[inline(always)]
    pub(crate) fn minus(&self, other: &Self) -> Self {
        /// 2⁹ times a digit of p is above any digit of a product.
        const OFTEN: u32 = 9;
        let mut difference = self.0;
        for ((digit, taken), of_p) in difference.iter_mut().zip(other.0).zip(P) {
            *digit = digit.plus(V::splat(of_p << OFTEN)).minus(taken);
        }
        Self(difference)
    }

    /// An element: every digit's carry goes to the next one, at once.
    #[inline(always)]
    pub(crate) fn carried(&self) -> Element<V> {
        let carried = self.0.map(V::above::<BITS>);
        let mut digits = self.0.map(V::below::<BITS>);
        digits[0] = digits[0].add_low(carried[BLOCK - 1], V::splat(19));
        for place in 1..BLOCK {
            digits[place] = digits[place].plus(carried[place - 1]);
        }
        Element(digits)
    }
}

/// Ten digits of a product, folded to five.
#[inline(always)]
fn folded<V: Lanes>(column: Column<V>) -> Sum<V> {
    let (low, high) = column.halves();
    let mut digits = [V::splat(0); 2 * BLOCK];
    digits[..low.len()].copy_from_slice(&low);
    for (digit, more) in digits[1..].iter_mut().zip(high) {
        *digit = digit.plus(more).plus(more);
    }
    let mut sum = [V::splat(0); BLOCK];
    for place in 0..BLOCK {
        sum[place] = digits[place].plus(nineteen_times(digits[place + BLOCK]));
    }
    Sum(sum)
}

#[inline(always)]
fn nineteen_times<V: Lanes>(number: V) -> V {
    let twice = number.plus(number);
    let four = twice.plus(twice);
    let eight = four.plus(four);
    eight.plus(eight).plus(twice.plus(number))
}

/// `number` becomes its inverse, by the power to p − 2 = 2²⁵⁵ − 21. The inverse of zero is zero.
#[inline(always)]
pub(crate) fn invert<V: Lanes>(number: &mut Element<V>) {
    // The exponent's bits are ones but for those of 4 and 16. Names say how many ones the power has.
    let z = *number;
    let z2 = z.squared_often(1);
    let z9 = z2.squared_often(2).times(&z).carried();
    let z11 = z9.times(&z2).carried();
    let ones_5 = z11.squared_often(1).times(&z9).carried();
    let ones_10 = ones_5.squared_often(5).times(&ones_5).carried();
    let ones_20 = ones_10.squared_often(10).times(&ones_10).carried();
    let ones_40 = ones_20.squared_often(20).times(&ones_20).carried();
    let ones_50 = ones_40.squared_often(10).times(&ones_10).carried();
    let ones_100 = ones_50.squared_often(50).times(&ones_50).carried();
    let ones_200 = ones_100.squared_often(100).times(&ones_100).carried();
    let ones_250 = ones_200.squared_often(50).times(&ones_50).carried();
    *number = ones_250.squared_often(5).times(&z11).carried();
}
