//! Signatures that other libraries take, and the numbers that they have to be.

use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use p256::ecdsa::signature::Verifier as _;
use p256::elliptic_curve::PrimeField as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{ProjectivePoint, Scalar};
use rsa::BigUint;

use super::super::keys::Numbers;
use super::super::secrets::bytes;
use super::{are_right, key, messages, sign};
use crate::lanes::Portable;
use crate::p256::base;
use crate::p256::sign::{Signer, sign_by};
use crate::{LANES, P256Key};

/// Private key, x and y of the public key, and for two messages digest, nonce, r and s: RFC 6979, A.2.5.
const KEY: [&str; 3] = [
    "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
];
const VECTORS: [[&str; 4]; 2] = [
    [
        "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf",
        "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ],
    [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "d16b6ae827f17175e040871a1c7ec3500192c4c92677336ec2537acaee0008e0",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ],
];

/// Signatures of eight digests with these nonces, by the portable twin.
fn sign_with(key: &P256Key, digests: [[u8; 32]; LANES], nonces: [[u8; 32]; LANES]) -> [[u8; 64]; LANES] {
    let drawn = nonces.map(|mut nonce| {
        nonce.reverse();
        let mut wide = [0; 64];
        wide[..32].copy_from_slice(&nonce);
        wide
    });
    let signer = Signer::<Portable>::new(key, base::table::<Portable>());
    let mut eights = [signer.begin(&drawn)];
    signer.finish(&mut eights, &digests).expect("it is right");
    eights[0].signatures
}

fn number(hex: &str) -> [u8; 32] {
    bytes(hex).as_slice().try_into().expect("32 bytes")
}

#[test]
fn the_vectors_of_rfc_6979_come_out_with_its_nonces() {
    let key = key(&number(KEY[0]));
    assert_eq!(key.public_key().to_vec(), [bytes(KEY[1]), bytes(KEY[2])].concat());
    let lanes = |at: usize| std::array::from_fn(|lane| number(VECTORS[lane % 2][at]));
    for (lane, signature) in sign_with(&key, lanes(0), lanes(1)).iter().enumerate() {
        let [_, _, r, s] = VECTORS[lane % 2];
        assert_eq!(signature.to_vec(), [bytes(r), bytes(s)].concat());
    }
}

#[test]
fn r_and_s_are_those_of_the_schoolbook() {
    let order =
        BigUint::from_bytes_be(&number("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));
    let mut numbers = Numbers(25);
    for round in 0..20 {
        let d = numbers.digest();
        let key = key(&d);
        // The highest digests are above the order.
        let digests = [(); LANES].map(|()| if round == 0 { [0xff; 32] } else { numbers.digest() });
        let nonces = [(); LANES].map(|()| numbers.digest());
        let signatures = sign_with(&key, digests, nonces);
        for ((digest, nonce), signature) in digests.iter().zip(&nonces).zip(&signatures) {
            let scalar = Scalar::from_repr((*nonce).into()).expect("it is below the order");
            let point = (ProjectivePoint::GENERATOR * scalar).to_affine().to_sec1_point(false);
            let r = BigUint::from_bytes_be(point.x().expect("it is not neutral")) % &order;
            let [d, e, k] = [&d, digest, nonce].map(|number| BigUint::from_bytes_be(number));
            let s = k.modpow(&(&order - 2_u32), &order) * (e + &r * d) % &order;
            assert_eq!(BigUint::from_bytes_be(&signature[..32]), r);
            assert_eq!(BigUint::from_bytes_be(&signature[32..]), s);
        }
    }
}

#[test]
fn batches_of_every_length_are_signed_as_two_libraries_take_it() {
    let mut numbers = Numbers(26);
    for d in [[1; 32], [0xfe; 32], numbers.digest()] {
        let key = key(&d);
        let point = [[4].as_slice(), &key.public_key()].concat();
        let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).expect("it is a point");
        // More than are divided by one inversion, too.
        for count in (0..=2 * LANES + 1).chain([8 * LANES - 1, 8 * LANES, 8 * LANES + 1, 19 * LANES + 5]) {
            let (messages, digests) = messages(count, &mut numbers);
            let signatures = sign(&key, &digests).expect("the kernel signs");
            assert!(are_right(&key, &messages, &signatures), "{count} messages");
            for (message, signature) in messages.iter().zip(signatures.chunks_exact(64)) {
                let signature = p256::ecdsa::Signature::from_slice(signature).expect("r and s");
                assert!(public.verify(message, &signature).is_ok());
            }
        }
    }
}

#[test]
fn what_is_appended_comes_after_what_is_there() {
    let mut numbers = Numbers(27);
    let key = key(&numbers.digest());
    let (messages, digests) = messages(3, &mut numbers);
    let mut signatures = b"before".to_vec();
    assert_eq!(super::sign_while(&key, &digests, &mut || true, &mut signatures), Ok(3));
    assert_eq!(signatures[..6], *b"before");
    assert!(are_right(&key, &messages, &signatures[6..]));
}

#[test]
fn no_nonce_comes_twice() {
    let mut numbers = Numbers(28);
    let key = key(&numbers.digest());
    let signatures = sign(&key, &[numbers.digest(); 64]).expect("the kernel signs");
    let mut points: Vec<_> = signatures.chunks_exact(64).map(|signature| &signature[..32]).collect();
    points.sort_unstable();
    points.dedup();
    assert_eq!(points.len(), 64, "one message in all lanes, and each signature has a point of its own");
}

#[test]
fn the_portable_twin_signs_too() {
    let mut numbers = Numbers(29);
    let d = numbers.digest();
    let key = P256Key::prepare_by::<Portable>(&d);
    assert_eq!(key.public_key(), self::key(&d).public_key());
    let (messages, digests) = messages(2 * LANES + 1, &mut numbers);
    let mut signatures = Vec::new();
    assert_eq!(sign_by::<Portable>(&key, &digests, &mut || true, &mut signatures), Ok(messages.len()));
    assert!(are_right(&key, &messages, &signatures));
}

#[test]
fn thousands_of_random_messages_are_signed() {
    many(1 << 12);
}

#[test]
#[ignore = "takes a minute"]
fn a_million_random_messages_are_signed() {
    many(1 << 20);
}

fn many(count: usize) {
    const BATCH: usize = 1_024;
    let mut numbers = Numbers(30);
    for _ in 0..count / BATCH {
        let d = numbers.digest();
        let key = key(&d);
        let (messages, digests) = messages(BATCH, &mut numbers);
        let signatures = sign(&key, &digests).expect("the kernel signs");
        assert!(are_right(&key, &messages, &signatures), "{d:?}");
    }
}

#[test]
fn threads_share_a_key() {
    let mut numbers = Numbers(31);
    let key = key(&numbers.digest());
    let (messages, digests) = messages(3 * LANES, &mut numbers);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let signatures = sign(&key, &digests).expect("the kernel signs");
                assert!(are_right(&key, &messages, &signatures));
            });
        }
    });
}

/// Microseconds of each, the least of many rounds: see docs/internals/kernel-p256.md.
#[test]
#[ignore = "measures time"]
#[expect(clippy::print_stdout, reason = "what was measured is for the reader")]
fn rates_beside_aws_lc() {
    let mut numbers = Numbers(32);
    let d = numbers.digest();
    let document = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let random = SystemRandom::new();
    let least = |rounds: u32, work: &mut dyn FnMut()| {
        let round = |_| {
            let began = Instant::now();
            work();
            began.elapsed()
        };
        (0..rounds).map(round).min().unwrap_or(Duration::ZERO).as_nanos() as f64 / 1_000.0
    };
    println!("key: {:.1} µs", least(2_000, &mut || drop(key(&d))));
    let key = key(&d);
    for count in [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 32, 64, 100, 512] {
        let (messages, digests) = messages(count, &mut numbers);
        let own = least(400, &mut || drop(sign(&key, &digests).expect("the kernel signs")));
        let aws = least(100, &mut || {
            for message in &messages {
                let _ = document.sign(&random, message).expect("AWS-LC signs");
            }
        });
        let each = count as f64;
        println!("{count:>4}: kernel {:6.2} µs, AWS-LC {:6.2} µs", own / each, aws / each);
    }
}
