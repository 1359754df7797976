//! `chancery dead-letters`: what could not become a record, and reading it again.

use std::path::PathBuf;

use chancery_api::{Algorithm, KeyringRef, ReplaySelect, RunSource, SigningRun, SigningRunSpec, SourceSpec};
use chancery_process::{Exit, LogFormat, grouped};
use chancery_store::export::{DeadLetterLine, Origin};
use chancery_store::{Run, StoreError};
use futures::TryStreamExt;
use serde::Serialize;

use crate::arguments::{DatabaseArguments, DeadLettersCommand, Output};
use crate::database::Database;
use crate::error::CliError;
use crate::output::{self, line};
use crate::run::manifest::Request;
use crate::run::run_request;
use crate::run_name::RunName;

/// A dead letter as `-o json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetter {
    source: String,
    split: i32,
    position: i64,
    stage: String,
    reason: String,
    /// None once they are swept.
    bytes: Option<usize>,
    arrived_at: String,
}

pub(crate) async fn dead_letters(
    database: &DatabaseArguments,
    log_format: LogFormat,
    command: &DeadLettersCommand,
) -> Result<Exit, CliError> {
    match command {
        DeadLettersCommand::List { run, output } => {
            Database::with(database, async |database| list(database, run, *output).await).await
        }
        DeadLettersCommand::Redrive { run, into, signing } => {
            let mut found = None;
            let find = async |database: &Database| {
                found = Some(database.ledger.find_run(&run.namespace, &run.name).await?);
                Ok(Exit::Done)
            };
            Database::with(database, find).await?;
            let found = found.ok_or_else(|| StoreError::NoRun(run.to_string()))?;
            let request = Request::of(&redriven(&found, into), PathBuf::from(format!("the run {into}")))?;
            run_request(database, log_format, &request, signing).await
        }
    }
}

async fn list(database: &Database, run: &RunName, output: Output) -> Result<Exit, CliError> {
    let mut exporter = database.ledger.export(&run.namespace, &run.name).await?;
    // Their bytes are dropped one by one.
    let rows: Vec<DeadLetter> = exporter.dead_letters().map_ok(row).try_collect().await?;
    match output {
        Output::Json => line(&serde_json::json!({ "deadLetters": rows }).to_string())?,
        Output::Table if rows.is_empty() => line("no dead letters")?,
        Output::Table => line(&table(&rows))?,
    }
    Ok(Exit::Done)
}

fn row(letter: DeadLetterLine) -> DeadLetter {
    let DeadLetterLine { origin, stage, reason, raw, arrived_at, swept_at: _ } = letter;
    let Origin { source, split, position } = origin;
    DeadLetter { source, split, position, stage, reason, bytes: raw.map(|raw| raw.len()), arrived_at }
}

fn table(rows: &[DeadLetter]) -> String {
    let rows = rows.iter().map(|letter| {
        [
            letter.source.clone(),
            letter.split.to_string(),
            grouped(letter.position.unsigned_abs()),
            letter.bytes.map_or_else(|| "swept".to_owned(), |bytes| grouped(bytes as u64)),
            letter.stage.clone(),
            letter.reason.clone(),
        ]
    });
    output::table(["SOURCE", "SPLIT", "POSITION", "BYTES", "STAGE", "REASON"], rows, 1..4)
}

/// A run as the other one is, that reads its dead letters.
fn redriven(run: &Run, into: &str) -> SigningRun {
    let int = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    let ring = &run.keyring;
    let mut spec = SigningRunSpec::new(1, ring.key_count, int(run.batch_size));
    spec.record_count = None;
    spec.algorithm = ring.algorithm.parse::<Algorithm>().ok();
    spec.key_size = ring.key_size;
    spec.keyring_ref = ring.name.clone().map(|name| KeyringRef { name });
    spec.sources = Some(vec![SourceSpec {
        name: "dead-letters".to_owned(),
        objects: None,
        format: None,
        table: None,
        run: Some(RunSource { name: run.name.clone(), select: ReplaySelect::DeadLetters }),
        http: None,
    }]);
    let mut redriven = SigningRun::new(into, spec);
    redriven.metadata.namespace = Some(run.namespace.clone());
    redriven
}
