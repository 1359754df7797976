//! No sum overflows and no factor loses a bit, whatever the digits are.

use crate::lanes::{Interval, Lanes as _};
use crate::montgomery::{self, Modulus, multiply_and_add};
use crate::number::{BLOCK, Number, carry, reduce_once};

fn any<const B: usize>() -> Number<Interval, B> {
    [[Interval::DIGIT; BLOCK]; B]
}

fn modulus<const B: usize>() -> Modulus<Interval, B> {
    Modulus { number: any(), folded: any(), inverse: [Interval::DIGIT; BLOCK], r2: any() }
}

fn assert_digits<const B: usize>(number: &Number<Interval, B>) {
    for digit in number.as_flattened() {
        assert!(digit.least >= 0 && digit.most <= Interval::DIGIT.most, "{digit:?}");
    }
}

fn products_stay_in_range<const B: usize>() {
    let mut result = any();
    montgomery::multiply(&mut result, &any(), &any(), &modulus::<B>());
    assert_digits(&result);
    montgomery::square(&mut result, 2, &modulus::<B>());
    assert_digits(&result);
}

#[test]
fn multiplications_modulo_primes_and_moduli_of_all_sizes_stay_in_range() {
    products_stay_in_range::<4>();
    products_stay_in_range::<6>();
    products_stay_in_range::<8>();
    products_stay_in_range::<12>();
    products_stay_in_range::<16>();
}

#[test]
fn the_last_product_stays_in_range() {
    assert_digits(&multiply_and_add::<_, 4, 8>(&any(), &any(), &any()));
    assert_digits(&multiply_and_add::<_, 6, 12>(&any(), &any(), &any()));
    assert_digits(&multiply_and_add::<_, 8, 16>(&any(), &any(), &any()));
}

/// The last one keeps what does not fit, and its sign.
fn assert_digits_but_the_last<const B: usize>(number: &Number<Interval, B>) {
    let (_, digits) = number.as_flattened().split_last().expect("there are digits");
    for digit in digits {
        assert!(digit.least >= 0 && digit.most <= Interval::DIGIT.most, "{digit:?}");
    }
}

fn carries_leave_digits<const B: usize>() {
    let mut number: Number<Interval, B> = any();
    for digit in number.as_flattened_mut() {
        *digit = digit.minus(Interval::DIGIT).plus(Interval::DIGIT.plus(Interval::DIGIT));
    }
    carry(&mut number);
    assert_digits_but_the_last(&number);
    let mut number: Number<Interval, B> = any();
    reduce_once(&mut number, &any());
    assert_digits_but_the_last(&number);
}

#[test]
fn sums_and_differences_are_digits_again_but_the_last() {
    carries_leave_digits::<4>();
    carries_leave_digits::<6>();
    carries_leave_digits::<8>();
    carries_leave_digits::<12>();
    carries_leave_digits::<16>();
}

/// The ranges are those of a real machine: one more bit in the factors, and the check speaks up.
#[test]
#[should_panic(expected = "is no digit")]
fn a_factor_that_was_not_carried_is_seen() {
    let sum = Interval::DIGIT.plus(Interval::DIGIT);
    let _ = Interval::splat(0).add_low(sum, Interval::DIGIT);
}

#[test]
#[should_panic(expected = "a sum may be as high as")]
fn a_sum_that_overflows_is_seen() {
    let mut sum = Interval::splat(0);
    for _ in 0..=1 << 11 {
        sum = sum.add_low(Interval::DIGIT, Interval::DIGIT);
    }
}
