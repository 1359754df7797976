//! Sums of products that stand at the same place.

#![expect(clippy::needless_range_loop, reason = "a product's place is the sum of its factors' places")]

use crate::lanes::Lanes;
use crate::number::BLOCK;

/// Digits of the product of two blocks.
const PRODUCT: usize = 2 * BLOCK;

/// The sum of products of two blocks, all at the same place.
///
/// Low and high halves of products have sums of their own: a chain of additions to one register is then short enough
/// for two multiplications to begin in every cycle.
pub(crate) struct Column<V> {
    /// Of the digits 0 to 8.
    low: [V; PRODUCT - 1],
    /// Of the digits 1 to 9.
    high: [V; PRODUCT - 1],
}

impl<V: Lanes> Column<V> {
    /// Nothing yet.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { low: [V::splat(0); PRODUCT - 1], high: [V::splat(0); PRODUCT - 1] }
    }

    #[inline(always)]
    fn add_product(&mut self, place: usize, a: V, b: V) {
        self.low[place] = self.low[place].add_low(a, b);
        self.high[place] = self.high[place].add_high(a, b);
    }

    /// Adds the product of two blocks.
    #[inline(always)]
    pub(crate) fn add(&mut self, a: &[V; BLOCK], b: &[V; BLOCK]) {
        for i in 0..BLOCK {
            for j in 0..BLOCK {
                self.add_product(i + j, a[i], b[j]);
            }
        }
    }

    /// Adds those products of a block's square that stand there twice, once.
    #[inline(always)]
    pub(crate) fn add_pairs(&mut self, a: &[V; BLOCK]) {
        for i in 0..BLOCK {
            for j in i + 1..BLOCK {
                self.add_product(i + j, a[i], a[j]);
            }
        }
    }

    /// Adds the squares of a block's digits.
    #[inline(always)]
    pub(crate) fn add_squares(&mut self, a: &[V; BLOCK]) {
        for i in 0..BLOCK {
            self.add_product(2 * i, a[i], a[i]);
        }
    }

    /// Twice what was added.
    #[inline(always)]
    pub(crate) fn double(&mut self) {
        self.low = self.low.map(|sum| sum.plus(sum));
        self.high = self.high.map(|sum| sum.plus(sum));
    }

    /// The low halves, of the digits 0 to 8, and the high halves, of the digits 1 to 9.
    #[inline(always)]
    pub(crate) fn halves(self) -> ([V; PRODUCT - 1], [V; PRODUCT - 1]) {
        let Self { low, high } = self;
        (low, high)
    }

    /// The sum's ten digits, and `carried` from the column below added to the lower five.
    #[inline(always)]
    pub(crate) fn sums(self, carried: &[V; BLOCK]) -> ([V; BLOCK], [V; BLOCK]) {
        let Self { low, high } = self;
        let mut lower = *carried;
        let mut upper = [high[PRODUCT - 2]; BLOCK];
        lower[0] = lower[0].plus(low[0]);
        for place in 1..BLOCK {
            lower[place] = lower[place].plus(low[place].plus(high[place - 1]));
        }
        for place in BLOCK..PRODUCT - 1 {
            upper[place - BLOCK] = low[place].plus(high[place - 1]);
        }
        (lower, upper)
    }
}

/// Carries through the lower block into the upper one.
#[inline(always)]
pub(crate) fn carry_into<V: Lanes>(lower: &mut [V; BLOCK], upper: &mut [V; BLOCK]) {
    for place in 1..BLOCK {
        lower[place] = lower[place].plus(lower[place - 1].carry());
    }
    upper[0] = upper[0].plus(lower[BLOCK - 1].carry());
    for digit in lower {
        *digit = digit.digit();
    }
}

/// The product of two blocks modulo 2²⁶⁰.
#[inline(always)]
pub(crate) fn low_product<V: Lanes>(a: &[V; BLOCK], b: &[V; BLOCK]) -> [V; BLOCK] {
    let mut low = [V::splat(0); BLOCK];
    let mut high = [V::splat(0); BLOCK];
    for i in 0..BLOCK {
        for j in 0..BLOCK - i {
            low[i + j] = low[i + j].add_low(a[i], b[j]);
            if i + j + 1 < BLOCK {
                high[i + j + 1] = high[i + j + 1].add_high(a[i], b[j]);
            }
        }
    }
    for place in 1..BLOCK {
        low[place] = low[place].plus(high[place]).plus(low[place - 1].carry());
    }
    low.map(V::digit)
}
