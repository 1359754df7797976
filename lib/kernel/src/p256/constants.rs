//! The numbers of P-256 ([SP 800-186, section 3.2.1.3](https://doi.org/10.6028/NIST.SP.800-186)), by digits of 52 bits.

use super::base::ROWS;
use crate::lanes::{DIGIT_BITS, DIGIT_MASK};
use crate::order::{Constants, Digits, times_r};
use crate::rows::WIDTH;

/// p = 2²⁵⁶ − 2²²⁴ + 2¹⁹² + 2⁹⁶ − 1.
pub(crate) const P: Digits = digits([0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0, 0xffff_ffff_0000_0001]);

/// The order of the base point.
const N: Digits =
    digits([0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, 0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000]);

/// What the arithmetic needs of the order.
pub(crate) const ORDER: Constants = Constants::of(N, WIDTH as usize * ROWS);

/// One, times R = 2²⁶⁰.
pub(crate) const ONE: Digits = times_r([1, 0, 0, 0, 0], P);

/// The curve's b, times R.
pub(crate) const B: Digits = times_r(
    digits([0x3bce_3c3e_27d2_604b, 0x651d_06b0_cc53_b0f6, 0xb3eb_bd55_7698_86bc, 0x5ac6_35d8_aa3a_93e7]),
    P,
);

/// The base point's x and y, times R.
pub(crate) const BASE: [Digits; 2] = [
    times_r(
        digits([0xf4a1_3945_d898_c296, 0x7703_7d81_2deb_33a0, 0xf8bc_e6e5_63a4_40f2, 0x6b17_d1f2_e12c_4247]),
        P,
    ),
    times_r(
        digits([0xcbb6_4068_37bf_51f5, 0x2bce_3357_6b31_5ece, 0x8ee7_eb4a_7c0f_9e16, 0x4fe3_42e2_fe1a_7f9b]),
        P,
    ),
];

/// Of words of 64 bits, the lowest first.
const fn digits(words: [u64; 4]) -> Digits {
    let [a, b, c, d] = words;
    let bits = DIGIT_BITS;
    [
        a & DIGIT_MASK,
        (a >> bits | b << (64 - bits)) & DIGIT_MASK,
        (b >> (2 * bits - 64) | c << (128 - 2 * bits)) & DIGIT_MASK,
        (c >> (3 * bits - 128) | d << (192 - 3 * bits)) & DIGIT_MASK,
        d >> (4 * bits - 192),
    ]
}
