//! What happened to a run, reported once, as Events: its story, as `kubectl describe` shows it.

use chancery_api::condition::{self, ConditionType};
use chancery_api::{Reason, RecordCounts, SigningRunStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::host::events::NewEvent;
use crate::run::build::sinks::sink_events;
use crate::run::decide::decision::Cause;

/// What others say that is in no status.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Words<'a> {
    /// The message of the signer that failed last.
    pub(crate) signer: Option<&'a str>,
    /// What is said of an object that changed while it was read, when that is news.
    pub(crate) changed: Option<&'a str>,
    /// How many signers the Job runs; none while Kubernetes makes no pods for it.
    pub(crate) signers: Option<u32>,
}

/// What happened between two statuses. `obstacle` is what stops the run now.
pub(crate) fn new_events(
    old: &SigningRunStatus,
    new: &SigningRunStatus,
    obstacle: Option<&Cause>,
    words: &Words<'_>,
) -> Vec<NewEvent> {
    let mut events = Vec::new();
    let turned = |type_, value| {
        let at = |status: &SigningRunStatus| condition::holds(&status.conditions, type_);
        at(old) != value && at(new) == value
    };
    let (was, is) = (progressing(old), progressing(new));
    if reason(is) == Some(Reason::Seeding) && reason(was) != Some(Reason::Seeding) {
        let total = new.records.unwrap_or_default().total;
        let note = match new.records.unwrap_or_default().received {
            None => format!("making keys and {total} records"),
            Some(_) if is_pushed(new) => "making keys; records can be pushed".to_owned(),
            Some(_) => "making keys, and reading the sources".to_owned(),
        };
        events.push(NewEvent::normal(Reason::Seeding, note));
    }
    if turned(ConditionType::KeyringReady, true) {
        let keys = new.keys.unwrap_or_default().total;
        events.push(NewEvent::normal(Reason::KeyringReady, format!("the keyring has all its {keys} keys")));
    }
    if turned(ConditionType::Sealed, true) {
        let records = new.records.unwrap_or_default();
        let note = format!("all {} records are in the ledger{}", records.seeded, beside(&records));
        events.push(NewEvent::normal(Reason::Sealed, note));
    }
    events.extend(dead_letters(old, new));
    events.extend(words.changed.map(|said| NewEvent::warning(Reason::ObjectChanged, said)));
    // Dead letters that suspend a run are an obstacle, and told as such.
    if turned(ConditionType::Suspended, true) && suspended_by(new) == Some(Reason::Suspended) {
        events.push(NewEvent::normal(
            Reason::Suspended,
            condition::find(&new.conditions, ConditionType::Suspended)
                .map_or("", |held| held.message.as_str()),
        ));
    }
    // The first status of a run says that it is not suspended: nothing has happened.
    if turned(ConditionType::Suspended, false) && !condition::holds(&new.conditions, ConditionType::Complete)
    {
        events.push(NewEvent::normal(Reason::Resumed, "the run continues where it stopped"));
    }
    let failed = |status: &SigningRunStatus| status.signers.unwrap_or_default().failed;
    if failed(new) > failed(old) {
        let said = words.signer.unwrap_or("nothing; read its log");
        events.push(NewEvent::warning(
            Reason::SignerFailed,
            format!("{} signer pods failed so far; the last said: {said}", failed(new)),
        ));
    }
    let failure = |status: &SigningRunStatus| {
        condition::find(&status.conditions, ConditionType::Failed)
            .filter(|condition| condition.status == "True")
            .and_then(|condition| Some((Reason::named(&condition.reason)?, condition.message.clone())))
    };
    match (failure(old), failure(new)) {
        (old, Some((reason, note))) if old.as_ref().map(|(reason, _)| *reason) != Some(reason) => {
            events.push(NewEvent::warning(reason, note));
        }
        (Some(_), None) if !condition::holds(&new.conditions, ConditionType::Suspended) => {
            events.push(NewEvent::normal(Reason::Recovered, "the run continues"));
        }
        _ => {}
    }
    events.extend(obstacles(reason(was), obstacle));
    if reason(was) == Some(Reason::Queued)
        && let (Some(job), Some(signers)) = (&new.job, words.signers)
    {
        events.push(started(job, signers));
    }
    if reason(was) == Some(Reason::SourceUnavailable) && holds_progressing(new) {
        events.push(NewEvent::normal(Reason::SourceAvailable, "every source answers again"));
    }
    let some = Some(Reason::SomeSignersNotStarting);
    if reason(is) == some && reason(was) != some {
        let said = is.map_or("", |condition| condition.message.as_str());
        events.push(NewEvent::warning(Reason::SomeSignersNotStarting, said));
    }
    if matches!(reason(was), Some(Reason::KeysHeld | Reason::SignersIdle))
        && (matches!(reason(is), Some(Reason::Signing | Reason::Receiving)) || reason(is) == some)
    {
        events.push(NewEvent::normal(Reason::SigningContinues, "nothing holds the signers up any more"));
    }
    events.extend(sink_events(old, new));
    if turned(ConditionType::Complete, true) {
        let signed = new.records.unwrap_or_default().signed;
        let elapsed = new.elapsed.as_deref().unwrap_or("an unknown time");
        events.push(NewEvent::normal(
            Reason::Completed,
            format!("all {signed} records are signed, after {elapsed}"),
        ));
    }
    events.extend(audited(old, new));
    events
}

