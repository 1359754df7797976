//! What to do about a run that the ledger holds under the name of a SigningRun, and that is not its own: of a former
//! SigningRun of this name, of a namespace that was made anew, of another cluster. A name is no proof.

use chancery_api::{Reason, names};
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;

use crate::run::decide::before::stage_before;
use crate::run::decide::decision::{Decision, Effect, LOOK_AGAIN, Stage};
use crate::run::decide::hold::hold_job;
use crate::run::facts::{Belongs, LedgerRun, Observed};

/// The decision, unless the run is the SigningRun's own. One that is taken over and differs from the spec is not taken
/// over: that is for the caller to report.
pub(super) fn adopt(observed: &Observed, ledger: &LedgerRun) -> Option<Decision> {
    let decision = match ledger.belongs {
        Belongs::Ours { .. } => return None,
        // Its signers go on meanwhile.
        Belongs::Unclaimed => Decision::at(stage_before(observed)).then(Effect::ClaimRun),
        Belongs::Anothers { object, .. } if observed.object.adopt == Some(object) => {
            hold_job(Decision::at(Stage::Pending), observed).then(Effect::AdoptRun { former: object })
        }
        Belongs::Anothers { since, .. } => return Some(refuse(observed, since)),
    };
    ledger.conflict.is_none().then(|| decision.again_at_once())
}

/// Nothing of the other run is told but since when it is there.
fn refuse(observed: &Observed, since: Timestamp) -> Decision {
    let since = since.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC");
    let wrong = match observed.object.adopt {
        Some(_) => ", which names another now",
        None => "",
    };
    let adopt = names::ANNOTATION_ADOPT;
    hold_job(Decision::at(Stage::Pending), observed)
        .failed(
            Reason::NotAdopted,
            format!(
                "since {since} the ledger holds a run of this name that was made for another SigningRun: a former one, one of a former namespace, or one of another cluster; it is left alone; choose another name, or take that run over with the annotation {adopt}{wrong}: its value is the metadata.uid of that SigningRun, which `chancery status` shows to whoever has the ledger"
            ),
        )
        .again_after(LOOK_AGAIN * 4)
}

/// Whether what the ledger holds goes with the SigningRun, as far as it concerns whose it is. What was taken over goes
/// by a second word only.
pub(super) fn may_go(observed: &Observed, ledger: &LedgerRun) -> bool {
    match ledger.belongs {
        Belongs::Ours { adopted_from: None } | Belongs::Unclaimed => true,
        Belongs::Ours { adopted_from: Some(former) } => observed.object.delete_adopted == Some(former),
        Belongs::Anothers { .. } => false,
    }
}
