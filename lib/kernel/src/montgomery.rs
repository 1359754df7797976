//! Montgomery's multiplication, block by block.
//!
//! With R = 2^(260·B) and a modulus m, the product of a and b is a·b/R modulo m.
//!
//! ```text
//! k = −1/m modulo 2²⁶⁰                folded = (k·m + 1) / 2²⁶⁰
//! ```
//!
//! In all blocks of the reduction but the last, the quotient is the sum's lowest block itself: as
//! `X = X′·2²⁶⁰ + q` and `k·m` is zero, `X/2²⁶⁰ = X′ + q·folded` modulo m. No product is spent on the quotient. Each
//! such step adds up to 2²⁶⁰·m, so the last one is Montgomery's own: r = q·k modulo 2²⁶⁰, `X/2²⁶⁰ = (X + r·m)/2²⁶⁰`.
//!
//! **Ranges.** Let a·b < R·m. Before the last step X < a·b/2^(260·(B−1)) + 2²⁶⁰·m·(1 + 2^−250); after it the result is
//! below a·b/R + m·(1 + 2^−250) + m. For a, b < 8·m, a·b/R < 64·m·m/R, and R is at least 2¹⁶·m in all sizes: the result
//! is below 2.01·m. No final subtraction is needed between multiplications.
//!
//! How high the sums of a column can be is computed by a test, with `Interval` in place of numbers.

use crate::column::{Column, carry_into, low_product};
use crate::lanes::Lanes;
use crate::number::{BLOCK, Number, zero};

/// A modulus, ready for reductions.
pub(crate) struct Modulus<V, const B: usize> {
    /// The modulus itself.
    pub(crate) number: Number<V, B>,
    /// (k·m + 1) / 2²⁶⁰.
    pub(crate) folded: Number<V, B>,
    /// −1/m modulo 2²⁶⁰.
    pub(crate) inverse: [V; BLOCK],
    /// R² modulo m.
    pub(crate) r2: Number<V, B>,
}

/// `to` becomes a·b/R, up to multiples of the modulus. See the top of this file for the ranges.
#[inline(always)]
pub(crate) fn multiply<V: Lanes, const B: usize>(
    to: &mut Number<V, B>,
    a: &Number<V, B>,
    b: &Number<V, B>,
    modulus: &Modulus<V, B>,
) {
    let mut reduction = Reduction::new();
    for place in 0..2 * B {
        let mut column = Column::new();
        for i in (place + 1).saturating_sub(B)..B.min(place + 1) {
            column.add(&a[i], &b[place - i]);
        }
        reduction.step(place, column, modulus, to);
    }
}

/// `number` is squared and divided by R, as [`multiply`] would do it, so many times.
#[inline(always)]
pub(crate) fn square<V: Lanes, const B: usize>(
    number: &mut Number<V, B>,
    times: u32,
    modulus: &Modulus<V, B>,
) {
    let mut reduction = Reduction::new();
    for _ in 0..times {
        reduction.carried = [V::splat(0); BLOCK];
        square_once(number, &mut reduction, modulus);
    }
}

#[inline(always)]
fn square_once<V: Lanes, const B: usize>(
    number: &mut Number<V, B>,
    reduction: &mut Reduction<V, B>,
    modulus: &Modulus<V, B>,
) {
    for place in 0..2 * B {
        let mut column = Column::new();
        for i in (place + 1).saturating_sub(B)..place.div_ceil(2) {
            column.add(&number[i], &number[place - i]);
        }
        if place % 2 == 0 {
            column.add_pairs(&number[place / 2]);
            column.double();
            column.add_squares(&number[place / 2]);
        } else {
            column.double();
        }
        // A block of the result takes the place of one that no later column asks for.
        reduction.step(place, column, modulus, number);
    }
}

/// A reduction on its way, from the lowest column to the highest.
struct Reduction<V, const B: usize> {
    /// The quotients so far, by block.
    quotients: Number<V, B>,
    /// What the column below left for this one.
    carried: [V; BLOCK],
}

impl<V: Lanes, const B: usize> Reduction<V, B> {
    #[inline(always)]
    fn new() -> Self {
        Self { quotients: zero(), carried: [V::splat(0); BLOCK] }
    }

    /// Reduces one column: the lower half gives quotients, the upper half is the result.
    #[inline(always)]
    fn step(
        &mut self,
        place: usize,
        mut column: Column<V>,
        modulus: &Modulus<V, B>,
        result: &mut Number<V, B>,
    ) {
        let last = B - 1;
        // A quotient's product with `folded` stands one block above the quotient.
        for i in place.saturating_sub(B)..last.min(place) {
            column.add(&self.quotients[i], &modulus.folded[place - 1 - i]);
        }
        if place > last && place - last < B {
            column.add(&self.quotients[last], &modulus.number[place - last]);
        }
        let (mut lower, mut upper) = column.sums(&self.carried);
        carry_into(&mut lower, &mut upper);
        if place < last {
            self.quotients[place] = lower;
        } else if place == last {
            let quotient = low_product(&lower, &modulus.inverse);
            self.quotients[last] = quotient;
            // The lower half becomes zero; what it carries stays.
            let mut column = Column::new();
            column.add(&quotient, &modulus.number[0]);
            let (mut zeros, mut more) = column.sums(&lower);
            carry_into(&mut zeros, &mut more);
            for (digit, more) in upper.iter_mut().zip(more) {
                *digit = digit.plus(more);
            }
        } else {
            result[place - B] = lower;
        }
        self.carried = upper;
    }
}

/// All digits of a·b + c, without a reduction. The result is one of `F` = 2·`B` blocks.
#[inline(always)]
pub(crate) fn multiply_and_add<V: Lanes, const B: usize, const F: usize>(
    a: &Number<V, B>,
    b: &Number<V, B>,
    c: &Number<V, B>,
) -> Number<V, F> {
    const { assert!(F == 2 * B, "a product has twice the blocks") };
    let mut result = zero();
    let mut carried = [V::splat(0); BLOCK];
    for place in 0..F {
        let mut column = Column::new();
        for i in (place + 1).saturating_sub(B)..B.min(place + 1) {
            column.add(&a[i], &b[place - i]);
        }
        let (mut lower, mut upper) = column.sums(&carried);
        if let Some(more) = c.get(place) {
            for (digit, more) in lower.iter_mut().zip(more) {
                *digit = digit.plus(*more);
            }
        }
        carry_into(&mut lower, &mut upper);
        result[place] = lower;
        carried = upper;
    }
    result
}
