//! Law 7, what a policy said of arrivals: it is evaluated again, and says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use chancery_policy::kept::{Kept, Mark};
use chancery_policy::{Answers, Arrival, EVALUATOR, Pinned, Policy};
use chancery_store::Run;
use chancery_store::audit::{JudgedPlace, JudgedRow, Reader, RefusedRow};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

use crate::report::{Findings, Law};
use crate::{AuditError, STRAYS_SHOWN};

/// Of records, and of refusals, that many are evaluated again unless all are to be.
const SAMPLE: i64 = 1_000;

/// How much is evaluated again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyCheck {
    /// About a thousand records, and as many refusals, chosen at random: all of those of a small run.
    #[default]
    Sample,
    /// Everything that still has its bytes.
    All,
}

/// Evaluates the policy of the run again, if it has one.
pub(crate) async fn audit(
    reader: &mut Reader,
    run: &Run,
    records: i64,
    how: PolicyCheck,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    let Some(text) = reader.policy(run).await? else { return Ok(()) };
    let compiled = Pinned::from_text(&text.text).map_err(|error| error.to_string()).and_then(|pinned| {
        let policy = Policy::compile(&pinned);
        let policy =
            policy.map_err(|findings| findings.iter().map(ToString::to_string).collect::<String>())?;
        let retries = pinned.spec().retry_strategy.clone().unwrap_or_default().limit;
        let webhooks = pinned.spec().webhooks.iter();
        let ignored = webhooks.filter(|webhook| webhook.may_be_ignored());
        let ignored = ignored.map(|webhook| webhook.name.clone()).collect();
        Ok(Again { policy, retries, ignored, in_the_same_words: pinned.evaluator() == EVALUATOR })
    });
    let again = match compiled {
        Ok(again) => again,
        Err(why) => {
            findings.violated(Law::EveryArrival, 0, || {
                format!("the policy of the run cannot be evaluated: {why}")
            });
            return Ok(());
        }
    };
    for fault in reader.attempt_faults(run, again.retries, STRAYS_SHOWN).await? {
        findings.violated(Law::EveryArrival, fault.number, || fault.sentence.clone());
    }
    let refused = findings.counts.arrivals.saturating_sub(records.unsigned_abs());
    again.records(reader, run, one_of(records, how), findings).await?;
    again.refusals(reader, run, one_of(i64::try_from(refused).unwrap_or(i64::MAX), how), findings).await
}

/// Of how many one is looked at, and which: nobody who plants something knows.
fn one_of(all: i64, how: PolicyCheck) -> (i64, i64) {
    let every = match how {
        PolicyCheck::All => 1,
        PolicyCheck::Sample => (all / SAMPLE).max(1),
    };
    let chance = RandomState::new().build_hasher().finish() % every.unsigned_abs();
    (every, i64::try_from(chance).unwrap_or(0))
}

struct Again {
    policy: Policy,
    /// How often somebody is asked again.
    retries: i32,
    /// Webhooks that may be passed over without having been asked so often: a record does not wait until one is back that is away.
    ignored: BTreeSet<String>,
    /// Whether what judged the run words what it finds as this program does. Else rules and verdicts are compared, and no messages.
    in_the_same_words: bool,
}

impl Again {
    async fn records(
        &self,
        reader: &mut Reader,
        run: &Run,
        (every, rest): (i64, i64),
        findings: &mut Findings,
    ) -> Result<(), AuditError> {
        let mut rows = std::pin::pin!(reader.judged_records(run, every, rest));
        while let Some(row) = rows.try_next().await? {
            findings.counts.judged += 1;
            if let Some(fault) = self.record(&row) {
                findings.violated(Law::EveryArrival, row.record, || format!("record {} {fault}", row.record));
            }
        }
        Ok(())
    }

    async fn refusals(
        &self,
        reader: &mut Reader,
        run: &Run,
        (every, rest): (i64, i64),
        findings: &mut Findings,
    ) -> Result<(), AuditError> {
        let mut rows = std::pin::pin!(reader.judged_refusals(run, every, rest));
        while let Some(row) = rows.try_next().await? {
            findings.counts.judged += 1;
            if let Some(fault) = self.refusal(&row) {
                let JudgedPlace { source, split, position, .. } = &row.place;
                findings.violated(Law::EveryArrival, 0, || {
                    format!("the arrival at position {position} of split {split} of source {source} {fault}")
                });
            }
        }
        Ok(())
    }

