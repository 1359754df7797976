//! Against RustCrypto's.

use rsa::sha2::{Digest as _, Sha512 as OtherSha512};
use sha3::{Digest as _, Keccak256 as OtherKeccak256};

use crate::{Keccak256, LANES, Sha512};

/// Messages of one block and of several, in one call; each block ends in one of them.
fn are_those_of_another_library<const DIGEST: usize>(
    digests: impl Fn(&[&[u8]]) -> Vec<[u8; DIGEST]>,
    other: impl Fn(&[u8]) -> [u8; DIGEST],
) {
    let bytes: Vec<u8> = (0..1_000_u32).map(|n| u8::try_from(n * n % 251).expect("a byte")).collect();
    for number in 0..=3 * LANES + 1 {
        for least in 0..=150 {
            let length = |place: usize| (least + 137 * place * place) % bytes.len();
            let messages: Vec<&[u8]> =
                (0..number).map(|place| &bytes[place..length(place).max(place)]).collect();
            let expected: Vec<_> = messages.iter().map(|message| other(message)).collect();
            assert_eq!(digests(&messages), expected, "{number} messages from {least}");
        }
    }
}

#[test]
fn digests_of_keccak_256_of_every_length_beside_each_other_are_those_of_another_library() {
    match Keccak256::available() {
        None => super::skipped("Keccak-256 of the kernel, as this processor has no AVX-512"),
        Some(keccak) => are_those_of_another_library(
            |messages| keccak.digests(messages),
            |message| OtherKeccak256::digest(message).into(),
        ),
    }
}

#[test]
fn digests_of_sha_512_of_every_length_beside_each_other_are_those_of_another_library() {
    match Sha512::available() {
        None => super::skipped("SHA-512 of the kernel, as this processor has no AVX-512"),
        Some(sha512) => are_those_of_another_library(
            |messages| sha512.digests(messages),
            |message| OtherSha512::digest(message).into(),
        ),
    }
}
