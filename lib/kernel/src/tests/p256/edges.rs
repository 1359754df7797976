//! Numbers and scalars at the ends of their ranges, and multiples of the base point, against the crate `p256`.

use p256::elliptic_curve::PrimeField as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{ProjectivePoint, Scalar};
use rsa::BigUint;

use super::super::kernel;
use super::super::keys::Numbers;
use crate::LANES;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Ifma;
use crate::lanes::{Lanes, Portable};
use crate::number::Number;
use crate::order::{self, Order};
use crate::p256::base;
use crate::p256::constants::ORDER;
use crate::p256::field::Element;
use crate::p256::point::Point;

fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).expect("a number")
}

fn p() -> BigUint {
    number("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
}

fn n() -> BigUint {
    number("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
}

fn r() -> BigUint {
    BigUint::from(1_u32) << 260
}

/// What gives one with a number, modulo a prime; zero for zero.
fn inverse(number: &BigUint, prime: &BigUint) -> BigUint {
    number.modpow(&(prime - 2_u32), prime)
}

fn bytes<const N: usize>(number: &BigUint) -> [u8; N] {
    let mut bytes = [0; N];
    let digits = number.to_bytes_le();
    bytes[..digits.len()].copy_from_slice(&digits);
    bytes
}

/// Numbers by which a carry or a subtraction goes wrong, if one does.
fn around(modulus: &BigUint, numbers: &mut Numbers) -> Vec<BigUint> {
    let one = BigUint::from(1_u32);
    let mut all = Vec::new();
    for number in [BigUint::from(0_u32), modulus.clone(), modulus >> 1, n(), (&one << 256) - 1_u32] {
        all.extend((0..3_u32).map(|more| &number + more));
        all.extend((1..3_u32).filter(|less| number > BigUint::from(*less)).map(|less| &number - less));
    }
    for bit in 0..256 {
        all.push(&one << bit);
        all.push((&one << bit) - &one);
        all.push((&one << 256) - (&one << bit));
    }
    all.extend((0..200).map(|_| BigUint::from_bytes_le(&numbers.digest())));
    all.retain(|number| number.bits() <= 256);
    all
}

/// So many of them at a time as there are lanes, each beside others.
fn eights(numbers: &[BigUint]) -> impl Iterator<Item = [BigUint; LANES]> {
    let at = |place: usize| numbers[place % numbers.len()].clone();
    (0..numbers.len()).step_by(LANES).map(move |first| std::array::from_fn(|lane| at(first + lane)))
}

fn read<V: Lanes>(eight: &[BigUint; LANES]) -> Number<V, 1> {
    order::read(&eight.each_ref().map(bytes::<32>))
}

/// Each lane's number.
fn values<V: Lanes>(number: &Number<V, 1>) -> [BigUint; LANES] {
    let digits = number[0].map(V::to_lanes);
    std::array::from_fn(|lane| {
        digits.iter().rev().fold(BigUint::from(0_u32), |number, digit| (number << 52) + digit[lane])
    })
}

fn fields_are_right<V: Lanes>() {
    let mut drawn = Numbers(17);
    let numbers = around(&p(), &mut drawn);
    let turned: Vec<BigUint> = numbers.iter().rev().cloned().collect();
    let by_r = inverse(&(r() % p()), &p());
    for (a, b) in eights(&numbers).zip(eights(&turned)) {
        let [one, other] = [&a, &b].map(|eight| {
            let [digits] = read::<V>(eight);
            Element(digits)
        });
        let mut inverted = one;
        V::invert_p256(&mut inverted);
        let results = [
            one,
            one.sum().plus(&other.sum()).carried(),
            one.sum().minus(&other.sum()).carried(),
            one.sum().minus(&other.sum()).minus(&other.sum()).thrice().carried(),
            one.times(&other).carried(),
            one.times(&one).carried(),
            inverted,
        ]
        .map(|number| values(&number.reduced()));
        let plain = values(&one.plain());
        let zero = one.sum().minus(&one.sum()).carried();
        assert_eq!(zero.is_zero(), [true; LANES]);
        for lane in 0..LANES {
            let (a, b) = (&a[lane], &b[lane]);
            // Twice what is above zero, whatever is taken away.
            let above = p() << 4;
            let expected = [
                a.clone(),
                a + b,
                a + &above - b,
                (a + &above - b - b) * 3_u32,
                a * b * &by_r,
                a * a * &by_r,
                inverse(&(a % p()), &p()) * r() * r(),
            ];
            for (place, (result, expected)) in results.iter().zip(expected).enumerate() {
                assert_eq!(result[lane], expected % p(), "{place}: {a}, {b}");
            }
            assert_eq!(plain[lane], a * &by_r % p());
            assert_eq!(one.is_zero()[lane], a % p() == BigUint::from(0_u32), "{a}");
        }
    }
}

fn scalars_are_right<V: Lanes>() {
    let mut drawn = Numbers(18);
    let order = Order::<V>::new(&ORDER);
    let numbers = around(&n(), &mut drawn);
    let turned: Vec<BigUint> = numbers.iter().rev().cloned().collect();
    for (a, b) in eights(&numbers).zip(eights(&turned)) {
        let [whole, other] = [&a, &b].map(|eight| read::<V>(eight));
        let below = order.reduced(&other);
        let times_r = order.times_r(&below);
        // Three at a time: none of them has a zero beside it.
        let mut inverses = [whole, below, order.reduced(&whole)];
        order.invert_each::<8>(&mut inverses);
        let sum = order.sum_times(&whole, &below, &times_r, &inverses[1]);
        let difference = order.below_order(&order.difference_times(&whole, &below, &times_r, &inverses[1]));
        let are_inverse = order.is_inverse(&below, &inverses[1]);
        for lane in 0..LANES {
            let (a, b, n) = (&a[lane], &b[lane] % n(), n());
            let zero = BigUint::from(0_u32);
            let by_b = if b == zero || a % &n == zero { zero.clone() } else { inverse(&b, &n) };
            assert_eq!(values(&times_r)[lane], &b * r() % &n);
            assert_eq!(values(&sum)[lane], (a + &b * &b) * &by_b % &n, "{a}, {b}");
            assert_eq!(values(&difference)[lane], (a + &n * &n - &b * &b) * &by_b % &n, "{a}, {b}");
            assert_eq!(are_inverse[lane], by_b != zero);
            let expected = if by_b == zero { zero } else { inverse(&(a % &n), &n) * r() % &n };
            assert_eq!(values(&order.below_order(&inverses[0]))[lane], expected);
            assert_eq!(values(&order.below_order(&inverses[2]))[lane], expected);
        }
    }
}

fn multiples_are_right<V: Lanes>() {
    let mut drawn = Numbers(19);
    let order = Order::<V>::new(&ORDER);
    for eight in eights(&around(&n(), &mut drawn)) {
        let mut point = Point::<V>::neutral();
        V::multiply_p256(&mut point, &order.signs(&read(&eight)), base::table::<V>());
        let mut inverted = point.z;
        V::invert_p256(&mut inverted);
        let [x, y] = [point.x, point.y].map(|number| values(&number.times(&inverted).carried().plain()));
        for (lane, number) in eight.iter().enumerate() {
            let mut network = bytes::<32>(&(number % n()));
            network.reverse();
            let scalar = Scalar::from_repr(network.into()).expect("it is below the order");
            let expected = (ProjectivePoint::GENERATOR * scalar).to_affine().to_sec1_point(false);
            match (expected.x(), expected.y()) {
                (Some(expected_x), Some(expected_y)) => {
                    assert_eq!(x[lane], BigUint::from_bytes_be(expected_x), "{number}");
                    assert_eq!(y[lane], BigUint::from_bytes_be(expected_y), "{number}");
                }
                _ => assert!(point.z.is_zero()[lane], "the neutral point"),
            }
        }
    }
}

/// Equal, opposite and neutral points are added like others.
fn all_points_are_added<V: Lanes>() {
    let order = Order::<V>::new(&ORDER);
    let multiple = |number: u32| {
        let mut point = Point::<V>::neutral();
        let number = [(); LANES].map(|()| BigUint::from(number));
        V::multiply_p256(&mut point, &order.signs(&read(&number)), base::table::<V>());
        point
    };
    let opposite =
        |point: &Point<V>| Point { y: Element::zero().sum().minus(&point.y.sum()).carried(), ..*point };
    let is = |a: &Point<V>, b: &Point<V>| {
        let differ = |a: &Element<V>, z: &Element<V>, b: &Element<V>, w: &Element<V>| {
            a.times(w).minus(&b.times(z)).carried().is_zero() == [true; LANES]
        };
        a.z.is_zero() == b.z.is_zero() && differ(&a.x, &a.z, &b.x, &b.z) && differ(&a.y, &a.z, &b.y, &b.z)
    };
    let (zero, one, two, three) = (Point::neutral(), multiple(1), multiple(2), multiple(3));
    for (a, b, sum) in [
        (&one, &one, &two),
        (&one, &two, &three),
        (&two, &zero, &two),
        (&zero, &zero, &zero),
        (&two, &opposite(&two), &zero),
        (&three, &opposite(&one), &two),
    ] {
        let mut point = *a;
        V::add_p256(&mut point, b);
        assert!(is(&point, sum));
        assert!(!is(&point, &multiple(7)));
        let mut inverted = b.z;
        V::invert_p256(&mut inverted);
        if b.z.is_zero() == [false; LANES] {
            let addend = [b.x, b.y].map(|number| number.times(&inverted).carried());
            assert!(is(&a.plus(&addend, V::splat(0)), sum));
            let mut taken = *a;
            V::add_p256(&mut taken, &opposite(b));
            assert!(is(&a.plus(&addend, V::splat(u64::MAX)), &taken));
        }
    }
}

/// By the kernel and by its portable twin.
macro_rules! by_all {
    ($check:ident) => {
        $check::<Portable>();
        #[cfg(target_arch = "x86_64")]
        if kernel().is_some() {
            $check::<Ifma>();
        }
    };
}

#[test]
fn sums_products_and_inverses_modulo_p_are_those_of_the_schoolbook() {
    by_all!(fields_are_right);
}

#[test]
fn sums_products_and_inverses_modulo_the_order_are_those_of_the_schoolbook() {
    by_all!(scalars_are_right);
}

#[test]
fn multiples_of_the_base_point_are_those_of_another_library() {
    by_all!(multiples_are_right);
}

#[test]
fn equal_opposite_and_neutral_points_are_added_like_others() {
    by_all!(all_points_are_added);
}

#[test]
fn a_bit_that_flips_in_the_table_is_seen() {
    let mut table = base::compute::<Portable>();
    assert!(table.is_intact());
    table.flip(40, 1 << 50);
    assert!(!table.is_intact());
}
