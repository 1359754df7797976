//! Numbers modulo L, the order of the base point, eight side by side: one block each, by Montgomery's multiplication.
//!
//! With R = 2²⁶⁰ a product is a·b/R, below 2·L where `a` is below R and `b` below L.

use super::base::{ROWS, WIDTH};
use crate::lanes::{DIGIT_BITS, DIGIT_MASK, LANES, Lanes};
use crate::montgomery::Modulus;
use crate::number::{BLOCK, BLOCK_BITS, Number, carry, reduce_once, splat};

/// A number, the lowest digit first.
type Digits = [u64; BLOCK];

/// L = 2²⁵² + this ([RFC 8032, section 5.1](https://www.rfc-editor.org/rfc/rfc8032#section-5.1)).
const ABOVE_THE_POWER: u128 = 0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed;

const L: Digits = [
    low(ABOVE_THE_POWER),
    low(ABOVE_THE_POWER >> DIGIT_BITS),
    low(ABOVE_THE_POWER >> (2 * DIGIT_BITS)),
    0,
    1 << (252 - 4 * DIGIT_BITS),
];

/// Bytes of a scalar.
pub(crate) const BYTES: usize = 32;

#[expect(clippy::cast_possible_truncation, reason = "a digit is cut out")]
const fn low(number: u128) -> u64 {
    number as u64 & DIGIT_MASK
}

/// What the compiler computes of L.
const INVERSE: Digits = negative_inverse();
const R2: Digits = power_of_two(2 * BLOCK_BITS);
const R3: Digits = power_of_two(3 * BLOCK_BITS);
/// Half of R: a product with it is half of a number.
const HALF: Digits = power_of_two(BLOCK_BITS - 1);
/// Half of 2^(w·n) − 1, see `base.rs`: as L is odd, half of −1 is (L − 1)/2.
const OFFSET: Digits = plus(power_of_two(WIDTH as usize * ROWS - 1), halved(L));

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

/// The number, or the number less L where that is no less than zero.
const fn reduced(number: Digits) -> Digits {
    let mut less = [0; BLOCK];
    let (mut place, mut borrowed) = (0, 0);
    while place < BLOCK {
        let digit = number[place].wrapping_sub(L[place]).wrapping_sub(borrowed);
        less[place] = digit & DIGIT_MASK;
        borrowed = digit >> 63;
        place += 1;
    }
    if borrowed == 0 { less } else { number }
}

/// A power of two modulo L.
const fn power_of_two(exponent: usize) -> Digits {
    let mut power = [1, 0, 0, 0, 0];
    let mut doubled = 0;
    while doubled < exponent {
        power = reduced(plus(power, power));
        doubled += 1;
    }
    power
}

/// −1/L modulo R, bit by bit: each bit that is set makes the lowest bits of 1 + inverse·L zeros.
const fn negative_inverse() -> Digits {
    let (mut inverse, mut sum, mut multiple) = ([0; BLOCK], [1, 0, 0, 0, 0], L);
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
    r3: Number<V, 1>,
    half: Number<V, 1>,
    offset: Number<V, 1>,
}

impl<V: Lanes> Order<V> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let modulus = Modulus {
            number: splat(&L),
            // One block has no step that needs it.
            folded: splat(&[]),
            inverse: splat::<V, 1>(&INVERSE)[0],
            r2: splat(&R2),
        };
        Self { modulus, r3: splat(&R3), half: splat(&HALF), offset: splat(&OFFSET) }
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

    /// A hash, times R and below 4·L.
    #[inline(always)]
    pub(crate) fn of_hash(&self, hash: &Number<V, 2>) -> Number<V, 1> {
        let [lower, upper] = hash.map(|block| [block]);
        Self::sum(&self.product(&lower, &self.modulus.r2), &self.product(&upper, &self.r3))
    }

    /// A number below R, below L.
    #[inline(always)]
    pub(crate) fn reduced(&self, number: &Number<V, 1>) -> Number<V, 1> {
        self.plain(&self.product(number, &self.modulus.r2))
    }

    /// What gives L with a number that is no more than L.
    #[inline(always)]
    pub(crate) fn opposite(&self, number: &Number<V, 1>) -> Number<V, 1> {
        let mut opposite = self.modulus.number;
        for (digit, taken) in opposite.as_flattened_mut().iter_mut().zip(number.as_flattened()) {
            *digit = digit.minus(*taken);
        }
        carry(&mut opposite);
        opposite
    }

    /// A number times R, below 8·L, without it, below L.
    #[inline(always)]
    pub(crate) fn plain(&self, number: &Number<V, 1>) -> Number<V, 1> {
        let mut one = crate::number::zero();
        one[0][0] = V::splat(1);
        let mut plain = self.product(number, &one);
        reduce_once(&mut plain, &self.modulus.number);
        plain
    }

    /// k·a + r, below L: k is times R and below 4·L, a and r are not and are below L.
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

    /// The signed bits of a number below R, as `base.rs` has them.
    #[inline(always)]
    pub(crate) fn signs(&self, number: &Number<V, 1>) -> Number<V, 1> {
        Self::sum(&self.product(number, &self.half), &self.offset)
    }
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
