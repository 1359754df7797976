//! observe → decide → build → apply → update the status.

use std::sync::Arc;
use std::time::Duration;

use chancery_api::{Phase, Reason, SigningRun, SigningRunStatus, ValidatedRun, validate};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use tokio::time::Instant;
use tracing::Instrument;

use crate::host::controller::pause_after;
use crate::host::events::NewEvent;
use crate::run::another::is_anothers;
use crate::run::apply::apply;
use crate::run::apply::error::ApplyError;
use crate::run::build::events::{Words, new_events};
use crate::run::build::pod::trace_of;
use crate::run::build::policy::alerted;
use crate::run::build::status;
use crate::run::context::Context;
use crate::run::decide::decision::{Again, Cause, Decision, Effect, Stage};
use crate::run::decide::job::last_message;
use crate::run::decide::{decide, decide_deletion, decide_invalid};
use crate::run::error::{ReconcileError, TIMEOUT};
use crate::run::facts::{LedgerView, Observed, PodState};
use crate::run::metrics::CountedAs;
use crate::run::observe::reading::{Now, Reading};
use crate::run::observe::{Observation, observe};
use crate::run::unreadable::reconcile_unreadable;
use crate::run::update_status::{Updated, update_status};
use crate::run::watched::{RunRef, Target, Watched};

/// Brings one run a step further.
///
/// # Errors
///
/// [`ReconcileError`]; the reconcile is retried after a pause.
pub async fn reconcile(watched: Arc<Watched>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let began = Instant::now();
    let reference: RunRef = ObjectRef::from_obj(watched.as_ref());
    let span = tracing::info_span!("reconcile", run = %name_of(&watched), reconcile = %short_id());
    let outcome = match &watched.0 {
        _ if span.in_scope(|| is_anothers(&context, &watched)) => Ok(Action::await_change()),
        Ok(object) => {
            if let Some(trace) = trace_of(object) {
                trace.adopt(&span);
            }
            tokio::time::timeout(TIMEOUT, step(&context, &reference, object).instrument(span))
                .await
                .unwrap_or(Err(ReconcileError::TimedOut))
        }
        Err(unreadable) => {
            tracing::warn!(parent: &span, error = unreadable.error, "the SigningRun cannot be read");
            reconcile_unreadable(&context, unreadable).instrument(span).await
        }
    };
    context.services.metrics.reconciled(began.elapsed());
    outcome
}

async fn step(context: &Context, reference: &RunRef, object: &SigningRun) -> Result<Action, ReconcileError> {
    context.ready().await.map_err(|_| ReconcileError::Stopping)?;
    let uid = object.uid().unwrap_or_default();
    let now = Now { time: Timestamp::now(), instant: Instant::now() };
    let validated = validate(object).map_err(|error| error.to_string());
    let run = validated.as_ref().ok();
    let target = Target { reference, object, run };
    let Observation { observed, reading, released, changed } = observe(context, &target, now).await;
    remember(context, &uid, reference, reading, released);
    context.memory.change(&uid, |remembered| remembered.note_failed(&observed));
    let decision = match &validated {
        _ if observed.object.deleted_at.is_some() => decide_deletion(&observed, now.time),
        Err(problem) => decide_invalid(&observed, problem.clone()),
        Ok(run) => decide(run, &observed, now.time),
    };
    let applied = apply(context, &target, &observed, &decision.effects).await;
    if let Err(ApplyError::Ledger(error)) = &applied {
        context.services.database.check_after(error);
    }
    let (happened, decision, error) = match applied {
        Ok(events) => (events, decision, None),
        Err(error) => match error.failure() {
            Some(failure) => (Vec::new(), decision.refused(failure), None),
            None => (Vec::new(), with_error(decision, &error), Some(error)),
        },
    };
    let leaving = observed.object.deleted_at.is_some()
        && decision.effects.contains(&Effect::RemoveFinalizer)
        && error.is_none();
    if leaving {
        // There is no status any more to publish them with.
        publish(context, object, &observed.object.previous, happened.into_iter());
        context.forget(&uid);
        return Ok(Action::await_change());
    }
    let updated = report(context, object, run, &observed, &decision, happened, now.time).await?;
    if let (Updated::Done, Some(changed)) = (&updated, changed) {
        context.memory.change(&uid, |remembered| remembered.changed = changed);
    }
    if let Some(error) = error {
        return Err(error.into());
    }
    context.memory.change(&uid, |remembered| remembered.failures = 0);
    Ok(action(&decision, &updated))
}

/// Remembers what an observation read: the watch of the progress goes on from there.
fn remember(context: &Context, uid: &str, reference: &RunRef, reading: Reading, released: Vec<String>) {
    match reading {
        Reading::Nothing => {}
        Reading::Fresh(read) => {
            let (run, read) = *read;
            context.progress.follow(uid, reference, run, read);
        }
        Reading::Gone => context.progress.forget(uid),
        Reading::Failed(error) => context.services.database.check_after(&error),
    }
    if !released.is_empty() {
        context.memory.change(uid, |remembered| remembered.released.extend(released));
    }
}

