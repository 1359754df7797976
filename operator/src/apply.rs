//! Carries out what was decided. Each effect is one write, or begins work of its own, and may be done
//! again after a crash at any point.

use std::sync::Arc;

use chancery_api::{SigningRun, names};
use chancery_keyring::Kek;
use chancery_process::KekFileError;
use chancery_seeding::new_run;
use chancery_store::{Ledger, Run, StoreError};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::background::Kind;
use crate::build::{self, JobChange, News};
use crate::context::{Context, Target, Watched};
use crate::decide::{Effect, JobPlan};
use crate::observe;

/// Why an effect could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    #[error("the API server did not take a change of the SigningRun: {}", said(.0))]
    Object(#[source] kube::Error),
    #[error("the API server did not take the signers' Job: {}", said(.0))]
    Job(#[source] kube::Error),
    #[error(transparent)]
    Ledger(#[from] StoreError),
    #[error("{0}")]
    Away(String),
    #[error(transparent)]
    Kek(#[from] KekFileError),
}

/// What an API server said; what the client adds says the same again.
pub(crate) fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(refusal) if !refusal.message.is_empty() => refusal.message.clone(),
        other => other.to_string(),
    }
}

impl ApplyError {
    /// The variant's name, for a metric.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Object(_) => "Object",
            Self::Job(_) => "Job",
            Self::Ledger(_) => "Ledger",
            Self::Away(_) => "DatabaseUnavailable",
            Self::Kek(_) => "Kek",
        }
    }
}

/// Carries out effects in order; tells what happened.
pub(crate) async fn apply(
    context: &Context,
    target: &Target<'_>,
    effects: &[Effect],
) -> Result<Vec<News>, ApplyError> {
    let mut news = Vec::new();
    for effect in effects {
        news.extend(carry_out(context, target, effect).await?);
    }
    Ok(news)
}

async fn carry_out(
    context: &Context,
    target: &Target<'_>,
    effect: &Effect,
) -> Result<Option<News>, ApplyError> {
    let uid = target.object.uid().unwrap_or_default();
    tracing::debug!(?effect, "carrying out");
    match effect {
        Effect::AddFinalizer => set_finalizer(context, &target.object.metadata, true).await?,
        Effect::RemoveFinalizer => {
            set_finalizer(context, &target.object.metadata, false).await?;
        }
        Effect::CreateRun => create_run(context, target).await?,
        Effect::SetMutable { suspended } => set_mutable(context, target, &uid, *suspended).await?,
        Effect::StartSeeding => start_seeding(context, target, &uid).await?,
        Effect::StopSeeding => context.background.stop(&uid),
        Effect::EnsureJob(plan) => return ensure_job(context, target, *plan).await,
        Effect::DeleteJob => delete_job(context, target.object).await?,
        Effect::ReleaseLeases { holders } => return release(context, &uid, holders).await,
        Effect::Settle => {
            let (ledger, run) = followed(context, &uid)?;
            ledger.settle(&run).await?;
        }
        Effect::StartDeleting => start_deleting(context, target, &uid)?,
        Effect::DeleteObject => {
            let (preconditions, name) = (only_this(&target.object.metadata.uid), target.object.name_any());
            let parameters = DeleteParams { preconditions, ..DeleteParams::default() };
            gone_is_fine(runs(context, target.object).delete(&name, &parameters).await.map(|_| ()))
                .map_err(ApplyError::Object)?;
            return Ok(Some(News::normal(
                "Expired",
                "ttlSecondsAfterFinished has passed: the SigningRun is deleted",
            )));
        }
    }
    Ok(None)
}

/// The finalizer is one entry of a list that others write to as well: only that entry is touched, and
/// only on the object as it was seen.
pub(crate) async fn set_finalizer(
    context: &Context,
    metadata: &ObjectMeta,
    present: bool,
) -> Result<(), ApplyError> {
    let all = metadata.finalizers.iter().flatten();
    let mut finalizers: Vec<_> = all.filter(|name| *name != names::FINALIZER).cloned().collect();
    if present {
        finalizers.push(names::FINALIZER.to_owned());
    }
    let patch = json!({"metadata": {
        "finalizers": finalizers,
        "uid": metadata.uid,
        "resourceVersion": metadata.resource_version,
    }});
    let api: Api<Watched> =
        Api::namespaced(context.client.clone(), metadata.namespace.as_deref().unwrap_or_default());
    let parameters =
        PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let name = metadata.name.as_deref().unwrap_or_default();
    match api.patch_metadata(name, &parameters, &Patch::Merge(patch)).await {
        // It is gone.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        // A conflict too is an error: somebody changed the object meanwhile, so it is done again.
        other => other.map(|_| ()).map_err(ApplyError::Object),
    }
}

async fn create_run(context: &Context, target: &Target<'_>) -> Result<(), ApplyError> {
    let Some(run) = target.run else { return Ok(()) };
    let kek = read_kek(context)?;
    ledger(context)?.create_run(&new_run(run, kek.fingerprint())).await?;
    Ok(())
}

