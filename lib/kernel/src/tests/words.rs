//! What a key is prepared with gives what a bignum library gives.

use rsa::BigUint;

use super::keys::Numbers;
use crate::words::{self, Odd, Words};

fn big(words: &[u64]) -> BigUint {
    BigUint::from_bytes_le(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
}

/// Odd numbers whose highest bit is one, of the words of a prime or a modulus: the least, the greatest, and any.
fn moduli(len: usize) -> Vec<Words> {
    let mut numbers = Numbers(len as u64);
    let mut least = vec![0; len];
    let greatest = vec![u64::MAX; len];
    let mut moduli: Vec<Vec<u64>> = (0..4).map(|_| (0..len).map(|_| numbers.next()).collect()).collect();
    least[0] = 1;
    moduli.extend([least, greatest]);
    for modulus in &mut moduli {
        modulus[0] |= 1;
        modulus[len - 1] |= 1 << 63;
    }
    moduli.into_iter().map(Words::new).collect()
}

#[test]
fn numbers_are_read_from_network_order() {
    let bytes: Vec<u8> = (1..=16).collect();
    assert_eq!(*words::from_bytes(&bytes), [0x090a_0b0c_0d0e_0f10, 0x0102_0304_0506_0708]);
}

#[test]
fn products_are_those_of_the_schoolbook() {
    let moduli = moduli(16);
    for (a, b) in moduli.iter().zip(moduli.iter().rev()) {
        assert_eq!(big(&words::product(a, b)), big(a) * big(b));
    }
}

#[test]
fn an_inverse_times_the_modulus_is_minus_one() {
    for modulus in moduli(16) {
        for len in [1, 5] {
            let power = BigUint::from(1_u32) << (64 * len);
            let inverse = big(&words::negative_inverse(&modulus, len));
            assert_eq!((inverse * big(&modulus) + 1_u32) % power, BigUint::from(0_u32));
        }
    }
}

#[test]
fn powers_of_two_and_numbers_shifted_are_reduced() {
    for len in [16, 24, 32, 48, 64] {
        let mut numbers = Numbers(7);
        for modulus in moduli(len) {
            let odd = Odd::new(&modulus, words::negative_inverse(&modulus, 1)[0]);
            let n = big(&modulus);
            let number: Vec<u64> = (0..len).map(|_| numbers.next()).collect();
            for above in [0, 1, 16, 63, 64, 1_056, 2_096, 4_224] {
                let exponent = len * 64 + above;
                let expected = (BigUint::from(1_u32) << exponent) % &n;
                assert_eq!(big(&odd.power_of_two(exponent)), expected, "2^{exponent} modulo {n}");
                assert_eq!(big(&odd.shifted(&number, exponent)), (big(&number) << exponent) % &n);
            }
        }
    }
}
