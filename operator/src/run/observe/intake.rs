//! What is known of a run's sources.

use chancery_api::condition::{self, ConditionType};
use chancery_api::{Reason, RunInput, SourceSpec, ValidatedRun, names};
use chancery_sources::objects::{OBJECT_CHANGED, check};
use chancery_sources::replay::{NotReadAgain, Reader, may_be_read_again};
use chancery_store::intake::ObjectsChanged;
use chancery_store::{DeadLetter, Ledger, Progress, Run, StoreError};
use kube::ResourceExt;

use crate::run::context::Context;
use crate::run::facts::{PodView, Refusal, SourcesRead};
use crate::run::observe::beside::job_uid;
use crate::run::observe::ended::{ended, has_recently_ended};
use crate::run::observe::reading::Now;
use crate::run::observe::secret::secret;
use crate::run::watched::Target;

/// What was read of the sources.
pub(super) struct Read {
    pub(super) sources: SourcesRead,
    /// Holders that have ended and have nothing in hand.
    pub(super) released: Vec<String>,
    /// How many splits have ended since their object changed, if that was looked at.
    pub(super) changed: Option<i64>,
}

/// The sources of a run, as they stand in the ledger; none of a run whose records are generated.
pub(super) async fn read(
    context: &Context,
    ledger: &Ledger,
    target: &Target<'_>,
    (stored, progress): (&Run, &Progress),
    pods: &[PodView],
    now: Now,
) -> Result<Option<Read>, StoreError> {
    let (Some(counts), Some(sources)) = (progress.arrivals, stored.input.sources()) else { return Ok(None) };
    let uid = target.object.uid().unwrap_or_default();
    let remembered = context.memory.of(&uid);
    let status = target.object.status.as_ref();
    let is_told = status.is_some_and(|status| condition::holds(&status.conditions, ConditionType::Sealed));
    let states = if (progress.sealed && is_told) || progress.deleted {
        Vec::new()
    } else {
        ledger.sources_state(stored).await?
    };
    let (open_holders, released) =
        if !progress.sealed && has_recently_ended(&remembered.released, pods, now.time) {
            let open = ledger.intake_holders(stored).await?;
            let released = ended(pods).filter(|holder| !open.contains(holder)).collect();
            (open, released)
        } else {
            (Vec::new(), Vec::new())
        };
    let dead_before = status.and_then(|status| status.records?.dead);
    let looked = if counts.dead > dead_before.unwrap_or_default() && !progress.deleted {
        Some(ledger.objects_changed(stored, OBJECT_CHANGED).await?)
    } else {
        None
    };
    let alerts_told = status.and_then(|status| status.policy.as_ref()).map_or(0, |policy| policy.alerts);
    let owner = job_uid(context, target.object, &names::intake_job_name(&target.object.name_any()));
    Ok(Some(Read {
        sources: SourcesRead {
            secret: secret(progress.intake_secret(), &owner, remembered.intake_secret.as_ref()),
            counts,
            asks: stored.policy.as_ref().is_some_and(|policy| policy.asks),
            alerts: context.alerts.of(&uid, alerts_told),
            too_many_dead: progress.too_many_dead,
            held: progress.held.clone(),
            dead_letter: DeadLetter { limit: counts.dead_limit, ..sources.dead_letter },
            sources: states,
            open_holders,
            changed: looked.as_ref().and_then(|looked| news(looked, remembered.changed)),
        },
        released,
        changed: looked.map(|looked| looked.splits),
    }))
}

/// What is said of an object that changed since this operator told of one last.
fn news(found: &ObjectsChanged, told: i64) -> Option<String> {
    let ObjectsChanged { splits, source, reason } = found;
    if *splits <= told {
        return None;
    }
    Some(format!("source {}: {}", source.as_deref()?, reason.as_deref()?))
}

/// What of the sources this installation does not allow, whatever is in the ledger.
pub(super) fn not_allowed(context: &Context, target: &Target<'_>) -> Option<Refusal> {
    let sources = sources_of(target.run)?;
    let message = context.intake.refusal(sources)?;
    Some(Refusal { reason: Reason::SourceNotAllowed, message })
}

/// Why a run that is not in the ledger yet cannot be made there, as far as its sources go.
pub(super) async fn refusal(ledger: &Ledger, target: &Target<'_>) -> Result<Option<Refusal>, StoreError> {
    let (Some(run), Some(sources)) = (target.run, sources_of(target.run)) else { return Ok(None) };
    for source in sources {
        let refused = |reason, what: String| {
            let message = format!("source {}: {what}; nothing was changed in the ledger", source.name);
            Ok(Some(Refusal { reason, message }))
        };
        if let Err(error) = check(source) {
            return refused(Reason::SourceInvalid, error.to_string());
        }
        let Some(other) = &source.run else { continue };
        let name = &other.name;
        match ledger.find_run(&run.namespace, name).await {
            Err(StoreError::NoRun(_)) => {
                let what = format!(
                    "there is no run {name} in this namespace to be read again; name one that is there with run.name"
                );
                return refused(Reason::SourceInvalid, what);
            }
            Err(error) => return Err(error),
            Ok(found) => {
                if let Err(why) = may_be_read_again(&found, Reader::SigningRun, other.select) {
                    return refused(reason_of(&why), why.to_string());
                }
            }
        }
    }
    Ok(None)
}

/// Whether it passes by itself.
fn reason_of(why: &NotReadAgain) -> Reason {
    match why {
        NotReadAgain::Unsealed(_) => Reason::SourceUnavailable,
        NotReadAgain::Deleted(_)
        | NotReadAgain::Generated(_)
        | NotReadAgain::OfCluster(_)
        | NotReadAgain::OfCommand(_)
        | NotReadAgain::Unknown(_) => Reason::SourceInvalid,
    }
}

fn sources_of(run: Option<&ValidatedRun>) -> Option<&[SourceSpec]> {
    match &run?.input {
        RunInput::Sources(sources) => Some(&sources.sources),
        RunInput::Generated { .. } => None,
    }
}
