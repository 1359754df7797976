//! Ed25519: against AWS-LC and curve25519-dalek, and what is seen from inside only.

mod edges;
mod faults;
mod ranges;
mod secrets;
mod signatures;
#[cfg(target_arch = "x86_64")]
mod timing;
mod while_ours;

use super::kernel;
use super::keys::Numbers;
use crate::ed25519::sign::sign_by;
use crate::lanes::Portable;
use crate::sign::all_or_nothing;
use crate::{Ed25519Key, SignError};

/// A key, by the kernel or by its portable twin on a processor without the instructions: the arithmetic is the same.
fn key(seed: &[u8; 32]) -> Ed25519Key {
    match kernel() {
        Some(kernel) => Ed25519Key::new(kernel, seed),
        None => Ed25519Key::prepare_by::<Portable>(seed),
    }
}

/// Signatures, by the same.
fn sign_while(
    key: &Ed25519Key,
    messages: &[&[u8]],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    match kernel() {
        Some(kernel) => kernel.sign_ed25519_while(key, messages, still_ours, signatures),
        None => all_or_nothing(signatures, |signatures| {
            sign_by::<Portable>(key, messages, still_ours, signatures)
        }),
    }
}

/// [`sign_while`], all of them.
fn sign(key: &Ed25519Key, messages: &[&[u8]]) -> Result<Vec<u8>, SignError> {
    let mut signatures = Vec::new();
    assert_eq!(sign_while(key, messages, &mut || true, &mut signatures)?, messages.len());
    Ok(signatures)
}

/// So many messages of lengths from 0 to 300.
fn messages(count: usize, numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let length = |numbers: &mut Numbers| usize::try_from(numbers.next() % 301).expect("it is small");
    let message = |_| (0..length(numbers)).map(|_| numbers.next().to_le_bytes()[0]).collect();
    (0..count).map(message).collect()
}

fn slices(messages: &[Vec<u8>]) -> Vec<&[u8]> {
    messages.iter().map(Vec::as_slice).collect()
}
