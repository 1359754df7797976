//! Digests of many messages, eight side by side, by AVX-512: the processor hashes eight in less than twice the time of one.

#[cfg(target_arch = "x86_64")]
mod eight;
mod keccak;
mod sha512;

pub use keccak::Keccak256;
pub(crate) use sha512::DIGEST as SHA512;
pub use sha512::Sha512;
#[cfg(target_arch = "x86_64")]
pub(crate) use sha512::digest_eight as sha512_of_eight;

use crate::LANES;

/// Whether this processor has AVX-512 F and the operating system keeps its registers.
fn are_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The digest of each message, in the same order, by a function that writes those of eight at the most.
fn in_eights<const DIGEST: usize>(
    messages: &[&[u8]],
    of_eight: impl Fn(&[&[u8]], &mut [[u8; DIGEST]]),
) -> Vec<[u8; DIGEST]> {
    let mut digests = vec![[0; DIGEST]; messages.len()];
    for (messages, digests) in messages.chunks(LANES).zip(digests.chunks_mut(LANES)) {
        of_eight(messages, digests);
    }
    digests
}
