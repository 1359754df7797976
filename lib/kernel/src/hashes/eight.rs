//! A word of each of eight messages, in one vector.

use std::arch::x86_64::{__m512i, _mm512_set_epi64, _mm512_storeu_si512, _mm512_ternarylogic_epi64};

use crate::LANES;

/// Bytes of a word.
pub(super) const WORD: usize = 8;

/// a ⊕ b ⊕ c, as a table of three bits.
const XOR: i32 = 0x96;

/// The word at a place of each block, whose bytes are in the order of `from`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn word_of_each<const BLOCK: usize>(
    blocks: &[[u8; BLOCK]; LANES],
    place: usize,
    from: fn([u8; WORD]) -> i64,
) -> __m512i {
    let word = |lane: usize| from(blocks[lane][place * WORD..].first_chunk().copied().unwrap_or_default());
    _mm512_set_epi64(word(7), word(6), word(5), word(4), word(3), word(2), word(1), word(0))
}

/// A message's words of a state, as many as its digest has, their bytes in the order of `to`.
#[target_feature(enable = "avx512f")]
pub(super) fn digest_of<const DIGEST: usize>(
    state: &[__m512i],
    lane: usize,
    to: fn(u64) -> [u8; WORD],
) -> [u8; DIGEST] {
    let mut digest = [0; DIGEST];
    for (word, bytes) in state.iter().zip(digest.chunks_exact_mut(WORD)) {
        let mut lanes = [0_u64; LANES];
        // SAFETY: 64 bytes are writable behind the pointer, and the store needs no alignment.
        unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), *word) };
        bytes.copy_from_slice(&to(lanes[lane]));
    }
    digest
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<XOR>(a, b, c)
}
