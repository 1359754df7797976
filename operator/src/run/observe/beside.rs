//! What works for a run beside its signers, as the watches last saw it.

use chancery_api::SigningRun;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::run::context::Context;

/// The uid of the Job of a name, with which its Secret goes.
pub(super) fn job_uid(context: &Context, object: &SigningRun, name: &str) -> String {
    let reference = ObjectRef::new(name).within(&object.namespace().unwrap_or_default());
    context.jobs.get(&reference).and_then(|job| job.uid()).unwrap_or_default()
}
