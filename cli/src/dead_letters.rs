//! `chancery dead-letters`: what could not become a record, and reading it again.

mod redrive;

use chancery_process::{Exit, LogFormat, grouped};
use chancery_store::export::{DeadLetterLine, Origin};
use futures::TryStreamExt;
use serde::Serialize;

use crate::arguments::{DatabaseArguments, DeadLettersCommand, Output, WhichDeadLetters};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
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
        DeadLettersCommand::List { run, which, output } => {
            Database::with(database, async |database| list(database, run, which, *output).await).await
        }
        DeadLettersCommand::Redrive { run, into, signing, output } => {
            Redrive { run, into, signing, output: *output }.drive(database, log_format).await
        }
    }
}

async fn list(
    database: &Database,
    run: &RunName,
    which: &WhichDeadLetters,
    output: Output,
) -> Result<Exit, CliError> {
    let mut exporter = database.ledger.export(&run.namespace, &run.name).await?;
    // Their bytes are dropped one by one.
    let wanted = exporter.dead_letters().try_filter(|letter| std::future::ready(which.holds(letter)));
    let rows: Vec<DeadLetter> = wanted.map_ok(row).try_collect().await?;
    match output {
        Output::Json => line(&serde_json::json!({ "deadLetters": rows }).to_string())?,
        Output::Table if rows.is_empty() => line("no dead letters")?,
        Output::Table => line(&table(&rows))?,
    }
    Ok(Exit::Done)
}

impl WhichDeadLetters {
    fn holds(&self, letter: &DeadLetterLine) -> bool {
        let Self { stage, rule, reason } = self;
        stage.as_ref().is_none_or(|stage| *stage == letter.stage)
            && rule.as_ref().is_none_or(|rule| letter.rule.as_ref() == Some(rule))
            && reason.as_ref().is_none_or(|text| letter.reason.contains(text.as_str()))
    }
}

fn row(letter: DeadLetterLine) -> DeadLetter {
    let DeadLetterLine { origin, stage, rule, reason, raw, arrived_at, swept_at: _ } = letter;
    let Origin { source, split, position } = origin;
    DeadLetter { source, split, position, stage, rule, reason, bytes: raw.map(|raw| raw.len()), arrived_at }
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
