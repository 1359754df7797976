//! Gathers what is known of a run. Reads; decides nothing and changes nothing.

pub(crate) mod job;
mod ledger;
mod object;
mod pods;

use kube::ResourceExt;

use crate::context::{Context, Target};
use crate::facts::{Background, JobView, Observed, PodView};

/// What is known of a run beside the ledger, by which it is seen whether a count is too old.
struct Beside<'a> {
    job: Option<&'a JobView>,
    pods: &'a [PodView],
    background: &'a Background,
}

/// What is known of a run now.
pub(crate) async fn observe(context: &Context, target: &Target<'_>) -> Observed {
    let object = target.object;
    let uid = object.uid().unwrap_or_default();
    let pods = pods::view(context, object);
    let job = job::view(context, object, &pods);
    // Before the ledger: what ends meanwhile is then seen as not ended, and looked at again.
    let background = context.background.of(&uid);
    let ledger =
        ledger::view(context, target, &Beside { job: job.as_ref(), pods: &pods, background: &background })
            .await;
    Observed {
        object: object::view(context, object, target.run),
        ledger,
        kek: chancery_process::read_kek_file(&context.kek_file)
            .map(|kek| kek.fingerprint())
            .map_err(|error| error.to_string()),
        background,
        job,
        pods,
    }
}
