//! Numbers modulo p, eight side by side, times R = 2²⁶⁰.
//!
//! Five digits of 52 bits. A factor is an [`Element`], and what is not carried yet a [`Sum`], whose digits have signs.
//!
//! ```text
//! p = 2²⁵⁶ − 2²²⁴ + 2¹⁹² + 2⁹⁶ − 1, so −1/p is 1 modulo 2⁹⁶: the lowest digit q of a sum is itself the
//! quotient of one step of Montgomery's reduction, and
//! sum + q·p = sum − q + q·2⁹⁶ + q·2¹⁹² + q·(2³² − 1)·2²²⁴
//! ```
//!
//! **Ranges.** Digits of an element are from 0 to 2⁵² − 1, but the highest one, which is below 2⁴⁹ + 2³²: it is below 2.001·p. A product of
//! two is below 1.3·p and the sum of two products below 1.6·p, the digits below 2⁵⁷. Whatever a sum is of, also a negative number, is an element again once it is carried: its
//! multiple of p is taken away by the highest digit. A test computes it with `Interval` in place of numbers.

use super::constants::{ONE, P};
use crate::column::Column;
use crate::lanes::{LANES, Lanes};
use crate::number::{BLOCK, Number, reduce_once, splat};

/// Bits of p above the highest digit's place.
const HIGHEST: u32 = 48;

/// A number that can be a factor.
#[derive(Clone, Copy)]
pub(crate) struct Element<V>(pub(crate) [V; BLOCK]);

/// A number whose digits are to be carried.
#[derive(Clone, Copy)]
pub(crate) struct Sum<V>(pub(crate) [V; BLOCK]);

impl<V: Lanes> Element<V> {
    /// The same digits in all lanes.
    #[inline(always)]
    pub(crate) fn splat(digits: &[u64; BLOCK]) -> Self {
        Self(digits.map(V::splat))
    }

    /// Zero.
    #[inline(always)]
    pub(crate) fn zero() -> Self {
        Self::splat(&[0; BLOCK])
    }

    /// One, times R.
    #[inline(always)]
    pub(crate) fn one() -> Self {
        Self::splat(&ONE)
    }

    /// The product by R.
    #[inline(always)]
    pub(crate) fn times(&self, other: &Self) -> Sum<V> {
        let mut column = Column::new();
        column.add(&self.0, &other.0);
        Self::by_r(column)
    }

    /// The sum of two products by R, with one reduction.
    #[inline(always)]
    pub(crate) fn times_and_times([a, b]: [&Self; 2], [c, d]: [&Self; 2]) -> Sum<V> {
        let mut column = Column::new();
        column.add(&a.0, &b.0);
        column.add(&c.0, &d.0);
        Self::by_r(column)
    }

    #[inline(always)]
    fn by_r(column: Column<V>) -> Sum<V> {
        let (low, high) = column.halves();
        let mut digits = [V::splat(0); 2 * BLOCK];
        digits[..low.len()].copy_from_slice(&low);
        for (digit, more) in digits[1..].iter_mut().zip(high) {
            *digit = digit.plus(more);
        }
        // 2⁹⁶ is 44 bits above a digit's place, 2¹⁹² is 36, and 2²²⁴ is 16.
        let [by_96, by_192, by_224] = [1 << 44, 1 << 36, 0xffff_ffff << 16].map(V::splat);
        for place in 0..BLOCK {
            let (q, carried) = (digits[place].factor(), digits[place].carry());
            digits[place + 1] = digits[place + 1].plus(carried).add_low(q, by_96);
            digits[place + 2] = digits[place + 2].add_high(q, by_96);
            digits[place + 3] = digits[place + 3].add_low(q, by_192);
            digits[place + 4] = digits[place + 4].add_high(q, by_192).add_low(q, by_224);
            digits[place + 5] = digits[place + 5].add_high(q, by_224);
        }
        let [.., a, b, c, d, e] = digits;
        Sum([a, b, c, d, e])
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
    pub(crate) fn reduced(&self) -> Number<V, 1> {
        let (mut number, p) = ([self.0], splat(&P));
        reduce_once(&mut number, &p);
        reduce_once(&mut number, &p);
        number
    }

    /// The number without R, below p.
    #[inline(always)]
    pub(crate) fn plain(&self) -> Number<V, 1> {
        self.times(&Self::splat(&[1, 0, 0, 0, 0])).carried().reduced()
    }

    /// Which lanes' numbers are multiples of p: everybody may know.
    #[inline(always)]
    pub(crate) fn is_zero(&self) -> [bool; LANES] {
        let mut bits = V::splat(0);
        for digit in self.reduced().as_flattened() {
            bits = bits.or(*digit);
        }
        bits.reveal().to_lanes().map(|lane| lane == 0)
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

    #[inline(always)]
    pub(crate) fn minus(&self, other: &Self) -> Self {
        let mut difference = self.0;
        for (digit, taken) in difference.iter_mut().zip(other.0) {
            *digit = digit.minus(taken);
        }
        Self(difference)
    }

    /// Three times.
    #[inline(always)]
    pub(crate) fn thrice(&self) -> Self {
        self.plus(self).plus(self)
    }

    /// An element: one or two times p remains of what is above 2²⁵⁶ or below zero.
    #[inline(always)]
    pub(crate) fn carried(&self) -> Element<V> {
        let [a, b, c, d, e] = self.0;
        let one = V::splat(1 << HIGHEST);
        // So often p is taken away: 2²⁵⁶ of it from the highest digit, and the rest of it from where it stands.
        let often = e.minus(one).above::<HIGHEST>();
        let mut digits = [
            a.plus(often),
            b.minus(often.shifted::<44>()),
            c,
            d.minus(often.shifted::<36>()),
            e.below::<HIGHEST>().plus(one).plus(often.shifted::<16>()),
        ];
        for place in 1..BLOCK {
            digits[place] = digits[place].plus(digits[place - 1].carry());
            digits[place - 1] = digits[place - 1].digit();
        }
        Element(digits)
    }
}

/// `number` becomes its inverse, by the power to p − 2. The inverse of zero is zero.
#[inline(always)]
pub(crate) fn invert<V: Lanes>(number: &mut Element<V>) {
    let mut exponent = P;
    exponent[0] -= 2;
    let factor = *number;
    // The highest of 256 bits is where it begins. The exponent is no secret.
    for bit in (0..255).rev() {
        *number = number.times(number).carried();
        if exponent[bit / 52] >> (bit % 52) & 1 == 1 {
            *number = number.times(&factor).carried();
        }
    }
}
