//! Keccak-256 of many messages: as Ethereum has it, with the padding of
//! [the submission](https://keccak.team/files/Keccak-submission-3.pdf) and not that of SHA-3.

use super::{are_available, in_eights};

/// Bytes of a digest.
const DIGEST: usize = 32;

/// Keccak-256, eight messages side by side.
#[derive(Clone, Copy, Debug)]
pub struct Keccak256(());

impl Keccak256 {
    /// If this processor has AVX-512 F and the operating system keeps its registers.
    #[must_use]
    pub fn available() -> Option<Self> {
        are_available().then_some(Self(()))
    }

    /// The digest of each message, in the same order. Eight that follow each other take as long as the longest of them.
    #[must_use]
    pub fn digests(self, messages: &[&[u8]]) -> Vec<[u8; DIGEST]> {
        let Self(()) = self;
        in_eights(messages, |messages, digests| {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Keccak256` is only where the processor has the instructions, by `available`.
            unsafe {
                avx512::digest_eight(messages, digests);
            }
            #[cfg(not(target_arch = "x86_64"))]
            unreachable!("no other processor has it: {} {}", messages.len(), digests.len());
        })
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    //! The permutation. Its words are in the order of the reference: word x + 5·y is lane (x, y).

    use std::arch::x86_64::{
        __m512i, _mm512_rol_epi64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_ternarylogic_epi64,
        _mm512_xor_si512,
    };

    use super::super::eight::{WORD, digest_of, word_of_each, xor3};
    use super::DIGEST;
    use crate::LANES;

    /// Bytes of a message that are taken in at a time: 1600 bits less twice those of a digest.
    const RATE: usize = 136;

    /// A block of each of eight messages, padded.
    type Blocks = [[u8; RATE]; LANES];

    /// a ⊕ (¬b ∧ c), as a table of three bits.
    const CHI: i32 = 0xd2;

    /// The reference, section 1.2 (ι).
    const ROUNDS: [u64; 24] = [
        0x0000_0000_0000_0001,
        0x0000_0000_0000_8082,
        0x8000_0000_0000_808a,
        0x8000_0000_8000_8000,
        0x0000_0000_0000_808b,
        0x0000_0000_8000_0001,
        0x8000_0000_8000_8081,
        0x8000_0000_0000_8009,
        0x0000_0000_0000_008a,
        0x0000_0000_0000_0088,
        0x0000_0000_8000_8009,
        0x0000_0000_8000_000a,
        0x0000_0000_8000_808b,
        0x8000_0000_0000_008b,
        0x8000_0000_0000_8089,
        0x8000_0000_0000_8003,
        0x8000_0000_0000_8002,
        0x8000_0000_0000_0080,
        0x0000_0000_0000_800a,
        0x8000_0000_8000_000a,
        0x8000_0000_8000_8081,
        0x8000_0000_0000_8080,
        0x0000_0000_8000_0001,
        0x8000_0000_8000_8008,
    ];

    /// How many blocks a message is, with its padding, which takes a byte at least.
    const fn blocks_of(message: &[u8]) -> usize {
        message.len() / RATE + 1
    }

    /// Writes a block of a message. What is behind its end has no meaning.
    fn write_block(message: &[u8], number: usize, block: &mut [u8; RATE]) {
        let rest = message.get(number * RATE..).unwrap_or_default();
        if let Some(whole) = rest.first_chunk() {
            *block = *whole;
            return;
        }
        *block = [0; RATE];
        block[..rest.len()].copy_from_slice(rest);
        block[rest.len()] = 0x01;
        block[RATE - 1] |= 0x80;
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn digest_eight(messages: &[&[u8]], digests: &mut [[u8; DIGEST]]) {
        let mut state = [_mm512_setzero_si512(); 25];
        let mut blocks: Blocks = [[0; RATE]; LANES];
        let most = messages.iter().map(|message| blocks_of(message)).max().unwrap_or_default();
        for number in 0..most {
            for (message, block) in messages.iter().zip(&mut blocks) {
                write_block(message, number, block);
            }
            for (place, word) in state.iter_mut().take(RATE / WORD).enumerate() {
                *word = _mm512_xor_si512(*word, word_of_each(&blocks, place, i64::from_le_bytes));
            }
            permute(&mut state);
            for (lane, (message, digest)) in messages.iter().zip(digests.iter_mut()).enumerate() {
                if blocks_of(message) == number + 1 {
                    *digest = digest_of(&state, lane, u64::to_le_bytes);
                }
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn permute(state: &mut [__m512i; 25]) {
        let mut a = *state;
        for constant in ROUNDS {
            // θ
            let mut columns = [_mm512_setzero_si512(); 5];
            for x in 0..5 {
                columns[x] = xor3(xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
            }
            for x in 0..5 {
                let (left, right) = (columns[(x + 4) % 5], _mm512_rol_epi64::<1>(columns[(x + 1) % 5]));
                for y in 0..5 {
                    a[x + 5 * y] = xor3(a[x + 5 * y], left, right);
                }
            }
            // ρ and π: the lane of b that comes from each of a, and by how much it is rotated.
            let mut b = a;
            macro_rules! rotated {
                ($($to:literal = $from:literal by $bits:literal),*) => {
                    $(b[$to] = _mm512_rol_epi64::<$bits>(a[$from]);)*
                };
            }
            rotated!(
                1 = 6 by 44, 2 = 12 by 43, 3 = 18 by 21, 4 = 24 by 14,
                5 = 3 by 28, 6 = 9 by 20, 7 = 10 by 3, 8 = 16 by 45, 9 = 22 by 61,
                10 = 1 by 1, 11 = 7 by 6, 12 = 13 by 25, 13 = 19 by 8, 14 = 20 by 18,
                15 = 4 by 27, 16 = 5 by 36, 17 = 11 by 10, 18 = 17 by 15, 19 = 23 by 56,
                20 = 2 by 62, 21 = 8 by 55, 22 = 14 by 39, 23 = 15 by 41, 24 = 21 by 2
            );
            // χ
            for y in 0..5 {
                for x in 0..5 {
                    let row = 5 * y;
                    a[row + x] = _mm512_ternarylogic_epi64::<CHI>(
                        b[row + x],
                        b[row + (x + 1) % 5],
                        b[row + (x + 2) % 5],
                    );
                }
            }
            // ι
            a[0] = _mm512_xor_si512(a[0], _mm512_set1_epi64(constant.cast_signed()));
        }
        *state = a;
    }
}
