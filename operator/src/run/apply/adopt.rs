//! Taking over what the ledger holds of another object.

use chancery_api::{Reason, names};
use uuid::Uuid;

use crate::host::events::NewEvent;
use crate::run::apply::error::ApplyError;
use crate::run::apply::identity::{identity, keyring_to_adopt};
use crate::run::apply::ledger::stored;
use crate::run::context::Context;
use crate::run::facts::{Belongs, LedgerView, Observed};
use crate::run::watched::Target;

pub(super) async fn adopt_run(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    former: Uuid,
) -> Result<Option<NewEvent>, ApplyError> {
    let (ledger, run) = stored(context, observed)?;
    let object = identity(context, target.object).await?;
    let adopted = ledger.adopt_run(&run, former, &object, keyring_to_adopt(target.object)).await?;
    forget_whose(context, target);
    Ok(adopted.then(|| {
        NewEvent::normal(
            Reason::Adopted,
            format!(
                "the run that the ledger held of the SigningRun {former} is this one's now, as it stands"
            ),
        )
    }))
}

pub(super) async fn claim_run(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
) -> Result<(), ApplyError> {
    let (ledger, run) = stored(context, observed)?;
    let object = identity(context, target.object).await?;
    ledger.claim_run(&run, &object, keyring_to_adopt(target.object)).await?;
    forget_whose(context, target);
    Ok(())
}

/// What is watched of the run says whose it was.
fn forget_whose(context: &Context, target: &Target<'_>) {
    context.progress.forget(target.object.metadata.uid.as_deref().unwrap_or_default());
}

/// What becomes of a run that was taken over, when its SigningRun goes.
pub(super) fn kept(observed: &Observed) -> NewEvent {
    let former = match &observed.ledger {
        LedgerView::Present(ledger) => match ledger.belongs {
            Belongs::Ours { adopted_from } => adopted_from,
            Belongs::Unclaimed | Belongs::Anothers { .. } => None,
        },
        LedgerView::Away(_) | LedgerView::Absent => None,
    };
    let former = former.map_or_else(|| "UID".to_owned(), |former| former.to_string());
    NewEvent::warning(
        Reason::AdoptedKept,
        format!(
            "the run was taken over, so it stays in the ledger, although spec.deletionPolicy is Delete; the annotation {}={former}, set before the deletion, would have it deleted; `chancery delete` deletes it now",
            names::ANNOTATION_DELETE_ADOPTED
        ),
    )
}
