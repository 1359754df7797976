//! Batches of P-256 for the kernel: whatever key and digests are, AWS-LC takes the signatures for right.

#![no_main]

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use chancery_kernel::{Kernel, P256Key};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((d, data)) = data.split_first_chunk::<32>() else { return };
    let Some((&[length, asked], data)) = data.split_first_chunk() else { return };
    let Some(kernel) = Kernel::available() else { return };
    let key = P256Key::new(kernel, d);
    // Only of zero and of the order.
    if key.public_key() == [0; 64] {
        return;
    }
    let public =
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [[4].as_slice(), &key.public_key()].concat());

    let messages: Vec<&[u8]> = data.chunks(usize::from(length).max(1)).take(100).collect();
    let digests: Vec<[u8; 32]> = messages
        .iter()
        .map(|message| digest(&SHA256, message).as_ref().try_into().expect("32 bytes"))
        .collect();
    let mut left = usize::from(asked);
    let mut still_ours = || {
        let is_ours = left > 0;
        left = left.saturating_sub(1);
        is_ours
    };
    let mut signatures = b"before".to_vec();
    let signed = kernel.sign_p256_while(&key, &digests, &mut still_ours, &mut signatures);
    assert_eq!(signed, Ok(messages.len().min(8 * usize::from(asked))));
    let signatures = signatures.strip_prefix(b"before").expect("they come after what is there");
    assert_eq!(signatures.len(), 64 * signed.expect("as above"));
    for (message, signature) in messages.iter().zip(signatures.chunks_exact(64)) {
        assert!(public.verify(message, signature).is_ok());
    }
});
