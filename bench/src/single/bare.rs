//! The limit: the same signatures in a loop that does nothing else.

use std::time::Instant;

use anyhow::{Context, bail, ensure};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, Signature};
use chancery_keyring::{
    Algorithm, BatchOutcome, DataKey, KeySpec, Library, RsaKeySize, Signatures, SigningKey, VerifyingKey,
    generate,
};
use uuid::Uuid;

use crate::cpu;
use crate::work::Work;

const PAYLOAD_BYTES: usize = 256;

/// What a loop of signatures came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bare {
    /// Signatures per second.
    pub(crate) rate: f64,
    /// Processor seconds per signature.
    pub(crate) cpu: f64,
}

/// The signatures of this work on so many threads, each with keys of its own: batches of the same size, one key a batch, by
/// the very library that signers call.
pub(crate) async fn sign(work: Work, threads: u32) -> anyhow::Result<Bare> {
    tokio::task::spawn_blocking(move || {
        let each = (work.keys / threads).max(1);
        let rings = (0..threads).map(|_| ring(work.algorithm, each)).collect::<Result<Vec<_>, _>>()?;
        let batches = (work.records / work.batch / u64::from(threads)).max(1);
        let (began, spent) = (Instant::now(), cpu::own()?);
        std::thread::scope(|scope| {
            let loops: Vec<_> =
                rings.iter().map(|keys| scope.spawn(|| sign_batches(keys, batches, work.batch))).collect();
            loops
                .into_iter()
                .try_for_each(|one| one.join().map_err(|_| anyhow::anyhow!("a thread failed"))?)
        })?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let signed = (batches * work.batch * u64::from(threads)) as f64;
        Ok(Bare { rate: signed / began.elapsed().as_secs_f64(), cpu: (cpu::own()? - spent) / signed })
    })
    .await?
}

/// A key of AWS-LC, whatever signers call.
enum OfAwsLc {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl OfAwsLc {
    fn generate(algorithm: &str) -> anyhow::Result<Self> {
        match algorithm {
            "EdDSA" => Ok(Self::Ed25519(Ed25519KeyPair::generate()?)),
            "ES256" => Ok(Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?)),
            _ => bail!("no loop signs {algorithm} by AWS-LC"),
        }
    }

    fn sign(&self, payload: &[u8]) -> Result<Signature, Unspecified> {
        match self {
            Self::Ed25519(key) => key.try_sign(payload),
            Self::P256(key) => key.sign(&SystemRandom::new(), payload),
        }
    }
}

/// Signatures per second by AWS-LC, one by one.
pub(crate) async fn sign_by_aws_lc(work: Work, threads: u32) -> anyhow::Result<f64> {
    tokio::task::spawn_blocking(move || {
        let batches = (work.records / work.batch / u64::from(threads)).max(1);
        let keys = (0..threads).map(|_| OfAwsLc::generate(work.algorithm)).collect::<Result<Vec<_>, _>>()?;
        let payloads = payloads(work.batch)?;
        let began = Instant::now();
        let sign = |key: &OfAwsLc| {
            let mut signatures = Vec::new();
            for _ in 0..batches {
                signatures.clear();
                for payload in payloads.chunks_exact(PAYLOAD_BYTES) {
                    signatures.extend_from_slice(key.sign(payload)?.as_ref());
                }
            }
            std::hint::black_box(signatures);
            Ok::<_, Unspecified>(())
        };
        std::thread::scope(|scope| {
            let loops: Vec<_> = keys.iter().map(|key| scope.spawn(|| sign(key))).collect();
            loops.into_iter().try_for_each(|one| {
                one.join().map_err(|_| anyhow::anyhow!("a thread failed"))?.context("a signature")
            })
        })?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let signed = (batches * work.batch * u64::from(threads)) as f64;
        Ok(signed / began.elapsed().as_secs_f64())
    })
    .await?
}

