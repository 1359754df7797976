//! What is set of the sources of a run.

use chancery_store::{DeadLetter, Input};
use kube::ResourceExt;

use crate::run::apply::error::ApplyError;
use crate::run::apply::ledger::stored;
use crate::run::context::Context;
use crate::run::facts::Observed;
use crate::run::watched::Target;

pub(super) async fn set_dead_letter(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    dead_letter: DeadLetter,
) -> Result<(), ApplyError> {
    let (ledger, mut of) = stored(context, observed)?;
    ledger.set_dead_letter(&of, dead_letter).await?;
    // So that the next reconcile does not decide by what was stored before.
    if let Input::Sources(sources) = &mut of.input {
        sources.dead_letter = dead_letter;
    }
    let uid = target.object.uid().unwrap_or_default();
    context.progress.read(&ledger, &uid, target.reference, of).await?;
    Ok(())
}
