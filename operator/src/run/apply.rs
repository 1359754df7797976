//! Carries out what was decided, with what was observed. Each effect is one write, or starts background
//! work, and may be repeated after a crash at any point.

mod adopt;
mod audit;
mod beside;
mod deletion;
pub(crate) mod error;
mod identity;
mod intake;
mod job;
mod ledger;
mod new_secret;
pub(crate) mod object;
mod policy;
mod secret;

use kube::ResourceExt;

use crate::host::events::NewEvent;
use crate::run::context::Context;
use crate::run::decide::beside::Beside;
use crate::run::decide::decision::Effect;
use crate::run::facts::{Observed, WorkKind};
use crate::run::watched::Target;
use error::ApplyError;

/// Carries out effects in order; returns what happened.
pub(crate) async fn apply(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    effects: &[Effect],
) -> Result<Vec<NewEvent>, ApplyError> {
    let mut events = Vec::new();
    for effect in effects {
        tracing::debug!(?effect, "an effect is carried out");
        events.extend(carry_out(context, target, observed, effect).await?);
    }
    Ok(events)
}

async fn carry_out(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    effect: &Effect,
) -> Result<Option<NewEvent>, ApplyError> {
    let metadata = &target.object.metadata;
    match effect {
        Effect::TakeCharge => object::take_charge(context, metadata).await?,
        Effect::RemoveFinalizer => {
            object::remove_finalizer(&context.services.client, metadata).await.map_err(ApplyError::Object)?
        }
        Effect::CreateRun => ledger::create_run(context, target).await?,
        Effect::AdoptRun { former } => return adopt::adopt_run(context, target, observed, *former).await,
        Effect::ClaimRun => adopt::claim_run(context, target, observed).await?,
        Effect::TellKept => return Ok(Some(adopt::kept(observed))),
        Effect::SetMutable { suspended } => {
            ledger::set_mutable(context, target, observed, *suspended).await?;
        }
        Effect::StartGenerating => ledger::start_generating(context, target, observed).await?,
        Effect::StopGenerating => {
            context.background.stop(&target.object.uid().unwrap_or_default(), WorkKind::Generating);
        }
        Effect::EnsureSecret { instead_of, lost } => {
            return secret::ensure_secret(context, target, observed, instead_of.as_deref(), *lost).await;
        }
        Effect::EnsureJob(plan) => {
            let had = observed.job.as_ref().map(|job| job.parallelism);
            if had != Some(plan.parallelism) {
                secret::fit_login(context, observed, plan.parallelism).await?;
            }
            return job::ensure_job(context, target, observed.job.as_ref(), plan).await;
        }
        Effect::DeleteJob => {
            // Its signers may have failed because their login is gone: the next ones get one that works.
            let uid = target.object.uid().unwrap_or_default();
            context.memory.change(&uid, |remembered| remembered.secret = None);
            job::delete_job(context, observed.job.as_ref()).await?;
        }
        Effect::StartIntake => return beside::start(Beside::Intake, context, target, observed).await,
        Effect::CheckIntake => return beside::check(Beside::Intake, context, target, observed).await,
        Effect::EnsureIntake(plan) => {
            return beside::ensure(Beside::Intake, context, target, observed, plan).await;
        }
        Effect::DeleteIntake => beside::delete(Beside::Intake, context, observed).await?,
        Effect::EndIntake => beside::end(Beside::Intake, context, observed).await?,
        Effect::ReleaseIntakes { holders } => {
            return beside::release(Beside::Intake, context, target, observed, holders).await;
        }
        Effect::StartDelivery => return beside::start(Beside::Delivery, context, target, observed).await,
        Effect::CheckDelivery => return beside::check(Beside::Delivery, context, target, observed).await,
        Effect::EnsureDelivery(plan) => {
            return beside::ensure(Beside::Delivery, context, target, observed, plan).await;
        }
        Effect::DeleteDelivery => beside::delete(Beside::Delivery, context, observed).await?,
        Effect::EndDelivery => beside::end(Beside::Delivery, context, observed).await?,
        Effect::TellFailed(cause) => ledger::tell_failed(context, target, observed, cause).await?,
        Effect::ReleaseDeliveries { holders } => {
            return beside::release(Beside::Delivery, context, target, observed, holders).await;
        }
        Effect::SetDeadLetter(dead_letter) => {
            intake::set_dead_letter(context, target, observed, *dead_letter).await?;
        }
        Effect::ReleaseLeases { holders } => {
            return ledger::release(context, target, observed, holders).await;
        }
        Effect::Settle => ledger::settle(context, observed).await?,
        Effect::StartAudit => audit::start_audit(context, target)?,
        Effect::StopAudit => {
            context.background.stop(&target.object.uid().unwrap_or_default(), WorkKind::Auditing);
        }
        Effect::StartDeleting => ledger::start_deleting(context, target, observed)?,
        Effect::DeleteObject => return object::delete_object(context, target.object).await.map(Some),
    }
    Ok(None)
}
