//! Runs whose records come from outside: what their sources hold, counted by the tests themselves, is what the ledger
//! says, byte for byte, whatever died in between.

mod admission;
#[path = "../../../../lib/reading/tests/reading/azure_server.rs"]
#[allow(dead_code, reason = "tests of reading need more of it")]
mod azure_server;
mod commands;
mod conformance;
mod expressions;
mod going_away;
mod interrupted;
mod limits;
mod replay;
#[path = "../../../../lib/reading/tests/reading/s3_server.rs"]
#[allow(dead_code, reason = "tests of reading need more of it")]
mod s3_server;
mod shared;
mod stores;
mod tables;

use std::collections::HashSet;
use std::path::Path;

use anyhow::ensure;
use chancery_kit::SeededRun;
use chancery_store::run::ArrivalCounts;

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
    let ArrivalCounts { received, admitted, duplicates, dead, dead_limit: _ } = counts(run).await?;
    Ok((received, admitted, duplicates, dead))
}

/// The payloads of the run, in the order of its records.
pub(crate) async fn payloads(run: &SeededRun<'_>) -> anyhow::Result<Vec<String>> {
    let payloads =
        "SELECT convert_from(payload, 'UTF8') FROM chancery.records WHERE run_id = $1 ORDER BY record";
    Ok(sqlx::query_scalar(payloads).bind(run.run.id).fetch_all(run.ledger.ledger.pool()).await?)
}

/// The run is sealed and holds exactly these lines, each once, in any order; the others are duplicates. Then it is
/// signed and audited.
pub(crate) async fn holds(run: &SeededRun<'_>, offered: &[String], dead: i64) -> anyhow::Result<()> {
    let wanted: HashSet<&str> = offered.iter().map(String::as_str).collect();
    let stored = payloads(run).await?;
    ensure!(stored.len() == wanted.len(), "{} records of {} different lines", stored.len(), wanted.len());
    ensure!(stored.iter().all(|line| wanted.contains(line.as_str())), "a record is no line of the source");
    let different: HashSet<&str> = stored.iter().map(String::as_str).collect();
    ensure!(different.len() == stored.len(), "a line is two records");
    let (received, records) = (i64::try_from(offered.len())? + dead, i64::try_from(wanted.len())?);
    let found = counted(run).await?;
    ensure!(found == (received, records, received - records - dead, dead), "counted {found:?}");
    run.finish().await
}
