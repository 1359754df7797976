//! Intel's crypto_mb, where `scripts/crypto-mb.sh` has built what measures it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use chancery_kernel::encode_pkcs1_sha256;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use sha2::{Digest as _, Sha256};

const PROGRAM: &str = ".tools/crypto-mb/rate";

const PAYLOAD: &[u8] = b"a record";

/// Whether it is built.
#[must_use]
pub fn is_there() -> bool {
    Path::new(PROGRAM).is_file()
}

/// An RSA key as its program reads one.
#[derive(Debug)]
pub struct Key {
    bits: usize,
    input: String,
}

impl Key {
    /// Of a private key in PKCS #8.
    ///
    /// # Errors
    ///
    /// It is no RSA key.
    pub fn new(pkcs8: &[u8]) -> anyhow::Result<Self> {
        let rsa = rsa::RsaPrivateKey::from_pkcs8_der(pkcs8)?;
        let bytes = rsa.size();
        let mut message = Vec::new();
        encode_pkcs1_sha256(&Sha256::digest(PAYLOAD).into(), bytes, &mut message);
        let mut signature = vec![0; bytes];
        RsaKeyPair::from_pkcs8(pkcs8)
            .context("a key")?
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), PAYLOAD, &mut signature)
            .context("a signature")?;
        let parts = [
            Some(rsa.primes()[0].to_bytes_be()),
            Some(rsa.primes()[1].to_bytes_be()),
            rsa.dp().map(|part| part.to_bytes_be()),
            rsa.dq().map(|part| part.to_bytes_be()),
            rsa.qinv().map(|part| part.to_bytes_be().1),
        ]
        .map(|part| {
            let part = part.unwrap_or_default();
            [vec![0; (bytes / 2).saturating_sub(part.len())], part].concat()
        });
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let input = parts.iter().chain([&message, &signature]).map(|line| hex(line) + "\n").collect();
        Ok(Self { bits: bytes * 8, input })
    }

    /// Nanoseconds of processor time per signature, without blinding and verification, eight at a time so often.
    ///
    /// # Errors
    ///
    /// The program fails, or signs wrongly.
    pub fn nanoseconds(&self, eights: usize) -> anyhow::Result<f64> {
        let mut child = Command::new(PROGRAM)
            .args([self.bits, eights].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("a pipe")?.write_all(self.input.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{PROGRAM} failed");
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }
}
