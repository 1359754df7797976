//! What the run has come to, for programs and people.

use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{
    BatchCounts, KeyCounts, Phase, RecordCounts, SignerCounts, SigningRunStatus, ValidatedRun, names,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::cut::cut;
use crate::decide::{Decision, Stage};
use crate::facts::{Counts, LedgerRun, LedgerView, Observed};

/// Longest message of a condition, in bytes of JSON. Two of the five have something to tell, and a
/// status that every watcher gets once a second is to stay below 4 KiB.
const MESSAGE_BYTES: usize = 1_000;

/// The status of a run.
pub(crate) fn status(
    run: &ValidatedRun,
    observed: &Observed,
    decision: &Decision,
    now: Timestamp,
) -> SigningRunStatus {
    let previous = &observed.object.previous;
    let now = whole_second(now);
    let ledger = match &observed.ledger {
        // Nothing of it is this run's, or will be for long.
        LedgerView::Present(ledger) if ledger.conflict.is_some() || ledger.deleted => None,
        LedgerView::Present(ledger) => Some(ledger.as_ref()),
        _ => None,
    };
    let conditions = conditions(observed, decision, ledger, now);
    let complete = decision.stage == Stage::Complete;
    let begun = decision.stage != Stage::Pending && (ledger.is_some() || previous.start_time.is_some());
    let start_time = previous.start_time.clone().or_else(|| begun.then_some(Time(now)));
    let completion_time = complete.then(|| previous.completion_time.clone().unwrap_or(Time(now)));
    let counts = ledger.map(|ledger| ledger.counts);
    let records = counts.map_or_else(
        || {
            previous
                .records
                .unwrap_or(RecordCounts { total: saturated(run.record_count), ..RecordCounts::default() })
        },
        |counts| RecordCounts {
            total: counts.records,
            seeded: counts.records_seeded,
            signed: counts.records_signed,
        },
    );
    let rate = rate(observed, decision, ledger, &conditions, records.total, now);
    let remaining = records.total - records.signed;
    SigningRunStatus {
        observed_generation: Some(observed.object.generation),
        phase: Some(condition::phase(&conditions, decision.stage == Stage::Seeding)),
        records: Some(records),
        batches: Some(counts.map_or_else(|| previous.batches.unwrap_or_default(), batches)),
        keys: Some(counts.map_or_else(|| previous.keys.unwrap_or_default(), keys)),
        signers: Some(signers(observed)),
        signatures_per_second: rate,
        estimated_completion_time: rate
            .filter(|rate| decision.stage == Stage::Signing && *rate > 0 && remaining > 0)
            .map(|rate| Time(now + SignedDuration::from_secs((remaining + rate - 1) / rate))),
        progress: Some(progress(records)),
        elapsed: start_time
            .as_ref()
            .map(|start| elapsed(completion_time.as_ref().map_or(now, |end| end.0).duration_since(start.0))),
        start_time,
        completion_time,
        job: observed.job.as_ref().filter(|job| job.ours).map(|_| names::job_name(&run.name)),
        conditions,
    }
}

/// The status of a run whose spec can not be used: what was known of it before stays.
pub(crate) fn invalid_status(observed: &Observed, decision: &Decision, now: Timestamp) -> SigningRunStatus {
    let now = whole_second(now);
    let conditions = conditions(observed, decision, None, now);
    SigningRunStatus {
        observed_generation: Some(observed.object.generation),
        phase: Some(condition::phase(&conditions, false)),
        conditions,
        ..observed.object.previous.clone()
    }
}

/// An API server keeps whole seconds. Never later than now: what is due then would not be due yet.
pub(crate) fn whole_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn conditions(
    observed: &Observed,
    decision: &Decision,
    ledger: Option<&LedgerRun>,
    now: Timestamp,
) -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    let previous = &observed.object.previous.conditions;
    let seeded =
        ledger.map_or_else(|| condition::holds(previous, ConditionType::Seeded), |ledger| ledger.seeded);
    let complete = decision.stage == Stage::Complete;
    let suspended = decision.stage == Stage::Suspended;
    let findings = vec![
        if seeded {
            finding(ConditionType::Seeded, true, "Seeded", "every key and every record is in the ledger")
        } else {
            finding(ConditionType::Seeded, false, "NotSeeded", "keys or records are still missing")
        },
        if suspended {
            finding(ConditionType::Suspended, true, "Suspended", "spec.suspend is true: no signer works")
        } else {
            finding(ConditionType::Suspended, false, "NotSuspended", "spec.suspend is not true")
        },
        if complete {
            finding(ConditionType::Complete, true, "AllSigned", "every record has a stored signature")
        } else {
            finding(ConditionType::Complete, false, "NotAllSigned", "records without a signature are left")
        },
        match &decision.failure {
            Some(failure) => finding(ConditionType::Failed, true, failure.reason, failure.message.clone()),
            None => finding(ConditionType::Failed, false, "NotFailed", "nothing needs anybody"),
        },
        progressing(decision),
    ];
    condition::conditions(findings, previous, Some(observed.object.generation), &Time(now))
}

