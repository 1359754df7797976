//! Dead letters of deliveries: batches that a sink refused, and what is done with them.

use std::fmt::Write as _;

use chancery_process::{Exit, grouped};
use chancery_store::delivery::{
    ActedOnDeliveries, DeliveriesAct, DeliveriesActed, DeliveryLetter, DeliveryMove, ManifestOfSink,
    WhichDeliveries,
};
use chancery_store::letters::By;
use serde::Serialize;

use super::actor;
use super::delivery_name::DeliveryName;
use crate::arguments::Output;
use crate::database::Database;
use crate::error::CliError;
use crate::output::{self, line, printable, write};
use crate::run_name::RunName;

/// Letters that are read at a time.
const PAGE: i64 = 1_000;

/// One of them as `-o json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    letter: String,
    sink: String,
    batch: i64,
    first_record: i64,
    last_record: i64,
    state: &'static str,
    attempts: i32,
    redrives: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
}

/// One of them, with what was done with it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: Row,
    run: String,
    history: Vec<Done>,
}

/// What was done with it, and what the sink had said before.
#[derive(Serialize)]
struct Done {
    attempt: i32,
    act: i32,
    kind: String,
    by: String,
    login: String,
    at: String,
    attempts: i32,
    reason: String,
}

/// What was done, as `-o json` shows it.
#[derive(Serialize)]
struct Act {
    act: i32,
    kind: String,
    letters: i64,
    became: Counts,
    selection: String,
    by: String,
    login: String,
    at: String,
}

#[derive(Serialize)]
struct Counts {
    delivered: i64,
    dead: i64,
    pending: i64,
}

