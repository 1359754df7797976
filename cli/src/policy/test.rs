//! `chancery policy test`: what becomes of records, by a policy, and by nothing else.

use std::path::Path;
use std::time::Instant;

use chancery_policy::{Answers, Arrival, Outcome, Policy, Verdict};
use chancery_process::Exit;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::check::{tell, version};
use super::counts::Counts;
use super::file::{compile, text};
use crate::arguments::{Output, PolicyTestArguments};
use crate::error::CliError;
use crate::output::{line, table};

/// The slowest expressions are shown, this many.
const SLOWEST: usize = 5;

pub(super) fn test(arguments: &PolicyTestArguments) -> Result<Exit, CliError> {
    let PolicyTestArguments { file, records, answers, source, at, output } = arguments;
    let compiled = match compile(file)? {
        Ok(compiled) => compiled,
        Err(faults) => {
            tell(&faults, *output)?;
            return Ok(Exit::BadInput);
        }
    };
    let unreadable = |reason| CliError::RecordsFile { path: records.clone(), reason };
    let records = text(records).map_err(unreadable)?;
    let answers = answers.as_deref().map_or_else(|| Ok(Vec::new()), read_answers)?;
    let at = at.unwrap_or_else(Timestamp::now);
    let mut counts = Counts::default();
    let mut verdicts = Vec::new();
    let none = Answers::default();
    for (number, payload) in records.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        let position = (number + 1).to_string();
        let arrival = Arrival { payload: payload.as_bytes(), source, position: &position, at };
        let answers = answers.get(number).unwrap_or(&none);
        let verdict = judge(&compiled.policy, &arrival, answers, &mut counts);
        counts.add(&verdict);
        verdicts.push(verdict);
    }
    match output {
        Output::Table => {
            line(&verdict_table(&verdicts))?;
            line("")?;
            line(&rule_table(&counts))?;
            line("")?;
            line(&slowest_table(&counts))?;
            line("")?;
            let [clean, flagged, rejected, failed] =
                [Outcome::Clean, Outcome::Flagged, Outcome::Rejected, Outcome::Failed]
                    .map(|outcome| counts.of(outcome));
            line(&format!("{clean} clean, {flagged} flagged, {rejected} rejected, {failed} failed"))?;
        }
        Output::Json => {
            let verdicts: Vec<Value> = verdicts.iter().enumerate().map(verdict_json).collect();
            let rules: Vec<Value> = counts.rules().map(rule_json).collect();
            let all = json!({ "version": version(&compiled), "verdicts": verdicts, "rules": rules });
            // Whoever reads the end of the line finds the counts there.
            let all = all.to_string();
            let all = all.strip_suffix('}').unwrap_or(&all);
            line(&format!("{all},\"counts\":{}}}", counts.as_json()))?;
        }
    }
    Ok(Exit::Done)
}

fn judge(policy: &Policy, arrival: &Arrival<'_>, answers: &Answers, counts: &mut Counts) -> Verdict {
    let mut since = Instant::now();
    policy.judge_telling(arrival, answers, &mut |rule, steps| counts.note(rule, steps, &mut since))
}

/// The answers of a file: a line for each record.
fn read_answers(path: &Path) -> Result<Vec<Answers>, CliError> {
    let unusable = |reason: String| CliError::AnswersFile { path: path.to_owned(), reason };
    let text = text(path).map_err(|error| unusable(error.to_string()))?;
    let lines = text.lines().enumerate();
    lines
        .map(|(number, line)| match line.trim() {
            "" => Ok(Answers::default()),
            line => serde_json::from_str(line)
                .map_err(|error| unusable(format!("line {} holds no answers: {error}", number + 1))),
        })
        .collect()
}

fn verdict_table(verdicts: &[Verdict]) -> String {
    let mut rows = Vec::new();
    for (number, verdict) in verdicts.iter().enumerate() {
        let record = (number + 1).to_string();
        let outcome = if verdict.matched { verdict.outcome.name() } else { "Unmatched" };
        let score = verdict.score.to_string();
        let mut first = [record, outcome.to_owned(), score];
        for hit in &verdict.hits {
            let [record, outcome, score] = std::mem::take(&mut first);
            rows.push([
                record,
                outcome,
                score,
                hit.rule.clone(),
                hit.action.name().to_owned(),
                hit.message.clone(),
            ]);
        }
        if verdict.hits.is_empty() {
            let [record, outcome, score] = first;
            rows.push([record, outcome, score, String::new(), String::new(), String::new()]);
        }
    }
    table(["RECORD", "VERDICT", "SCORE", "RULE", "ACTION", "MESSAGE"], rows, 2..3)
}

fn rule_table(counts: &Counts) -> String {
    let rows = counts
        .rules()
        .map(|(name, rule)| [name.to_owned(), rule.evaluated.to_string(), rule.hits.to_string()]);
    table(["RULE", "EVALUATED", "HITS"], rows, 1..3)
}

fn slowest_table(counts: &Counts) -> String {
    let mut rules: Vec<_> = counts.rules().filter(|(_, rule)| rule.evaluated > 0).collect();
    rules.sort_by(|(_, one), (_, other)| other.micros().total_cmp(&one.micros()));
    let rows = rules.into_iter().take(SLOWEST).map(|(name, rule)| {
        let steps = rule.steps / rule.evaluated.max(1);
        [name.to_owned(), format!("{:.2}", rule.micros()), steps.to_string()]
    });
    table(["SLOWEST", "MICROSECONDS", "STEPS"], rows, 1..3)
}

fn verdict_json((number, verdict): (usize, &Verdict)) -> Value {
    let Verdict { outcome, hits, score, payload, ignored, matched } = verdict;
    json!({
        "record": number + 1,
        "outcome": outcome,
        "matched": matched,
        "score": score,
        "hits": hits,
        "ignored": ignored,
        "payload": payload.as_ref().map(|payload| String::from_utf8_lossy(payload)),
    })
}

fn rule_json((name, rule): (&str, &super::counts::Rule)) -> Value {
    let steps = rule.steps / rule.evaluated.max(1);
    json!({ "rule": name, "evaluated": rule.evaluated, "hits": rule.hits, "microseconds": rule.micros(), "steps": steps })
}
