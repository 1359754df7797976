//! What the API shows of keys is all that it takes to verify what it shows of signatures: by a library here, and by one of another
//! language.

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chancery_kit::eventually;
use futures::future::try_join_all;
use serde_json::Value;
use tokio::process::Command;

use crate::by_others::{done, file, installed};
use crate::client::{Api, DEMO};
use crate::{Site, manifest};

/// Payloads of each run: of four batches, which four keys sign.
const RECORDS: usize = 40;
const KEYS: usize = 4;

fn bytes(value: &Value) -> anyhow::Result<Vec<u8>> {
    let text = value.as_str().with_context(|| format!("no text: {value}"))?;
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

/// Whether a signature is of this payload, by a JWK (RFC 7517, 7518, 8037).
fn verifies(jwk: &Value, payload: &[u8], signature: &[u8]) -> anyhow::Result<bool> {
    let by_rsa = |parameters| -> anyhow::Result<bool> {
        let key = RsaPublicKeyComponents { n: bytes(&jwk["n"])?, e: bytes(&jwk["e"])? };
        Ok(key.verify(parameters, payload, signature).is_ok())
    };
    let kind = ["kty", "crv", "alg"].map(|member| jwk[member].as_str().unwrap_or_default());
    match kind {
        ["RSA", "", "RS256"] => by_rsa(&RSA_PKCS1_2048_8192_SHA256),
        ["RSA", "", "PS256"] => by_rsa(&RSA_PSS_2048_8192_SHA256),
        ["EC", "P-256", "ES256"] => {
            let point = [&[4][..], &bytes(&jwk["x"])?, &bytes(&jwk["y"])?].concat();
            Ok(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(payload, signature).is_ok())
        }
        ["OKP", "Ed25519", "EdDSA"] => {
            let key = UnparsedPublicKey::new(&ED25519, bytes(&jwk["x"])?);
            Ok(key.verify(payload, signature).is_ok())
        }
        other => anyhow::bail!("a key of {other:?}"),
    }
}

/// Verifies each record of the results by the key that it names, and by no other.
async fn all_verify(api: &Api, algorithm: &str) -> anyhow::Result<()> {
    let set = api.get(&format!("{DEMO}/jwks.json")).await?.expect(200)?.json()?;
    let keys = set["keys"].as_array().context("no keys")?;
    let keys: BTreeMap<&str, &Value> =
        keys.iter().filter_map(|key| Some((key["kid"].as_str()?, key))).collect();
    let lines = api.get(&format!("{DEMO}/results")).await?.expect(200)?.lines()?;
    anyhow::ensure!(lines.len() == RECORDS, "{} are signed", lines.len());
    for line in lines {
        let signed = &line["signed"];
        let named = signed["keyId"].as_str().unwrap_or_default();
        let record = api.get(&format!("{DEMO}/records/{}", line["record"])).await?.expect(200)?.json()?;
        let payload = STANDARD.decode(record["payload"].as_str().unwrap_or_default())?;
        let signature = bytes(&signed["signature"])?;
        anyhow::ensure!(signed["algorithm"] == algorithm && keys[named]["alg"] == algorithm, "{line}");
        for (id, key) in &keys {
            let is_of_it = verifies(key, &payload, &signature)?;
            anyhow::ensure!(is_of_it == (*id == named), "{algorithm}: by {id}: {is_of_it}: {line}");
        }
        let other = [&payload[..], b" "].concat();
        anyhow::ensure!(
            !verifies(keys[named], &other, &signature)?,
            "{algorithm}: anything verifies: {line}"
        );
    }
    Ok(())
}

async fn by_another_language(api: &Api) -> anyhow::Result<()> {
    let Some(python) = installed("python") else { return Ok(()) };
    let mut command = Command::new(python);
    command.arg(file("verify_results.py")).arg(format!("http://{}{DEMO}", api.address));
    let said = done(command, api).await?;
    let (verified, keys) = said.trim().split_once(' ').with_context(|| format!("it says {said:?}"))?;
    anyhow::ensure!(verified.parse() == Ok(RECORDS), "it verified {verified}");
    anyhow::ensure!(keys.parse() == Ok(KEYS), "by {keys} keys");
    Ok(())
}

async fn of_algorithm(algorithm: &'static str) -> anyhow::Result<()> {
    let site = Site::with(&manifest().with("algorithm", algorithm)).await?;
    let api = site.served.api.clone();
    eventually("each batch has a key of its own", async || {
        let Ok(answer) = api.get(&format!("{DEMO}/jwks.json")).await else { return false };
        answer.json().is_ok_and(|set| set["keys"].as_array().map(Vec::len) == Some(KEYS))
    })
    .await;
    let lines: String = (0..RECORDS).map(|number| format!("{{\"number\": {number}}}\n")).collect();
    let pushed = api.push("?wait=60", lines).await?.expect(200)?;
    anyhow::ensure!(pushed.states()? == ["admitted"; RECORDS], "{algorithm}: {pushed:?}");
    api.seal().await?.expect(200)?;
    api.get(&format!("{DEMO}/events")).await?.expect(200)?;
    all_verify(&api, algorithm).await?;
    by_another_language(&api).await?;
    anyhow::ensure!(site.end().await?["signed"] == RECORDS, "{algorithm}");
    Ok(())
}

#[tokio::test]
async fn signatures_of_each_algorithm_verify_by_the_keys_that_the_api_shows() -> anyhow::Result<()> {
    try_join_all(["EdDSA", "ES256", "RS256", "PS256"].map(of_algorithm)).await.map(|_all| ())
}