/// Verifies so many signatures on each of so many threads, by the very library that audits call, and gives the signatures per second: each
/// thread has one key and one batch of its own, of which nothing has to be fetched.
pub(crate) async fn verify(work: Work, threads: u32) -> anyhow::Result<f64> {
    tokio::task::spawn_blocking(move || {
        let rounds = (work.records / work.batch / u64::from(threads)).max(1);
        let batches = (0..threads).map(|_| Signed::by_a_fresh_key(work)).collect::<Result<Vec<_>, _>>()?;
        let began = Instant::now();
        let verified = std::thread::scope(|scope| {
            let loops: Vec<_> =
                batches.iter().map(|batch| scope.spawn(|| (0..rounds).all(|_| batch.holds()))).collect();
            loops.into_iter().all(|one| one.join().unwrap_or(false))
        });
        ensure!(verified, "a signature does not verify");
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let count = (rounds * work.batch * u64::from(threads)) as f64;
        Ok(count / began.elapsed().as_secs_f64())
    })
    .await?
}

/// A batch, and the key that verifies it.
struct Signed {
    key: VerifyingKey,
    library: Library,
    payloads: Vec<u8>,
    signatures: Signatures,
}

impl Signed {
    fn by_a_fresh_key(work: Work) -> anyhow::Result<Self> {
        let algorithm: Algorithm = work.algorithm.parse()?;
        let size = (algorithm == Algorithm::Rs256).then_some(RsaKeySize::Bits2048);
        let (keyring, data_key) = (Uuid::now_v7(), DataKey::generate());
        let made = generate(KeySpec::new(algorithm, size)?, keyring, &data_key)?;
        let signing = SigningKey::open(&data_key, keyring, made.id, algorithm, &made.wrapped)?;
        let payloads = payloads(work.batch)?;
        let mut signatures = Signatures::new(signing.signature_len());
        let outcome =
            signing.sign_batch(work.batch, payloads.chunks_exact(PAYLOAD_BYTES), || true, &mut signatures)?;
        ensure!(outcome == BatchOutcome::Complete, "the batch was not signed");
        let key = VerifyingKey::from_spki_der(algorithm, &made.public_key)?.for_many();
        Ok(Self { key, library: signing.library(work.batch), payloads, signatures })
    }

    fn holds(&self) -> bool {
        let pairs: Vec<_> = self.payloads.chunks_exact(PAYLOAD_BYTES).zip(self.signatures.iter()).collect();
        self.key.verify_batch(self.library, &pairs).into_iter().all(|holds| holds)
    }
}

fn payloads(records: u64) -> anyhow::Result<Vec<u8>> {
    let mut payloads = vec![0_u8; usize::try_from(records)? * PAYLOAD_BYTES];
    SystemRandom::new().fill(&mut payloads).context("random bytes")?;
    Ok(payloads)
}

fn ring(algorithm: &str, keys: u32) -> anyhow::Result<Vec<SigningKey>> {
    let algorithm: Algorithm = algorithm.parse()?;
    let size = (algorithm == Algorithm::Rs256).then_some(RsaKeySize::Bits2048);
    let (keyring, data_key) = (Uuid::now_v7(), DataKey::generate());
    let spec = KeySpec::new(algorithm, size)?;
    (0..keys)
        .map(|_| {
            let key = generate(spec, keyring, &data_key)?;
            Ok(SigningKey::open(&data_key, keyring, key.id, algorithm, &key.wrapped)?)
        })
        .collect()
}

fn sign_batches(keys: &[SigningKey], batches: u64, records: u64) -> anyhow::Result<()> {
    let mut payloads = payloads(records)?;
    let mut signatures = Signatures::new(keys.first().context("no key")?.signature_len());
    for (batch, key) in (0..batches).zip(keys.iter().cycle()) {
        payloads[..8].copy_from_slice(&batch.to_be_bytes());
        signatures.clear();
        let payloads = payloads.chunks_exact(PAYLOAD_BYTES);
        match key.sign_batch(records, payloads, || true, &mut signatures)? {
            BatchOutcome::Complete => {}
            BatchOutcome::Stopped { signed } => bail!("the loop stopped after {signed} records"),
        }
    }
    std::hint::black_box(signatures);
    Ok(())
}
