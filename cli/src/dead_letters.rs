//! `chancery dead-letters`: what could not become a record, and reading it again.

mod redrive;

use chancery_process::{Exit, LogFormat, grouped};
use chancery_store::export::{DeadLetterLine, Origin};
use futures::TryStreamExt;
use serde::Serialize;

use crate::arguments::{DatabaseArguments, DeadLettersCommand, Output};
use crate::database::Database;
use crate::dead_letters::redrive::Redrive;
use crate::error::CliError;
use crate::output::{self, line};
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
        DeadLettersCommand::Redrive { run, into, signing, output } => {
            Redrive { run, into, signing, output: *output }.drive(database, log_format).await
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
