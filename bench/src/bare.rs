//! The limit: the same signatures in a loop that does nothing else.

use std::time::Instant;

use anyhow::Context;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;

/// Signatures a second of RS256 with 2048 bits over 256 bytes, `records` of them on `threads` threads.
pub(crate) fn rs256_rate(threads: u64, records: u64) -> anyhow::Result<f64> {
    let keys = (0..threads)
        .map(|_| KeyPair::generate(KeySize::Rsa2048).context("a key"))
        .collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    std::thread::scope(|scope| {
        let loops: Vec<_> = keys.iter().map(|key| scope.spawn(|| sign(key, records / threads))).collect();
        loops.into_iter().try_for_each(|one| one.join().map_err(|_| anyhow::anyhow!("a thread failed"))?)
    })?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    Ok((records / threads * threads) as f64 / began.elapsed().as_secs_f64())
}

fn sign(key: &KeyPair, count: u64) -> anyhow::Result<()> {
    let random = SystemRandom::new();
    let (mut payload, mut signature) = ([0_u8; 256], [0_u8; 256]);
    random.fill(&mut payload).context("random bytes")?;
    for number in 0..count {
        payload[..8].copy_from_slice(&number.to_be_bytes());
        key.sign(&RSA_PKCS1_SHA256, &random, &payload, &mut signature).context("a signature")?;
    }
    Ok(())
}
