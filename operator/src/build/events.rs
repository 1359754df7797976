//! What happened to a run, told once, as Events: what `kubectl describe` shows as its story.

use chancery_api::SigningRunStatus;
use chancery_api::condition::{self, ConditionType};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};

use super::cut::cut;
use crate::decide::Reason;

/// Longest note of an Event, in bytes: an API server takes 1,024.
const NOTE_BYTES: usize = 1_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) warning: bool,
    pub(crate) reason: String,
    pub(crate) note: String,
}

impl News {
    pub(crate) fn normal(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self { warning: false, reason: reason.into(), note: note.into() }
    }

    pub(crate) fn warning(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self { warning: true, reason: reason.into(), note: note.into() }
    }
}

impl From<News> for Event {
    fn from(news: News) -> Self {
        Self {
            type_: if news.warning { EventType::Warning } else { EventType::Normal },
            action: news.reason.clone(),
            reason: news.reason,
            note: Some(cut(news.note, NOTE_BYTES)),
            secondary: None,
        }
    }
}

/// What happened between two statuses. `hindered` is what keeps the run from going on now, and
/// `signer_said` is what the signer that failed last said.
pub(crate) fn news(
    old: &SigningRunStatus,
    new: &SigningRunStatus,
    hindered: Option<&Reason>,
    signer_said: Option<&str>,
) -> Vec<News> {
    let mut news = Vec::new();
    let turned = |type_, value| {
        let at = |status: &SigningRunStatus| condition::holds(&status.conditions, type_);
        at(old) != value && at(new) == value
    };
    let (was, is) = (progressing(old), progressing(new));
    if reason(is) == Some("Seeding") && reason(was) != Some("Seeding") {
        let total = new.records.unwrap_or_default().total;
        news.push(News::normal("Seeding", format!("making keys and {total} records")));
    }
    if turned(ConditionType::Seeded, true) {
        let (records, keys) = (new.records.unwrap_or_default().seeded, new.keys.unwrap_or_default().total);
        news.push(News::normal("Seeded", format!("{records} records and {keys} keys are in the ledger")));
    }
    if turned(ConditionType::Suspended, true) {
        news.push(News::normal("Suspended", "no signer works until spec.suspend is false"));
    }
    // The first status of a run says that it is not suspended, which is no news.
    if turned(ConditionType::Suspended, false) && !condition::holds(&new.conditions, ConditionType::Complete)
    {
        news.push(News::normal("Resumed", "signing goes on where it stopped"));
    }
    let failed = |status: &SigningRunStatus| status.signers.unwrap_or_default().failed;
    if failed(new) > failed(old) {
        let said = signer_said.unwrap_or("its log tells more");
        news.push(News::warning(
            "SignerFailed",
            format!("{} signer pods failed so far; the last: {said}", failed(new)),
        ));
    }
    let failure = |status: &SigningRunStatus| {
        condition::find(&status.conditions, ConditionType::Failed)
            .filter(|condition| condition.status == "True")
            .map(|condition| (condition.reason.clone(), condition.message.clone()))
    };
    match (failure(old), failure(new)) {
        (old, Some((reason, note))) if old.as_ref().map(|(reason, _)| reason) != Some(&reason) => {
            news.push(News::warning(reason, note));
        }
        (Some(_), None) if !condition::holds(&new.conditions, ConditionType::Suspended) => {
            news.push(News::normal("Recovered", "the run goes on"));
        }
        _ => {}
    }
    news.extend(obstacles(reason(was), hindered));
    if turned(ConditionType::Complete, true) {
        let signed = new.records.unwrap_or_default().signed;
        let elapsed = new.elapsed.as_deref().unwrap_or("an unknown time");
        news.push(News::normal("Completed", format!("{signed} records are signed, after {elapsed}")));
    }
    news
}

/// The database when it is back, and an obstacle that is new.
fn obstacles(old: Option<&str>, now: Option<&Reason>) -> Vec<News> {
    const AWAY: &str = "DatabaseUnavailable";
    const NO_NEWS: [&str; 3] = ["Queued", "SignersStopping", "DeletingFromLedger"];
    let is = now.map(|obstacle| obstacle.reason);
    let back = (old == Some(AWAY) && is != Some(AWAY))
        .then(|| News::normal("DatabaseAvailable", "the database answers again"));
    let met = now
        .filter(|obstacle| old != Some(obstacle.reason) && !NO_NEWS.contains(&obstacle.reason))
        .map(|obstacle| News::warning(obstacle.reason, &obstacle.message));
    back.into_iter().chain(met).collect()
}

fn progressing(status: &SigningRunStatus) -> Option<&Condition> {
    condition::find(&status.conditions, ConditionType::Progressing)
}

fn reason(condition: Option<&Condition>) -> Option<&str> {
    condition.map(|condition| condition.reason.as_str())
}

#[cfg(test)]
mod tests;
