//! What a status and Events say of sinks.

use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{Reason, SigningRunStatus, SinkStatus};
use chancery_store::SinkProgress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::host::cut::cut;
use crate::host::events::NewEvent;
use crate::run::build::times::whole_second;
use crate::run::facts::{LedgerRun, SinksRead};

/// Longest error of a sink in a status, in bytes of JSON: a run has up to eight sinks.
const ERROR_BYTES: usize = 120;

/// Longest message about sinks, in bytes of JSON.
const MESSAGE_BYTES: usize = 400;

/// How far each sink is; without the ledger, as it was said last.
pub(crate) fn sinks_of(ledger: Option<&LedgerRun>, previous: &SigningRunStatus) -> Vec<SinkStatus> {
    match ledger.and_then(|ledger| Some((ledger, ledger.sinks.as_ref()?))) {
        Some((ledger, sinks)) => {
            sinks.sinks.iter().map(|sink| of(sink, ledger.counts.batches_signed)).collect()
        }
        None => previous.sinks.clone(),
    }
}

fn of(sink: &SinkProgress, signed: i64) -> SinkStatus {
    let SinkProgress {
        run_id: _,
        name,
        delivered,
        dead,
        discarded: _,
        failures: _,
        unavailable_micros,
        last_error,
        manifest_pending: _,
        manifest_dead: _,
    } = sink;
    SinkStatus {
        name: name.clone(),
        delivered: *delivered,
        // The ledger was asked for the two one after the other.
        pending: (signed - delivered - dead).max(0),
        dead: *dead,
        unavailable_since: unavailable_micros.map(since).map(Time),
        last_error: last_error.as_ref().map(|error| cut(error.clone(), ERROR_BYTES)),
    }
}

fn since(micros: i64) -> Timestamp {
    whole_second(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MIN))
}

/// What is said of the sinks of a run that has some. Without the ledger, what was said before stays.
pub(crate) fn findings(
    has_sinks: bool,
    ledger: Option<&LedgerRun>,
    previous: &SigningRunStatus,
    now: Timestamp,
) -> Vec<Finding> {
    if !has_sinks {
        return Vec::new();
    }
    match ledger.and_then(|ledger| Some((ledger, ledger.sinks.as_ref()?))) {
        Some((ledger, sinks)) => vec![delivered(ledger, sinks), unavailable(sinks, now)],
        None => {
            [delivered_first(), available()].into_iter().map(|first| as_before(first, previous)).collect()
        }
    }
}

fn delivered(ledger: &LedgerRun, sinks: &SinksRead) -> Finding {
    let named = |is_failure: fn(&SinkProgress) -> bool| {
        let failed = sinks.sinks.iter().filter(|sink| is_failure(sink));
        failed.map(|sink| sink.name.as_str()).collect::<Vec<_>>()
    };
    let refusing = named(|sink| sink.dead > sink.discarded);
    let unlisted = named(|sink| sink.manifest_dead);
    let discarded: i64 = sinks.sinks.iter().map(|sink| sink.discarded).sum();
    let all = ledger.sealed && !sinks.is_behind(ledger.counts.batches);
    let of = |status, reason, message: String| Finding {
        type_: ConditionType::Delivered,
        status: Some(status),
        reason,
        message,
    };
    // Without numbers: a condition that changes is written at once. And without what a sink said: that is whatever a service answered, and
    // more may read a status than may read the ledger.
    let given_up = |what: &str, others: &[&str]| {
        let others = if others.is_empty() { "" } else { ", and so did others" };
        let run = &ledger.stored.0;
        let message = format!(
            "{what}{others}; `chancery dead-letters list {}/{} --deliveries` shows which, and what the sink said",
            run.namespace, run.name
        );
        of(false, Reason::DeadDeliveries, cut(message, MESSAGE_BYTES))
    };
    match (refusing.as_slice(), unlisted.as_slice()) {
        ([first, others @ ..], _) => {
            given_up(&format!("sink {first} refused batches so often that they were given up"), others)
        }
        ([], [first, others @ ..]) => {
            given_up(&format!("sink {first} refused its manifest so often that it was given up"), others)
        }
        ([], []) if all && discarded > 0 => of(
            true,
            Reason::AllDelivered,
            format!("every sink has every batch, but for dead letters that were discarded: {discarded}"),
        ),
        ([], []) if all => of(true, Reason::AllDelivered, "every sink has every batch".to_owned()),
        ([], []) => delivered_first(),
    }
}

fn delivered_first() -> Finding {
    Finding {
        type_: ConditionType::Delivered,
        status: Some(false),
        reason: Reason::NotAllDelivered,
        message: "batches are still to be delivered".to_owned(),
    }
}

fn unavailable(sinks: &SinksRead, now: Timestamp) -> Finding {
    let mut away = sinks.unavailable(now);
    let Some(sink) = away.next() else { return available() };
    let others = away.count();
    let others = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    let since = since(sink.unavailable_micros.unwrap_or_default());
    let why = sink.last_error.as_deref().unwrap_or_default();
    Finding {
        type_: ConditionType::SinkUnavailable,
        status: Some(true),
        reason: Reason::SinkUnavailable,
        message: cut(
            format!("sink {}{others} cannot be reached since {since}, and is waited for: {why}", sink.name),
            MESSAGE_BYTES,
        ),
    }
}

fn available() -> Finding {
    Finding {
        type_: ConditionType::SinkUnavailable,
        status: Some(false),
        reason: Reason::SinksAvailable,
        message: "no sink has been out of reach for long".to_owned(),
    }
}

/// The finding that was said before of this type, or this one, if nothing was.
fn as_before(first: Finding, previous: &SigningRunStatus) -> Finding {
    let said = condition::find(&previous.conditions, first.type_);
    let said = said.and_then(|said| Some((said, Reason::named(&said.reason)?)));
    match said {
        Some((said, reason)) => {
            Finding { status: Some(said.status == "True"), reason, message: said.message.clone(), ..first }
        }
        None => first,
    }
}

/// What happened to the sinks between two statuses.
pub(crate) fn sink_events(old: &SigningRunStatus, new: &SigningRunStatus) -> Vec<NewEvent> {
    let mut events = Vec::new();
    let said = |status: &SigningRunStatus, type_| condition::find(&status.conditions, type_).cloned();
    let reason = |status, type_| said(status, type_).and_then(|said| Reason::named(&said.reason));
    let is_new = |type_, wanted| reason(old, type_) != Some(wanted) && reason(new, type_) == Some(wanted);
    let note = |type_| said(new, type_).map(|said| said.message).unwrap_or_default();
    if is_new(ConditionType::Delivered, Reason::DeadDeliveries) {
        events.push(NewEvent::warning(Reason::DeadDeliveries, note(ConditionType::Delivered)));
    }
    if is_new(ConditionType::SinkUnavailable, Reason::SinkUnavailable) {
        events.push(NewEvent::warning(Reason::SinkUnavailable, note(ConditionType::SinkUnavailable)));
    }
    if reason(old, ConditionType::SinkUnavailable) == Some(Reason::SinkUnavailable)
        && reason(new, ConditionType::SinkUnavailable) == Some(Reason::SinksAvailable)
    {
        events.push(NewEvent::normal(Reason::SinksAvailable, "every sink answers again"));
    }
    events
}
