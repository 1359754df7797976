//! Multiples of the base point: see `rows.rs`.

use std::sync::OnceLock;

use super::constants::BASE;
use super::field::Element;
use super::point::{Point, invert_each};
use crate::lanes::Lanes;
use crate::number::Number;
use crate::rows::{Curve, POINTS, Rows, look_up, window};

/// Rows: enough bits for three times any number below the order.
pub(crate) const ROWS: usize = 52;

/// Points of a row as they are added: x and y.
pub(crate) type BaseTable = Rows<2, ROWS>;

/// The table of this process.
pub(crate) fn table<V: Lanes>() -> &'static BaseTable {
    static TABLE: OnceLock<Box<BaseTable>> = OnceLock::new();
    TABLE.get_or_init(|| BaseTable::twice(compute::<V>))
}

pub(crate) fn compute<V: Lanes>() -> Box<BaseTable> {
    let [x, y] = BASE.map(|digits| Element::splat(&digits));
    BaseTable::compute(
        Point { x, y, z: Element::one() },
        &Curve {
            add: |to: &mut Point<V>, other: &Point<V>| V::add_p256(to, other),
            choose: |mask, one: &Point<V>, other: &Point<V>| {
                let choose = |one, other| Element::choose_by(mask, one, other);
                Point {
                    x: choose(&one.x, &other.x),
                    y: choose(&one.y, &other.y),
                    z: choose(&one.z, &other.z),
                }
            },
            numbers: |points: &mut [Point<V>; POINTS]| {
                invert_each::<V, POINTS>(points);
                points.map(|Point { x, y, z }| {
                    [x, y].map(|number| {
                        let [number] = number.times(&z).carried().reduced();
                        number
                    })
                })
            },
        },
    )
}

/// `to` becomes the multiple of the base point by the scalar of which `signs` are the signed bits: see `rows.rs`.
#[inline(always)]
pub(crate) fn multiply<V: Lanes>(to: &mut Point<V>, signs: &Number<V, 1>, table: &BaseTable) {
    let mut sum = Point::neutral();
    for (place, row) in table.rows.iter().enumerate() {
        let (numbers, is_minus) = look_up(row, window(&signs[0], place));
        sum = sum.plus(&numbers.map(Element), is_minus);
    }
    *to = sum;
}
