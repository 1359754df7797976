//! observe → decide → build → apply → update the status.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_api::{SigningRun, SigningRunStatus, ValidatedRun, validate};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use tracing::Instrument;

use crate::apply::{ApplyError, apply, said};
use crate::build::{self, News};
use crate::context::{Context, RunRef, Target, Watched};
use crate::decide::{Again, Decision, Reason, decide, decide_deletion, decide_invalid};
use crate::facts::{Observed, PodState};
use crate::observe::observe;
use crate::unreadable::reconcile_unreadable;
use crate::update_status::{Updated, update_status};

/// Longest time that one reconcile may take: every write it makes is one request.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pauses after a reconcile that failed.
const LEAST_PAUSE: Duration = Duration::from_millis(500);
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("the API server did not take the status: {}", said(.0))]
    Status(#[source] kube::Error),
    #[error("what is watched of the API server is no longer kept: the operator stops")]
    Stopping,
    #[error("the reconcile took longer than {PATIENCE:?}")]
    TimedOut,
}

impl ReconcileError {
    /// What went wrong, for a metric.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Apply(error) => error.label(),
            Self::Status(_) => "Status",
            Self::Stopping => "Stopping",
            Self::TimedOut => "TimedOut",
        }
    }
}

/// Brings one run a step further.
///
/// # Errors
///
/// [`ReconcileError`]; it is tried again after a pause.
pub(crate) async fn reconcile(
    watched: Arc<Watched>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let began = Instant::now();
    let reference: RunRef = ObjectRef::from_obj(watched.as_ref());
    let span = tracing::info_span!("reconcile", run = %name_of(&watched), reconcile = %short_id());
    let outcome = match &watched.0 {
        Ok(object) => {
            if let Some(trace) = build::trace_of(object) {
                trace.adopt(&span);
            }
            tokio::time::timeout(PATIENCE, step(&context, &reference, object).instrument(span))
                .await
                .unwrap_or(Err(ReconcileError::TimedOut))
        }
        Err(unreadable) => {
            tracing::warn!(parent: &span, error = unreadable.error, "the SigningRun can not be read");
            reconcile_unreadable(&context, unreadable).instrument(span).await
        }
    };
    context.metrics.reconciled(began.elapsed());
    outcome
}

async fn step(context: &Context, reference: &RunRef, object: &SigningRun) -> Result<Action, ReconcileError> {
    context.ready().await?;
    let uid = object.uid().unwrap_or_default();
    let now = Timestamp::now();
    let validated = validate(object);
    let run = validated.as_ref().ok();
    let target = Target { reference, object, run };
    let observed = observe(context, &target).await;
    let decision = match &validated {
        _ if observed.object.deleted_at.is_some() => decide_deletion(&observed, now),
        Err(problem) => decide_invalid(&observed, problem.to_string()),
        Ok(run) => decide(run, &observed, now),
    };
    let applied = apply(context, &target, &decision.effects).await;
    if let Err(ApplyError::Ledger(error)) = &applied {
        context.database.doubt(error);
    }
    let (happened, decision) = match &applied {
        Ok(news) => (news.clone(), decision),
        Err(error) => (Vec::new(), told(decision, error)),
    };
    let leaving = decision.effects.contains(&crate::decide::Effect::RemoveFinalizer) && applied.is_ok();
    if leaving {
        context.forget(&uid);
        return Ok(Action::await_change());
    }
    let updated = say(context, object, run, &observed, &decision, happened, now).await?;
    applied?;
    context.memory.change(&uid, |remembered| remembered.failures = 0);
    Ok(action(&decision, &updated))
}

/// An effect that the API server or the ledger refuses is what keeps the run from going on.
fn told(decision: Decision, error: &ApplyError) -> Decision {
    let reason = match error {
        ApplyError::Job(_) => "JobRefused",
        // Somebody changed the object meanwhile: it is looked at anew, and nobody need know.
        ApplyError::Object(kube::Error::Api(status)) if status.code == 409 => return decision,
        ApplyError::Object(_) => "ChangeRefused",
        ApplyError::Ledger(error) if error.is_transient() => "DatabaseUnavailable",
        ApplyError::Ledger(_) => "LedgerRefused",
        ApplyError::Away(_) => "DatabaseUnavailable",
        ApplyError::Kek(_) => "InvalidKek",
    };
    decision.thwarted(Reason::new(reason, error.to_string()))
}

/// Writes the status, and tells what is new in it.
async fn say(
    context: &Context,
    object: &SigningRun,
    run: Option<&ValidatedRun>,
    observed: &Observed,
    decision: &Decision,
    happened: Vec<News>,
    now: Timestamp,
) -> Result<Updated, ReconcileError> {
    let status = match run {
        Some(run) => build::status(run, observed, decision, now),
        None => build::invalid_status(observed, decision, now),
    };
    let updated = match update_status(context, &object.metadata, object.status.as_ref(), &status).await {
        Ok(updated) => updated,
        Err(error) => {
            // It will not happen again, so nothing else would tell of it.
            publish(context, object, &status, happened.into_iter());
            return Err(ReconcileError::Status(error));
        }
    };
    context.metrics.phase(&object.uid().unwrap_or_default(), status.phase.unwrap_or_default());
    let news = match updated {
        Updated::Done => {
            build::news(&observed.object.previous, &status, decision.obstacle.as_ref(), signer_said(observed))
        }
        // They are told with the status.
        Updated::Later(_) => Vec::new(),
    };
    publish(context, object, &status, news.into_iter().chain(happened));
    Ok(updated)
}

fn publish(
    context: &Context,
    object: &SigningRun,
    status: &SigningRunStatus,
    news: impl Iterator<Item = News>,
) {
    for item in news {
        tracing::info!(reason = item.reason, phase = ?status.phase.unwrap_or_default(), "{}", item.note);
        context.events.tell(item, object.object_ref(&()));
    }
}

/// What the signer that failed last said.
fn signer_said(observed: &Observed) -> Option<&str> {
    crate::decide::last_words(observed).or_else(|| {
        observed.pods.iter().any(|pod| pod.state == PodState::Lost).then_some("nobody saw how it ended")
    })
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

/// When to try again after a failure: later each time.
pub(crate) fn on_error(watched: Arc<Watched>, error: &ReconcileError, context: Arc<Context>) -> Action {
    context.metrics.reconcile_failed(error.label());
    tracing::warn!(run = %name_of(&watched), %error, "the reconcile failed");
    let uid = watched.meta().uid.clone().unwrap_or_default();
    let failures = context.memory.change(&uid, |remembered| {
        remembered.failures += 1;
        remembered.failures
    });
    Action::requeue(LEAST_PAUSE.saturating_mul(1 << failures.min(10)).min(MOST_PAUSE))
}

fn name_of(watched: &Watched) -> String {
    format!("{}/{}", watched.meta().namespace.as_deref().unwrap_or_default(), watched.name_any())
}

/// Tells the lines of one reconcile from those of another.
fn short_id() -> String {
    format!("{:08x}", rand::random::<u32>())
}
