//! Signatures per CPU second on one core, kernel and AWS-LC side by side: `cargo run --release --example rate`.

use std::process::ExitCode;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use chancery_kernel::{Kernel, Parts, PrivateKey, encode_pkcs1_sha256};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};

/// Records of a batch.
const BATCH: usize = 96;

#[expect(clippy::print_stdout, reason = "what it is for")]
fn main() -> ExitCode {
    let Some(kernel) = Kernel::available() else {
        println!("skipped: this processor has no AVX-512 IFMA");
        return ExitCode::SUCCESS;
    };
    for (name, size) in [("2048", KeySize::Rsa2048), ("3072", KeySize::Rsa3072), ("4096", KeySize::Rsa4096)] {
        let pair = RsaKeyPair::generate(size).expect("a key");
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("PKCS #8");
        let parsed = rsa::RsaPrivateKey::from_pkcs8_der(pkcs8.as_ref()).expect("the same key");
        let key = key(&parsed);
        let digests: Vec<[u8; 32]> = (0..BATCH).map(|n| [u8::try_from(n).unwrap_or(0); 32]).collect();
        let mut ratios = Vec::new();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..7 {
            let kernel_ns = cpu_ns(|| {
                let mut encoded = Vec::new();
                for digest in &digests {
                    encode_pkcs1_sha256(digest, key.signature_len(), &mut encoded);
                }
                let mut signatures = Vec::new();
                kernel.sign(&key, &encoded, &mut signatures).expect("signatures");
                assert_eq!(signatures.len(), BATCH * key.signature_len());
            });
            let aws_ns = cpu_ns(|| {
                let mut signature = vec![0; key.signature_len()];
                for digest in &digests {
                    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), digest, &mut signature)
                        .expect("a signature");
                }
            });
            ours.push(kernel_ns);
            theirs.push(aws_ns);
            ratios.push(aws_ns / kernel_ns);
        }
        println!(
            "RSA-{name}: kernel {:.0}, AWS-LC {:.0} signatures per CPU second; ratio {:.2}",
            rate(&mut ours),
            rate(&mut theirs),
            median(&mut ratios)
        );
    }
    ExitCode::SUCCESS
}

fn key(key: &rsa::RsaPrivateKey) -> PrivateKey {
    let [p, q] = key.primes() else { unreachable!("two primes") };
    PrivateKey::new(&Parts {
        n: &key.n().to_bytes_be(),
        e: &key.e().to_bytes_be(),
        p: &p.to_bytes_be(),
        q: &q.to_bytes_be(),
        dp: &key.dp().expect("precomputed").to_bytes_be(),
        dq: &key.dq().expect("precomputed").to_bytes_be(),
        qinv: &key.qinv().expect("precomputed").to_bytes_be().1,
    })
    .expect("a key for the kernel")
}

/// Nanoseconds of this thread's processor time that some rounds of the work take, each.
fn cpu_ns(work: impl Fn()) -> f64 {
    let rounds = 5;
    let before = on_cpu();
    for _ in 0..rounds {
        work();
    }
    (on_cpu() - before) / f64::from(rounds)
}

fn on_cpu() -> f64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    line.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds first")
}

fn rate(ns: &mut [f64]) -> f64 {
    BATCH as f64 * 1e9 / median(ns)
}

fn median(of: &mut [f64]) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
