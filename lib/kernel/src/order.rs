//! Numbers modulo the order of a curve's base point, eight side by side: one block each, by Montgomery's multiplication.
//!
//! With R = 2²⁶⁰ a product is a·b/R, below twice the order where `a` is below R and `b` below the order, which is below R/16.

use crate::lanes::{DIGIT_BITS, DIGIT_MASK, LANES, Lanes};
use crate::montgomery::Modulus;
use crate::number::{BLOCK, BLOCK_BITS, Number, carry, is_equal, reduce_once, splat};

/// A number, the lowest digit first.
pub(crate) type Digits = [u64; BLOCK];

/// Bytes of a number below the order.
pub(crate) const BYTES: usize = 32;

/// What the compiler computes of an order.
pub(crate) struct Constants {
    order: Digits,
    inverse: Digits,
    r2: Digits,
    r3: Digits,
    /// Half of R: a product with it is half of a number.
    half: Digits,
    /// Half of 2^bits − 1, see `rows.rs`: as the order is odd, half of −1 is half of it, rounded down.
    offset: Digits,
}

impl Constants {
    /// Of an order, whose multiples are taken by rows of so many bits in all.
    pub(crate) const fn of(order: Digits, bits: usize) -> Self {
        Self {
            order,
            inverse: negative_inverse(order),
            r2: power_of_two(2 * BLOCK_BITS, order),
            r3: power_of_two(3 * BLOCK_BITS, order),
            half: power_of_two(BLOCK_BITS - 1, order),
            offset: plus(power_of_two(bits - 1, order), halved(order)),
        }
    }
}

/// The sum of two digits at every place, not carried above the highest.
const fn plus(a: Digits, b: Digits) -> Digits {
    let mut sum = [0; BLOCK];
    let (mut place, mut carried) = (0, 0);
    while place < BLOCK {
        let digit = a[place] + b[place] + carried;
        sum[place] = digit & DIGIT_MASK;
        carried = digit >> DIGIT_BITS;
        place += 1;
    }
    sum
}

/// Half of a number, rounded down.
const fn halved(number: Digits) -> Digits {
    let mut half = [0; BLOCK];
    let mut place = 0;
    while place < BLOCK {
        let above = if place + 1 < BLOCK { number[place + 1] & 1 } else { 0 };
        half[place] = number[place] >> 1 | above << (DIGIT_BITS - 1);
        place += 1;
    }
    half
}

/// The number, or the number less the order where that is no less than zero.
const fn reduced(number: Digits, order: Digits) -> Digits {
    let mut less = [0; BLOCK];
    let (mut place, mut borrowed) = (0, 0);
    while place < BLOCK {
        let digit = number[place].wrapping_sub(order[place]).wrapping_sub(borrowed);
        less[place] = digit & DIGIT_MASK;
        borrowed = digit >> 63;
        place += 1;
    }
    if borrowed == 0 { less } else { number }
}

/// A power of two modulo the order.
const fn power_of_two(exponent: usize, order: Digits) -> Digits {
    let mut power = [1, 0, 0, 0, 0];
    let mut doubled = 0;
    while doubled < exponent {
        power = reduced(plus(power, power), order);
        doubled += 1;
    }
    power
}

/// A number below the modulus, times R.
pub(crate) const fn times_r(number: Digits, modulus: Digits) -> Digits {
    let (mut product, mut doubled) = (number, 0);
    while doubled < BLOCK_BITS {
        product = reduced(plus(product, product), modulus);
        doubled += 1;
    }
    product
}

/// −1/order modulo R, bit by bit: each bit that is set makes the lowest bits of 1 + inverse·order zeros.
const fn negative_inverse(order: Digits) -> Digits {
    let (mut inverse, mut sum, mut multiple) = ([0; BLOCK], [1, 0, 0, 0, 0], order);
    let mut bit = 0;
    while bit < BLOCK_BITS {
        let (place, at) = (bit / DIGIT_BITS as usize, bit % DIGIT_BITS as usize);
        if sum[place] >> at & 1 == 1 {
            inverse[place] |= 1 << at;
            sum = plus(sum, multiple);
        }
        multiple = plus(multiple, multiple);
        bit += 1;
    }
    inverse
}

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
        let mut plain = self.product(number, &one());
        reduce_once(&mut plain, &self.modulus.number);
        plain
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
        let mut times_r = self.product(number, &self.modulus.r2);
        reduce_once(&mut times_r, &self.modulus.number);
        times_r
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
