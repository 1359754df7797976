//! Sums of products that stand at the same place.
//!
//! Loops are from 0 to 5, with conditions within: the compiler unrolls those, and keeps the sums in registers. One whose ends
//! depend on another's counter it leaves a loop, with the sums in memory.

#![expect(clippy::needless_range_loop, reason = "a product's place is the sum of its factors' places")]

use crate::lanes::{DIGIT_MASK, Lanes};
use crate::number::BLOCK;
use crate::twice::TwiceBlock;

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

/// What a column begins with, of the one below: low halves of its digits 0 to 3 and high ones of its digits 1 to 4.
pub(crate) struct Carried<V> {
    low: [V; BLOCK - 1],
    high: [V; BLOCK - 1],
}

impl<V: Lanes> Carried<V> {
    /// Nothing, below the lowest column.
    #[inline(always)]
    pub(crate) fn nothing() -> Self {
        Self { low: [V::splat(0); BLOCK - 1], high: [V::splat(0); BLOCK - 1] }
    }

    #[inline(always)]
    pub(crate) fn column(self) -> Column<V> {
        let Self { low: [l0, l1, l2, l3], high: [h1, h2, h3, h4] } = self;
        let zero = V::splat(0);
        Column {
            low: [l0, l1, l2, l3, zero, zero, zero, zero, zero],
            high: [h1, h2, h3, h4, zero, zero, zero, zero, zero],
        }
    }
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
            for j in 0..BLOCK {
                if j > i {
                    self.add_product(i + j, a[i], a[j]);
                }
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

    /// Adds digits.
    #[inline(always)]
    pub(crate) fn add_digits(&mut self, digits: &[V; BLOCK]) {
        for (sum, digit) in self.low.iter_mut().zip(digits) {
            *sum = sum.plus(*digit);
        }
    }

    /// Adds products of blocks, of the first and the last one, the second and the last but one, and so on.
    #[inline(always)]
    pub(crate) fn add_all(mut self, a: &[[V; BLOCK]], b: &[[V; BLOCK]]) -> Self {
        for (a, b) in a.iter().zip(b.iter().rev()) {
            self.add(a, b);
        }
        self
    }

    /// Adds twice the product of neighbouring blocks of a number.
    #[inline(always)]
    pub(crate) fn add_neighbours(&mut self, lower: &[V; BLOCK], twice: &TwiceBlock<'_, V>) {
        for i in 0..BLOCK {
            for j in 0..BLOCK {
                let is_next = i == BLOCK - 1 && j == 0;
                self.add_product(i + j, lower[i], if is_next { twice.lowest[j] } else { twice.digits[j] });
            }
        }
    }

    /// Adds the square of a block of a number.
    #[inline(always)]
    pub(crate) fn add_square(&mut self, a: &[V; BLOCK], twice: &TwiceBlock<'_, V>) {
        for i in 0..BLOCK {
            self.add_product(2 * i, a[i], a[i]);
            for j in 0..BLOCK {
                if j > i {
                    let twice = if j == i + 1 { twice.lowest[j] } else { twice.digits[j] };
                    self.add_product(i + j, a[i], twice);
                }
            }
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

    /// The lower five digits, as factors, and what they leave for the digit above.
    #[inline(always)]
    pub(crate) fn lower(&self) -> ([V; BLOCK], V) {
        let mut lower = [self.low[0]; BLOCK];
        for place in 1..BLOCK {
            let sum = self.low[place].plus(self.high[place - 1]);
            lower[place] = sum.plus(lower[place - 1].carry());
        }
        (lower.map(V::factor), lower[BLOCK - 1].carry())
    }

    /// What the column above begins with: this one's upper five digits, and what the lower ones left.
    #[inline(always)]
    pub(crate) fn above(self, left: V) -> Carried<V> {
        let Self { low: [.., l5, l6, l7, l8], high: [.., h5, h6, h7, h8, h9] } = self;
        Carried { low: [l5.plus(h5).plus(left), l6, l7, l8], high: [h6, h7, h8, h9] }
    }

    /// [`Column::above`] of a column whose lower five digits, which [`Column::lower`] gave, become zero by the product of two blocks.
    ///
    /// Of the product, what stands below the fifth digit is not computed. Nothing of the five is left, so the fifth one's sum, with what
    /// is carried into it, is a multiple of 2⁵²; what is carried into it is less than 2⁵². So what it carries is its sum by 2⁵², rounded up.
    #[inline(always)]
    pub(crate) fn above_zeros(
        mut self,
        lower: &[V; BLOCK],
        left: V,
        a: &[V; BLOCK],
        b: &[V; BLOCK],
    ) -> Carried<V> {
        self.low[BLOCK - 1] = lower[BLOCK - 1].digit();
        self.high[BLOCK - 2] = V::splat(0);
        for i in 0..BLOCK {
            for j in 0..BLOCK {
                if i + j + 1 >= BLOCK {
                    self.low[i + j] = self.low[i + j].add_low(a[i], b[j]);
                }
                if i + j + 2 >= BLOCK {
                    self.high[i + j] = self.high[i + j].add_high(a[i], b[j]);
                }
            }
        }
        let fifth = self.low[BLOCK - 1].plus(self.high[BLOCK - 2]);
        let rounded_up = fifth.plus(V::splat(DIGIT_MASK)).carry();
        self.above(left.plus(rounded_up))
    }
}

/// The product of two blocks modulo 2²⁶⁰.
#[inline(always)]
pub(crate) fn low_product<V: Lanes>(a: &[V; BLOCK], b: &[V; BLOCK]) -> [V; BLOCK] {
    let mut low = [V::splat(0); BLOCK];
    let mut high = [V::splat(0); BLOCK];
    for i in 0..BLOCK {
        for j in 0..BLOCK {
            if i + j < BLOCK {
                low[i + j] = low[i + j].add_low(a[i], b[j]);
            }
            if i + j + 1 < BLOCK {
                high[i + j + 1] = high[i + j + 1].add_high(a[i], b[j]);
            }
        }
    }
    for place in 1..BLOCK {
        low[place] = low[place].plus(high[place]).plus(low[place - 1].carry());
    }
    low.map(V::factor)
}
