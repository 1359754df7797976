//! Gathers what is known of a run. Reads; decides nothing and changes nothing.

mod addresses;
mod beside;
mod delivery;
mod ended;
mod intake;
pub(crate) mod job;
mod ledger;
mod object;
mod pods;
pub(crate) mod reading;
mod secret;
mod trouble;

use chancery_api::names;
use kube::ResourceExt;

use crate::run::context::Context;
use crate::run::facts::{BesideView, LedgerView, Observed};
use crate::run::observe::job::OfPods;
use crate::run::observe::pods::Program;
use crate::run::watched::Target;
use reading::{Now, Reading};

/// What is known of a run, and what the operator has to remember of how it came to know that.
pub(crate) struct Observation {
    pub(crate) observed: Observed,
    pub(crate) reading: Reading,
    /// Holders that have ended and have nothing in hand.
    pub(crate) released: Vec<String>,
    /// How many splits have ended since their object changed, if that was looked at.
    pub(crate) changed: Option<i64>,
}

/// What is known of a run.
pub(crate) async fn observe(context: &Context, target: &Target<'_>, now: Now) -> Observation {
    let object = target.object;
    let uid = object.uid().unwrap_or_default();
    let pods = pods::view(context, object, Program::Signer);
    let remembered = context.memory.of(&uid);
    let told = object.status.as_ref().and_then(|status| status.signers).unwrap_or_default().failed;
    let of_pods = OfPods { pods: &pods, failed: &remembered.failed, told };
    let job = job::view(context, object, &names::job_name(&object.name_any()), &of_pods);
    let intake_pods = pods::view(context, object, Program::Intake);
    let of_pods = OfPods { pods: &intake_pods, failed: &remembered.failed_intakes, told: 0 };
    let intake_job = job::view(context, object, &names::intake_job_name(&object.name_any()), &of_pods);
    let delivery_pods = pods::view(context, object, Program::Delivery);
    let of_pods = OfPods { pods: &delivery_pods, failed: &remembered.failed_deliveries, told: 0 };
    let delivery_job = job::view(context, object, &names::delivery_job_name(&object.name_any()), &of_pods);
    // Before the ledger: work that ends meanwhile is then observed as under way, and observed again.
    let background = context.background(&uid);
    let beside = ledger::Beside {
        job: job.as_ref(),
        pods: &pods,
        intake_job: intake_job.as_ref(),
        intake_pods: &intake_pods,
        delivery_job: delivery_job.as_ref(),
        delivery_pods: &delivery_pods,
        background: &background,
    };
    let ledger::Seen { view, room, reading, released, changed, refusal } =
        ledger::view(context, target, &beside, now).await;
    let (trouble, intake_trouble, delivery_trouble) = if object.metadata.deletion_timestamp.is_some() {
        (None, None, None)
    } else {
        tokio::join!(
            trouble::trouble(context, job.as_ref(), &pods, now.time),
            trouble::trouble(context, intake_job.as_ref(), &intake_pods, now.time),
            trouble::trouble(context, delivery_job.as_ref(), &delivery_pods, now.time),
        )
    };
    let sinks_refusal = delivery::refusal(context, target, matches!(view, LedgerView::Absent));
    let observed = Observed {
        object: object::view(context, object, target.run),
        ledger: view,
        kek: context.key_files.read_keks().map(|keks| keks.fingerprints()).map_err(|error| error.to_string()),
        background,
        room,
        audited: remembered.audited,
        job,
        pods,
        trouble,
        intake: BesideView {
            job: intake_job,
            pods: intake_pods,
            trouble: intake_trouble,
            refusal: refusal.or_else(|| intake::not_allowed(context, target)),
        },
        delivery: BesideView {
            job: delivery_job,
            pods: delivery_pods,
            trouble: delivery_trouble,
            refusal: sinks_refusal,
        },
    };
    Observation { observed, reading, released, changed }
}
