//! P-256: against AWS-LC, the crate `p256` and a schoolbook library, and what is seen from inside only.

mod edges;
mod faults;
mod ranges;
mod secrets;
mod signatures;
#[cfg(target_arch = "x86_64")]
mod timing;
mod while_ours;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use super::kernel;
use super::keys::Numbers;
use crate::lanes::Portable;
use crate::p256::sign::sign_by;
use crate::sign::all_or_nothing;
use crate::{P256Key, SignError};

/// A key, by the kernel or by its portable twin on a processor without the instructions: the arithmetic is the same.
fn key(d: &[u8; 32]) -> P256Key {
    match kernel() {
        Some(kernel) => P256Key::new(kernel, d),
        None => P256Key::prepare_by::<Portable>(d),
    }
}

/// Signatures, by the same.
fn sign_while(
    key: &P256Key,
    digests: &[[u8; 32]],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    match kernel() {
        Some(kernel) => kernel.sign_p256_while(key, digests, still_ours, signatures),
        None => {
            all_or_nothing(signatures, |signatures| sign_by::<Portable>(key, digests, still_ours, signatures))
        }
    }
}

/// [`sign_while`], all of them.
fn sign(key: &P256Key, digests: &[[u8; 32]]) -> Result<Vec<u8>, SignError> {
    let mut signatures = Vec::new();
    assert_eq!(sign_while(key, digests, &mut || true, &mut signatures)?, digests.len());
    Ok(signatures)
}

/// So many messages, and their digests.
fn messages(count: usize, numbers: &mut Numbers) -> (Vec<[u8; 32]>, Vec<[u8; 32]>) {
    use rsa::sha2::{Digest as _, Sha256};
    let messages: Vec<[u8; 32]> = (0..count).map(|_| numbers.digest()).collect();
    let digests = messages.iter().map(|message| Sha256::digest(message).into()).collect();
    (messages, digests)
}

/// Whether AWS-LC takes each signature for one of the message beside it.
fn are_right(key: &P256Key, messages: &[[u8; 32]], signatures: &[u8]) -> bool {
    let point = [[4].as_slice(), &key.public_key()].concat();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    signatures.len() == 64 * messages.len()
        && messages
            .iter()
            .zip(signatures.chunks_exact(64))
            .all(|(message, signature)| public.verify(message, signature).is_ok())
}
