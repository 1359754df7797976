//! The kernel beside the libraries that it is to be faster than: processor time of one thread.

use anyhow::Context;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256};
use chancery_bench::crypto_mb;
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples, Table};
use chancery_kernel::{Ed25519Key, Kernel, Parts, PrivateKey, encode_pkcs1_sha256};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use sha2::{Digest as _, Sha256};

use crate::cpu;

/// Records of a batch.
const BATCH: usize = 96;

/// A key as each of them wants it.
struct Key {
    bits: usize,
    aws: KeyPair,
    kernel: PrivateKey,
    crypto_mb: crypto_mb::Key,
}

impl Key {
    fn generate(bits: usize, size: KeySize) -> anyhow::Result<Self> {
        let aws = KeyPair::generate(size).context("a key")?;
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&aws).context("PKCS #8")?;
        let rsa = rsa::RsaPrivateKey::from_pkcs8_der(pkcs8.as_ref())?;
        let (n, e) = (rsa.n().to_bytes_be(), rsa.e().to_bytes_be());
        let (p, q) = (rsa.primes()[0].to_bytes_be(), rsa.primes()[1].to_bytes_be());
        let dp = rsa.dp().context("it is precomputed")?.to_bytes_be();
        let dq = rsa.dq().context("it is precomputed")?.to_bytes_be();
        let qinv = rsa.qinv().context("it is precomputed")?.to_bytes_be().1;
        let parts = Parts { n: &n, e: &e, p: &p, q: &q, dp: &dp, dq: &dq, qinv: &qinv };
        Ok(Self {
            bits,
            aws,
            kernel: PrivateKey::new(&parts)?,
            crypto_mb: crypto_mb::Key::new(pkcs8.as_ref())?,
        })
    }

    fn payloads(records: usize) -> impl Iterator<Item = [u8; 8]> {
        (0..records as u64).map(u64::to_be_bytes)
    }

    fn encoded(&self, records: usize) -> Vec<u8> {
        let mut messages = Vec::new();
        for payload in Self::payloads(records) {
            encode_pkcs1_sha256(&Sha256::digest(payload).into(), self.bits / 8, &mut messages);
        }
        messages
    }

    /// Nanoseconds per signature of the kernel, with blinding and verification.
    fn by_the_kernel(&self, kernel: Kernel, batches: usize) -> anyhow::Result<f64> {
        let before = cpu::own()?;
        for _ in 0..batches {
            let mut signatures = Vec::new();
            kernel.sign(&self.kernel, &self.encoded(BATCH), &mut signatures)?;
            std::hint::black_box(signatures);
        }
        nanoseconds(before, batches * BATCH)
    }

    fn by_aws_lc(&self, records: usize) -> anyhow::Result<f64> {
        let mut signature = vec![0; self.bits / 8];
        let before = cpu::own()?;
        for payload in Self::payloads(records) {
            self.aws
                .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &payload, &mut signature)
                .context("a signature")?;
        }
        nanoseconds(before, records)
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn nanoseconds(before: f64, records: usize) -> anyhow::Result<f64> {
    Ok((cpu::own()? - before) * 1e9 / records as f64)
}

/// Each beside the others, in turn.
pub(crate) async fn measure(effort: Effort) -> Measured {
    tokio::task::spawn_blocking(move || measured(effort)).await?
}

fn measured(effort: Effort) -> Measured {
    let kernel = Kernel::available().context("this processor has no AVX-512 IFMA")?;
    let batches = usize::try_from(effort.of(120, 10))?;
    let columns = ["key", "kernel", "AWS-LC", "crypto_mb, without blinding and verification"];
    let mut rates = Table::new("Signatures per processor second, medians:", &columns);
    let mut figures = Vec::new();
    for (bits, size, wanted) in
        [(2048, KeySize::Rsa2048, 2.2), (3072, KeySize::Rsa3072, 2.0), (4096, KeySize::Rsa4096, 2.0)]
    {
        // As much time for each size.
        let batches = (batches * 2048 * 2048 / bits / bits).max(1);
        let key = Key::generate(bits, size)?;
        let (mut to_aws, mut to_crypto_mb) = (Samples::default(), Samples::default());
        let mut per_second: [Samples; 3] = Default::default();
        for _ in 0..effort.pairs {
            let own = key.by_the_kernel(kernel, batches)?;
            let aws = key.by_aws_lc(batches * BATCH / 2)?;
            to_aws.add(aws / own);
            per_second[0].add(1e9 / own);
            per_second[1].add(1e9 / aws);
            if crypto_mb::is_there() {
                let crypto_mb = key.crypto_mb.nanoseconds(batches * BATCH / 8)?;
                to_crypto_mb.add(crypto_mb / own);
                per_second[2].add(1e9 / crypto_mb);
            }
        }
        let [own, aws, crypto_mb] = per_second.map(|samples| samples.median());
        let crypto_mb = (!crypto_mb.is_nan()).then_some(crypto_mb);
        rates.row([format!("RSA-{bits}").into(), own.into(), aws.into(), crypto_mb.into()]);
        figures.push(Figure::new(format!("RSA-{bits}: kernel / AWS-LC"), to_aws, Bound::AtLeast(wanted)));
        if crypto_mb.is_some() && bits == 2048 {
            let title = "RSA-2048: kernel / crypto_mb without blinding and verification";
            figures.push(Figure::new(title, to_crypto_mb, Bound::AtLeast(1.15)));
        }
    }
    let to_aws = ed25519(kernel, effort.pairs, batches, &mut rates)?;
    figures.push(Figure::new("Ed25519: kernel / AWS-LC", to_aws, Bound::AtLeast(2.0)));
    Ok(Outcome { figures, tables: vec![rates], ..Outcome::default() })
}

/// The same of Ed25519 and messages of 256 bytes.
fn ed25519(kernel: Kernel, pairs: usize, batches: usize, rates: &mut Table) -> anyhow::Result<Samples> {
    let mut bytes = [0; 32 + 256 * BATCH];
    SystemRandom::new().fill(&mut bytes).context("random bytes")?;
    let (seed, payloads) = bytes.split_first_chunk().context("a seed")?;
    let messages: Vec<&[u8]> = payloads.chunks_exact(256).collect();
    let (own, aws) = (Ed25519Key::new(kernel, seed), Ed25519KeyPair::from_seed_unchecked(seed)?);
    let (mut to_aws, mut per_second) = (Samples::default(), [Samples::default(), Samples::default()]);
    // A signature takes a twentieth of what one of RSA-2048 takes.
    let batches = 20 * batches;
    for _ in 0..pairs {
        let before = cpu::own()?;
        for _ in 0..batches {
            let mut signatures = Vec::new();
            kernel.sign_ed25519_while(&own, &messages, &mut || true, &mut signatures)?;
            std::hint::black_box(signatures);
        }
        let by_own = nanoseconds(before, batches * BATCH)?;
        let before = cpu::own()?;
        for _ in 0..batches / 2 {
            for message in &messages {
                std::hint::black_box(aws.sign(message));
            }
        }
        let by_aws = nanoseconds(before, batches / 2 * BATCH)?;
        to_aws.add(by_aws / by_own);
        for (samples, nanoseconds) in per_second.iter_mut().zip([by_own, by_aws]) {
            samples.add(1e9 / nanoseconds);
        }
    }
    let [own, aws] = per_second.map(|samples| samples.median());
    rates.row(["Ed25519".into(), own.into(), aws.into(), None.into()]);
    Ok(to_aws)
}
