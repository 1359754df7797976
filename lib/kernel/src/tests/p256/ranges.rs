//! No sum overflows and no factor loses a bit, whatever the digits are.

use crate::lanes::Interval;
use crate::number::BLOCK;
use crate::order::Order;
use crate::p256::base::ROWS;
use crate::p256::constants::ORDER;
use crate::p256::field::{self, Element, Sum};
use crate::p256::point::{Point, invert_each};
use crate::rows::{WIDTH, window};

const HIGHEST: Interval = Interval { least: 0, most: (1 << 49) + (1 << 32) - 1 };

/// Any element: see the head of `p256/field.rs`.
const ANY: Element<Interval> =
    Element([Interval::DIGIT, Interval::DIGIT, Interval::DIGIT, Interval::DIGIT, HIGHEST]);

const MASK: Interval = Interval { least: -1, most: 0 };

fn assert_element(number: &Element<Interval>) {
    for (digit, any) in number.0.iter().zip(ANY.0) {
        assert!(digit.least >= 0 && digit.most <= any.most, "{digit:?}");
    }
}

fn assert_point(point: &Point<Interval>) {
    for number in [&point.x, &point.y, &point.z] {
        assert_element(number);
    }
}

fn any_point() -> Point<Interval> {
    Point { x: ANY, y: ANY, z: ANY }
}

#[test]
fn products_of_elements_have_digits_below_two_to_57_and_carried_they_are_elements() {
    let two = Element::times_and_times([&ANY; 2], [&ANY; 2]);
    for (Sum(digits), highest) in [(ANY.times(&ANY), 5 << 46), (two, 6 << 46)] {
        assert!(digits.iter().all(|digit| digit.least >= 0 && digit.most < 1 << 57), "{digits:?}");
        assert!(digits[BLOCK - 1].most < highest + (1 << 32), "{digits:?}");
    }
    assert_element(&two.carried());
    assert_element(&ANY.times(&ANY).carried());
    let mut number = ANY;
    field::invert(&mut number);
    assert_element(&number);
}

#[test]
fn sums_and_differences_of_products_are_elements_once_they_are_carried() {
    let product: Sum<Interval> = ANY.times(&ANY);
    let nothing = product.minus(&product);
    for sum in [product.thrice().thrice(), nothing.minus(&product).thrice().thrice(), nothing] {
        assert_element(&sum.carried());
    }
}

#[test]
fn additions_of_any_points_give_points() {
    assert_point(&any_point().plus(&[ANY, ANY], MASK));
    assert_point(&any_point().plus_point(&any_point()));
    let mut points = [any_point(); 3];
    invert_each::<_, 3>(&mut points);
    points.iter().for_each(assert_point);
}

#[test]
fn reduced_numbers_have_digits() {
    for [number] in [ANY.reduced(), ANY.plain()] {
        for digit in &number[..BLOCK - 1] {
            assert!(digit.least >= 0 && digit.most <= Interval::DIGIT.most, "{digit:?}");
        }
    }
}

#[test]
fn scalars_have_digits_but_for_the_sign_of_the_last() {
    let order = Order::new(&ORDER);
    let any = || [[Interval::DIGIT; BLOCK]];
    // A number below 2²⁵⁶ or twice the order leaves room in its highest digit.
    let low = || [[Interval::DIGIT, Interval::DIGIT, Interval::DIGIT, Interval::DIGIT, HIGHEST]];
    let mut inverses = [any(); 3];
    order.invert_each::<3>(&mut inverses);
    let numbers = [
        order.of_hash(&[[Interval::DIGIT; BLOCK]; 2]),
        order.plain(&any()),
        order.reduced(&any()),
        order.opposite(&any()),
        order.times_r(&any()),
        order.below_order(&any()),
        order.sum_times(&low(), &low(), &low(), &any()),
        order.difference_times(&low(), &low(), &low(), &any()),
        order.signs(&any()),
        inverses[1],
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

/// The bound of an element is needed: what is not carried is no factor.
#[test]
#[should_panic(expected = "is no digit")]
fn a_sum_of_two_elements_is_no_factor() {
    let Sum(digits) = ANY.sum().plus(&ANY.sum());
    let _ = Element(digits).times(&ANY);
}
