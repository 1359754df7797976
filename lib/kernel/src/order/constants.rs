//! What the compiler computes of a modulus.

use crate::lanes::{DIGIT_BITS, DIGIT_MASK};
use crate::number::{BLOCK, BLOCK_BITS};

/// A number, the lowest digit first.
pub(crate) type Digits = [u64; BLOCK];

/// What the compiler computes of an order.
pub(crate) struct Constants {
    pub(super) order: Digits,
    pub(super) inverse: Digits,
    pub(super) r2: Digits,
    pub(super) r3: Digits,
    /// Half of R: a product with it is half of a number.
    pub(super) half: Digits,
    /// Half of 2^bits − 1, see `rows.rs`: as the order is odd, half of −1 is half of it, rounded down.
    pub(super) offset: Digits,
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
