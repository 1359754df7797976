//! The same bytes as AWS-LC gives.

use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::super::keys::Numbers;
use super::super::secrets::bytes;
use super::{key, messages, sign, sign_while, slices};
use crate::ed25519::sign::sign_by;
use crate::lanes::Portable;
use crate::{Ed25519Key, LANES};

fn by_aws_lc(pair: &Ed25519KeyPair, messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|message| pair.sign(message).as_ref().to_vec()).collect()
}

fn pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("any seed is a key")
}

/// Seed, public key, message and signature of RFC 8032, section 7.1.
const VECTORS: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn the_vectors_of_rfc_8032_are_signed_as_it_has_them() {
    for [seed, public, message, signature] in VECTORS.map(|vector| vector.map(bytes)) {
        let key = key(seed.as_slice().try_into().expect("32 bytes"));
        assert_eq!(key.public_key().as_slice(), public);
        assert_eq!(sign(&key, &[&message]), Ok(signature));
    }
}

#[test]
fn batches_of_every_length_are_signed_as_aws_lc_signs_them() {
    let mut numbers = Numbers(1);
    for seed in [[0; 32], [0xff; 32], numbers.digest(), numbers.digest()] {
        let (key, pair) = (key(&seed), pair(&seed));
        assert_eq!(key.public_key().as_slice(), pair.public_key().as_ref());
        // More than are divided by one inversion, too.
        for count in (0..=2 * LANES + 1).chain([8 * LANES - 1, 8 * LANES, 8 * LANES + 1, 19 * LANES + 5]) {
            let messages = messages(count, &mut numbers);
            let mut signatures = b"before".to_vec();
            let signed = sign_while(&key, &slices(&messages), &mut || true, &mut signatures);
            assert_eq!(signed, Ok(count));
            assert_eq!(signatures[..6], *b"before");
            assert!(signatures[6..] == by_aws_lc(&pair, &messages), "{count} messages");
        }
    }
}

#[test]
fn messages_of_every_length_are_signed_as_aws_lc_signs_them() {
    let seed = Numbers(2).digest();
    let messages: Vec<Vec<u8>> = (0..=300).map(|length| vec![0x5a; length]).collect();
    assert!(sign(&key(&seed), &slices(&messages)) == Ok(by_aws_lc(&pair(&seed), &messages)));
}

#[test]
fn the_portable_twin_gives_the_same_signatures() {
    let mut numbers = Numbers(3);
    let seed = numbers.digest();
    let key = Ed25519Key::prepare_by::<Portable>(&seed);
    let messages = messages(2 * LANES + 1, &mut numbers);
    let mut signatures = Vec::new();
    let signed = sign_by::<Portable>(&key, &slices(&messages), &mut || true, &mut signatures);
    assert_eq!(signed, Ok(messages.len()));
    assert!(signatures == by_aws_lc(&pair(&seed), &messages));
}

#[test]
fn thousands_of_random_messages_are_signed_as_aws_lc_signs_them() {
    many(1 << 13);
}

#[test]
#[ignore = "takes half a minute"]
fn a_million_random_messages_are_signed_as_aws_lc_signs_them() {
    many(1 << 20);
}

fn many(count: usize) {
    const BATCH: usize = 1_024;
    let mut numbers = Numbers(4);
    for _ in 0..count / BATCH {
        let seed = numbers.digest();
        let messages = messages(BATCH, &mut numbers);
        let signatures = sign(&key(&seed), &slices(&messages)).expect("the kernel signs");
        assert!(signatures == by_aws_lc(&pair(&seed), &messages), "{seed:?}");
    }
}

#[test]
fn threads_share_a_key() {
    let mut numbers = Numbers(5);
    let seed = numbers.digest();
    let key = key(&seed);
    let messages = messages(3 * LANES, &mut numbers);
    let expected = by_aws_lc(&pair(&seed), &messages);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(sign(&key, &slices(&messages)).as_ref() == Ok(&expected)));
        }
    });
}

/// Microseconds of each, the least of many rounds: see docs/internals/kernel-ed25519.md.
#[test]
#[ignore = "measures time"]
#[expect(clippy::print_stdout, reason = "what was measured is for the reader")]
fn rates_beside_aws_lc() {
    let mut numbers = Numbers(6);
    let seed = numbers.digest();
    let pair = pair(&seed);
    let least = |rounds: u32, work: &mut dyn FnMut()| {
        let round = |_| {
            let began = Instant::now();
            work();
            began.elapsed()
        };
        (0..rounds).map(round).min().unwrap_or(Duration::ZERO).as_nanos() as f64 / 1_000.0
    };
    println!("key: {:.1} µs", least(2_000, &mut || drop(key(&seed))));
    let key = key(&seed);
    for count in [1, 2, 3, 4, 5, 6, 8, 16, 32, 64, 100, 512] {
        let messages: Vec<Vec<u8>> = (0..count).map(|_| numbers.digest().to_vec()).collect();
        let slices = slices(&messages);
        let mut signatures = Vec::with_capacity(64 * count);
        let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
        for _ in 0..20 {
            ours = ours.min(least(20, &mut || {
                signatures.clear();
                sign_while(&key, &slices, &mut || true, &mut signatures).expect("the kernel signs");
            }));
            theirs = theirs.min(least(20, &mut || drop(by_aws_lc(&pair, &messages))));
        }
        let each = [ours, theirs].map(|all| all / count as f64);
        println!("{count:>3} messages: kernel {:.2} µs each, AWS-LC {:.2} µs", each[0], each[1]);
    }
}
