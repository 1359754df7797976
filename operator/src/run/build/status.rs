//! The status of a run, for programs and people.

use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{AuditPolicy, Phase, Reason, RecordCounts, SigningRunStatus, ValidatedRun, format, names};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use crate::host::background::WorkState;
use crate::host::cut::cut;
use crate::run::build::counts::{batches, keys, saturated, signers};
use crate::run::build::policy::policy_of;
use crate::run::build::sinks::{findings as sink_findings, sinks_of};
use crate::run::build::sources::{records_of, sealed_finding, sources_of};
use crate::run::build::times::{Times, whole_second};
use crate::run::decide::decision::{Decision, Stage};
use crate::run::facts::{LedgerRun, LedgerView, Observed};

/// Longest message of a condition, in bytes of JSON. Two of the seven messages may be as long, a third half as
/// long, and a status that every watcher receives once per second must stay below 4 KiB.
const MESSAGE_BYTES: usize = 800;

/// Longest message of an audit.
const AUDIT_BYTES: usize = 400;

/// A run of a few records takes no less, so that its rate is a number.
const LEAST_TIME: Duration = Duration::from_millis(1);

/// The status of a run.
pub(crate) fn status(
    run: &ValidatedRun,
    observed: &Observed,
    decision: &Decision,
    now: Timestamp,
) -> SigningRunStatus {
    let previous = &observed.object.previous;
    let ledger = match &observed.ledger {
        // That part of the ledger is not this run's, or not for long.
        LedgerView::Present(ledger) if !ledger.is_its_own() => None,
        LedgerView::Present(ledger) => Some(ledger.as_ref()),
        _ => None,
    };
    let conditions = conditions(Some(run), observed, decision, ledger, now);
    let now = whole_second(now);
    let complete = decision.stage == Stage::Complete;
    let begun = decision.stage != Stage::Pending && (ledger.is_some() || previous.start_time.is_some());
    let Times { start_time, completion_time, took } = Times::of(ledger, previous, begun, complete, now);
    let counts = ledger.map(|ledger| ledger.counts);
    let records = counts.map_or_else(
        || {
            previous.records.unwrap_or(RecordCounts {
                total: saturated(run.input.record_count().unwrap_or(0)),
                ..RecordCounts::default()
            })
        },
        |counts| records_of(counts, ledger.and_then(|ledger| ledger.sources.as_ref())),
    );
    let rate = rate(observed, decision, ledger, took, records.total);
    let remaining = records.total - records.signed;
    SigningRunStatus {
        observed_generation: Some(observed.object.generation),
        phase: Some(condition::phase(&conditions, under_way(decision.stage))),
        records: Some(records),
        sources: sources_of(ledger, previous),
        sinks: sinks_of(ledger, previous),
        policy: policy_of(ledger, previous),
        batches: Some(counts.map_or_else(|| previous.batches.unwrap_or_default(), batches)),
        keyring: ledger.map_or_else(|| previous.keyring.clone(), |ledger| Some(ledger.keyring.clone())),
        keys: Some(ledger.map_or_else(|| previous.keys.unwrap_or_default(), keys)),
        signers: Some(signers(observed)),
        signatures_per_second: rate,
        estimated_completion_time: rate
            .filter(|rate| decision.stage == Stage::Signing && *rate > 0 && remaining > 0)
            .map(|rate| Time(now + SignedDuration::from_secs((remaining + rate - 1) / rate))),
        progress: Some(format::percent(records.signed, records.total)),
        // Of a complete run that the ledger cannot be asked about, what was said before stays.
        elapsed: took.map(format::elapsed).or_else(|| previous.elapsed.clone()),
        start_time,
        completion_time,
        statements: ledger
            .and_then(|ledger| ledger.statements.clone())
            .or_else(|| previous.statements.clone())
            .filter(|statements| statements.sealed.is_some()),
        selector: Some(names::signer_selector(&run.name)),
        job: observed.job.as_ref().filter(|job| job.ours).map(|_| names::job_name(&run.name)),
        intake_job: observed
            .intake
            .job
            .as_ref()
            .filter(|job| job.ours)
            .map(|_| names::intake_job_name(&run.name)),
        delivery_job: observed
            .delivery
            .job
            .as_ref()
            .filter(|job| job.ours)
            .map(|_| names::delivery_job_name(&run.name)),
        conditions,
    }
}

