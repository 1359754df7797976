//! What is done with dead letters where they lie, and what was.

use chancery_process::{Exit, grouped};
use chancery_sources::letters::{self, Discarded, Selection, TookUp};
use chancery_store::letters::{Became, LetterAct};
use serde::Serialize;

use super::{actor, say_not_whole, say_unsaid};
use crate::arguments::Output;
use crate::database::Database;
use crate::error::CliError;
use crate::output::{self, line};
use crate::run_name::RunName;

pub(super) async fn discard(
    database: &Database,
    name: &RunName,
    selection: &Selection,
    output: Output,
) -> Result<Exit, CliError> {
    let run = database.ledger.find_run(&name.namespace, &name.name).await?;
    let Discarded { act, letters, unsaid } =
        letters::discard(&database.ledger, &run, selection, &actor()).await?;
    say_unsaid(&unsaid);
    match output {
        Output::Json => {
            let shown = serde_json::json!({ "run": name.to_string(), "act": act, "discarded": letters });
            line(&shown.to_string())?;
        }
        Output::Table => line(&format!(
            "discarded {} dead letters of {name}; `chancery dead-letters log {name}` says so as number {act}",
            grouped(letters)
        ))?,
    }
    Ok(Exit::Done)
}

/// Has them judged anew in their own run.
pub(super) async fn take_up(
    database: &Database,
    name: &RunName,
    selection: &Selection,
    output: Output,
) -> Result<Exit, CliError> {
    let run = database.ledger.find_run(&name.namespace, &name.name).await?;
    let TookUp { act, became, not_whole, lost, unsaid } =
        letters::take_up(&database.ledger, &run, selection, &actor()).await?;
    say_unsaid(&unsaid);
    say_not_whole(not_whole);
    if lost > 0 {
        tracing::warn!(letters = lost, "some dead letters were redriven or discarded meanwhile by others");
    }
    let Became { admitted, duplicates, rejected, dead, pending } = became;
    match output {
        Output::Json => {
            let mut shown = serde_json::json!({
                "run": name.to_string(), "act": act,
                "admitted": admitted, "duplicates": duplicates, "rejected": rejected, "dead": dead,
            });
            if pending > 0 {
                shown["pending"] = pending.into();
            }
            line(&shown.to_string())?;
        }
        Output::Table => {
            let count = |number: i64| grouped(number.unsigned_abs());
            line(&format!(
                "redrove {} dead letters of {name} in it: {} admitted, {} duplicates, {} rejected, {} dead again{}; `chancery dead-letters log {name}` says so as number {act}",
                count(became.all()),
                count(admitted),
                count(duplicates),
                count(rejected),
                count(dead),
                if pending == 0 {
                    String::new()
                } else {
                    format!(", {} wait until the run's intake has judged them", count(pending))
                }
            ))?;
        }
    }
    Ok(Exit::Done)
}

/// What was done, as `-o json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Act {
    act: i32,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    into: Option<String>,
    letters: i64,
    /// What they became in their own run.
    #[serde(skip_serializing_if = "Option::is_none")]
    became: Option<Counts>,
    selection: String,
    by: String,
    login: String,
    at: String,
}

#[derive(Serialize)]
struct Counts {
    admitted: i64,
    duplicates: i64,
    rejected: i64,
    dead: i64,
    /// Wait until the run's intake has judged them.
    #[serde(skip_serializing_if = "is_zero")]
    pending: i64,
}

const fn is_zero(number: &i64) -> bool {
    *number == 0
}

pub(super) async fn log(database: &Database, name: &RunName, output: Output) -> Result<Exit, CliError> {
    let run = database.ledger.find_run(&name.namespace, &name.name).await?;
    let acts: Vec<Act> = database.ledger.letter_log(&run).await?.into_iter().map(act).collect();
    match output {
        Output::Json => line(&serde_json::json!({ "acts": acts }).to_string())?,
        Output::Table if acts.is_empty() => line("no dead letter was redriven or discarded")?,
        Output::Table => line(&table(&acts))?,
    }
    Ok(Exit::Done)
}

fn act(one: LetterAct) -> Act {
    let LetterAct { act, kind, into, letters, selection, actor, login, acted_at, became } = one;
    let Became { admitted, duplicates, rejected, dead, pending } = became;
    let in_its_run = kind == "Redrive" && into.is_none();
    let became = in_its_run.then_some(Counts { admitted, duplicates, rejected, dead, pending });
    Act { act, kind, into, letters, became, selection, by: actor, login, at: acted_at }
}

fn table(acts: &[Act]) -> String {
    let rows = acts.iter().map(|act| {
        let became = match (&act.became, &act.into) {
            (Some(Counts { admitted, duplicates, rejected, dead, pending: 0 }), _) => {
                format!("{admitted} admitted, {duplicates} duplicates, {rejected} rejected, {dead} dead")
            }
            (Some(Counts { admitted, duplicates, rejected, dead, pending }), _) => {
                format!("{admitted} admitted, {duplicates} duplicates, {rejected} rejected, {dead} dead, {pending} pending")
            }
            (None, Some(into)) => format!("read by {into}"),
            (None, None) => "discarded".to_owned(),
        };
        let selection = if act.selection.is_empty() { "all".to_owned() } else { act.selection.clone() };
        [
            act.act.to_string(),
            act.at.clone(),
            act.by.clone(),
            act.kind.clone(),
            grouped(act.letters.unsigned_abs()),
            became,
            selection,
        ]
    });
    output::table(["ACT", "AT", "BY", "KIND", "LETTERS", "BECAME", "SELECTION"], rows, 4..5)
}
