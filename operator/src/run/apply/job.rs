//! Changes of the Jobs of a run.

use chancery_api::{Reason, SigningRun, names};
use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, Patch, PatchParams, PropagationPolicy};
use kube::{Api, ResourceExt};

use crate::host::events::NewEvent;
use crate::run::apply::deletion::{gone_is_fine, only_this};
use crate::run::apply::error::ApplyError;
use crate::run::build::events::started;
use crate::run::build::job::job;
use crate::run::build::job_change::{JobChange, job_change};
use crate::run::context::Context;
use crate::run::decide::decision::JobPlan;
use crate::run::facts::JobView;
use crate::run::observe::job::is_ours;
use crate::run::watched::Target;

/// Creates the signers' Job, corrects it, or deletes it so that it is created again. `seen` is the Job as it was
/// observed.
pub(super) async fn ensure_job(
    context: &Context,
    target: &Target<'_>,
    seen: Option<&JobView>,
    plan: &JobPlan,
) -> Result<Option<NewEvent>, ApplyError> {
    let Some(run) = target.run else { return Ok(None) };
    let live = seen.map(|job| job.live.as_ref());
    let wanted = job(target.object, run, plan, &context.settings);
    match job_change(live, &wanted) {
        JobChange::None => return Ok(None),
        JobChange::Replace => {
            delete_job(context, seen).await?;
            return Ok(Some(NewEvent::normal(
                Reason::ReplacingSigners,
                "the signers' Job is replaced: its pods must be made differently",
            )));
        }
        JobChange::Apply => {}
    }
    let name = wanted.name_any();
    let applied = apply_job(context, &wanted).await?;
    let uid = target.object.uid().unwrap_or_default();
    let known = context.memory.change(&uid, |remembered| remembered.job.replace(applied.uid()?));
    Ok(match live {
        // The watch has not brought the Job that was created.
        None if known == applied.uid() => None,
        // Kueue lets it begin, and that is told then.
        None if plan.suspended => None,
        None => Some(started(&name, plan.parallelism)),
        Some(live) => {
            let had = live.spec.as_ref().and_then(|spec| spec.parallelism).unwrap_or_default();
            let has = i64::from(plan.parallelism);
            (i64::from(had) != has).then(|| {
                NewEvent::normal(
                    Reason::SignersScaled,
                    format!("Job {name} runs up to {has} signers; it ran up to {had} before"),
                )
            })
        }
    })
}

/// Makes a Job as it should be.
pub(super) async fn apply_job(context: &Context, wanted: &Job) -> Result<Job, ApplyError> {
    jobs(context, wanted.metadata.namespace.as_deref())
        .patch(&wanted.name_any(), &PatchParams::apply(names::FIELD_MANAGER).force(), &Patch::Apply(wanted))
        .await
        .map_err(ApplyError::Job)
}

/// Whether the API server has a Job of this name that is the run's, and that the watch will bring: it brings none without this label.
pub(super) async fn is_made(context: &Context, object: &SigningRun, name: &str) -> Result<bool, ApplyError> {
    let found = jobs(context, object.namespace().as_deref()).get_opt(name).await.map_err(ApplyError::Job)?;
    let is_watched =
        |job: &Job| job.labels().get(names::LABEL_MANAGED_BY).is_some_and(|by| by == names::FIELD_MANAGER);
    Ok(found.is_some_and(|job| is_watched(&job) && is_ours(&job, object)))
}

/// Deletes the Job that was observed, with its pods.
pub(super) async fn delete_job(context: &Context, seen: Option<&JobView>) -> Result<(), ApplyError> {
    let Some(JobView { live, .. }) = seen else { return Ok(()) };
    let parameters = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        preconditions: only_this(&live.metadata.uid),
        ..DeleteParams::default()
    };
    let api = jobs(context, live.metadata.namespace.as_deref());
    gone_is_fine(api.delete(&live.name_any(), &parameters).await.map(|_| ())).map_err(ApplyError::Job)
}

fn jobs(context: &Context, namespace: Option<&str>) -> Api<Job> {
    Api::namespaced(context.services.client.clone(), namespace.unwrap_or_default())
}
