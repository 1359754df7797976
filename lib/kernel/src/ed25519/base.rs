//! Multiples of the base point B: see `rows.rs`.

use std::sync::OnceLock;

use super::field::Element;
use super::point::{Addend, Point, invert_each};
use crate::lanes::{LANES, Lanes};
use crate::number::Number;
use crate::rows::{Curve, POINTS, Rows, look_up, window};

/// Rows: enough bits for any number below the order, and twice and four times as many.
pub(crate) const ROWS: usize = 51;

/// Points of a row as they are added: sum, difference and product.
pub(crate) type BaseTable = Rows<3, ROWS>;

/// x of B ([RFC 8032, section 5.1](https://www.rfc-editor.org/rfc/rfc8032#section-5.1)), the lowest byte first.
const X: [u8; 32] = [
    0x1a, 0xd5, 0x25, 0x8f, 0x60, 0x2d, 0x56, 0xc9, 0xb2, 0xa7, 0x25, 0x95, 0x60, 0xc7, 0x2c, 0x69, 0x5c,
    0xdc, 0xd6, 0xfd, 0x31, 0xe2, 0xa4, 0xc0, 0xfe, 0x53, 0x6e, 0xcd, 0xd3, 0x36, 0x69, 0x21,
];

/// The table of this process.
pub(crate) fn table<V: Lanes>() -> &'static BaseTable {
    static TABLE: OnceLock<Box<BaseTable>> = OnceLock::new();
    TABLE.get_or_init(|| BaseTable::twice(compute::<V>))
}

pub(crate) fn compute<V: Lanes>() -> Box<BaseTable> {
    let quotient = |number: &Element<V>, by: u64| {
        let mut inverse = Element::small(by);
        V::invert(&mut inverse);
        number.times(&inverse).carried()
    };
    // d = −121665/121666, and y = 4/5.
    let zero = Element::<V>::small(0);
    let d = quotient(&zero.sum().minus(&Element::small(121_665).sum()).carried(), 121_666);
    let d2 = d.sum().plus(&d.sum()).carried();
    let y = quotient(&Element::small(4), 5);
    BaseTable::compute(
        Point::affine(&Element::decoded(&[X; LANES]), &y),
        &Curve {
            add: |to: &mut Point<V>, other: &Point<V>| V::add_points(to, other, &d2),
            choose: |mask, one: &Point<V>, other: &Point<V>| {
                let choose = |one, other| Element::choose_by(mask, one, other);
                Point {
                    x: choose(&one.x, &other.x),
                    y: choose(&one.y, &other.y),
                    z: choose(&one.z, &other.z),
                    t: choose(&one.t, &other.t),
                }
            },
            numbers: |points: &mut [Point<V>; POINTS]| {
                invert_each::<V, POINTS>(points);
                points.map(|point| {
                    let (x, y) = point.divided(&point.z);
                    [
                        y.sum().plus(&x.sum()).carried(),
                        y.sum().minus(&x.sum()).carried(),
                        x.times(&y).carried().times(&d2).carried(),
                    ]
                    .map(|number| number.reduced().0)
                })
            },
        },
    )
}

/// `to` becomes the multiple of B by the scalar of which `signs` are the signed bits: see `rows.rs`.
#[inline(always)]
pub(crate) fn multiply<V: Lanes>(to: &mut Point<V>, signs: &Number<V, 1>, table: &BaseTable) {
    let mut sum = Point::neutral();
    for (place, row) in table.rows.iter().enumerate() {
        let (numbers, is_minus) = look_up(row, window(&signs[0], place));
        let [sum_of, difference, product] = numbers.map(Element);
        sum = sum.plus(&Addend { sum: sum_of, difference, product }, is_minus);
    }
    *to = sum;
}