async fn set_mutable(
    context: &Context,
    target: &Target<'_>,
    uid: &str,
    suspended: bool,
) -> Result<(), ApplyError> {
    let (ledger, stored) = followed(context, uid)?;
    let lease_duration = match target.run {
        Some(run) => run.lease_duration,
        None => return Ok(()),
    };
    ledger.set_mutable(&stored, suspended, lease_duration).await?;
    context.progress.look(&ledger, uid, target.reference, stored).await?;
    Ok(())
}

async fn start_seeding(context: &Context, target: &Target<'_>, uid: &str) -> Result<(), ApplyError> {
    let (ledger, stored) = followed(context, uid)?;
    let kek = Arc::new(read_kek(context)?);
    let work = async move { chancery_seeding::seed(&ledger, &stored, &kek, |_| {}).await };
    context.background.start(uid, target.reference.clone(), Kind::Seeding, work);
    Ok(())
}

fn start_deleting(context: &Context, target: &Target<'_>, uid: &str) -> Result<(), ApplyError> {
    let (ledger, stored) = followed(context, uid)?;
    let work = async move { ledger.delete_run(&stored).await };
    context.background.start(uid, target.reference.clone(), Kind::Deleting, work);
    Ok(())
}

async fn ensure_job(
    context: &Context,
    target: &Target<'_>,
    plan: JobPlan,
) -> Result<Option<News>, ApplyError> {
    let Some(run) = target.run else { return Ok(None) };
    let live = observe::job::find(context, target.object);
    let wanted = build::job(target.object, run, plan, &context.settings);
    match build::job_change(live.as_deref(), &wanted) {
        JobChange::None => return Ok(None),
        JobChange::Replace => {
            delete_job(context, target.object).await?;
            return Ok(Some(News::normal(
                "ReplacingSigners",
                "the signers' pods are to be made another way",
            )));
        }
        JobChange::Apply => {}
    }
    let name = wanted.name_any();
    let applied = jobs(context, target.object)
        .patch(&name, &PatchParams::apply(names::FIELD_MANAGER).force(), &Patch::Apply(&wanted))
        .await
        .map_err(ApplyError::Job)?;
    let uid = target.object.uid().unwrap_or_default();
    let known = context.memory.change(&uid, |remembered| remembered.job.replace(applied.uid()?));
    Ok(match live {
        // The watch has not brought the Job that was made.
        None if known == applied.uid() => None,
        None => Some(News::normal(
            "SignersStarted",
            format!("Job {name} runs up to {} signers", plan.parallelism),
        )),
        Some(live) => {
            let had = live.spec.as_ref().and_then(|spec| spec.parallelism).unwrap_or_default();
            let has = i64::from(plan.parallelism);
            (i64::from(had) != has)
                .then(|| News::normal("SignersScaled", format!("up to {has} signers, after {had}")))
        }
    })
}

async fn delete_job(context: &Context, object: &SigningRun) -> Result<(), ApplyError> {
    // The uid of the Job that was seen: another of its name is not meant.
    let Some(live) = observe::job::find(context, object) else { return Ok(()) };
    let parameters = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        preconditions: only_this(&live.metadata.uid),
        ..DeleteParams::default()
    };
    gone_is_fine(jobs(context, object).delete(&live.name_any(), &parameters).await.map(|_| ()))
        .map_err(ApplyError::Job)
}

async fn release(context: &Context, uid: &str, holders: &[String]) -> Result<Option<News>, ApplyError> {
    let (ledger, run) = followed(context, uid)?;
    let released = ledger.release_holders(&run, holders).await?;
    context.memory.change(uid, |remembered| remembered.buried.extend(holders.iter().cloned()));
    let note = format!("{released} leases of signers that ended were given back");
    Ok((released > 0).then(|| News::normal("LeasesReleased", note)))
}

fn ledger(context: &Context) -> Result<Ledger, ApplyError> {
    context.database.get().map_err(ApplyError::Away)
}

/// The ledger, and the run in it, which observing it has found.
fn followed(context: &Context, uid: &str) -> Result<(Ledger, Run), ApplyError> {
    let ledger = ledger(context)?;
    let followed = context
        .progress
        .of(uid)
        .ok_or_else(|| ApplyError::Away("the run is not in the ledger".to_owned()))?;
    Ok((ledger, followed.run))
}

fn read_kek(context: &Context) -> Result<Kek, ApplyError> {
    Ok(chancery_process::read_kek_file(&context.kek_file)?)
}

fn runs(context: &Context, object: &SigningRun) -> Api<SigningRun> {
    Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default())
}

fn jobs(context: &Context, object: &SigningRun) -> Api<Job> {
    Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default())
}

fn only_this(uid: &Option<String>) -> Option<Preconditions> {
    Some(Preconditions { uid: uid.clone(), resource_version: None })
}

/// What was to be deleted is gone, or another has taken its name.
fn gone_is_fine(outcome: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match outcome {
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
        other => other,
    }
}
