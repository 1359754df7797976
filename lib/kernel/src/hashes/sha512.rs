//! SHA-512 of many messages, of [FIPS 180-4](https://nvlpubs.nist.gov/nistpubs/FIPS/NIST.FIPS.180-4.pdf).

use super::{are_available, in_eights};

/// Bytes of a digest.
pub(crate) const DIGEST: usize = 64;

/// SHA-512, eight messages side by side.
#[derive(Clone, Copy, Debug)]
pub struct Sha512(());

impl Sha512 {
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
            // SAFETY: a `Sha512` is only where the processor has the instructions, by `available`.
            unsafe {
                avx512::digest_eight(messages, digests);
            }
            #[cfg(not(target_arch = "x86_64"))]
            unreachable!("no other processor has it: {} {}", messages.len(), digests.len());
        })
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::digest_eight;

#[cfg(target_arch = "x86_64")]
mod avx512 {
    //! Sections 5.1.2 (padding), 6.4.2 (the computation) and 4.1.3 (its functions).

    use std::arch::x86_64::{
        __m512i, _mm512_add_epi64, _mm512_ror_epi64, _mm512_set1_epi64, _mm512_srli_epi64,
        _mm512_ternarylogic_epi64,
    };

    use super::super::eight::{WORD, digest_of, word_of_each, xor3};
    use super::DIGEST;
    use crate::LANES;

    /// Bytes of a message that are taken in at a time.
    const BLOCK: usize = 128;

    /// Words of a block.
    const WORDS: usize = BLOCK / WORD;

    /// A block of each of eight messages, padded.
    type Blocks = [[u8; BLOCK]; LANES];

    /// Bytes that the padding takes at least: the bit behind the message, and the message's length.
    const LEAST_PADDING: usize = 1 + 2 * WORD;

    /// (a ∧ b) ⊕ (¬a ∧ c), as a table of three bits.
    const CH: i32 = 0xca;

    /// (a ∧ b) ⊕ (a ∧ c) ⊕ (b ∧ c), as a table of three bits.
    const MAJ: i32 = 0xe8;

    /// Section 5.3.5.
    const INITIAL: [u64; DIGEST / WORD] = [
        0x6a09_e667_f3bc_c908,
        0xbb67_ae85_84ca_a73b,
        0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b,
        0x5be0_cd19_137e_2179,
    ];

    /// Section 4.2.3.
    const ROUNDS: [u64; 80] = [
        0x428a_2f98_d728_ae22,
        0x7137_4491_23ef_65cd,
        0xb5c0_fbcf_ec4d_3b2f,
        0xe9b5_dba5_8189_dbbc,
        0x3956_c25b_f348_b538,
        0x59f1_11f1_b605_d019,
        0x923f_82a4_af19_4f9b,
        0xab1c_5ed5_da6d_8118,
        0xd807_aa98_a303_0242,
        0x1283_5b01_4570_6fbe,
        0x2431_85be_4ee4_b28c,
        0x550c_7dc3_d5ff_b4e2,
        0x72be_5d74_f27b_896f,
        0x80de_b1fe_3b16_96b1,
        0x9bdc_06a7_25c7_1235,
        0xc19b_f174_cf69_2694,
        0xe49b_69c1_9ef1_4ad2,
        0xefbe_4786_384f_25e3,
        0x0fc1_9dc6_8b8c_d5b5,
        0x240c_a1cc_77ac_9c65,
        0x2de9_2c6f_592b_0275,
        0x4a74_84aa_6ea6_e483,
        0x5cb0_a9dc_bd41_fbd4,
        0x76f9_88da_8311_53b5,
        0x983e_5152_ee66_dfab,
        0xa831_c66d_2db4_3210,
        0xb003_27c8_98fb_213f,
        0xbf59_7fc7_beef_0ee4,
        0xc6e0_0bf3_3da8_8fc2,
        0xd5a7_9147_930a_a725,
        0x06ca_6351_e003_826f,
        0x1429_2967_0a0e_6e70,
        0x27b7_0a85_46d2_2ffc,
        0x2e1b_2138_5c26_c926,
        0x4d2c_6dfc_5ac4_2aed,
        0x5338_0d13_9d95_b3df,
        0x650a_7354_8baf_63de,
        0x766a_0abb_3c77_b2a8,
        0x81c2_c92e_47ed_aee6,
        0x9272_2c85_1482_353b,
        0xa2bf_e8a1_4cf1_0364,
        0xa81a_664b_bc42_3001,
        0xc24b_8b70_d0f8_9791,
        0xc76c_51a3_0654_be30,
        0xd192_e819_d6ef_5218,
        0xd699_0624_5565_a910,
        0xf40e_3585_5771_202a,
        0x106a_a070_32bb_d1b8,
        0x19a4_c116_b8d2_d0c8,
        0x1e37_6c08_5141_ab53,
        0x2748_774c_df8e_eb99,
        0x34b0_bcb5_e19b_48a8,
        0x391c_0cb3_c5c9_5a63,
        0x4ed8_aa4a_e341_8acb,
        0x5b9c_ca4f_7763_e373,
        0x682e_6ff3_d6b2_b8a3,
        0x748f_82ee_5def_b2fc,
        0x78a5_636f_4317_2f60,
        0x84c8_7814_a1f0_ab72,
        0x8cc7_0208_1a64_39ec,
        0x90be_fffa_2363_1e28,
        0xa450_6ceb_de82_bde9,
        0xbef9_a3f7_b2c6_7915,
        0xc671_78f2_e372_532b,
        0xca27_3ece_ea26_619c,
        0xd186_b8c7_21c0_c207,
        0xeada_7dd6_cde0_eb1e,
        0xf57d_4f7f_ee6e_d178,
        0x06f0_67aa_7217_6fba,
        0x0a63_7dc5_a2c8_98a6,
        0x113f_9804_bef9_0dae,
        0x1b71_0b35_131c_471b,
        0x28db_77f5_2304_7d84,
        0x32ca_ab7b_40c7_2493,
        0x3c9e_be0a_15c9_bebc,
        0x431d_67c4_9c10_0d4c,
        0x4cc5_d4be_cb3e_42b6,
        0x597f_299c_fc65_7e2a,
        0x5fcb_6fab_3ad6_faec,
        0x6c44_198c_4a47_5817,
    ];

