//! Points of P-256, y² = x³ − 3·x + b, eight side by side.
//!
//! The formulas are those of [Renes, Costello and Batina](https://eprint.iacr.org/2015/1060), algorithms 4 and 5. They hold for any two
//! points of this curve, equal, opposite or neutral, as its order is odd; what is added by [`Point::plus`] is not neutral.

use super::constants::B;
use super::field::{Element, Sum};
use crate::lanes::Lanes;

/// A point (X/Z, Y/Z); the neutral one has Z = 0.
#[derive(Clone, Copy)]
pub(crate) struct Point<V> {
    pub(crate) x: Element<V>,
    pub(crate) y: Element<V>,
    pub(crate) z: Element<V>,
}

/// Products of two points' coordinates, and sums of such as a point (x, y) would have them in their places.
struct Products<V> {
    xx: Sum<V>,
    yy: Sum<V>,
    zz: Element<V>,
    /// x of one by y of the other, and the other way round; and so on.
    xy: Sum<V>,
    yz: Sum<V>,
    xz: Sum<V>,
}

impl<V: Lanes> Point<V> {
    /// The neutral element in all lanes.
    #[inline(always)]
    pub(crate) fn neutral() -> Self {
        Self { x: Element::zero(), y: Element::one(), z: Element::zero() }
    }

    /// The sum with a point (x, y), or the difference where the mask's bits are set.
    #[inline(always)]
    pub(crate) fn plus(&self, [x, y]: &[Element<V>; 2], is_minus: V) -> Self {
        let opposite = Element::zero().sum().minus(&y.sum()).carried();
        let y = &Element::choose_by(is_minus, &opposite, y);
        let (xx, yy) = (self.x.times(x), self.y.times(y));
        let xy = self.x.sum().plus(&self.y.sum()).carried().times(&x.sum().plus(&y.sum()).carried());
        Self::of(&Products {
            xy: xy.minus(&xx).minus(&yy),
            yz: y.times(&self.z).plus(&self.y.sum()),
            xz: x.times(&self.z).plus(&self.x.sum()),
            zz: self.z,
            xx,
            yy,
        })
    }

    /// The sum with another point.
    #[inline(always)]
    pub(crate) fn plus_point(&self, other: &Self) -> Self {
        let crossed = |a: [&Element<V>; 2], b: [&Element<V>; 2], products: [&Sum<V>; 2]| {
            let [a, b] = [a, b].map(|[one, another]| one.sum().plus(&another.sum()).carried());
            a.times(&b).minus(products[0]).minus(products[1])
        };
        let (xx, yy, zz) = (self.x.times(&other.x), self.y.times(&other.y), self.z.times(&other.z));
        Self::of(&Products {
            xy: crossed([&self.x, &self.y], [&other.x, &other.y], [&xx, &yy]),
            yz: crossed([&self.y, &self.z], [&other.y, &other.z], [&yy, &zz]),
            xz: crossed([&self.x, &self.z], [&other.x, &other.z], [&xx, &zz]),
            zz: zz.carried(),
            xx,
            yy,
        })
    }

    #[inline(always)]
    fn of(products: &Products<V>) -> Self {
        let Products { xx, yy, zz, xy, yz, xz } = products;
        let b = Element::splat(&B);
        let by_b = xz.minus(&b.times(zz)).thrice();
        let (less, more) = (yy.minus(&by_b).carried(), yy.plus(&by_b).carried());
        let zz3 = zz.sum().thrice();
        // `rest` and `opposite` are the opposites of what the formulas have, so that all that follows are sums of products.
        let rest = xx.plus(&zz3).minus(&b.times(&xz.carried())).thrice().carried();
        let difference = xx.thrice().minus(&zz3);
        let opposite = Element::zero().sum().minus(&difference).carried();
        let (xy, yz, difference) = (xy.carried(), yz.carried(), difference.carried());
        Self {
            x: Element::times_and_times([&xy, &more], [&yz, &rest]).carried(),
            y: Element::times_and_times([&more, &less], [&opposite, &rest]).carried(),
            z: Element::times_and_times([&yz, &less], [&xy, &difference]).carried(),
        }
    }
}

/// Every z becomes its inverse, of `MOST` points at the most: with one inversion, and three products for each of them.
#[inline(always)]
pub(crate) fn invert_each<V: Lanes, const MOST: usize>(points: &mut [Point<V>]) {
    let mut before = [Element::one(); MOST];
    let mut all = Element::one();
    for (point, before) in points.iter().zip(&mut before) {
        *before = all;
        all = all.times(&point.z).carried();
    }
    V::invert_p256(&mut all);
    for (point, before) in points.iter_mut().zip(&before).rev() {
        let inverse = all.times(before).carried();
        all = all.times(&point.z).carried();
        point.z = inverse;
    }
}
