//! Numbers and scalars at the ends of their ranges, and multiples of the base point, against curve25519-dalek.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use rsa::BigUint;

use super::super::kernel;
use super::super::keys::Numbers;
use crate::LANES;
use crate::ed25519::base;
use crate::ed25519::field::Element;
use crate::ed25519::point::Point;
use crate::ed25519::scalar::ORDER;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Ifma;
use crate::lanes::{Lanes, Portable};
use crate::number::Number;
use crate::order::{self, Order};
use crate::rows::{WIDTH, window};

fn p() -> BigUint {
    (BigUint::from(1_u32) << 255) - 19_u32
}

fn order() -> BigUint {
    (BigUint::from(1_u32) << 252) + 27_742_317_777_372_353_535_851_937_790_883_648_493_u128
}

fn bytes<const N: usize>(number: &BigUint) -> [u8; N] {
    let mut bytes = [0; N];
    let digits = number.to_bytes_le();
    bytes[..digits.len()].copy_from_slice(&digits);
    bytes
}

/// Numbers by which a carry or a subtraction goes wrong, if one does.
fn around(modulus: &BigUint, bits: usize, numbers: &mut Numbers) -> Vec<BigUint> {
    let one = BigUint::from(1_u32);
    let mut all = Vec::new();
    for number in [BigUint::from(0_u32), modulus.clone(), modulus >> 1, modulus - 19_u32, modulus + 18_u32] {
        all.extend((0..3_u32).map(|more| &number + more));
        all.extend((1..3_u32).filter(|less| number > BigUint::from(*less)).map(|less| &number - less));
    }
    for bit in 0..bits {
        all.push(&one << bit);
        all.push((&one << bit) - &one);
    }
    all.extend((0..200).map(|_| BigUint::from_bytes_le(&numbers.digest()) >> (256 - bits)));
    all.retain(|number| number.bits() <= bits);
    all
}

/// So many of them at a time as there are lanes, each beside others.
fn eights(numbers: &[BigUint]) -> impl Iterator<Item = [BigUint; LANES]> {
    let at = |place: usize| numbers[place % numbers.len()].clone();
    (0..numbers.len()).step_by(LANES).map(move |first| std::array::from_fn(|lane| at(first + lane)))
}

fn fields_are_right<V: Lanes>() {
    let mut drawn = Numbers(7);
    let numbers = around(&p(), 255, &mut drawn);
    let turned: Vec<BigUint> = numbers.iter().rev().cloned().collect();
    for (a, b) in eights(&numbers).zip(eights(&turned)) {
        let [one, other] = [&a, &b].map(|eight| Element::<V>::decoded(&eight.each_ref().map(bytes)));
        let mut inverse = one;
        V::invert(&mut inverse);
        let sum = one.sum().plus(&other.sum()).carried();
        let difference = one.sum().minus(&other.sum()).carried();
        for lane in 0..LANES {
            let (a, b) = (&a[lane], &b[lane]);
            let expect = |number: &Element<V>, expected: BigUint| {
                assert_eq!(number.encoded()[lane], bytes(&(expected % p())), "{a}, {b}");
            };
            expect(&one, a.clone());
            expect(&sum, a + b);
            expect(&difference, a + p() + p() - b);
            expect(&one.times(&other).carried(), a * b);
            expect(&one.squared().carried(), a * a);
            expect(&inverse, a.modpow(&(p() - 2_u32), &p()));
        }
    }
}

fn scalars_are_right<V: Lanes>() {
    let mut drawn = Numbers(8);
    let order = Order::<V>::new(&ORDER);
    let numbers = around(&self::order(), 256, &mut drawn);
    let turned: Vec<BigUint> = numbers.iter().rev().cloned().collect();
    for (a, b) in eights(&numbers).zip(eights(&turned)) {
        let read = |eight: &[BigUint; LANES]| order::read::<V, 1, 32>(&eight.each_ref().map(bytes));
        let [one, other] = [&a, &b].map(|eight| order.reduced(&read(eight)));
        let opposite = order.opposite(&one);
        // A hash of 512 bits: b·2²⁵⁶ + a.
        let hashes: [[u8; 64]; LANES] = std::array::from_fn(|lane| bytes(&((&b[lane] << 256) + &a[lane])));
        let hash = order.of_hash(&order::read::<V, 2, 64>(&hashes));
        let sum = order.multiply_and_add(&hash, &one, &other);
        let plain = order.plain(&hash);
        for lane in 0..LANES {
            let (a, b, l) = (&a[lane], &b[lane], self::order());
            let k = ((b << 256) + a) % &l;
            assert_eq!(order::bytes(&one)[lane], bytes(&(a % &l)));
            assert_eq!(order::bytes(&plain)[lane], bytes(&k));
            assert_eq!(order::bytes(&sum)[lane], bytes(&((k * a + b) % &l)));
            assert_eq!(order::bytes(&opposite)[lane], bytes(&(&l - a % &l)));
        }
    }
}

fn multiples_are_right<V: Lanes>() {
    let mut drawn = Numbers(9);
    let order = Order::<V>::new(&ORDER);
    for eight in eights(&around(&self::order(), 256, &mut drawn)) {
        let read: Number<V, 1> = order::read(&eight.each_ref().map(bytes::<32>));
        let mut point = Point::<V>::neutral();
        V::multiply_base(&mut point, &order.signs(&read), base::table::<V>());
        let mut inverse = point.z;
        V::invert(&mut inverse);
        let (x, y) = point.divided(&inverse);
        let encoded = Point::encoded(&x, &y);
        for (encoded, number) in encoded.iter().zip(&eight) {
            let expected = EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order(bytes(number)));
            assert_eq!(*encoded, expected.compress().0, "{number}");
        }
        assert!(point.is(&x, &encoded));
        let mut other = encoded;
        other[3][31] ^= 0x80;
        assert!(!point.is(&x, &other), "the opposite of x is another point");
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
fn sums_and_products_modulo_the_order_are_those_of_the_schoolbook() {
    by_all!(scalars_are_right);
}

#[test]
fn multiples_of_the_base_point_are_those_of_another_library() {
    by_all!(multiples_are_right);
}

#[test]
fn rows_are_the_bits_of_a_scalar() {
    let bits = Numbers(10).digest();
    let digits: Number<Portable, 1> = order::read(&[bits; LANES]);
    let number = BigUint::from_bytes_le(&bits);
    for row in 0..crate::ed25519::base::ROWS {
        let expected = (&number >> (row * WIDTH as usize)) % (1_u32 << WIDTH);
        assert_eq!(BigUint::from(window(&digits[0], row).to_lanes()[5]), expected, "row {row}");
    }
}

#[test]
fn a_bit_that_flips_in_the_table_is_seen() {
    let mut table = base::compute::<Portable>();
    assert!(table.is_intact());
    table.flip(40, 1 << 50);
    assert!(!table.is_intact());
}