    /// How many blocks a message is, with its padding.
    const fn blocks_of(message: &[u8]) -> usize {
        (message.len() + LEAST_PADDING).div_ceil(BLOCK)
    }

    /// Writes a block of a message. What is behind its end has no meaning.
    fn write_block(message: &[u8], number: usize, block: &mut [u8; BLOCK]) {
        let rest = message.get(number * BLOCK..);
        if let Some(whole) = rest.and_then(<[u8]>::first_chunk) {
            *block = *whole;
            return;
        }
        *block = [0; BLOCK];
        // None is behind the message: the block before it had its last byte, and the bit if there was room.
        if let Some(rest) = rest {
            block[..rest.len()].copy_from_slice(rest);
            block[rest.len()] = 0x80;
        }
        if number + 1 == blocks_of(message) {
            let bits = 8 * message.len() as u128;
            block[BLOCK - 2 * WORD..].copy_from_slice(&bits.to_be_bytes());
        }
    }

    #[target_feature(enable = "avx512f")]
    pub(crate) fn digest_eight(messages: &[&[u8]], digests: &mut [[u8; DIGEST]]) {
        let mut state = INITIAL.map(|word| _mm512_set1_epi64(word.cast_signed()));
        let mut blocks: Blocks = [[0; BLOCK]; LANES];
        let most = messages.iter().map(|message| blocks_of(message)).max().unwrap_or_default();
        for number in 0..most {
            for (message, block) in messages.iter().zip(&mut blocks) {
                write_block(message, number, block);
            }
            compress(&mut state, &blocks);
            for (lane, (message, digest)) in messages.iter().zip(digests.iter_mut()).enumerate() {
                if blocks_of(message) == number + 1 {
                    *digest = digest_of(&state, lane, u64::to_be_bytes);
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn sum<const NUMBER: usize>(words: [__m512i; NUMBER]) -> __m512i {
        words[1..].iter().fold(words[0], |sum, word| _mm512_add_epi64(sum, *word))
    }

    #[target_feature(enable = "avx512f")]
    fn compress(state: &mut [__m512i; DIGEST / WORD], blocks: &Blocks) {
        // The last sixteen words of the schedule.
        let mut w = [_mm512_set1_epi64(0); WORDS];
        for (place, word) in w.iter_mut().enumerate() {
            *word = word_of_each(blocks, place, i64::from_be_bytes);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
        for (round, constant) in ROUNDS.into_iter().enumerate() {
            let place = round % WORDS;
            if round >= WORDS {
                let (before_15, before_2) = (w[(place + 1) % WORDS], w[(place + 14) % WORDS]);
                let s0 = xor3(
                    _mm512_ror_epi64::<1>(before_15),
                    _mm512_ror_epi64::<8>(before_15),
                    _mm512_srli_epi64::<7>(before_15),
                );
                let s1 = xor3(
                    _mm512_ror_epi64::<19>(before_2),
                    _mm512_ror_epi64::<61>(before_2),
                    _mm512_srli_epi64::<6>(before_2),
                );
                w[place] = sum([w[place], s0, w[(place + 9) % WORDS], s1]);
            }
            let s1 = xor3(_mm512_ror_epi64::<14>(e), _mm512_ror_epi64::<18>(e), _mm512_ror_epi64::<41>(e));
            let ch = _mm512_ternarylogic_epi64::<CH>(e, f, g);
            let t1 = sum([h, _mm512_set1_epi64(constant.cast_signed()), w[place], s1, ch]);
            let s0 = xor3(_mm512_ror_epi64::<28>(a), _mm512_ror_epi64::<34>(a), _mm512_ror_epi64::<39>(a));
            let maj = _mm512_ternarylogic_epi64::<MAJ>(a, b, c);
            (h, g, f, e) = (g, f, e, _mm512_add_epi64(d, t1));
            (d, c, b, a) = (c, b, a, sum([t1, s0, maj]));
        }
        for (word, more) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = _mm512_add_epi64(*word, more);
        }
    }
}
