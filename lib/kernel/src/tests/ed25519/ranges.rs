//! No sum overflows and no factor loses a bit, whatever the digits are.

use crate::ed25519::base::ROWS;
use crate::ed25519::field::{self, Element, Sum};
use crate::ed25519::point::{Addend, Point};
use crate::ed25519::scalar::ORDER;
use crate::lanes::Interval;
use crate::number::BLOCK;
use crate::order::Order;
use crate::rows::{WIDTH, window};

/// Any element: see the head of `ed25519/field.rs`.
const ANY: Element<Interval> =
    Element([Interval { least: 0, most: (1 << field::BITS) + (1 << 15) - 1 }; BLOCK]);

const MASK: Interval = Interval { least: -1, most: 0 };

fn assert_element(number: &Element<Interval>) {
    for (digit, any) in number.0.iter().zip(ANY.0) {
        assert!(digit.least >= 0 && digit.most <= any.most, "{digit:?}");
    }
}

fn assert_point(point: &Point<Interval>) {
    for number in [&point.x, &point.y, &point.z, &point.t] {
        assert_element(number);
    }
}

fn any_point() -> Point<Interval> {
    Point { x: ANY, y: ANY, z: ANY, t: ANY }
}

#[test]
fn products_and_squares_of_elements_are_below_two_to_59_and_carried_they_are_elements() {
    for product in [ANY.times(&ANY), ANY.squared()] {
        assert!(product.0.iter().all(|digit| digit.least >= 0 && digit.most < 1 << 59), "{:?}", product.0);
        assert_element(&product.carried());
    }
    let mut number = ANY;
    field::invert(&mut number);
    assert_element(&number);
}

#[test]
fn sums_and_differences_of_products_are_below_two_to_61_and_carried_they_are_elements() {
    let product: Sum<Interval> = ANY.times(&ANY);
    let twice = product.plus(&product);
    for sum in [twice.minus(&product), twice.plus(&product), ANY.sum().minus(&product)] {
        assert!(sum.0.iter().all(|digit| digit.least >= 0 && digit.most < 1 << 61), "{:?}", sum.0);
        assert_element(&sum.carried());
    }
}

#[test]
fn additions_of_any_points_give_points() {
    assert_point(&any_point().plus(&Addend { sum: ANY, difference: ANY, product: ANY }, MASK));
    assert_point(&any_point().plus_point(&any_point(), &ANY));
    assert_point(&Point::affine(&ANY, &ANY));
}

#[test]
fn reduced_numbers_have_digits_of_51_bits() {
    for digit in ANY.reduced().0 {
        assert!(digit.least >= 0 && digit.most < 1 << field::BITS, "{digit:?}");
    }
    let (x, y) = any_point().divided(&ANY);
    for digit in x.0.into_iter().chain(y.0) {
        assert!(digit.least >= 0 && digit.most < 1 << field::BITS, "{digit:?}");
    }
}

#[test]
fn scalars_have_digits_but_for_the_sign_of_the_last() {
    let order = Order::new(&ORDER);
    let any = || [[Interval::DIGIT; BLOCK]];
    let numbers = [
        order.of_hash(&[[Interval::DIGIT; BLOCK]; 2]),
        order.plain(&any()),
        order.reduced(&any()),
        order.opposite(&any()),
        order.multiply_and_add(&any(), &any(), &any()),
        order.signs(&any()),
    ];
    for [number] in numbers {
        for digit in &number[..BLOCK - 1] {
            assert!(digit.least >= 0 && digit.most <= Interval::DIGIT.most, "{digit:?}");
        }
    }
    for row in 0..ROWS {
        let bits = window(&any()[0], row);
        assert!(bits.least >= 0 && bits.most < 1 << WIDTH, "{bits:?}");
    }
}

/// The bound of an element is needed: with one more bit in a digit a product drops bits.
#[test]
#[should_panic(expected = "is no digit")]
fn a_sum_of_two_elements_is_no_factor() {
    let Sum(digits) = ANY.sum().plus(&ANY.sum());
    let _ = Element(digits).times(&ANY);
}
