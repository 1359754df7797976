//! Runs that another installation of Chancery operates: a release for the whole cluster and one for a namespace may both
//! watch them. Two that worked on one run would replace each other's Jobs without end, and might seed it in two ledgers.

use chancery_api::{Reason, names};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

use crate::host::events::NewEvent;
use crate::run::context::Context;
use crate::run::watched::Watched;

/// Whether another installation operates the run: nothing of it is read or written then, but an Event, once. What this one did for it
/// until then ends.
pub(crate) fn is_anothers(context: &Context, watched: &Watched) -> bool {
    let metadata = watched.meta();
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let told = context.memory.of(uid).operator;
    let Some(operator) = operator(metadata).filter(|operator| **operator != *context.services.installation)
    else {
        if told.is_some() {
            // It is given over to this one, and may be taken again.
            context.memory.change(uid, |remembered| remembered.operator = None);
        }
        return false;
    };
    if told.as_deref() != Some(operator) {
        context.forget(uid);
        context.memory.change(uid, |remembered| remembered.operator = Some(operator.to_owned()));
        let note = note(context, metadata, operator);
        tracing::warn!(reason = %Reason::OperatedByAnother, "{note}");
        context
            .services
            .events
            .send(NewEvent::warning(Reason::OperatedByAnother, note), watched.object_ref(&()));
    }
    true
}

/// The installation that operates a run, as is written in it.
pub(crate) fn operator(metadata: &ObjectMeta) -> Option<&str> {
    metadata.annotations.as_ref()?.get(names::ANNOTATION_OPERATED_BY).map(String::as_str)
}

fn note(context: &Context, metadata: &ObjectMeta, operator: &str) -> String {
    let ours = &context.services.installation;
    let name = metadata.name.as_deref().unwrap_or_default();
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let annotation = names::ANNOTATION_OPERATED_BY;
    format!(
        "the installation of Chancery {operator} operates this run, and {ours} leaves it alone; let one of them watch the namespace; if {operator} is gone for good, give the run over with: kubectl annotate -n {namespace} signingrun {name} {annotation}-"
    )
}
