//! What happened to a run, reported once, as Events: its story, as `kubectl describe` shows it.

use chancery_api::condition::{self, ConditionType};
use chancery_api::{Reason, SigningRunStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::host::events::NewEvent;
use crate::run::decide::decision::Cause;

/// What happened between two statuses. `obstacle` is what stops the run now, and
/// `signer_message` is the message of the signer that failed last.
pub(crate) fn new_events(
    old: &SigningRunStatus,
    new: &SigningRunStatus,
    obstacle: Option<&Cause>,
    signer_message: Option<&str>,
) -> Vec<NewEvent> {
    let mut events = Vec::new();
    let turned = |type_, value| {
        let at = |status: &SigningRunStatus| condition::holds(&status.conditions, type_);
        at(old) != value && at(new) == value
    };
    let (was, is) = (progressing(old), progressing(new));
    if reason(is) == Some(Reason::Seeding) && reason(was) != Some(Reason::Seeding) {
        let total = new.records.unwrap_or_default().total;
        events.push(NewEvent::normal(Reason::Seeding, format!("making keys and {total} records")));
    }
    if turned(ConditionType::KeyringReady, true) {
        let keys = new.keys.unwrap_or_default().total;
        events.push(NewEvent::normal(Reason::KeyringReady, format!("the keyring has all its {keys} keys")));
    }
    if turned(ConditionType::Sealed, true) {
        let records = new.records.unwrap_or_default().seeded;
        events.push(NewEvent::normal(Reason::Sealed, format!("all {records} records are in the ledger")));
    }
    if turned(ConditionType::Suspended, true) {
        events.push(NewEvent::normal(
            Reason::Suspended,
            "spec.suspend is true: no signer works until it is false",
        ));
    }
    // The first status of a run says that it is not suspended: nothing has happened.
    if turned(ConditionType::Suspended, false) && !condition::holds(&new.conditions, ConditionType::Complete)
    {
        events.push(NewEvent::normal(Reason::Resumed, "the run continues where it stopped"));
    }
    let failed = |status: &SigningRunStatus| status.signers.unwrap_or_default().failed;
    if failed(new) > failed(old) {
        let said = signer_message.unwrap_or("nothing; read its log");
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
    /// They pass by themselves.
    const EXPECTED: [Reason; 3] = [Reason::Queued, Reason::SignersStopping, Reason::DeletingFromLedger];
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
