//! Signer pods that make the keys of their run's ring, with what they are given. What they sign is the scenario's part.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_keyring::{DataKey, GeneratedKey, KeySpec, generate};
use chancery_store::keyring::NewKey;
use chancery_store::lease::MissingKeys;
use chancery_store::{LedgerUrl, SignerSession, StoreError};
use serde_json::Value;

use super::fake::FakeApi;

/// Makes the keys that are missing, if the run has a Job that runs. True if any was made; false if nothing is missing, or
/// the database does not let them. They reach that by `database`, with the login that they are given.
pub(crate) async fn make_keys(api: &FakeApi, database: &str, name: &str) -> anyhow::Result<bool> {
    let Some(job) = api.get("jobs", &chancery_api::names::job_name(name)).filter(runs) else {
        return Ok(false);
    };
    let secret = &job["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"];
    let Some(secret) = api.get("secrets", secret.as_str().unwrap_or_default()) else { return Ok(false) };
    let data_key = DataKey::parse(&given(&secret, "data-key")?)?;
    let url = by_login(database, &String::from_utf8(given(&secret, "database-url")?)?)?;
    let mut made = false;
    match fill(&url, name, &data_key, &mut made).await {
        Ok(()) => Ok(made),
        Err(error) if error.is::<StoreError>() => Ok(made),
        Err(error) => Err(error),
    }
}

fn runs(job: &Value) -> bool {
    let has_ended = job["status"]["conditions"].as_array().is_some_and(|conditions| !conditions.is_empty());
    job["spec"]["suspend"] != true && job["metadata"]["deletionTimestamp"].is_null() && !has_ended
}

/// The test's way to the database, with the login of the URL that pods are given: theirs leads to a cluster's server.
pub(crate) fn by_login(database: &str, given: &str) -> anyhow::Result<String> {
    let (login, password) = given
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@')?.0.split_once(':'))
        .context("the URL of the signers has a login")?;
    let place = database.parse::<LedgerUrl>()?.without_login()?;
    Ok(format!("{place}&user={login}&password={password}"))
}

pub(crate) fn given(secret: &Value, key: &str) -> anyhow::Result<Vec<u8>> {
    Ok(STANDARD.decode(secret["data"][key].as_str().unwrap_or_default())?)
}

async fn fill(url: &str, name: &str, data_key: &DataKey, made: &mut bool) -> anyhow::Result<()> {
    let (mut session, run) = SignerSession::connect(&url.parse()?, "default", name, "makes-keys").await?;
    let spec = KeySpec::new(run.algorithm.parse()?, None)?;
    while let MissingKeys::Numbers(numbers) = session.missing_keys(0, 1).await? {
        let GeneratedKey { id, public_key, wrapped } = generate(spec, run.keyring_uid, data_key)?;
        session.add_key(&NewKey { id, number: numbers[0], public_key, wrapped_key: wrapped }).await?;
        *made = true;
    }
    Ok(())
}
