//! Batches, and manifests, that the sinks of a run refused until they were given up.

use chancery_store::delivery::{DeliveryLetter, WhichDeliveries};
use chancery_store::{Run, SinkProgress};

use crate::database::Database;
use crate::error::CliError;

/// Letters that are read at a time.
const PAGE: i64 = 1_000;

/// Says how many batches of a complete run nobody has discarded, and why, if there are any; and else, whose manifest was given up.
pub(super) async fn given_up(database: &Database, run: &Run) -> Result<(), CliError> {
    let sinks = database.ledger.sinks_progress(&[run.id]).await?;
    if sinks.iter().any(|sink| sink.dead > sink.discarded) {
        batches_given_up(database, run).await?;
    }
    manifest_given_up(database, run, &sinks).await
}

async fn batches_given_up(database: &Database, run: &Run) -> Result<(), CliError> {
    let (mut after, mut batches, mut first) = ((0, 0), 0, None);
    loop {
        let page = database.ledger.dead_deliveries(run, after, PAGE, &WhichDeliveries::default()).await?;
        let Some(last) = page.last() else { break };
        after = (last.number, last.batch);
        let mut left = page.into_iter().filter(|letter| !letter.discarded).peekable();
        if first.is_none() {
            first = left.peek().cloned();
        }
        batches += left.count();
    }
    let Some(DeliveryLetter { sink, batch, last_error, .. }) = first else { return Ok(()) };
    let why = last_error.unwrap_or_default();
    Err(CliError::GivenUp { run: format!("{}/{}", run.namespace, run.name), batches, sink, batch, why })
}

async fn manifest_given_up(database: &Database, run: &Run, sinks: &[SinkProgress]) -> Result<(), CliError> {
    let Some(SinkProgress { name, .. }) = sinks.iter().find(|sink| sink.manifest_dead) else { return Ok(()) };
    let manifests = database.ledger.manifests(run).await?;
    let why = manifests.into_iter().find(|manifest| manifest.sink == *name);
    let why = why.and_then(|manifest| manifest.last_error).unwrap_or_default();
    let run = format!("{}/{}", run.namespace, run.name);
    Err(CliError::ManifestGivenUp { run, sink: name.clone(), why })
}
