//! AVX-512 IFMA: eight products of 52 bits in one instruction.
//!
//! Values of [`Ifma`] exist only below a function that a [`Kernel`](crate::Kernel) called, and a `Kernel` exists only
//! where the processor has AVX-512 F and IFMA. Every `unsafe` in this file rests on that. Everything generic is
//! inlined into functions that are compiled for these instructions.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_loadu_si512, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_set1_epi64, _mm512_slli_epi64,
    _mm512_srai_epi64, _mm512_storeu_si512, _mm512_sub_epi64, _mm512_ternarylogic_epi64, _mm512_xor_si512,
};

use super::{LANES, Lanes};
use crate::ed25519::base::{self, BaseTable};
use crate::ed25519::field::{self, Element};
use crate::ed25519::point::Point;
use crate::hashes::{self, SHA512};
use crate::montgomery::{self, Modulus};
use crate::number::Number;
use crate::p256;
use crate::window::{self, Table};

/// Lanes of one 512-bit register.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Ifma(__m512i);

macro_rules! instruction {
    ($intrinsic:ident($($argument:expr),*)) => {
        // SAFETY: see the top of this file: the processor has the instruction.
        Self(unsafe { $intrinsic($($argument),*) })
    };
}

impl Lanes for Ifma {
    #[inline(always)]
    fn splat(number: u64) -> Self {
        instruction!(_mm512_set1_epi64(number.cast_signed()))
    }

    #[inline(always)]
    fn from_lanes(numbers: [u64; LANES]) -> Self {
        // SAFETY: 64 bytes are readable behind the pointer, and the load needs no alignment.
        Self(unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) })
    }

    #[inline(always)]
    fn to_lanes(self) -> [u64; LANES] {
        let mut numbers = [0; LANES];
        // SAFETY: 64 bytes are writable behind the pointer, and the store needs no alignment.
        unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), self.0) };
        numbers
    }

    #[inline(always)]
    fn add_low(self, a: Self, b: Self) -> Self {
        instruction!(_mm512_madd52lo_epu64(self.0, a.0, b.0))
    }

    #[inline(always)]
    fn add_high(self, a: Self, b: Self) -> Self {
        instruction!(_mm512_madd52hi_epu64(self.0, a.0, b.0))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        instruction!(_mm512_add_epi64(self.0, other.0))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        instruction!(_mm512_sub_epi64(self.0, other.0))
    }

    #[inline(always)]
    fn above<const BITS: u32>(self) -> Self {
        const { assert!(BITS < 64) };
        // SAFETY: as above; the shift is below 64.
        Self(unsafe { _mm512_srai_epi64::<BITS>(self.0) })
    }

    #[inline(always)]
    fn below<const BITS: u32>(self) -> Self {
        self.and(Self::splat((1 << BITS) - 1))
    }

    #[inline(always)]
    fn shifted<const BITS: u32>(self) -> Self {
        const { assert!(BITS < 64) };
        // SAFETY: as above; the shift is below 64.
        Self(unsafe { _mm512_slli_epi64::<BITS>(self.0) })
    }

    #[inline(always)]
    fn factor(self) -> Self {
        self
    }

    #[inline(always)]
    fn if_negative(self) -> Self {
        // SAFETY: as above; the shift is below 64.
        Self(unsafe { _mm512_srai_epi64::<63>(self.0) })
    }

    #[inline(always)]
    fn and(self, mask: Self) -> Self {
        instruction!(_mm512_and_si512(self.0, mask.0))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        instruction!(_mm512_or_si512(self.0, other.0))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        instruction!(_mm512_xor_si512(self.0, other.0))
    }

    #[inline(always)]
    fn choose_by(self, one: Self, other: Self) -> Self {
        /// (mask ∧ one) ∨ (¬mask ∧ other), as a table of three bits.
        const CHOICE: i32 = 0xca;
        // SAFETY: as above.
        Self(unsafe { _mm512_ternarylogic_epi64::<CHOICE>(self.0, one.0, other.0) })
    }

    #[inline(always)]
    fn look_up(self, numbers: &[[u64; LANES]; 2]) -> Self {
        let [low, high] = numbers.map(Self::from_lanes);
        instruction!(_mm512_permutex2var_epi64(low.0, self.0, high.0))
    }

    #[inline(always)]
    fn sha512(messages: &[&[u8]; LANES], digests: &mut [[u8; SHA512]; LANES]) {
        // SAFETY: as above.
        unsafe { hashes::sha512_of_eight(messages, digests) }
    }

    #[inline(always)]
    fn multiply<const B: usize>(
        to: &mut Number<Self, B>,
        a: &Number<Self, B>,
        b: &Number<Self, B>,
        modulus: &Modulus<Self, B>,
    ) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled<const B: usize>(
            to: &mut Number<Ifma, B>,
            a: &Number<Ifma, B>,
            b: &Number<Ifma, B>,
            modulus: &Modulus<Ifma, B>,
        ) {
            montgomery::multiply(to, a, b, modulus);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(to, a, b, modulus) }
    }

    #[inline(always)]
    fn square<const B: usize>(number: &mut Number<Self, B>, times: u32, modulus: &Modulus<Self, B>) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled<const B: usize>(number: &mut Number<Ifma, B>, times: u32, modulus: &Modulus<Ifma, B>) {
            montgomery::square(number, times, modulus);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(number, times, modulus) }
    }

    #[inline(always)]
    fn choose<const B: usize>(to: &mut Number<Self, B>, table: &Table<Self, B>, index: u8) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled<const B: usize>(to: &mut Number<Ifma, B>, table: &Table<Ifma, B>, index: u8) {
            window::choose(to, table, index);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(to, table, index) }
    }

    #[inline(always)]
    fn multiply_base(to: &mut Point<Self>, scalar: &Number<Self, 1>, table: &BaseTable) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled(to: &mut Point<Ifma>, scalar: &Number<Ifma, 1>, table: &BaseTable) {
            base::multiply(to, scalar, table);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(to, scalar, table) }
    }

    #[inline(always)]
    fn add_points(to: &mut Point<Self>, other: &Point<Self>, d2: &Element<Self>) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled(to: &mut Point<Ifma>, other: &Point<Ifma>, d2: &Element<Ifma>) {
            *to = to.plus_point(other, d2);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(to, other, d2) }
    }

    #[inline(always)]
    fn invert(number: &mut Element<Self>) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled(number: &mut Element<Ifma>) {
            field::invert(number);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(number) }
    }

    #[inline(always)]
    fn multiply_p256(
        to: &mut p256::point::Point<Self>,
        scalar: &Number<Self, 1>,
        table: &p256::base::BaseTable,
    ) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled(
            to: &mut p256::point::Point<Ifma>,
            scalar: &Number<Ifma, 1>,
            table: &p256::base::BaseTable,
        ) {
            p256::base::multiply(to, scalar, table);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(to, scalar, table) }
    }

    #[inline(always)]
    fn add_p256(to: &mut p256::point::Point<Self>, other: &p256::point::Point<Self>) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled(to: &mut p256::point::Point<Ifma>, other: &p256::point::Point<Ifma>) {
            *to = to.plus_point(other);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(to, other) }
    }

    #[inline(always)]
    fn invert_p256(number: &mut p256::field::Element<Self>) {
        #[target_feature(enable = "avx512f,avx512ifma")]
        #[inline(never)]
        fn compiled(number: &mut p256::field::Element<Ifma>) {
            p256::field::invert(number);
        }
        // SAFETY: see the top of this file: the processor has what the function is compiled for.
        unsafe { compiled(number) }
    }
}
