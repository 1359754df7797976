//! Changes of the run's part of the ledger.

use chancery_api::Reason;
use chancery_keyring::Keks;
use chancery_sources::{Asks, generated, new_run};
use chancery_store::{Ledger, Run};
use kube::ResourceExt;

use crate::host::events::NewEvent;
use crate::host::turns::SharedTurn;
use crate::run::apply::error::ApplyError;
use crate::run::apply::identity::{identity, keyring_to_adopt};
use crate::run::apply::policy;
use crate::run::context::Context;
use crate::run::decide::decision::Cause;
use crate::run::facts::{LedgerView, Observed, WorkKind};
use crate::run::watched::Target;

/// Chunks of records that are made at a time, of all runs together: of the connections to the database some are left for
/// whatever else is asked, which would wait behind chunks otherwise.
const CHUNKS_AT_ONCE: usize = 8;

pub(super) async fn create_run(context: &Context, target: &Target<'_>) -> Result<(), ApplyError> {
    let Some(run) = target.run else { return Ok(()) };
    let fresh = chancery_data_keys::fresh(read_keks(context)?.current())?;
    let asks = Asks {
        object: identity(context, target.object).await?,
        adopt_keyring: keyring_to_adopt(target.object),
        limits: context.limits.for_ledger(),
        policy: policy::of_run(context, run).await?,
    };
    let ledger = ledger(context)?;
    let (made, _) = ledger.create_run(&new_run(run, fresh, asks)).await?;
    if context.key_files.statement_key.is_some() && !made.sinks.0.is_empty() {
        ledger.state_manifests(&made).await?;
    }
    Ok(())
}

pub(super) async fn set_mutable(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    suspended: bool,
) -> Result<(), ApplyError> {
    let (ledger, stored) = stored(context, observed)?;
    let Some(run) = target.run else { return Ok(()) };
    ledger.set_mutable(&stored, suspended, run.lease_duration).await?;
    // So that the next reconcile does not decide by what was stored before.
    let uid = target.object.uid().unwrap_or_default();
    context.progress.read(&ledger, &uid, target.reference, stored).await?;
    Ok(())
}

/// Writes down that the run failed, for whoever is told of it: once for each reason, however often this is done.
pub(super) async fn tell_failed(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    Cause { reason, message }: &Cause,
) -> Result<(), ApplyError> {
    let (ledger, stored) = stored(context, observed)?;
    ledger.tell_failed(&stored, reason.as_str(), message).await?;
    let uid = target.object.uid().unwrap_or_default();
    context.memory.change(&uid, |remembered| remembered.failure_told = Some(*reason));
    Ok(())
}

pub(super) async fn start_generating(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
) -> Result<(), ApplyError> {
    let (ledger, stored) = stored(context, observed)?;
    let uid = target.object.uid().unwrap_or_default();
    let is_there = match context.progress.of(&uid) {
        Some(followed) => context.room.promise(&ledger, &context.progress, &uid, &followed.progress).await?,
        None => false,
    };
    if !is_there {
        // It is looked at anew, and says then what it waits for.
        context.triggers.wake(target.reference);
        return Ok(());
    }
    // Before each chunk: the records of a run may take hours, and four such runs would keep all turns.
    let work = |turn: SharedTurn| async move {
        let at_once = || turn.share(CHUNKS_AT_ONCE).min(generated::AT_ONCE);
        let offered = || {
            let turn = turn.clone();
            async move { turn.offer().await }
        };
        generated::supply(&ledger, &stored, at_once, offered, |_| {}).await
    };
    context.background.start_in_steps(&uid, target.reference.clone(), WorkKind::Generating, work);
    Ok(())
}

pub(super) fn start_deleting(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
) -> Result<(), ApplyError> {
    let (ledger, stored) = stored(context, observed)?;
    let work = async move { ledger.delete_run(&stored).await };
    let uid = target.object.uid().unwrap_or_default();
    context.background.start(&uid, target.reference.clone(), WorkKind::Deleting, work);
    Ok(())
}

pub(super) async fn release(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    holders: &[String],
) -> Result<Option<NewEvent>, ApplyError> {
    let (ledger, run) = stored(context, observed)?;
    let released = ledger.release_holders(&run, holders).await?;
    let uid = target.object.uid().unwrap_or_default();
    context.memory.change(&uid, |remembered| remembered.released.extend(holders.iter().cloned()));
    let note = format!("{released} leases of signers that had ended were released");
    Ok((released > 0).then(|| NewEvent::normal(Reason::LeasesReleased, note)))
}

pub(super) async fn settle(context: &Context, observed: &Observed) -> Result<(), ApplyError> {
    let (ledger, run) = stored(context, observed)?;
    ledger.settle(&run).await?;
    Ok(())
}

fn ledger(context: &Context) -> Result<Ledger, ApplyError> {
    context.services.database.get().map_err(ApplyError::Away)
}

/// The ledger, and the run in it as it was observed.
pub(super) fn stored(context: &Context, observed: &Observed) -> Result<(Ledger, Run), ApplyError> {
    match &observed.ledger {
        LedgerView::Present(run) => Ok((ledger(context)?, run.stored.0.clone())),
        LedgerView::Absent => Err(ApplyError::Away("the run is not in the ledger".to_owned())),
        LedgerView::Away(why) => Err(ApplyError::Away(why.clone())),
    }
}

pub(super) fn read_keks(context: &Context) -> Result<Keks, ApplyError> {
    Ok(context.key_files.read_keks()?)
}
