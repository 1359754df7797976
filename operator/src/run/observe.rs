//! Gathers what is known of a run. Reads; decides nothing and changes nothing.

mod job;
mod ledger;
mod object;
mod pods;
pub(crate) mod reading;

use kube::ResourceExt;

use crate::run::context::Context;
use crate::run::facts::Observed;
use crate::run::watched::Target;
use reading::{Now, Reading};

/// What is known of a run, and what the operator has to remember of how it came to know that.
pub(crate) struct Observation {
    pub(crate) observed: Observed,
    pub(crate) reading: Reading,
    /// Holders that have ended and have no open lease.
    pub(crate) released: Vec<String>,
}

/// What is known of a run.
pub(crate) async fn observe(context: &Context, target: &Target<'_>, now: Now) -> Observation {
    let object = target.object;
    let uid = object.uid().unwrap_or_default();
    let pods = pods::view(context, object);
    let job = job::view(context, object, &pods);
    // Before the ledger: work that ends meanwhile is then observed as under way, and observed again.
    let background = context.background(&uid);
    let beside = ledger::Beside { job: job.as_ref(), pods: &pods, background: &background };
    let ledger::Seen { view, room, reading, released } = ledger::view(context, target, &beside, now).await;
    let observed = Observed {
        object: object::view(context, object, target.run),
        ledger: view,
        kek: context.key_files.read_keks().map(|keks| keks.fingerprints()).map_err(|error| error.to_string()),
        background,
        room,
        audited: context.memory.of(&uid).audited,
        job,
        pods,
    };
    Observation { observed, reading, released }
}
