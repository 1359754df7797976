//! Twice a number that is squared: the products of two of its digits stand there twice, and it is cheaper to double the digits
//! than the sums.

use crate::lanes::Lanes;
use crate::number::{BLOCK, Number, zero};

/// Twice a number, as factors. The number is below half of what its digits can hold.
pub(crate) struct Twice<V, const B: usize> {
    /// Its digits.
    pub(crate) digits: Number<V, B>,
    /// The same without the bit from the digit below: the first digit of twice the part of the number that begins there.
    lowest: Number<V, B>,
}

/// A block of it.
pub(crate) struct TwiceBlock<'t, V> {
    pub(crate) digits: &'t [V; BLOCK],
    pub(crate) lowest: &'t [V; BLOCK],
}

impl<V: Lanes, const B: usize> Twice<V, B> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { digits: zero(), lowest: zero() }
    }

    /// Becomes twice this number.
    #[inline(always)]
    pub(crate) fn take(&mut self, number: &Number<V, B>) {
        let (digits, lowest) = (self.digits.as_flattened_mut(), self.lowest.as_flattened_mut());
        let (mut below, two) = (V::splat(0), V::splat(2));
        for ((digit, whole), lowest) in number.as_flattened().iter().zip(digits).zip(lowest) {
            // What does not count of the digit stays above what counts.
            *lowest = digit.plus(*digit).factor();
            // The upper half of a digit's product with two is its highest bit, and the lowest one of twice a digit is free.
            *whole = lowest.add_high(below, two).factor();
            below = *digit;
        }
    }

    #[inline(always)]
    pub(crate) fn block(&self, at: usize) -> TwiceBlock<'_, V> {
        TwiceBlock { digits: &self.digits[at], lowest: &self.lowest[at] }
    }
}
