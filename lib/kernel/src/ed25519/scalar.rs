//! Numbers modulo L, the order of the base point.

use super::base::ROWS;
use crate::lanes::{DIGIT_BITS, DIGIT_MASK};
use crate::order::{Constants, Digits};
use crate::rows::WIDTH;

/// L = 2²⁵² + this ([RFC 8032, section 5.1](https://www.rfc-editor.org/rfc/rfc8032#section-5.1)).
const ABOVE_THE_POWER: u128 = 0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed;

const L: Digits = [
    low(ABOVE_THE_POWER),
    low(ABOVE_THE_POWER >> DIGIT_BITS),
    low(ABOVE_THE_POWER >> (2 * DIGIT_BITS)),
    0,
    1 << (252 - 4 * DIGIT_BITS),
];

/// What the arithmetic needs of L.
pub(crate) const ORDER: Constants = Constants::of(L, WIDTH as usize * ROWS);

#[expect(clippy::cast_possible_truncation, reason = "a digit is cut out")]
const fn low(number: u128) -> u64 {
    number as u64 & DIGIT_MASK
}
