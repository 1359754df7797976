//! Batches for the kernel: whatever the messages are, and however a key is damaged, only true signatures come out.

#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use chancery_kernel::{Kernel, Parts, PrivateKey, PublicKey, SignError};
use libfuzzer_sys::fuzz_target;
use rsa::BigUint;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};

struct Key {
    n: BigUint,
    e: BigUint,
    public: PublicKey,
    /// n, e, p, q, dp, dq, qinv.
    parts: [Vec<u8>; 7],
}

static KEYS: LazyLock<[Key; 3]> = LazyLock::new(|| {
    [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096].map(|size| {
        let pair = RsaKeyPair::generate(size).expect("a key");
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("PKCS #8");
        let key = rsa::RsaPrivateKey::from_pkcs8_der(pkcs8.as_ref()).expect("the same key");
        let (n, e) = (key.n().to_bytes_be(), key.e().to_bytes_be());
        Key {
            public: PublicKey::new(&n, &e).expect("a key for the kernel"),
            parts: [
                n,
                e,
                key.primes()[0].to_bytes_be(),
                key.primes()[1].to_bytes_be(),
                key.dp().expect("precomputed").to_bytes_be(),
                key.dq().expect("precomputed").to_bytes_be(),
                key.qinv().expect("precomputed").to_bytes_be().1,
            ],
            n: key.n().clone(),
            e: key.e().clone(),
        }
    })
});

fuzz_target!(|data: &[u8]| {
    let Some((&[size, part, place, change, count, cut], data)) = data.split_first_chunk() else { return };
    let (Some(kernel), false) = (Kernel::available(), data.is_empty()) else { return };
    let key = &KEYS[usize::from(size) % 3];
    let len = key.public.signature_len();
    let mut parts = key.parts.clone();
    let damaged = &mut parts[usize::from(part) % 7];
    let place = usize::from(place) * 2 % damaged.len();
    damaged[place] ^= change;
    let [n, e, p, q, dp, dq, qinv] = &parts;
    let Ok(private) = PrivateKey::new(&Parts { n, e, p, q, dp, dq, qinv }) else {
        assert_ne!(change, 0, "a good key is refused");
        return;
    };

    let bytes = usize::from(count % 20) * len;
    let mut messages: Vec<u8> = data.iter().copied().cycle().take(bytes).collect();
    messages.chunks_exact_mut(len).step_by(2).for_each(|message| message[0] &= 0x7f);
    messages.truncate(messages.len() - usize::from(cut).min(messages.len()));
    let is_below = |message: &[u8]| BigUint::from_bytes_be(message) < key.n;
    let mut signatures = b"before".to_vec();
    match kernel.sign(&private, &messages, &mut signatures) {
        Ok(()) => {
            let signatures = &signatures[6..];
            assert_eq!(signatures.len(), messages.len());
            for (message, signature) in messages.chunks(len).zip(signatures.chunks(len)) {
                let signature = BigUint::from_bytes_be(signature);
                assert!(
                    signature < key.n && signature.modpow(&key.e, &key.n) == BigUint::from_bytes_be(message)
                );
            }
            assert!(key.public.verify(&messages, signatures).into_iter().all(|is_true| is_true));
        }
        Err(error) => {
            assert_eq!(signatures, b"before");
            match error {
                SignError::MessageLength => assert_ne!(messages.len() % len, 0),
                SignError::MessageRange => assert!(!messages.chunks(len).all(is_below)),
                SignError::Fault => assert_ne!(change, 0, "a good key signs wrongly"),
                SignError::Random => panic!("no random numbers"),
            }
        }
    }
});