fn is_pushed(status: &SigningRunStatus) -> bool {
    reason(condition::find(&status.conditions, ConditionType::Sealed)) == Some(Reason::Receiving)
}

/// Kubernetes makes pods for the signers' Job.
pub(crate) fn started(job: &str, signers: u32) -> NewEvent {
    NewEvent::normal(Reason::SignersStarted, format!("Job {job} runs up to {signers} signers"))
}

/// What the sources offered beside records.
fn beside(records: &RecordCounts) -> String {
    match (records.duplicate, records.dead) {
        (None, _) | (_, None) => String::new(),
        (Some(duplicates), Some(dead)) => format!(", beside {duplicates} duplicates and {dead} dead letters"),
    }
}

/// The first dead letters of a run.
fn dead_letters(old: &SigningRunStatus, new: &SigningRunStatus) -> Option<NewEvent> {
    let dead =
        |status: &SigningRunStatus| status.records.and_then(|records| records.dead).unwrap_or_default();
    let (before, now) = (dead(old), dead(new));
    (before == 0 && now > 0).then(|| {
        let note = format!(
            "{now} payloads could not become records; `chancery dead-letters list` shows them, and status.records.dead counts what follows"
        );
        NewEvent::warning(Reason::DeadLetters, note)
    })
}

fn suspended_by(status: &SigningRunStatus) -> Option<Reason> {
    reason(condition::find(&status.conditions, ConditionType::Suspended))
}

fn holds_progressing(status: &SigningRunStatus) -> bool {
    condition::holds(&status.conditions, ConditionType::Progressing)
}

/// What an audit found, when it is new.
fn audited(old: &SigningRunStatus, new: &SigningRunStatus) -> Option<NewEvent> {
    let verified = |status: &SigningRunStatus| {
        condition::find(&status.conditions, ConditionType::Verified)
            .filter(|condition| condition.status != "Unknown")
            .cloned()
    };
    let found = verified(new).filter(|_| verified(old).is_none())?;
    Some(match found.status.as_str() {
        "True" => NewEvent::normal(Reason::LawsHold, found.message),
        _ => NewEvent::warning(Reason::LawsBroken, found.message),
    })
}

/// A database that answers again, and an obstacle that is new.
fn obstacles(old: Option<Reason>, now: Option<&Cause>) -> Vec<NewEvent> {
    const AWAY: Reason = Reason::DatabaseUnavailable;
    /// They pass by themselves, or are told elsewhere.
    const EXPECTED: [Reason; 5] = [
        Reason::Queued,
        Reason::WaitingForKeys,
        Reason::SignersStopping,
        Reason::DeletingFromLedger,
        // A condition of its own has it, and is told.
        Reason::SinkUnavailable,
    ];
    let is = now.map(|obstacle| obstacle.reason);
    let back = (old == Some(AWAY) && is != Some(AWAY))
        .then(|| NewEvent::normal(Reason::DatabaseAvailable, "the database answers again"));
    let met = now
        .filter(|obstacle| old != Some(obstacle.reason) && !EXPECTED.contains(&obstacle.reason))
        .map(|obstacle| NewEvent::warning(obstacle.reason, &obstacle.message));
    back.into_iter().chain(met).collect()
}

fn progressing(status: &SigningRunStatus) -> Option<&Condition> {
    condition::find(&status.conditions, ConditionType::Progressing)
}

fn reason(condition: Option<&Condition>) -> Option<Reason> {
    Reason::named(&condition?.reason)
}

#[cfg(test)]
mod tests;
