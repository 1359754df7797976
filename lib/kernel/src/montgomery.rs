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
//! is below 2.01·m. No final subtraction is needed between multiplications. For orders of curves, of which R is only 2⁴ or 2⁸ times, `order.rs`
//! has the ranges.
//!
//! How high the sums of a column can be is computed by a test, with `Interval` in place of numbers.
//!
//! **What is left out.** A column begins with the sums of the one below as they are, low and high halves apart. What a
//! multiplication alone reads is not masked: it takes 52 bits. A square doubles its digits (`twice.rs`) and no sums. Of the last
//! quotient's product with m, what becomes zero is not computed ([`Column::above_zeros`]).

use crate::column::{Carried, Column, low_product};
use crate::lanes::Lanes;
use crate::number::{BLOCK, Number, zero};
use crate::twice::Twice;

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
    let last = B - 1;
    let mut quotients: Number<V, B> = zero();
    let mut carried = Carried::nothing();
    for place in 0..last {
        let column = carried.column().add_all(&a[..=place], &b[..=place]);
        carried = reduce_lower(place, column, &mut quotients, modulus);
    }
    let column = carried.column().add_all(a, b);
    carried = reduce_last(column, &mut quotients, modulus);
    for place in 0..B {
        let column = carried.column().add_all(&a[place + 1..], &b[place + 1..]);
        carried = reduce_upper(place, column, &quotients, modulus, to);
    }
    digits(to);
}

/// `number` is squared and divided by R, as [`multiply`] would do it, so many times.
#[inline(always)]
pub(crate) fn square<V: Lanes, const B: usize>(
    number: &mut Number<V, B>,
    times: u32,
    modulus: &Modulus<V, B>,
) {
    let (mut twice, mut quotients) = (Twice::new(), zero());
    for _ in 0..times {
        square_once(number, &mut twice, &mut quotients, modulus);
    }
    digits(number);
}

/// Digits again, of factors.
#[inline(always)]
fn digits<V: Lanes, const B: usize>(number: &mut Number<V, B>) {
    for digit in number.as_flattened_mut() {
        *digit = digit.digit();
    }
}

#[inline(always)]
fn square_once<V: Lanes, const B: usize>(
    number: &mut Number<V, B>,
    twice: &mut Twice<V, B>,
    quotients: &mut Number<V, B>,
    modulus: &Modulus<V, B>,
) {
    const { assert!(B.is_multiple_of(2), "the last of the lower columns is an odd one") };
    let last = B - 1;
    twice.take(number);
    let mut carried = Carried::nothing();
    for half in 0..B / 2 {
        let place = 2 * half;
        let column = even_column(place, carried, number, twice);
        carried = reduce_lower(place, column, quotients, modulus);
        let column = odd_column(place + 1, carried, number, twice);
        if place + 1 == last {
            carried = reduce_last(column, quotients, modulus);
        } else {
            carried = reduce_lower(place + 1, column, quotients, modulus);
        }
    }
    // A block of the result takes the place of one that no later column asks for.
    for half in 0..B / 2 {
        let place = 2 * half;
        let column = even_column(place + B, carried, number, twice);
        carried = reduce_upper(place, column, quotients, modulus, number);
        let column = odd_column(place + 1 + B, carried, number, twice);
        carried = reduce_upper(place + 1, column, quotients, modulus, number);
    }
}

/// The column of a square that a block's own square stands in.
#[inline(always)]
fn even_column<V: Lanes, const B: usize>(
    place: usize,
    carried: Carried<V>,
    number: &Number<V, B>,
    twice: &Twice<V, B>,
) -> Column<V> {
    let (first, middle) = ((place + 1).saturating_sub(B), place / 2);
    let mut column =
        carried.column().add_all(&number[first..middle], &twice.digits[middle + 1..=place - first]);
    column.add_square(&number[middle], &twice.block(middle));
    column
}

/// The column of a square that the product of two neighbours stands in.
#[inline(always)]
fn odd_column<V: Lanes, const B: usize>(
    place: usize,
    carried: Carried<V>,
    number: &Number<V, B>,
    twice: &Twice<V, B>,
) -> Column<V> {
    let (first, middle) = ((place + 1).saturating_sub(B), place / 2);
    if middle + 1 == B {
        return carried.column();
    }
    let mut column =
        carried.column().add_all(&number[first..middle], &twice.digits[middle + 2..=place - first]);
    column.add_neighbours(&number[middle], &twice.block(middle + 1));
    column
}

/// Reduces a column of the lower half but the last: its lower digits are a quotient themselves.
#[inline(always)]
fn reduce_lower<V: Lanes, const B: usize>(
    place: usize,
    column: Column<V>,
    quotients: &mut Number<V, B>,
    modulus: &Modulus<V, B>,
) -> Carried<V> {
    // A quotient's product with `folded` stands one block above the quotient.
    let column = column.add_all(&quotients[..place], &modulus.folded[..place]);
    let (lower, left) = column.lower();
    quotients[place] = lower;
    column.above(left)
}

/// Reduces the last column of the lower half.
#[inline(always)]
fn reduce_last<V: Lanes, const B: usize>(
    column: Column<V>,
    quotients: &mut Number<V, B>,
    modulus: &Modulus<V, B>,
) -> Carried<V> {
    let last = B - 1;
    let column = column.add_all(&quotients[..last], &modulus.folded[..last]);
    let (lower, left) = column.lower();
    quotients[last] = low_product(&lower, &modulus.inverse);
    column.above_zeros(&lower, left, &quotients[last], &modulus.number[0])
}

/// Reduces a column of the upper half, the result's block at `place`.
#[inline(always)]
fn reduce_upper<V: Lanes, const B: usize>(
    place: usize,
    column: Column<V>,
    quotients: &Number<V, B>,
    modulus: &Modulus<V, B>,
    result: &mut Number<V, B>,
) -> Carried<V> {
    let last = B - 1;
    let mut column = column
        .add_all(&quotients[place.min(last)..last], &modulus.folded[place + usize::from(place < last)..]);
    if place < last {
        column.add(&quotients[last], &modulus.number[place + 1]);
    }
    let (lower, left) = column.lower();
    result[place] = lower;
    column.above(left)
}

/// All digits of a·b + c, without a reduction. The result is one of `F` = 2·`B` blocks.
#[inline(always)]
pub(crate) fn multiply_and_add<V: Lanes, const B: usize, const F: usize>(
    a: &Number<V, B>,
    b: &Number<V, B>,
    c: &Number<V, B>,
) -> Number<V, F> {
    const { assert!(F == 2 * B, "a product has twice the blocks") };
    let mut result: Number<V, F> = zero();
    let mut carried = Carried::nothing();
    for (place, block) in result.iter_mut().enumerate() {
        let (first, end) = ((place + 1).saturating_sub(B), B.min(place + 1));
        let mut column = carried.column().add_all(&a[first.min(end)..end], &b[first.min(end)..end]);
        if let Some(more) = c.get(place) {
            column.add_digits(more);
        }
        let (lower, left) = column.lower();
        *block = lower;
        carried = column.above(left);
    }
    digits(&mut result);
    result
}