pub(super) async fn list(
    database: &Database,
    name: &RunName,
    which: &WhichDeliveries,
    output: Output,
) -> Result<Exit, CliError> {
    let run = database.ledger.find_run(&name.namespace, &name.name).await?;
    let (mut rows, mut after) = (Vec::new(), (0, 0));
    loop {
        let page = database.ledger.dead_deliveries(&run, after, PAGE, which).await?;
        let Some(last) = page.last() else { break };
        after = (last.number, last.batch);
        rows.extend(page.into_iter().map(row));
    }
    // Those that were given up: they are taken up with the letters of their sinks.
    let manifests = database.ledger.manifests(&run).await?.into_iter();
    let mut given_up = manifests.filter(|manifest| manifest.ended_at.is_some() && manifest.object.is_none());
    match output {
        Output::Json => {
            let manifests = given_up.map(|manifest| {
                let ManifestOfSink { sink, number, attempts, last_error, .. } = manifest;
                serde_json::json!({ "sink": sink, "manifest": number, "attempts": attempts, "reason": last_error })
            });
            let mut shown = serde_json::json!({ "deadLetters": rows });
            let manifests: Vec<_> = manifests.collect();
            if !manifests.is_empty() {
                shown["manifests"] = manifests.into();
            }
            line(&shown.to_string())?;
        }
        Output::Table => {
            let first = given_up.next();
            if rows.is_empty() && first.is_none() {
                line("no dead letters")?;
                return Ok(Exit::Done);
            }
            let manifests = first.into_iter().chain(given_up).map(|manifest| {
                let ManifestOfSink { sink, attempts, last_error, .. } = manifest;
                let reason = last_error.unwrap_or_default();
                [format!("{sink}/manifest"), String::new(), "dead".to_owned(), attempts.to_string(), reason]
            });
            let cells = rows.into_iter().map(|row| {
                let records = format!("{}-{}", row.first_record, row.last_record);
                [
                    row.letter,
                    records,
                    row.state.to_owned(),
                    row.attempts.to_string(),
                    row.reason.unwrap_or_default(),
                ]
            });
            line(&output::table(
                ["LETTER", "RECORDS", "STATE", "ATTEMPTS", "REASON"],
                cells.chain(manifests),
                3..4,
            ))?;
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn show(
    database: &Database,
    name: &RunName,
    letter: &DeliveryName,
    output: Output,
) -> Result<Exit, CliError> {
    let run = database.ledger.find_run(&name.namespace, &name.name).await?;
    let none = || CliError::NoLetter { run: name.to_string(), letter: letter.to_string() };
    let found = database.ledger.delivery(&run, &letter.sink, letter.batch).await?.ok_or_else(none)?;
    let history = database.ledger.delivery_history(&run, &found).await?;
    // One that never was given up is no dead letter.
    if found.state != "Dead" && history.is_empty() {
        return Err(none());
    }
    let history = history.into_iter().map(done).collect();
    let shown = Shown { row: row(found), run: name.to_string(), history };
    match output {
        Output::Json => line(&serde_json::to_string(&shown).unwrap_or_default())?,
        Output::Table => write(text(&shown).as_bytes())?,
    }
    Ok(Exit::Done)
}

/// Takes those that are meant up again, or gives them up for good.
pub(super) async fn act(
    database: &Database,
    name: &RunName,
    kind: DeliveriesAct,
    which: &WhichDeliveries,
    output: Output,
) -> Result<Exit, CliError> {
    let run = database.ledger.find_run(&name.namespace, &name.name).await?;
    let (actor, selection) = (actor(), words(which));
    let by = By { actor: &actor, selection: &selection };
    let (act, letters, manifests) = match database.ledger.act_on_deliveries(&run, kind, by, which).await? {
        ActedOnDeliveries::Done { act, letters, manifests } => (act, letters, manifests),
        ActedOnDeliveries::Nothing => return Err(CliError::NoDeliveries(name.to_string())),
        ActedOnDeliveries::Gone => return Err(CliError::NoSinks(name.to_string())),
    };
    let (done, then) = match kind {
        DeliveriesAct::Redrive => {
            ("redriven", "they are delivered again by whoever delivers the run's batches")
        }
        DeliveriesAct::Discard => ("discarded", "they are never delivered"),
    };
    match output {
        Output::Json => {
            let mut shown = serde_json::json!({ "run": name.to_string(), "act": act });
            shown[done] = letters.into();
            if manifests > 0 {
                shown["manifests"] = manifests.into();
            }
            line(&shown.to_string())?;
        }
        Output::Table => {
            let and = if manifests > 0 { format!(" and {manifests} manifests") } else { String::new() };
            let log = act.map(|act| {
                format!("; `chancery dead-letters log {name} --deliveries` says so as number {act}")
            });
            line(&format!(
                "{done}: {} dead letters of deliveries of {name}{and}; {then}{}",
                grouped(letters.unsigned_abs()),
                log.unwrap_or_default()
            ))?;
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn log(database: &Database, name: &RunName, output: Output) -> Result<Exit, CliError> {
    let run = database.ledger.find_run(&name.namespace, &name.name).await?;
    let acts: Vec<Act> = database.ledger.deliveries_log(&run).await?.into_iter().map(acted).collect();
    match output {
        Output::Json => line(&serde_json::json!({ "acts": acts }).to_string())?,
        Output::Table if acts.is_empty() => line("no dead letter was redriven or discarded")?,
        Output::Table => {
            let cells = acts.into_iter().map(|act| {
                let Counts { delivered, dead, pending } = act.became;
                let became = format!("{delivered} delivered, {dead} dead, {pending} pending");
                let selection = if act.selection.is_empty() { "all".to_owned() } else { act.selection };
                let letters = grouped(act.letters.unsigned_abs());
                [act.act.to_string(), act.at, act.by, act.kind, letters, became, selection]
            });
            line(&output::table(["ACT", "AT", "BY", "KIND", "LETTERS", "BECAME", "SELECTION"], cells, 4..5))?;
        }
    }
    Ok(Exit::Done)
}

fn row(letter: DeliveryLetter) -> Row {
    let name = DeliveryName::of(&letter).to_string();
    let state = match (letter.state.as_str(), letter.discarded) {
        (_, true) => "discarded",
        ("Dead", _) => "dead",
        ("Delivered", _) => "delivered",
        _ => "pending",
    };
    let DeliveryLetter { sink, batch, first_record, last_record, attempts, redrives, .. } = letter;
    let DeliveryLetter { last_error: reason, object, ended_at, .. } = letter;
    Row {
        letter: name,
        sink,
        batch,
        first_record,
        last_record,
        state,
        attempts,
        redrives,
        reason,
        object,
        ended_at,
    }
}

fn done(one: DeliveryMove) -> Done {
    let DeliveryMove { attempt, act, kind, attempts, last_error, actor, login, acted_at } = one;
    Done { attempt, act, kind, by: actor, login, at: acted_at, attempts, reason: last_error }
}

fn acted(one: DeliveriesActed) -> Act {
    let DeliveriesActed { act, kind, letters, selection, actor, login, acted_at, delivered, dead, pending } =
        one;
    let became = Counts { delivered, dead, pending };
    Act { act, kind, letters, became, selection, by: actor, login, at: acted_at }
}

/// Which are meant, as the log shows it; empty: all.
fn words(WhichDeliveries { sink, batch, reason }: &WhichDeliveries) -> String {
    let sink = sink.as_ref().map(|sink| format!("sink {sink}"));
    let batch = batch.map(|batch| format!("batch {batch}"));
    let reason = reason.as_ref().map(|reason| format!("reason {reason:?}"));
    [sink, batch, reason].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn text(Shown { row, run, history }: &Shown) -> String {
    let mut text = String::new();
    let mut say = |what: &str, value: &str| {
        // A text is memory.
        let _written = writeln!(text, "{:<10} {}", format!("{what}:"), printable(value));
    };
    say("Letter", &row.letter);
    say("Run", run);
    say("Records", &format!("{} to {}", row.first_record, row.last_record));
    say("State", row.state);
    say("Attempts", &row.attempts.to_string());
    row.reason.iter().for_each(|reason| say("Reason", reason));
    row.object.iter().for_each(|object| say("Object", object));
    row.ended_at.iter().for_each(|at| say("Ended", at));
    for Done { act, kind, by, login, at, attempts, reason, .. } in history {
        say(
            "History",
            &format!("{kind} {act} by {by} (login {login}) at {at}; before, {attempts} attempts: {reason}"),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_written_down_in_words_and_all_of_them_as_none() {
        assert_eq!(words(&WhichDeliveries::default()), "");
        let which = WhichDeliveries {
            sink: Some("hook".to_owned()),
            batch: Some(17),
            reason: Some("no \"room\"".to_owned()),
        };
        assert_eq!(words(&which), r#"sink hook, batch 17, reason "no \"room\"""#);
    }
}