    /// What the policy says of it, by the answers that were kept; or what is wrong with these. None where no instant is known.
    fn judge(&self, payload: &[u8], place: &JudgedPlace) -> Option<Result<Kept, String>> {
        let answers = match place.answers.as_deref().map(read).transpose() {
            Ok(answers) => answers.unwrap_or_default(),
            Err(error) => return Some(Err(format!("has answers that cannot be read: {error}"))),
        };
        let mut failed = answers.webhooks.iter().filter(|(_, answer)| answer.failed.is_some());
        let webhook = failed.find(|(name, _)| !self.ignored.contains(*name)).map(|(name, _)| name);
        let gave_up = webhook.or_else(|| answers.failed.keys().next());
        if let (Some(whom), Some(attempts)) =
            (gave_up, place.attempts.filter(|attempts| *attempts <= self.retries))
        {
            return Some(Err(format!(
                "was judged without an answer of {whom} after {attempts} attempts, and its policy has {}",
                self.retries + 1
            )));
        }
        let position = if place.pushed { String::new() } else { place.position.to_string() };
        let at = Timestamp::from_microsecond(place.judged_at?).ok()?;
        let arrival = Arrival { payload, source: &place.source, position: &position, at };
        Some(Ok(Kept::of(self.policy.judge(&arrival, &answers))))
    }

    /// A message, as far as it is compared.
    fn words(&self, message: String) -> String {
        if self.in_the_same_words { message } else { String::new() }
    }

    fn mark(&self, mut mark: Mark) -> Mark {
        for hit in &mut mark.hits {
            hit.message = self.words(std::mem::take(&mut hit.message));
        }
        mark
    }

    /// What is wrong with a record, if anything.
    fn record(&self, row: &JudgedRow) -> Option<String> {
        let JudgedRow { record: _, place, payload, original, mark, alerts } = row;
        // What is longer than it may be is named elsewhere, as is what has no instant.
        let payload = payload.as_deref()?;
        let judged = match self.judge(original.as_deref().unwrap_or(payload), place)? {
            Ok(judged) => judged,
            Err(fault) => return Some(fault),
        };
        let (signed, said) = match judged {
            Kept::Admitted { payload, mark, ignored: _ } => (payload, mark),
            Kept::Rejected { rule, message } => {
                return Some(format!("is admitted, and its policy rejects it by {rule}: {message}"));
            }
            Kept::Failed { rule, message } => {
                return Some(format!("is admitted, and its policy fails for it at {rule}: {message}"));
            }
        };
        if original.is_some() != signed.is_some() || signed.as_deref().is_some_and(|signed| signed != payload)
        {
            return Some("is not enriched as its policy has it".to_owned());
        }
        let raised: BTreeMap<String, String> = said
            .iter()
            .flat_map(Mark::alerts)
            .map(|(rule, message)| (rule.to_owned(), message.to_owned()))
            .collect();
        let kept =
            alerts.as_deref().map_or(Some(BTreeMap::new()), |alerts| serde_json::from_str(alerts).ok());
        let of_words = |alerts: BTreeMap<String, String>| {
            alerts.into_iter().map(|(rule, message)| (rule, self.words(message))).collect::<BTreeMap<_, _>>()
        };
        if kept.map(of_words) != Some(of_words(raised.clone())) {
            return Some(format!("has other alerts than its policy raises: {}", names(raised.into_keys())));
        }
        let flagged = said.filter(|mark| mark.flagged);
        let kept = match mark.as_deref().map(serde_json::from_str::<Mark>).transpose() {
            Ok(kept) => kept,
            Err(_) => return Some("has a flag that cannot be read".to_owned()),
        };
        match (&kept, &flagged) {
            (kept, flagged)
                if kept.clone().map(|mark| self.mark(mark))
                    == flagged.clone().map(|mark| self.mark(mark)) =>
            {
                None
            }
            (None, Some(mark)) => {
                let rules = names(mark.hits.iter().map(|hit| hit.rule.clone()));
                Some(format!("is not flagged, and its policy flags it by {rules}"))
            }
            (Some(_), None) => Some("is flagged, and its policy does not flag it".to_owned()),
            _ => Some("is flagged otherwise than its policy has it".to_owned()),
        }
    }

    /// What is wrong with a refusal, if anything.
    fn refusal(&self, row: &RefusedRow) -> Option<String> {
        let RefusedRow { place, state, rule, reason, raw } = row;
        let judged = match self.judge(raw, place)? {
            Ok(judged) => judged,
            Err(fault) => return Some(fault),
        };
        let said = match judged {
            Kept::Rejected { rule, message } => ("Rejected", rule, message),
            Kept::Failed { rule, message } => ("Dead", rule, message),
            Kept::Admitted { .. } => {
                return Some(format!("is {} by {rule}, and its policy admits it", state.to_lowercase()));
            }
        };
        let kept = (state.as_str(), rule, self.words(reason.clone()));
        (kept != (said.0, &said.1, self.words(said.2.clone()))).then(|| {
            let (state, rule, message) = said;
            format!(
                "is refused otherwise than its policy has it: {} by {rule}: {message}",
                state.to_lowercase()
            )
        })
    }
}

fn names(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;

/// What others said, as it was kept. A list would be taken for its fields in order, and an empty one for no answers.
fn read(text: &str) -> Result<Answers, serde_json::Error> {
    Answers::deserialize(Value::Object(serde_json::from_str(text)?))
}
