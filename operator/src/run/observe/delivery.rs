//! What is known of a run's sinks.

use chancery_api::{Reason, names};
use chancery_sources::{notifications, sinks};
use chancery_store::{Ledger, StoreError};
use kube::ResourceExt;

use crate::run::context::Context;
use crate::run::facts::{PodView, Refusal, SinksRead};
use crate::run::observe::beside::job_uid;
use crate::run::observe::ended::ended;
use crate::run::observe::secret::secret;
use crate::run::progress::Followed;
use crate::run::watched::Target;

/// The sinks of a run, as they stand in the ledger, and whoever is told of it; none of a run that has neither.
pub(super) async fn read(
    context: &Context,
    ledger: &Ledger,
    target: &Target<'_>,
    followed: &Followed,
    pods: &[PodView],
) -> Result<Option<SinksRead>, StoreError> {
    let Followed { run, progress, sinks, .. } = followed;
    let tells = !run.notifications.0.is_empty();
    if run.sinks.0.is_empty() && !tells {
        return Ok(None);
    }
    let object = target.object;
    let uid = object.uid().unwrap_or_default();
    let remembered = context.memory.of(&uid);
    // Once it is complete, nothing happens to it any more but that its delivery is given up.
    let untold = tells && progress.complete && !progress.deleted && !remembered.all_told;
    let untold = untold && ledger.is_untold(run).await?;
    if tells && progress.complete && !untold {
        context.memory.change(&uid, |remembered| remembered.all_told = true);
    }
    let owner = job_uid(context, object, &names::delivery_job_name(&object.name_any()));
    Ok(Some(SinksRead {
        tells,
        untold,
        failure_told: remembered.failure_told,
        secret: secret(progress.delivery_secret(), &owner, remembered.delivery_secret.as_ref()),
        sinks: sinks.clone(),
        // What such a pod's last statement takes after this, if it is still on its way, lies for as long as a delivery that is at work
        // may let it lie: a minute.
        open_holders: ended(pods).filter(|holder| !remembered.released.contains(holder)).collect(),
    }))
}

/// Why the sinks are not used as the run describes them: what this installation does not allow, whatever is in the ledger; and, of
/// a run that is not there yet, what can never be.
pub(super) fn refusal(context: &Context, target: &Target<'_>, is_absent: bool) -> Option<Refusal> {
    let run = target.run?;
    if let Some(message) = context.delivery.allowed.refusal(&run.sinks, &run.notifications) {
        return Some(Refusal { reason: Reason::SinkNotAllowed, message });
    }
    if !is_absent {
        return None;
    }
    let (kind, (name, error)) = match (sinks::check(run), notifications::check(run)) {
        (Err(bad), _) => ("sink", bad),
        (Ok(()), Err(bad)) => ("notification", bad),
        (Ok(()), Ok(())) => return None,
    };
    let message = format!("{kind} {name}: {error}; nothing was changed in the ledger");
    Some(Refusal { reason: Reason::SinkInvalid, message })
}