fn progressing(decision: &Decision) -> Finding {
    let of = |status, reason, message: &str| finding(ConditionType::Progressing, status, reason, message);
    match (decision.stage, &decision.failure, &decision.obstacle) {
        // Also of a run that is complete: what keeps it from being deleted is said nowhere else.
        (_, _, Some(obstacle)) => of(false, obstacle.reason, &obstacle.message),
        (Stage::Complete, ..) => of(false, "Complete", "there is nothing left to do"),
        (_, Some(failure), _) => of(false, failure.reason, &failure.message),
        (Stage::Suspended, ..) => of(false, "Suspended", "the run goes on once spec.suspend is false"),
        (Stage::Pending, ..) => of(true, "Pending", "the run is being created in the ledger"),
        (Stage::Seeding, ..) => of(true, "Seeding", "keys and records are being made"),
        (Stage::Signing, ..) => of(true, "Signing", "signers are at work"),
    }
}

fn finding(type_: ConditionType, status: bool, reason: &'static str, message: impl Into<String>) -> Finding {
    Finding { type_, status, reason, message: cut(message.into(), MESSAGE_BYTES) }
}

fn batches(counts: Counts) -> BatchCounts {
    BatchCounts { total: counts.batches, signed: counts.batches_signed, leased: counts.batches_leased }
}

fn keys(counts: Counts) -> KeyCounts {
    KeyCounts { total: counts.keys, leased: counts.keys_leased }
}

fn signers(observed: &Observed) -> SignerCounts {
    match observed.job.as_ref().filter(|job| job.ours) {
        Some(job) => SignerCounts { active: job.active, succeeded: job.succeeded, failed: job.failed },
        None => SignerCounts::default(),
    }
}

/// Of late while signing; on the whole, from when the run was seeded, once it is complete.
fn rate(
    observed: &Observed,
    decision: &Decision,
    ledger: Option<&LedgerRun>,
    conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition],
    total: i64,
    now: Timestamp,
) -> Option<i64> {
    let previous = &observed.object.previous;
    match decision.stage {
        Stage::Complete if previous.phase == Some(Phase::Complete) => previous.signatures_per_second,
        Stage::Complete => {
            let seeded = condition::find(conditions, ConditionType::Seeded)?.last_transition_time.0;
            Some(total / now.duration_since(seeded).as_secs().max(1))
        }
        #[expect(clippy::cast_possible_truncation, reason = "a rate is far below 2^63")]
        Stage::Signing => ledger.and_then(|ledger| ledger.rate).map(|rate| rate.round() as i64),
        Stage::Pending | Stage::Seeding | Stage::Suspended => None,
    }
}

/// Never 100 % before everything is signed.
fn progress(records: RecordCounts) -> String {
    let percent = if records.total > 0 { records.signed.saturating_mul(100) / records.total } else { 0 };
    format!("{percent}%")
}

/// A duration as Kubernetes users write it, in whole seconds.
fn elapsed(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

fn saturated(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