/// The status of a run whose spec cannot be used: what was known of it before stays.
pub(crate) fn invalid_status(observed: &Observed, decision: &Decision, now: Timestamp) -> SigningRunStatus {
    let conditions = conditions(None, observed, decision, None, now);
    SigningRunStatus {
        observed_generation: Some(observed.object.generation),
        phase: Some(condition::phase(&conditions, under_way(decision.stage))),
        conditions,
        ..observed.object.previous.clone()
    }
}

/// What is being done, for a run that is neither complete, failed nor suspended.
fn under_way(stage: Stage) -> Phase {
    match stage {
        Stage::Seeding => Phase::Seeding,
        Stage::Signing | Stage::Receiving => Phase::Signing,
        Stage::Delivering => Phase::Delivering,
        Stage::Pending | Stage::Suspended | Stage::Complete => Phase::Pending,
    }
}

fn conditions(
    run: Option<&ValidatedRun>,
    observed: &Observed,
    decision: &Decision,
    ledger: Option<&LedgerRun>,
    now: Timestamp,
) -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    let previous = &observed.object.previous.conditions;
    let before = |type_| condition::holds(previous, type_);
    let filled = ledger.map_or_else(|| before(ConditionType::KeyringReady), |ledger| ledger.filled);
    let sealed = ledger.map_or_else(|| before(ConditionType::Sealed), |ledger| ledger.sealed);
    let complete = decision.stage == Stage::Complete;
    let suspended = decision.stage == Stage::Suspended;
    let has_sinks = run.map_or_else(
        || condition::find(previous, ConditionType::Delivered).is_some(),
        |run| !run.sinks.is_empty(),
    );
    let mut findings = vec![
        if filled {
            finding(ConditionType::KeyringReady, true, Reason::KeyringReady, "every key is in the keyring")
        } else {
            finding(
                ConditionType::KeyringReady,
                false,
                Reason::KeyringNotReady,
                "the signers make the keys that are missing in the keyring",
            )
        },
        sealed_finding(run, sealed),
        if let Some(cause) = decision.obstacle.as_ref().filter(|_| suspended)
            && cause.reason == Reason::TooManyDeadLetters
        {
            finding(ConditionType::Suspended, true, cause.reason, &cause.message)
        } else if suspended {
            finding(
                ConditionType::Suspended,
                true,
                Reason::Suspended,
                format!(
                    "{}: no signer works",
                    run.map_or(("spec.suspend is true", ""), ValidatedRun::held_by).0
                ),
            )
        } else {
            finding(ConditionType::Suspended, false, Reason::NotSuspended, "nothing holds the run")
        },
        if complete {
            let stated = ledger.and_then(|ledger| ledger.statements.as_ref());
            let said = if stated.is_some_and(|stated| stated.signed.is_none()) {
                "every record has a stored signature; the statement about them is being made"
            } else {
                "every record has a stored signature"
            };
            finding(ConditionType::Complete, true, Reason::AllSigned, said)
        } else if decision.stage == Stage::Delivering {
            finding(
                ConditionType::Complete,
                false,
                Reason::NotAllDelivered,
                "every record has a stored signature, and batches are still to be delivered",
            )
        } else {
            finding(
                ConditionType::Complete,
                false,
                Reason::NotAllSigned,
                "records without a signature are left, or keys that are not made",
            )
        },
        verified(run, observed, complete),
        match &decision.failure {
            Some(failure) => finding(ConditionType::Failed, true, failure.reason, failure.message.clone()),
            None => finding(ConditionType::Failed, false, Reason::NotFailed, "the run has not failed"),
        },
        progressing(run, decision),
    ];
    findings.extend(sink_findings(has_sinks, ledger, &observed.object.previous, now));
    condition::conditions(findings, previous, Some(observed.object.generation), &Time(whole_second(now)))
}

