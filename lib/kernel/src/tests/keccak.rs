//! Against RustCrypto's.

use sha3::{Digest as _, Keccak256 as Other};

use crate::{Keccak256, LANES};

#[test]
fn digests_of_messages_of_every_length_beside_each_other_are_those_of_another_library() {
    let Some(keccak) = Keccak256::available() else {
        return super::skipped("Keccak-256 of the kernel, as this processor has no AVX-512");
    };
    let bytes: Vec<u8> = (0..1_000_u32).map(|n| u8::try_from(n * n % 251).expect("a byte")).collect();
    for number in 0..=3 * LANES + 1 {
        for least in 0..=150 {
            // Of one block and of several, in one call; each block ends in one of them.
            let length = |place: usize| (least + 137 * place * place) % bytes.len();
            let messages: Vec<&[u8]> =
                (0..number).map(|place| &bytes[place..length(place).max(place)]).collect();
            let expected: Vec<[u8; 32]> =
                messages.iter().map(|message| Other::digest(message).into()).collect();
            assert_eq!(keccak.digests(&messages), expected, "{number} messages from {least}");
        }
    }
}
