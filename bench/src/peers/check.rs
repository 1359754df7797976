//! Whether the rules were kept: the same check for every peer.

use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use chancery_keyring::{Algorithm, VerifyingKey};
use sqlx::{PgConnection, Row};

use super::work::Work;

/// Signatures that are verified, about.
const SAMPLE: u64 = 1_000;

/// What is wrong with the result, or nothing: every record has one signature, all of a batch are by the
/// same key, no two uses of a key overlap, and a sample of the signatures verifies with two libraries that
/// share no code, one of which is not the one that signed.
///
/// # Errors
///
/// The database cannot be read, or holds a public key that is none.
pub async fn check(connection: &mut PgConnection, work: Work) -> anyhow::Result<Option<String>> {
    let counts = sqlx::query(include_str!("../../peers/sql/check_counts.sql"))
        .bind(i64::try_from(work.records)?)
        .bind(i64::try_from(work.batch)?)
        .fetch_one(&mut *connection)
        .await?;
    let signatures: i64 = counts.get("signatures");
    if signatures != i64::try_from(work.records)? {
        return Ok(Some(format!("{signatures} signatures for {} records", work.records)));
    }
    for wrong in ["strays", "of_another_key", "overlaps"] {
        let count: i64 = counts.get(wrong);
        if count != 0 {
            return Ok(Some(format!("{count} {}", wrong.replace('_', " "))));
        }
    }
    let sample = sqlx::query(include_str!("../../peers/sql/check_sample.sql"))
        .bind(i64::try_from((work.records / SAMPLE).max(1))?)
        .fetch_all(connection)
        .await?;
    for row in sample {
        let (payload, signature): (&[u8], &[u8]) = (row.get("payload"), row.get("signature"));
        if !verifies(work.algorithm, row.get("public_key"), payload, signature)? {
            let record: i64 = row.get("record");
            return Ok(Some(format!("the signature of record {record} is not valid")));
        }
    }
    Ok(None)
}

/// With AWS-LC, and with `rsa` or `ed25519-dalek`.
fn verifies(
    algorithm: Algorithm,
    public_key: &[u8],
    payload: &[u8],
    signature: &[u8],
) -> anyhow::Result<bool> {
    let aws_lc: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::EdDsa => &ED25519,
        other => anyhow::bail!("the peers do not sign {other}"),
    };
    Ok(UnparsedPublicKey::new(aws_lc, public_key).verify(payload, signature).is_ok()
        && VerifyingKey::from_spki_der(algorithm, public_key)?.verify(payload, signature))
}
