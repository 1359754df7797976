//! The dead letters of a run, one by one.

use chancery_process::{Exit, grouped};
use chancery_sources::letters::{Selection, Unsaid};
use chancery_store::letters::{Letter, LetterPlace};
use serde::Serialize;

use super::letter::{LetterName, state};
use super::say_unsaid;
use crate::arguments::Output;
use crate::database::Database;
use crate::error::CliError;
use crate::output::{self, line};
use crate::run_name::RunName;

/// Letters that are read at a time.
const PAGE: i64 = 1_000;

/// A dead letter as `-o json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    letter: String,
    source: String,
    split: i32,
    position: i64,
    state: &'static str,
    /// The run that reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    into: Option<String>,
    stage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    reason: String,
    /// None once they are swept.
    bytes: Option<i64>,
    arrived_at: String,
    attempts: i64,
}

pub(super) async fn list(
    database: &Database,
    run: &RunName,
    selection: &Selection,
    output: Output,
) -> Result<Exit, CliError> {
    let run = database.ledger.find_run(&run.namespace, &run.name).await?;
    let (mut rows, mut unsaid, mut after) = (Vec::new(), Unsaid::default(), LetterPlace::START);
    loop {
        let page = database.ledger.letters_after(&run, after, PAGE, false, selection.reads()).await?;
        let Some(last) = page.last() else { break };
        after = last.place();
        // Their bytes are dropped a page at a time.
        rows.extend(page.into_iter().filter(|letter| unsaid.holds(selection, letter)).map(row));
    }
    say_unsaid(&unsaid);
    match output {
        Output::Json => line(&serde_json::json!({ "deadLetters": rows }).to_string())?,
        Output::Table if rows.is_empty() => line("no dead letters")?,
        Output::Table => line(&table(&rows))?,
    }
    Ok(Exit::Done)
}

fn row(letter: Letter) -> Row {
    let (name, state) = (LetterName::of(&letter).to_string(), state(&letter));
    let Letter { source, split, position, stage, rule, reason, bytes, arrived_at, attempts, into, .. } =
        letter;
    Row {
        letter: name,
        source,
        split,
        position,
        state,
        into,
        stage,
        rule,
        reason,
        bytes,
        arrived_at,
        attempts,
    }
}

fn table(rows: &[Row]) -> String {
    let rows = rows.iter().map(|row| {
        [
            row.letter.clone(),
            row.bytes.map_or_else(|| "-".to_owned(), |bytes| grouped(bytes.unsigned_abs())),
            row.into
                .as_ref()
                .map_or_else(|| row.state.to_owned(), |into| format!("{} into {into}", row.state)),
            row.stage.clone(),
            row.reason.clone(),
        ]
    });
    output::table(["LETTER", "BYTES", "STATE", "STAGE", "REASON"], rows, 1..2)
}