/// An effect that the API server or the ledger refuses stops the run for now.
fn with_error(decision: Decision, error: &ApplyError) -> Decision {
    let reason = match error {
        ApplyError::Job(_) => Reason::JobRefused,
        ApplyError::Secret(_) | ApplyError::Ca { .. } => Reason::SecretRefused,
        // The object was changed meanwhile: it is reconciled again, and nothing is wrong.
        ApplyError::Object(kube::Error::Api(status)) if status.code == 409 => return decision,
        ApplyError::Object(_) => Reason::ChangeRefused,
        ApplyError::Ledger(error) if error.is_transient() => Reason::DatabaseUnavailable,
        ApplyError::Ledger(_) => Reason::LedgerRefused,
        ApplyError::Away(_) => Reason::DatabaseUnavailable,
        ApplyError::Namespace(_) | ApplyError::NoIdentity => Reason::NamespaceUnreadable,
        ApplyError::PolicyUnread(_)
        | ApplyError::NoPolicy(_)
        | ApplyError::Policy(_)
        | ApplyError::BeyondAllowed(_) => Reason::PolicyNotReady,
        ApplyError::Kek(_) => Reason::InvalidKek,
        ApplyError::DataKey(_) | ApplyError::WrapDataKey(_) => Reason::WrongKek,
    };
    decision.not_carried_out(Cause::new(reason, error.to_string()))
}

/// Writes the status, and publishes what is new in it.
async fn report(
    context: &Context,
    object: &SigningRun,
    run: Option<&ValidatedRun>,
    observed: &Observed,
    decision: &Decision,
    happened: Vec<NewEvent>,
    now: Timestamp,
) -> Result<Updated, ReconcileError> {
    let new = match run {
        Some(run) => status::status(run, observed, decision, now),
        None => status::invalid_status(observed, decision, now),
    };
    let updated = match update_status(context, &object.metadata, object.status.as_ref(), &new).await {
        Ok(updated) => updated,
        Err(error) => {
            // It will not happen again, so nothing else would report it.
            publish(context, object, &new, happened.into_iter());
            return Err(ReconcileError::Status(error));
        }
    };
    let counted = match new.phase.unwrap_or_default() {
        Phase::Signing if decision.stage == Stage::Receiving => CountedAs::Receiving,
        phase => phase.into(),
    };
    context.metrics.phase(&object.uid().unwrap_or_default(), counted);
    let events = match updated {
        Updated::Done => {
            let words = Words {
                signer: signer_message(observed),
                changed: changed(observed),
                signers: observed
                    .job
                    .as_ref()
                    .filter(|job| job.ours && !job.suspended)
                    .map(|job| job.parallelism),
            };
            let mut events = new_events(&observed.object.previous, &new, decision.obstacle.as_ref(), &words);
            events.extend(tell_alerts(context, object, observed));
            events
        }
        // They are published with the status.
        Updated::Later(_) => Vec::new(),
    };
    publish(context, object, &new, events.into_iter().chain(happened));
    Ok(updated)
}

fn publish(
    context: &Context,
    object: &SigningRun,
    status: &SigningRunStatus,
    events: impl Iterator<Item = NewEvent>,
) {
    for item in events {
        tracing::info!(reason = %item.reason, phase = ?status.phase.unwrap_or_default(), "{}", item.note);
        context.services.events.send(item, object.object_ref(&()));
    }
}

/// Tells of the alerts that were raised since this was last done.
fn tell_alerts(context: &Context, object: &SigningRun, observed: &Observed) -> Vec<NewEvent> {
    let LedgerView::Present(run) = &observed.ledger else { return Vec::new() };
    let (Some(policy), Some(sources)) = (&run.stored.0.policy, &run.sources) else { return Vec::new() };
    if !run.is_its_own() {
        return Vec::new();
    }
    let raised = &sources.alerts;
    let namespace = object.namespace().unwrap_or_default();
    for (rule, alerts) in &raised.untold {
        context.metrics.alerted(&namespace, &policy.name, rule, *alerts);
    }
    context.alerts.told(&object.uid().unwrap_or_default(), raised);
    alerted(&policy.name, raised)
}

/// The message of the signer that failed last.
fn signer_message(observed: &Observed) -> Option<&str> {
    last_message(observed).or_else(|| {
        observed.pods.iter().any(|pod| pod.state == PodState::Lost).then_some("nothing; its node was lost")
    })
}

/// What is said of an object that changed while it was read, when that is news.
fn changed(observed: &Observed) -> Option<&str> {
    match &observed.ledger {
        LedgerView::Present(run) => run.sources.as_ref()?.changed.as_deref(),
        LedgerView::Absent | LedgerView::Away(_) => None,
    }
}

fn action(decision: &Decision, updated: &Updated) -> Action {
    let again = match decision.again {
        Again::AtOnce => Some(Duration::ZERO),
        Again::After(pause) => Some(pause),
        Again::OnChange => None,
    };
    let later = match updated {
        Updated::Later(pause) => Some(*pause),
        Updated::Done => None,
    };
    match (again, later) {
        (Some(again), Some(later)) => Action::requeue(again.min(later)),
        (Some(pause), None) | (None, Some(pause)) => Action::requeue(pause),
        (None, None) => Action::await_change(),
    }
}

/// When to retry after a failure: later each time.
pub fn on_error(watched: Arc<Watched>, error: &ReconcileError, context: Arc<Context>) -> Action {
    context.services.metrics.reconcile_failed(error.label());
    let what = format!("the reconcile of {} failed; it is retried", name_of(&watched));
    context.services.complaints.complain(&what, error);
    let uid = watched.meta().uid.clone().unwrap_or_default();
    let failures = context.memory.change(&uid, |remembered| {
        remembered.failures += 1;
        remembered.failures
    });
    Action::requeue(pause_after(failures))
}

fn name_of(watched: &Watched) -> String {
    format!("{}/{}", watched.meta().namespace.as_deref().unwrap_or_default(), watched.name_any())
}

/// Tells the log lines of one reconcile from those of another.
fn short_id() -> String {
    format!("{:08x}", rand::random::<u32>())
}
