//! A delivery, played by the test with the login that the operator gave it.

use std::time::Duration;

use anyhow::Context as _;
use chancery_store::DeliverySession;
use chancery_store::delivery::{DeliveryTask, Digested, Refused};
use serde_json::{Value, json};

use super::key_makers::{by_login, given};
use super::world::{RUN, World, spec};

/// The name of the delivery's Job.
pub(crate) const DELIVERY: &str = "demo-delivery";

/// Numbers of the sinks.
pub(crate) const ARCHIVE: i32 = 1;
pub(crate) const HOOK: i32 = 2;

/// 20 records in 4 batches, which go to a bucket and to a service. One refusal is one too many.
pub(crate) fn delivering() -> Value {
    let mut spec = spec();
    spec["sinks"] = json!([
        {"name": "archive", "objects": {"url": "s3://signed", "credentialsSecretRef": {"name": "sink-s3"}}},
        {"name": "hook", "http": {"url": "https://hook.example/signed"}, "retryStrategy": {"limit": 0}},
    ]);
    spec
}

impl World {
    /// The Secret that the delivery's Job names.
    pub(crate) fn delivery_secret(&self) -> anyhow::Result<Value> {
        let job = self.api.get("jobs", DELIVERY).context("no Job")?;
        let name = job["metadata"]["annotations"][chancery_api::names::ANNOTATION_SECRET].clone();
        self.api.get("secrets", name.as_str().context("no name")?).context("no Secret")
    }

    /// A delivery that is given what the Job of the run gives its pods.
    pub(crate) async fn delivery(&self, holder: &str) -> anyhow::Result<DeliverySession> {
        let url = String::from_utf8(given(&self.delivery_secret()?, "database-url")?)?;
        let url = by_login(&self.ledger.operator_url, &url)?.parse()?;
        Ok(DeliverySession::connect(&url, "default", RUN, holder).await?)
    }
}

/// Brings what is due for a sink there, at most so many batches. Returns how many that were.
pub(crate) async fn bring(session: &mut DeliverySession, sink: i32, most: i32) -> anyhow::Result<usize> {
    let DeliveryTask::Deliver(taken) = session.take(sink, most, Duration::from_secs(60)).await? else {
        return Ok(0);
    };
    let there: Vec<Digested> = taken
        .batches
        .iter()
        .map(|one| Digested { batch: one.batch, object: format!("demo/{}", one.batch), digest: [7; 32] })
        .collect();
    session.settle(&taken, &there).await?;
    Ok(there.len())
}

/// The sink refuses the next batch.
pub(crate) async fn refuse(session: &mut DeliverySession, sink: i32) -> anyhow::Result<()> {
    let DeliveryTask::Deliver(taken) = session.take(sink, 1, Duration::from_secs(60)).await? else {
        anyhow::bail!("nothing is due");
    };
    let (batch, error) = (taken.batches[0].batch, "400 Bad Request: no such thing".to_owned());
    session.fail(&taken, &[Refused { batch, error, pause: Duration::ZERO }]).await?;
    Ok(())
}

/// The sink refuses its manifest, which is given up.
pub(crate) async fn refuse_manifest(session: &mut DeliverySession, sink: i32) -> anyhow::Result<()> {
    let DeliveryTask::Manifest(taken) = session.take(sink, 1, Duration::from_secs(60)).await? else {
        anyhow::bail!("no manifest is due");
    };
    let is_given_up = session.fail_manifest(&taken, "400 Bad Request: no such thing", Duration::ZERO).await?;
    anyhow::ensure!(is_given_up == Some(true), "{is_given_up:?}");
    Ok(())
}

/// The sink cannot be reached.
pub(crate) async fn find_away(session: &mut DeliverySession, sink: i32) -> anyhow::Result<()> {
    let DeliveryTask::Deliver(taken) = session.take(sink, 16, Duration::from_secs(60)).await? else {
        anyhow::bail!("nothing is due");
    };
    let batches: Vec<i64> = taken.batches.iter().map(|one| one.batch).collect();
    session.give_back(&taken, &batches, Some(("the store does not answer", Duration::ZERO))).await?;
    Ok(())
}

/// Asks each sink for more, as a delivery does before it ends, and brings its manifest there: whoever finds nothing left says so.
pub(crate) async fn finds_nothing_left(session: &mut DeliverySession) -> anyhow::Result<()> {
    for sink in [ARCHIVE, HOOK] {
        let mut next = session.take(sink, 16, Duration::from_secs(60)).await?;
        if let DeliveryTask::Manifest(taken) = &next {
            session.settle_manifest(taken, "demo/manifest.json", &[7; 32]).await?;
            next = session.take(sink, 16, Duration::from_secs(60)).await?;
        }
        anyhow::ensure!(matches!(next, DeliveryTask::Done), "{next:?}");
    }
    Ok(())
}
