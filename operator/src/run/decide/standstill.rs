//! What to report about a run that signers should sign, and that does not get on.

use std::time::Duration;

use chancery_api::condition::{self, ConditionType};
use chancery_api::{Reason, ValidatedRun, names};
use chancery_store::standstill::{PATIENCE, Standstill};
use k8s_openapi::jiff::Timestamp;

use crate::run::decide::decision::{Cause, Decision};
use crate::run::decide::time::{later, until};
use crate::run::facts::{LedgerRun, Observed, PodState};

/// How long signers that run may have nothing in hand. They ask at least twice per second.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Reasons that only time, or progress, shows to have passed.
const LASTING: [Reason; 3] = [Reason::KeysHeld, Reason::WaitingForKeys, Reason::SignersIdle];

/// Reports why nothing is signed, unless something else stops the run, or it has failed.
pub(super) fn standstill(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    ledger: &LedgerRun,
    now: Timestamp,
) -> Decision {
    if decision.obstacle.is_some() || decision.failure.is_some() {
        return decision;
    }
    let Some(standing) = &ledger.standing else {
        return match said_before(observed, ledger) {
            Some(Cause { reason, message }) => {
                let pause = PATIENCE.saturating_sub(ledger.still_for);
                decision.blocked(reason, message).again_after(pause)
            }
            None => idle(run, decision, observed, ledger, now),
        };
    };
    let name = format!("{}/{}", run.namespace, run.name);
    let word = if matches!(standing.why, Standstill::Kept { .. }) { "since" } else { "by" };
    let sentence = standing.why.sentence(&name, &format!("{word} {}", standing.when));
    match &standing.why {
        Standstill::Silent { holders, .. } => {
            let at_work = still_running(observed, holders);
            decision.blocked(Reason::KeysHeld, format!("nothing is signed: {sentence}{at_work}"))
        }
        Standstill::Kept { .. } => {
            decision.blocked(Reason::KeysHeld, format!("nothing is signed: {sentence}"))
        }
        Standstill::Busy => {
            decision.blocked(Reason::WaitingForKeys, format!("nothing is signed: {sentence}"))
        }
    }
}

/// What was reported before this operator has looked at the run for long enough to tell.
fn said_before(observed: &Observed, ledger: &LedgerRun) -> Option<Cause> {
    let previous = &observed.object.previous;
    let signed_since = ledger.counts.records_signed != previous.records.unwrap_or_default().signed;
    if signed_since || ledger.still_for >= PATIENCE {
        return None;
    }
    let said = condition::find(&previous.conditions, ConditionType::Progressing)?;
    let reason = Reason::named(&said.reason).filter(|reason| LASTING.contains(reason))?;
    Some(Cause::new(reason, said.message.clone()))
}

/// A pod that runs and does not renew its lease is stopped, or cut off from the database: what it has in hand is not
/// to be given back.
fn still_running(observed: &Observed, holders: &[String]) -> String {
    let running: Vec<&str> = observed
        .pods
        .iter()
        .filter(|pod| matches!(pod.state, PodState::Running { .. }) && holders.contains(&pod.holder))
        .map(|pod| pod.holder.split('/').next().unwrap_or_default())
        .collect();
    match running.as_slice() {
        [] => String::new(),
        pods => format!(
            "; by what Kubernetes knows these pods still run, so they are stopped, or cut off from the database: {}",
            pods.join(", ")
        ),
    }
}

/// Signers that run, and lease nothing although there is something to lease: only they know why.
fn idle(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    ledger: &LedgerRun,
    now: Timestamp,
) -> Decision {
    let counts = &ledger.counts;
    let could_lease = ledger.unsigned_batches() > 0
        && counts.batches_leased == 0
        && counts.keys_leased < i64::from(ledger.keyring.key_count)
        && !ledger.suspended;
    let longest = observed
        .pods
        .iter()
        .filter_map(|pod| match pod.state {
            PodState::Running { since } => since,
            _ => None,
        })
        .min();
    let Some(since) = longest.filter(|_| could_lease) else { return decision };
    let pause = until(later(since, IDLE_TIMEOUT), now).max(IDLE_TIMEOUT.saturating_sub(ledger.still_for));
    if !pause.is_zero() {
        return decision.again_after(pause);
    }
    let label = names::LABEL_RUN;
    decision.blocked(
        Reason::SignersIdle,
        format!(
            "nothing is signed: signers run, and for {} s none of them has leased a key, though keys and batches are \
             free; `kubectl logs --namespace {} --selector {label}={} --prefix` says why: a database that they \
             cannot reach, a login or a right that they lack",
            IDLE_TIMEOUT.as_secs(),
            run.namespace,
            run.name,
        ),
    )
}
