//! An intake, played by the test with the login that the operator gave it.

use anyhow::Context as _;
use chancery_store::IntakeSession;
use chancery_store::intake::{Admission, DeadArrival, Reading, Task};
use serde_json::{Value, json};

use super::key_makers::{by_login, given};
use super::world::{RUN, World};

/// The name of the intake's Job.
pub(crate) const INTAKE: &str = "demo-intake";

/// A run that reads one bucket, with 2 keys and batches of 5.
pub(crate) fn reading() -> Value {
    json!({
        "sources": [source("one")], "keyCount": 2, "batchSize": 5, "algorithm": "EdDSA", "audit": "Never",
        "deadLetter": {"limit": 3},
    })
}

/// A bucket.
pub(crate) fn source(name: &str) -> Value {
    let objects = json!({"url": format!("s3://{name}"), "credentialsSecretRef": {"name": "source-s3"}});
    json!({"name": name, "objects": objects, "format": {"type": "Lines"}})
}

impl World {
    /// The Secret that the intake's Job names.
    pub(crate) fn intake_secret(&self) -> anyhow::Result<Value> {
        let job = self.api.get("jobs", INTAKE).context("no Job")?;
        let name = job["metadata"]["annotations"][chancery_api::names::ANNOTATION_SECRET].clone();
        self.api.get("secrets", name.as_str().context("no name")?).context("no Secret")
    }

    /// An intake that is given what the Job of the run gives its pods.
    pub(crate) async fn intake(&self, holder: &str) -> anyhow::Result<IntakeSession> {
        let url = String::from_utf8(given(&self.intake_secret()?, "database-url")?)?;
        let url = by_login(&self.ledger.operator_url, &url)?.parse()?;
        Ok(IntakeSession::connect(&url, "default", RUN, holder).await?)
    }
}

/// Lists the next source: so many splits.
pub(crate) async fn list(session: &mut IntakeSession, splits: usize) -> anyhow::Result<()> {
    let Task::List(held) = session.next().await? else { anyhow::bail!("nothing to list") };
    session.listed(&held, (0..splits).map(|split| (json!({"split": split}).to_string(), 0))).await?;
    Ok(())
}

/// The next split.
pub(crate) async fn take(session: &mut IntakeSession) -> anyhow::Result<Reading> {
    match session.next().await? {
        Task::Read(reading) => Ok(reading),
        other => anyhow::bail!("nothing to read but {other:?}"),
    }
}

/// What is brought of a split.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brought<'a> {
    /// Payloads, by their numbers.
    pub(crate) payloads: std::ops::Range<usize>,
    /// Reasons of dead letters.
    pub(crate) dead: &'a [&'a str],
    pub(crate) done: bool,
}

/// Admits payloads, and dead letters after them.
pub(crate) async fn bring(
    session: &mut IntakeSession,
    reading: &mut Reading,
    brought: Brought<'_>,
) -> anyhow::Result<()> {
    let Brought { payloads, dead, done } = brought;
    let mut admission = Admission::from(reading.position);
    let mut position = reading.position;
    for number in payloads {
        admission.payloads.push(format!("payload {number}").as_bytes());
        admission.positions.push(position);
        position += 1;
    }
    for reason in dead {
        let (stage, reason, raw) = ("Parse".to_owned(), (*reason).to_owned(), b"?".to_vec());
        admission.dead.push(DeadArrival::at_stage(position, stage, reason, raw));
        position += 1;
    }
    (admission.next, admission.done) = (position, done);
    let admitted = session.admit(reading, &admission).await?;
    let admitted = admitted.map_err(|refusal| anyhow::anyhow!("refused: {refusal:?}"))?;
    reading.position = admitted.context("it has moved")?.position;
    Ok(())
}

/// Whoever asks next finds nothing left: the run is sealed.
pub(crate) async fn seal(session: &mut IntakeSession) -> anyhow::Result<()> {
    let next = session.next().await?;
    anyhow::ensure!(
        matches!(next, Task::Nothing(chancery_store::intake::Refusal::Sealed)),
        "something is left: {next:?}"
    );
    Ok(())
}
