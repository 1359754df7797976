//! Batches that the sinks of a run refused until they were given up.

use chancery_store::Run;
use chancery_store::delivery::{DeliveryLetter, WhichDeliveries};

use crate::database::Database;
use crate::error::CliError;

/// Letters that are read at a time.
const PAGE: i64 = 1_000;

/// Says how many a complete run has that nobody has discarded, and why, if it has any.
pub(super) async fn given_up(database: &Database, run: &Run) -> Result<(), CliError> {
    let sinks = database.ledger.sinks_progress(&[run.id]).await?;
    if sinks.iter().all(|sink| sink.dead == sink.discarded) {
        return Ok(());
    }
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
