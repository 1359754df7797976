//! The kernel beside the libraries that it is to be faster than: processor time of one thread.

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use chancery_bench::crypto_mb;
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples, Table};
use chancery_kernel::{Ed25519Key, Kernel, P256Key, Parts, PrivateKey, encode_pkcs1_sha256};
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
    let mut messages = vec![0; 256 * BATCH];
    SystemRandom::new().fill(&mut messages).context("random bytes")?;
    let curves = Curves { kernel, messages, pairs: effort.pairs, batches: 20 * batches };
    let to_aws = curves.ed25519(&mut rates)?;
    figures.push(Figure::new("Ed25519: kernel / AWS-LC", to_aws, Bound::AtLeast(2.0)));
    let to_aws = Curves { batches: 10 * batches, ..curves }.p256(&mut rates)?;
    figures.push(Figure::new("P-256: kernel / AWS-LC", to_aws, Bound::AtLeast(2.0)));
    Ok(Outcome { figures, tables: vec![rates], ..Outcome::default() })
}

/// The same of curves, and messages of 256 bytes.
struct Curves {
    kernel: Kernel,
    messages: Vec<u8>,
    pairs: usize,
    /// A signature takes a tenth or a twentieth of what one of RSA-2048 takes.
    batches: usize,
}

impl Curves {
    fn messages(&self) -> impl Iterator<Item = &[u8]> {
        self.messages.chunks_exact(256)
    }

    /// How much sooner the first of both signs a batch.
    fn beside(
        &self,
        name: &str,
        mut own: impl FnMut() -> anyhow::Result<()>,
        mut aws: impl FnMut() -> anyhow::Result<()>,
        rates: &mut Table,
    ) -> anyhow::Result<Samples> {
        let (mut to_aws, mut per_second) = (Samples::default(), [Samples::default(), Samples::default()]);
        for _ in 0..self.pairs {
            let before = cpu::own()?;
            (0..self.batches).try_for_each(|_| own())?;
            let by_own = nanoseconds(before, self.batches * BATCH)?;
            let before = cpu::own()?;
            (0..self.batches / 2).try_for_each(|_| aws())?;
            let by_aws = nanoseconds(before, self.batches / 2 * BATCH)?;
            to_aws.add(by_aws / by_own);
            for (samples, nanoseconds) in per_second.iter_mut().zip([by_own, by_aws]) {
                samples.add(1e9 / nanoseconds);
            }
        }
        let [own, aws] = per_second.map(|samples| samples.median());
        rates.row([name.into(), own.into(), aws.into(), None.into()]);
        Ok(to_aws)
    }

    fn ed25519(&self, rates: &mut Table) -> anyhow::Result<Samples> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).context("a seed")?;
        let (key, pair) = (Ed25519Key::new(self.kernel, &seed), Ed25519KeyPair::from_seed_unchecked(&seed)?);
        let messages: Vec<&[u8]> = self.messages().collect();
        let own = || {
            let mut signatures = Vec::new();
            self.kernel.sign_ed25519_while(&key, &messages, &mut || true, &mut signatures)?;
            std::hint::black_box(signatures);
            Ok(())
        };
        let aws = || {
            for message in &messages {
                std::hint::black_box(pair.sign(message));
            }
            Ok(())
        };
        self.beside("Ed25519", own, aws, rates)
    }

    /// Digests are made meanwhile, by both.
    fn p256(&self, rates: &mut Table) -> anyhow::Result<Samples> {
        let mut d = [0; 32];
        SystemRandom::new().fill(&mut d[1..]).context("a private key")?;
        let key = P256Key::new(self.kernel, &d);
        let public = [[4].as_slice(), &key.public_key()].concat();
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &d, &public)?;
        let own = || {
            let digests: Vec<[u8; 32]> = self
                .messages()
                .map(|message| digest(&SHA256, message).as_ref().try_into())
                .collect::<Result<_, _>>()?;
            let mut signatures = Vec::new();
            self.kernel.sign_p256_while(&key, &digests, &mut || true, &mut signatures)?;
            std::hint::black_box(signatures);
            Ok(())
        };
        let aws = || {
            for message in self.messages() {
                std::hint::black_box(pair.sign(&SystemRandom::new(), message)?);
            }
            Ok(())
        };
        self.beside("P-256", own, aws, rates)
    }
}
