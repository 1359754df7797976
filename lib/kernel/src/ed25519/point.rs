//! Points of edwards25519, −x² + y² = 1 + d·x²·y², eight side by side.
//!
//! The formulas are those of [Hisil, Wong, Carter and Dawson](https://eprint.iacr.org/2008/522), section 3.1. They hold for any two
//! points of this curve, equal, opposite or neutral, as d is no square.

use super::field::{BYTES, Element};
use crate::lanes::{LANES, Lanes};

/// A point (X/Z, Y/Z), with T = X·Y/Z.
#[derive(Clone, Copy)]
pub(crate) struct Point<V> {
    pub(crate) x: Element<V>,
    pub(crate) y: Element<V>,
    pub(crate) z: Element<V>,
    pub(crate) t: Element<V>,
}

/// A point (x, y) as it is added: y + x, y − x and 2·d·x·y.
#[derive(Clone, Copy)]
pub(crate) struct Addend<V> {
    pub(crate) sum: Element<V>,
    pub(crate) difference: Element<V>,
    pub(crate) product: Element<V>,
}

impl<V: Lanes> Point<V> {
    /// The neutral element in all lanes.
    #[inline(always)]
    pub(crate) fn neutral() -> Self {
        let [zero, one] = [0, 1].map(Element::small);
        Self { x: zero, y: one, z: one, t: zero }
    }

    /// From x and y.
    #[inline(always)]
    pub(crate) fn affine(x: &Element<V>, y: &Element<V>) -> Self {
        Self { x: *x, y: *y, z: Element::small(1), t: x.times(y).carried() }
    }

    /// x and y below p, by the inverse of z.
    #[inline(always)]
    pub(crate) fn divided(&self, inverse: &Element<V>) -> (Element<V>, Element<V>) {
        (self.x.times(inverse).carried().reduced(), self.y.times(inverse).carried().reduced())
    }

    /// A point by x and y below p, in each lane: y, and in its highest bit whether x is odd
    /// ([RFC 8032, section 5.1.2](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.2)).
    #[inline(always)]
    pub(crate) fn encoded(x: &Element<V>, y: &Element<V>) -> [[u8; BYTES]; LANES] {
        let mut encoded = y.encoded();
        for (bytes, digit) in encoded.iter_mut().zip(x.0[0].to_lanes()) {
            bytes[BYTES - 1] |= (digit.to_le_bytes()[0] & 1) << 7;
        }
        encoded
    }

    /// Whether each lane's point is (x, y) and what [`Point::encoded`] makes of that, without a division: everybody may know.
    #[inline(always)]
    pub(crate) fn is(&self, x: &Element<V>, encoded: &[[u8; BYTES]; LANES]) -> bool {
        let digits = x.0[0].reveal().to_lanes();
        let is_odd =
            digits.iter().zip(encoded).all(|(digit, bytes)| digit & 1 == u64::from(bytes[BYTES - 1] >> 7));
        let y = Element::decoded(encoded);
        let by_x = self.x.sum().minus(&x.times(&self.z)).carried();
        let by_y = self.y.sum().minus(&y.times(&self.z)).carried();
        is_odd && by_x.is_zero() && by_y.is_zero()
    }

    /// The sum with an addend, or the difference where the mask's bits are set.
    #[inline(always)]
    pub(crate) fn plus(&self, addend: &Addend<V>, is_minus: V) -> Self {
        let Addend { sum, difference, product } = addend;
        // −(x, y) is (−x, y): its sum is the difference and the other way round, and its product the opposite.
        let by_a = Element::choose_by(is_minus, sum, difference);
        let by_b = Element::choose_by(is_minus, difference, sum);
        let a = self.y.sum().minus(&self.x.sum()).carried().times(&by_a);
        let b = self.y.sum().plus(&self.x.sum()).carried().times(&by_b);
        let c = self.t.times(product);
        let d = self.z.sum().plus(&self.z.sum());
        let (less, more) = (d.minus(&c).carried(), d.plus(&c).carried());
        let f = Element::choose_by(is_minus, &more, &less);
        let g = Element::choose_by(is_minus, &less, &more);
        Self::of(&b.minus(&a).carried(), &f, &g, &b.plus(&a).carried())
    }

    /// The sum with another point. `d2` is 2·d.
    #[inline(always)]
    pub(crate) fn plus_point(&self, other: &Self, d2: &Element<V>) -> Self {
        let a =
            self.y.sum().minus(&self.x.sum()).carried().times(&other.y.sum().minus(&other.x.sum()).carried());
        let b =
            self.y.sum().plus(&self.x.sum()).carried().times(&other.y.sum().plus(&other.x.sum()).carried());
        let c = self.t.times(d2).carried().times(&other.t);
        let half = self.z.times(&other.z);
        let d = half.plus(&half);
        let (f, g) = (d.minus(&c).carried(), d.plus(&c).carried());
        Self::of(&b.minus(&a).carried(), &f, &g, &b.plus(&a).carried())
    }

    #[inline(always)]
    fn of(e: &Element<V>, f: &Element<V>, g: &Element<V>, h: &Element<V>) -> Self {
        Self {
            x: e.times(f).carried(),
            y: g.times(h).carried(),
            z: f.times(g).carried(),
            t: e.times(h).carried(),
        }
    }
}

/// Every z becomes its inverse, of `MOST` points at the most: with one inversion, and three products for each of them.
#[inline(always)]
pub(crate) fn invert_each<V: Lanes, const MOST: usize>(points: &mut [Point<V>]) {
    let mut before = [Element::small(1); MOST];
    let mut all = Element::small(1);
    for (point, before) in points.iter().zip(&mut before) {
        *before = all;
        all = all.times(&point.z).carried();
    }
    V::invert(&mut all);
    for (point, before) in points.iter_mut().zip(&before).rev() {
        let inverse = all.times(before).carried();
        all = all.times(&point.z).carried();
        point.z = inverse;
    }
}
