//! The limit: the same signatures in a loop that does nothing else.

use std::time::Instant;

use anyhow::Context;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};

use crate::cpu;

const PAYLOAD_BYTES: usize = 256;

/// What a loop of signatures came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bare {
    /// Signatures per second.
    pub(crate) rate: f64,
    /// Processor seconds per signature.
    pub(crate) cpu: f64,
}

enum Pair {
    Rsa(Box<KeyPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    fn generate(algorithm: &str) -> anyhow::Result<Self> {
        Ok(match algorithm {
            "RS256" => Self::Rsa(Box::new(KeyPair::generate(KeySize::Rsa2048).context("a key")?)),
            "ES256" => Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("a key")?),
            "EdDSA" => Self::Ed25519(Ed25519KeyPair::generate().context("a key")?),
            other => anyhow::bail!("no bare loop for {other}"),
        })
    }

    fn sign(&self, count: u64) -> anyhow::Result<()> {
        let random = SystemRandom::new();
        let (mut payload, mut signature) = ([0_u8; PAYLOAD_BYTES], [0_u8; 256]);
        random.fill(&mut payload).context("random bytes")?;
        for number in 0..count {
            payload[..8].copy_from_slice(&number.to_be_bytes());
            match self {
                Self::Rsa(pair) => {
                    pair.sign(&RSA_PKCS1_SHA256, &random, &payload, &mut signature).context("a signature")?
                }
                Self::P256(pair) => {
                    let signed = pair.sign(&random, &payload).context("a signature")?;
                    signature[..64].copy_from_slice(signed.as_ref());
                }
                Self::Ed25519(pair) => signature[..64].copy_from_slice(pair.sign(&payload).as_ref()),
            }
        }
        std::hint::black_box(signature);
        Ok(())
    }
}

/// So many signatures over 256 bytes on so many threads, each with a key of its own.
pub(crate) async fn sign(algorithm: &'static str, threads: u64, records: u64) -> anyhow::Result<Bare> {
    tokio::task::spawn_blocking(move || {
        let pairs = (0..threads).map(|_| Pair::generate(algorithm)).collect::<Result<Vec<_>, _>>()?;
        let (began, spent) = (Instant::now(), cpu::own()?);
        std::thread::scope(|scope| {
            let loops: Vec<_> =
                pairs.iter().map(|pair| scope.spawn(|| pair.sign(records / threads))).collect();
            loops
                .into_iter()
                .try_for_each(|one| one.join().map_err(|_| anyhow::anyhow!("a thread failed"))?)
        })?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let signed = (records / threads * threads) as f64;
        Ok(Bare { rate: signed / began.elapsed().as_secs_f64(), cpu: (cpu::own()? - spent) / signed })
    })
    .await?
}
