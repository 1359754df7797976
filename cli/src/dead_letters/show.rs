//! One dead letter, whole.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_process::{Exit, grouped};
use chancery_store::letters::{Letter, LetterMove, LetterPlace};
use serde::Serialize;

use super::letter::{LetterName, state};
use crate::arguments::Output;
use crate::database::Database;
use crate::error::CliError;
use crate::output::{line, printable, write};
use crate::run_name::RunName;

/// What `-o json` shows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    letter: String,
    run: String,
    /// What it is now: a dead letter that is kept, swept, redriven or discarded, or what it became in its own run.
    state: String,
    #[serde(flatten)]
    dead: Option<Dead>,
    history: Vec<Done>,
}

/// What is known of it while it is dead.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dead {
    #[serde(skip_serializing_if = "Option::is_none")]
    into: Option<String>,
    stage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    reason: String,
    arrived_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    swept_at: Option<String>,
    /// Whether its bytes are all that its source gave.
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// Its bytes, if they are text that can be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its bytes in base64, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

/// What was done with it, and what was said of it before.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    attempt: i32,
    act: i32,
    kind: String,
    became: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    into: Option<String>,
    by: String,
    login: String,
    at: String,
    stage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    reason: String,
}

pub(super) async fn show(
    database: &Database,
    run: &RunName,
    name: &LetterName,
    output: Output,
) -> Result<Exit, CliError> {
    let found = database.ledger.find_run(&run.namespace, &run.name).await?;
    let none = || CliError::NoLetter { run: run.to_string(), letter: name.to_string() };
    let place = name.in_run(&found).ok_or_else(none)?;
    let before = LetterPlace::before(place.source, place.split, place.position);
    let letters = database.ledger.letters_after(&found, before, 1, false, true).await?;
    let letter = letters.into_iter().next().filter(|letter| letter.place() == place);
    let history = database.ledger.letter_history(&found, place).await?;
    let state = match (&letter, history.last()) {
        (Some(letter), _) => state(letter).to_owned(),
        (None, Some(last)) => last.became.to_lowercase(),
        (None, None) => return Err(none()),
    };
    let shown = Shown {
        letter: name.to_string(),
        run: run.to_string(),
        state,
        dead: letter.map(dead),
        history: history.into_iter().map(done).collect(),
    };
    match output {
        Output::Json => line(&serde_json::to_string(&shown).unwrap_or_default())?,
        Output::Table => write(text(&shown).as_bytes())?,
    }
    Ok(Exit::Done)
}

fn dead(letter: Letter) -> Dead {
    let Letter { stage, rule, reason, raw, whole, swept_at, arrived_at, into, .. } = letter;
    let bytes = raw.as_ref().map(Vec::len);
    let (text, raw) = match raw.map(String::from_utf8) {
        Some(Ok(text)) if is_shown(&text) => (Some(text), None),
        Some(Ok(text)) => (None, Some(STANDARD.encode(text))),
        Some(Err(other)) => (None, Some(STANDARD.encode(other.as_bytes()))),
        None => (None, None),
    };
    Dead { into, stage, rule, reason, arrived_at, swept_at, whole, bytes, text, raw }
}

/// A terminal does what some characters tell it.
fn is_shown(text: &str) -> bool {
    text.chars().all(|character| !character.is_control() || matches!(character, '\n' | '\t' | '\r'))
}

fn done(one: LetterMove) -> Done {
    let LetterMove { attempt, act, kind, became, into, stage, rule, reason, actor, login, acted_at } = one;
    Done { attempt, act, kind, became, into, by: actor, login, at: acted_at, stage, rule, reason }
}

fn text(shown: &Shown) -> String {
    let mut text = String::new();
    let mut say = |what: &str, value: &str| {
        // A text is memory.
        let _written = writeln!(text, "{:<10} {}", format!("{what}:"), printable(value));
    };
    say("Letter", &shown.letter);
    say("Run", &shown.run);
    if let Some(into) = shown.dead.as_ref().and_then(|dead| dead.into.as_ref()) {
        say("State", &format!("{} into {into}", shown.state));
    } else {
        say("State", &shown.state);
    }
    if let Some(Dead { stage, rule, reason, arrived_at, swept_at, .. }) = &shown.dead {
        say("Stage", stage);
        rule.iter().for_each(|rule| say("Rule", rule));
        say("Reason", reason);
        say("Arrived", arrived_at);
        swept_at.iter().for_each(|swept| say("Removed", &format!("its bytes, {swept}")));
    }
    for Done { act, kind, became, into, by, login, at, stage, reason, .. } in &shown.history {
        let became = into.as_ref().map_or_else(|| became.clone(), |into| format!("{became} into {into}"));
        let done =
            format!("{kind} {act} by {by} (login {login}) at {at}: {became}; before: {stage}: {reason}");
        say("History", &done);
    }
    if let Some(Dead { bytes: Some(bytes), text: shown, raw, whole, .. }) = shown.dead.as_ref() {
        let form = if shown.is_some() { "" } else { ", in base64" };
        let end = if *whole { "" } else { ", not to their end" };
        say("Bytes", &format!("{}{end}{form}", grouped(*bytes as u64)));
        text.push('\n');
        text.push_str(shown.as_deref().or(raw.as_deref()).unwrap_or_default());
        text.push('\n');
    }
    text
}