fn progressing(run: Option<&ValidatedRun>, decision: &Decision) -> Finding {
    let of = |status, reason, message: &str| finding(ConditionType::Progressing, status, reason, message);
    match (decision.stage, &decision.failure, &decision.obstacle) {
        // Also of a run that is complete: what blocks its deletion is reported nowhere else.
        (_, _, Some(obstacle)) => of(false, obstacle.reason, &obstacle.message),
        (Stage::Complete, ..) => of(false, Reason::Complete, "every record is signed: nothing is left to do"),
        (_, Some(failure), _) => of(false, failure.reason, &failure.message),
        (Stage::Suspended, ..) => {
            let until = run.map_or(("", "once spec.suspend is false"), ValidatedRun::held_by).1;
            of(false, Reason::Suspended, &format!("the run continues {until}"))
        }
        (Stage::Pending, ..) => of(true, Reason::Pending, "the run is being created in the ledger"),
        (Stage::Seeding, ..) => {
            of(true, Reason::Seeding, "the first records are being made, or the first key")
        }
        (Stage::Signing, ..) => match &decision.aside {
            Some(aside) => of(true, aside.reason, &aside.message),
            None => of(true, Reason::Signing, "signers sign records"),
        },
        (Stage::Delivering, ..) => {
            of(true, Reason::Delivering, "every record is signed, and batches are being delivered")
        }
        (Stage::Receiving, ..) => of(
            true,
            Reason::Receiving,
            "all that was pushed is signed, or is about to be, and more may be pushed",
        ),
    }
}

/// What is known of the laws. What an audit found of a complete run is final.
fn verified(run: Option<&ValidatedRun>, observed: &Observed, complete: bool) -> Finding {
    let of = |status, reason, message: &str| Finding {
        type_: ConditionType::Verified,
        status,
        reason,
        message: cut(message.to_owned(), AUDIT_BYTES),
    };
    let before = condition::find(&observed.object.previous.conditions, ConditionType::Verified);
    match (before, &observed.audited, &observed.background.auditing) {
        (Some(before), ..) if before.status == "True" => of(Some(true), Reason::LawsHold, &before.message),
        (Some(before), ..) if before.status == "False" => {
            of(Some(false), Reason::LawsBroken, &before.message)
        }
        (_, Some(audited), _) if audited.holds => of(Some(true), Reason::LawsHold, &audited.message),
        (_, Some(audited), _) => of(Some(false), Reason::LawsBroken, &audited.message),
        _ if run.is_some_and(|run| run.audit == AuditPolicy::Never) => {
            of(None, Reason::NotAudited, "spec.audit is Never; `chancery verify` audits the run")
        }
        _ if !complete => of(None, Reason::AuditPending, "the run is audited once it is complete"),
        (_, _, WorkState::Failed { message, .. }) => of(
            None,
            Reason::AuditFailed,
            &format!("the audit could not be made: {message}; the operator retries"),
        ),
        _ => of(None, Reason::Auditing, "every record is read, and every signature verified"),
    }
}

fn finding(type_: ConditionType, status: bool, reason: Reason, message: impl Into<String>) -> Finding {
    Finding { type_, status: Some(status), reason, message: cut(message.into(), MESSAGE_BYTES) }
}

/// While signing, the rate of the last ten seconds; once complete, that of the whole run, which took so long.
fn rate(
    observed: &Observed,
    decision: &Decision,
    ledger: Option<&LedgerRun>,
    took: Option<Duration>,
    total: i64,
) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a rate is far below 2^63")]
    let whole = |rate: f64| rate.round() as i64;
    match decision.stage {
        #[expect(clippy::cast_precision_loss, reason = "a run has far less than 2^52 records")]
        Stage::Complete => took
            .map(|took| whole(total as f64 / took.max(LEAST_TIME).as_secs_f64()))
            .or(observed.object.previous.signatures_per_second),
        Stage::Signing | Stage::Receiving => ledger.and_then(|ledger| ledger.rate).map(whole),
        Stage::Pending | Stage::Seeding | Stage::Suspended | Stage::Delivering => None,
    }
}

#[cfg(test)]
mod tests;
