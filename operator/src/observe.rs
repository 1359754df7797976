//! Gathers what is known of a run. Reads; decides nothing and changes nothing.

pub(crate) mod job;
mod ledger;
mod object;
mod pods;

use chancery_api::{SigningRun, ValidatedRun};
use kube::ResourceExt;

use crate::context::{Context, RunRef};
use crate::facts::Observed;

/// What is known of a run now. `run` is none for a run whose spec can not be used.
pub(crate) async fn observe(
    context: &Context,
    reference: &RunRef,
    object: &SigningRun,
    run: Option<&ValidatedRun>,
) -> Observed {
    let uid = object.uid().unwrap_or_default();
    let job = job::view(context, object);
    let pods = pods::view(context, object);
    // Before the ledger: what ends meanwhile is then seen as not ended, and looked at again.
    let background = context.background.of(&uid);
    let ledger = ledger::view(context, reference, object, run, job.as_ref(), &pods, &background).await;
    Observed {
        object: object::view(context, object, run),
        ledger,
        kek: chancery_process::read_kek_file(&context.kek_file)
            .map(|kek| kek.fingerprint())
            .map_err(|error| error.to_string()),
        background,
        job,
        pods,
    }
}
