//! Runs whose records come from outside: what their sources hold, counted by the tests themselves, is what the ledger
//! says, byte for byte, whatever died in between.

mod admission;
mod bad_buckets;
mod commands;
mod conformance;
mod crashes;
mod dead_letters;
mod events;
mod every_kind;
mod every_step;
mod examples;
mod expressions;
mod going_away;
mod interrupted;
mod letters;
mod letters_asked;
mod letters_by_command;
mod limits;
mod lookups;
mod many;
mod order;
mod origins;
mod policies;
mod policies_by_command;
mod policies_pinned;
mod replay;
mod s3;
mod shared;
mod stores;
mod tables;
mod traces;
mod webhooks;
mod webhooks_by_command;
mod webhooks_interrupted;
mod webhooks_pinned;
mod webhooks_pushed;
mod webhooks_that_fail;

use std::path::Path;

use chancery_kit::{Offered, SeededRun};
use chancery_store::run::ArrivalCounts;
use sqlx::{Connection as _, PgConnection};

/// A file with these lines.
pub(crate) fn file(folder: &Path, name: &str, lines: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    Ok(std::fs::write(folder.join(name), text)?)
}

/// Different lines.
pub(crate) fn lines(from: usize, to: usize) -> impl Iterator<Item = String> {
    (from..to).map(|number| format!("{{\"number\": {number}, \"text\": \"{}\"}}", "x".repeat(number % 100)))
}

pub(crate) async fn counts(run: &SeededRun<'_>) -> anyhow::Result<ArrivalCounts> {
    let progress = run.ledger.ledger.progress(&[run.run.id]).await?.pop();
    progress.and_then(|progress| progress.arrivals).ok_or_else(|| anyhow::anyhow!("no run with sources"))
}

/// Received, admitted, duplicates, dead.
pub(crate) async fn counted(run: &SeededRun<'_>) -> anyhow::Result<(i64, i64, i64, i64)> {
    let ArrivalCounts {
        received,
        admitted,
        duplicates,
        dead,
        rejected: _,
        pending: _,
        flagged: _,
        alerts: _,
        dead_limit: _,
    } = counts(run).await?;
    Ok((received, admitted, duplicates, dead))
}

/// The payloads of the run, in the order of its records.
pub(crate) async fn payloads(run: &SeededRun<'_>) -> anyhow::Result<Vec<String>> {
    let payloads =
        "SELECT convert_from(payload, 'UTF8') FROM chancery.records WHERE run_id = $1 ORDER BY record";
    Ok(sqlx::query_scalar(payloads).bind(run.run.id).fetch_all(run.ledger.ledger.pool()).await?)
}

/// What the run was offered is accounted for, byte for byte.
pub(crate) async fn accounted(run: &SeededRun<'_>, offered: &Offered) -> anyhow::Result<()> {
    let mut database = PgConnection::connect(&run.ledger.url).await?;
    offered.is_accounted_for(&mut database, run.run.id).await
}

/// The same; then it is signed and audited.
pub(crate) async fn holds(run: &SeededRun<'_>, offered: &Offered) -> anyhow::Result<()> {
    accounted(run, offered).await?;
    run.finish().await
}
