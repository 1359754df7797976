//! Batches of Ed25519 for the kernel: whatever seed and messages are, the bytes are those of AWS-LC.

#![no_main]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chancery_kernel::{Ed25519Key, Kernel};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((seed, data)) = data.split_first_chunk::<32>() else { return };
    let Some((&[length, asked], data)) = data.split_first_chunk() else { return };
    let Some(kernel) = Kernel::available() else { return };
    let key = Ed25519Key::new(kernel, seed);
    let other = Ed25519KeyPair::from_seed_unchecked(seed).expect("any seed is a key");
    assert_eq!(other.public_key().as_ref(), key.public_key());

    let messages: Vec<&[u8]> = data.chunks(usize::from(length).max(1)).take(100).collect();
    let mut left = usize::from(asked);
    let mut still_ours = || {
        let is_ours = left > 0;
        left = left.saturating_sub(1);
        is_ours
    };
    let mut signatures = b"before".to_vec();
    let signed = kernel.sign_ed25519_while(&key, &messages, &mut still_ours, &mut signatures);
    assert_eq!(signed, Ok(messages.len().min(8 * usize::from(asked))));
    let expected: Vec<u8> = messages[..signed.expect("as above")]
        .iter()
        .flat_map(|message| other.sign(message).as_ref().to_vec())
        .collect();
    assert!(signatures.strip_prefix(b"before") == Some(&expected[..]));
});
