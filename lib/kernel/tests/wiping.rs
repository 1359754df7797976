//! No prime and no exponent stays in memory: not in what is given back to the allocator, and not on the stack.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use chancery_kernel::{
    Ed25519Key, Kernel, LANES, P256Key, Parts, PrivateKey, Secp256k1Key, encode_pkcs1_sha256,
};
use curve25519_dalek::Scalar as ScalarOf25519;
use k256::elliptic_curve::ff::PrimeField as _;
use k256::{FieldBytes, Scalar};
use p256::Scalar as ScalarOfP256;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::sha2::{Digest as _, Sha512};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};

/// Every aligned word of 64 bits that a secret may be seen by.
static SECRETS: RwLock<BTreeSet<u64>> = RwLock::new(BTreeSet::new());

static IS_WATCHING: AtomicBool = AtomicBool::new(false);

static GIVEN_BACK: AtomicUsize = AtomicUsize::new(0);

/// Words that were given back while it was watched, of which only later is known what is secret, and how many.
static KEPT: [AtomicU64; 1 << 16] = [const { AtomicU64::new(0) }; 1 << 16];
static KEPT_WORDS: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which looks at what it is given back.
struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

// SAFETY: everything is left to the system's allocator; what it is given back is only read before.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on. What is read later has been written then.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if IS_WATCHING.load(Ordering::Relaxed)
            && let Ok(secrets) = SECRETS.read()
        {
            let words = layout.size() / 8;
            for word in 0..words {
                // SAFETY: the block is of that size, all of it was written, and it is not freed yet.
                let word = unsafe { block.cast::<u64>().add(word).read_unaligned() };
                let at = KEPT_WORDS.fetch_add(1, Ordering::Relaxed);
                if let Some(kept) = KEPT.get(at) {
                    kept.store(word, Ordering::Relaxed);
                }
                if secrets.contains(&word) {
                    GIVEN_BACK.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How many secrets are on the stack below the caller's frame.
#[inline(never)]
fn on_the_stack() -> usize {
    const WORDS: usize = (512 << 10) / 8;
    let mut below = MaybeUninit::<[u64; WORDS]>::uninit();
    let first = black_box(below.as_mut_ptr()).cast::<u64>();
    let Ok(secrets) = SECRETS.read() else { return 0 };
    // SAFETY: the words are this frame's own. What they are is whatever was left there, and any bits are a number; they
    // are read as volatile, so that the compiler does not reason about them.
    (0..WORDS).filter(|word| secrets.contains(&unsafe { first.add(*word).read_volatile() })).count()
}

fn is_secret(word: u64) -> bool {
    SECRETS.read().expect("nobody failed").contains(&word)
}

/// How many of the words that were kept are such.
fn words_kept(is_such: impl Fn(u64) -> bool) -> usize {
    let count = KEPT_WORDS.load(Ordering::Relaxed);
    assert!(count <= KEPT.len(), "more is given back than is kept");
    KEPT[..count].iter().filter(|word| is_such(word.load(Ordering::Relaxed))).count()
}

/// Adds to what must not be seen.
fn watch<'s>(secrets: impl Iterator<Item = &'s Vec<u8>>) {
    let words: Vec<u64> = secrets.flat_map(|number| words_of(number)).collect();
    SECRETS.write().expect("nobody failed").extend(words);
}

/// Zeros below the caller's frame, deeper than anything else here reaches.
#[inline(never)]
fn clear_the_stack() {
    black_box(&mut [0_u8; 600 << 10]);
}

/// The words by which a number is seen: as 64-bit words, as digits of 52 bits, and as windows of four bits.
fn words_of(number: &[u8]) -> Vec<u64> {
    let mut lowest_first = number.to_vec();
    lowest_first.reverse();
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let words: Vec<u64> = lowest_first.chunks_exact(8).map(word).collect();
    let bit = |at: usize| u64::from(lowest_first.get(at / 8).copied().unwrap_or(0) >> (at % 8) & 1);
    let digits = (0..lowest_first.len() * 8 / 52)
        .map(|digit| (0..52).fold(0, |bits, n| bits | bit(52 * digit + n) << n));
    let nibbles: Vec<u8> = lowest_first.iter().flat_map(|byte| [byte & 15, byte >> 4]).collect();
    let in_network_order = number.rchunks_exact(8).map(word);
    let windows = nibbles.chunks_exact(8).map(word);
    // Small numbers may be anything, and so may those that are mostly zeros.
    let tells =
        |word: &u64| word >> 40 != 0 && word.to_le_bytes().iter().filter(|byte| **byte != 0).count() > 3;
    words.iter().copied().chain(digits).chain(windows).chain(in_network_order).filter(tells).collect()
}

const DIGEST: [u8; 32] = [0x5a; 32];

/// A key on secp256k1, and the nonce with which it signs [`DIGEST`], from which anybody makes the key: as they are, negative and
/// inverse.
fn secrets_of_ecdsa() -> Vec<Vec<u8>> {
    let number = |bytes: &[u8]| {
        Scalar::from_repr(FieldBytes::try_from(bytes).expect("32 bytes")).expect("it is reduced")
    };
    let key = [0xa7, 0x11, 0x5e, 0x93].repeat(8);
    let key: Vec<u8> = key.iter().zip(1..).map(|(byte, n)| byte ^ n).collect();
    let signature = Secp256k1Key::new(&key).expect("it is a key").sign(&DIGEST).expect("libsecp256k1 signs");
    let (r, s) = signature.bytes.split_at(32);
    let nonce = (number(&DIGEST) + number(r) * number(&key)) * number(s).invert().expect("it is not zero");
    let inverse = nonce.invert().expect("it is not zero");
    let others = [nonce, -nonce, inverse, -inverse, -number(&key)];
    std::iter::once(key).chain(others.iter().map(|number| number.to_bytes().to_vec())).collect()
}

/// A seed of Ed25519, what is made of it, and the nonces of messages: the lowest byte first, and the other way round.
fn secrets_of_ed25519(seed: &[u8; 32], messages: &[&[u8]]) -> Vec<Vec<u8>> {
    let hash: [u8; 64] = Sha512::digest(seed).into();
    let (mut scalar, mut prefix) = ([0; 32], [0; 32]);
    scalar.copy_from_slice(&hash[..32]);
    prefix.copy_from_slice(&hash[32..]);
    scalar[0] &= 0xf8;
    scalar[31] = scalar[31] & 0x7f | 0x40;
    let reduced = ScalarOf25519::from_bytes_mod_order(scalar);
    let mut secrets = vec![*seed, scalar, prefix, reduced.to_bytes(), (-reduced).to_bytes()];
    for message in messages {
        let hash = Sha512::new().chain_update(prefix).chain_update(message).finalize();
        let nonce = ScalarOf25519::from_bytes_mod_order_wide(&hash.into());
        secrets.extend([nonce.to_bytes(), (-nonce).to_bytes()]);
    }
    let turned = |secret: &[u8; 32]| secret.iter().rev().copied().collect();
    secrets.iter().flat_map(|secret| [secret.to_vec(), turned(secret)]).collect()
}

fn of_p256(bytes: &[u8]) -> ScalarOfP256 {
    ScalarOfP256::from_repr(p256::FieldBytes::try_from(bytes).expect("32 bytes")).expect("it is reduced")
}

/// A private key of P-256 as the kernel has it: as it is and negative, with and without Montgomery's factor.
fn secrets_of_p256(d: &[u8; 32]) -> Vec<Vec<u8>> {
    let d = of_p256(d);
    let r = (0..5).fold(ScalarOfP256::ONE, |power, _| power * ScalarOfP256::from(1_u64 << 52));
    both_ways([d, -d, d * r, -d * r])
}

/// The nonces with which these signatures of [`DIGEST`] were made, from which anybody makes the key, their inverses, and what of r and
/// the key is in s: with and without Montgomery's factor.
fn nonces_of_p256(d: &[u8; 32], signatures: &[u8]) -> Vec<Vec<u8>> {
    let factor = (0..5).fold(ScalarOfP256::ONE, |power, _| power * ScalarOfP256::from(1_u64 << 52));
    both_ways(signatures.chunks_exact(64).flat_map(|signature| {
        let (r, s) = signature.split_at(32);
        let product = of_p256(r) * of_p256(d);
        let nonce = (of_p256(&DIGEST) + product) * of_p256(s).invert().expect("it is not zero");
        let inverse = nonce.invert().expect("it is not zero");
        [nonce, -nonce, inverse, nonce * factor, inverse * factor, product]
    }))
}

/// Numbers as they are below the order and below twice the order, the highest byte first and the other way round.
fn both_ways(numbers: impl IntoIterator<Item = ScalarOfP256>) -> Vec<Vec<u8>> {
    let order = rsa::BigUint::from_bytes_be(&(-ScalarOfP256::ONE).to_bytes()) + 1_u32;
    let forms = numbers.into_iter().flat_map(|number| {
        let number = rsa::BigUint::from_bytes_be(&number.to_bytes());
        [number.clone(), number + &order]
    });
    forms
        .flat_map(|number| {
            let digits = number.to_bytes_be();
            let bytes = [vec![0; 40 - digits.len()], digits].concat();
            [bytes.clone(), bytes.into_iter().rev().collect()]
        })
        .collect()
}

#[test]
fn neither_the_heap_nor_the_stack_keeps_a_secret() {
    let pair = RsaKeyPair::generate(KeySize::Rsa4096).expect("AWS-LC makes a key");
    let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("a key has a PKCS #8 form");
    let rsa = rsa::RsaPrivateKey::from_pkcs8_der(pkcs8.as_ref()).expect("it is a key");
    let [p, q] = rsa.primes() else { unreachable!("RSA has two primes") };
    let secret = [
        p.to_bytes_be(),
        q.to_bytes_be(),
        rsa.dp().expect("it is precomputed").to_bytes_be(),
        rsa.dq().expect("it is precomputed").to_bytes_be(),
        rsa.qinv().expect("it is precomputed").to_bytes_be().1,
    ];
    let of_ecdsa = secrets_of_ecdsa();
    let seed: [u8; 32] = Sha512::digest(b"a seed").first_chunk().copied().expect("there are 64 bytes");
    // More than are begun before the first is ended.
    let payloads: Vec<Vec<u8>> = (0..70).map(|n| vec![n; 20 + usize::from(n)]).collect();
    let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    let of_ed25519 = secrets_of_ed25519(&seed, &payloads);
    let d = Sha512::digest(b"a private key").first_chunk().copied().expect("there are 64 bytes");
    let of_p256 = secrets_of_p256(&d);
    let all = secret.iter().chain(&of_ecdsa).chain(&of_ed25519);
    let all = all.chain(&of_p256);
    watch(all);
    let (n, e) = (rsa.n().to_bytes_be(), rsa.e().to_bytes_be());
    let [p, q, dp, dq, qinv] = &secret;
    let parts = Parts { n: &n, e: &e, p, q, dp, dq, qinv };
    let mut messages = Vec::new();
    for digest in 0..20 {
        encode_pkcs1_sha256(&[digest; 32], n.len(), &mut messages);
    }
    // By itself, because the kernel overwrites whatever is below its caller.
    let ecdsa = || {
        let key = Secp256k1Key::new(&of_ecdsa[0]).expect("it is a key");
        key.sign(&DIGEST).expect("libsecp256k1 signs");
    };
    let ed25519 = || {
        let Some(kernel) = Kernel::available() else { return };
        let key = Ed25519Key::new(kernel, &seed);
        let signed = kernel.sign_ed25519_while(&key, &payloads, &mut || true, &mut Vec::new());
        assert_eq!(signed, Ok(payloads.len()));
        // Broken off after the first eight.
        let mut asked = 0;
        let mut ask = || {
            asked += 1;
            asked < 2
        };
        let signed = kernel.sign_ed25519_while(&key, &payloads, &mut ask, &mut Vec::new());
        assert_eq!(signed, Ok(LANES));
    };
    let p256 = |signatures: &mut Vec<u8>| {
        let Some(kernel) = Kernel::available() else { return };
        let key = P256Key::new(kernel, &d);
        // More than are begun before the first is ended.
        let signed = kernel.sign_p256_while(&key, &[DIGEST; 70], &mut || true, signatures);
        assert_eq!(signed, Ok(70));
    };
    let work = || {
        let key = PrivateKey::new(&parts).expect("the kernel takes the key");
        if let Some(kernel) = Kernel::available() {
            kernel.sign(&key, &messages, &mut Vec::new()).expect("the kernel signs");
            // Broken off after the first eight.
            let (mut signatures, mut asked) = (Vec::new(), 0);
            let mut ask = || {
                asked += 1;
                asked < 2
            };
            let signed = kernel.sign_while(&key, &messages, &mut ask, &mut signatures);
            assert_eq!(signed, Ok(LANES));
        } else {
            let why = "this processor has no AVX-512 IFMA";
            let _said = writeln!(std::io::stdout(), "skipped: what the kernel leaves in memory, as {why}");
        }
    };

    clear_the_stack();
    assert_eq!(on_the_stack(), 0, "the stack is clear");
    ecdsa();
    assert_eq!(on_the_stack(), 0, "libsecp256k1 leaves secrets on the stack");
    ed25519();
    assert_eq!(on_the_stack(), 0, "Ed25519 leaves secrets on the stack");
    let mut signatures = Vec::new();
    p256(&mut signatures);
    assert_eq!(on_the_stack(), 0, "P-256 leaves secrets on the stack");
    // Nonces are known by signatures: they are made of them by a thread with a stack of its own.
    std::thread::scope(|scope| {
        scope.spawn(|| watch(nonces_of_p256(&d, &signatures).iter()));
    });
    assert_eq!(on_the_stack(), 0, "P-256 leaves nonces on the stack");
    work();
    assert_eq!(on_the_stack(), 0, "secrets are left on the stack");

    IS_WATCHING.store(true, Ordering::Relaxed);
    ecdsa();
    ed25519();
    work();
    IS_WATCHING.store(false, Ordering::Relaxed);
    KEPT_WORDS.store(0, Ordering::Relaxed);
    signatures.clear();
    IS_WATCHING.store(true, Ordering::Relaxed);
    p256(&mut signatures);
    IS_WATCHING.store(false, Ordering::Relaxed);
    watch(nonces_of_p256(&d, &signatures).iter());
    assert!(words_kept(|_| true) > 0, "something is given back");
    assert_eq!(words_kept(is_secret), 0, "P-256 gives nonces back to the allocator");
    assert_eq!(GIVEN_BACK.load(Ordering::Relaxed), 0, "secrets are given back to the allocator");

    // What would be seen is seen.
    IS_WATCHING.store(true, Ordering::Relaxed);
    drop(black_box(p.clone()));
    IS_WATCHING.store(false, Ordering::Relaxed);
    assert!(GIVEN_BACK.load(Ordering::Relaxed) > 0, "a secret that is given back is not seen");
    leave_on_the_stack(p);
    assert!(on_the_stack() > 0, "a secret that is left on the stack is not seen");
    clear_the_stack();
    for secret in &of_ed25519 {
        leave_on_the_stack(secret);
        assert!(on_the_stack() > 0, "a secret of Ed25519 that is left on the stack is not seen");
    }
    for secret in of_p256.iter().chain(&nonces_of_p256(&d, &signatures)) {
        leave_on_the_stack(secret);
        assert!(on_the_stack() > 0, "a secret of P-256 that is left on the stack is not seen");
    }
}

#[inline(never)]
fn leave_on_the_stack(secret: &[u8]) {
    let mut copy = [0_u8; 100 << 10];
    copy[..secret.len()].copy_from_slice(secret);
    black_box(&mut copy);
}
