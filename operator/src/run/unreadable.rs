//! A SigningRun that cannot be read as one. The schema accepts none: it was stored before the schema was, or
//! under another. It must neither hide the others nor be stuck.

use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{Phase, Reason, SigningRun, SigningRunStatus, names};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::core::error_boundary::InvalidObject;
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use crate::run::apply::error::ApplyError;
use crate::run::apply::object::remove_finalizer;
use crate::run::build::times::whole_second;
use crate::run::context::Context;
use crate::run::error::ReconcileError;
use crate::run::update_status::{Updated, update_status};

/// Reports what is wrong with it; when it is deleted, lets it go and leaves the ledger alone.
pub(crate) async fn reconcile_unreadable(
    context: &Context,
    unreadable: &InvalidObject,
) -> Result<Action, ReconcileError> {
    let metadata = &unreadable.metadata;
    let uid = metadata.uid.clone().unwrap_or_default();
    if metadata.deletion_timestamp.is_some() {
        if metadata.finalizers.iter().flatten().any(|name| name == names::FINALIZER) {
            remove_finalizer(&context.services.client, metadata).await.map_err(ApplyError::Object)?;
        }
        context.forget(&uid);
        return Ok(Action::await_change());
    }
    let (previous, is_there) = match context.memory.of(&uid).written {
        Some((written, _)) => (written, false),
        None => stored(context, metadata).await.map_err(ReconcileError::Read)?,
    };
    let message = format!("the SigningRun cannot be read: {}; correct it, or delete it", unreadable.error);
    let conditions = conditions(&previous, metadata.generation, message);
    let there = is_there.then(|| previous.clone());
    let status = SigningRunStatus {
        observed_generation: metadata.generation,
        phase: Some(condition::phase(&conditions, Phase::Pending)),
        conditions,
        ..previous
    };
    context.metrics.phase(&uid, status.phase.unwrap_or_default());
    match update_status(context, metadata, there.as_ref(), &status).await.map_err(ReconcileError::Status)? {
        Updated::Done => Ok(Action::await_change()),
        Updated::Later(pause) => Ok(Action::requeue(pause)),
    }
}

/// The status that the API server has, and whether that is all of it. Server-side apply removes what this operator applied before and
/// leaves out now: a run that was complete would be one that never began, and be made anew once it can be read again. A field that this
/// version cannot read is left out, or the run could never be read again.
async fn stored(context: &Context, metadata: &ObjectMeta) -> Result<(SigningRunStatus, bool), kube::Error> {
    let client = context.services.client.clone();
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<DynamicObject> =
        Api::namespaced_with(client, namespace, &ApiResource::erase::<SigningRun>(&()));
    let found = api.get_opt(metadata.name.as_deref().unwrap_or_default()).await?;
    let status = match found.filter(|object| object.metadata.uid == metadata.uid) {
        Some(mut object) => object.data["status"].take(),
        None => Value::Null,
    };
    Ok(readable(status))
}

/// The fields of a status that can be read, and whether these are all.
fn readable(status: Value) -> (SigningRunStatus, bool) {
    let Value::Object(mut fields) = status else { return (SigningRunStatus::default(), status.is_null()) };
    let before = fields.len();
    fields.retain(|name, value| {
        let field = json!({name.as_str(): value});
        serde_json::from_value::<SigningRunStatus>(field).is_ok()
    });
    let is_all = fields.len() == before;
    (serde_json::from_value(Value::Object(fields)).unwrap_or_default(), is_all)
}

/// What was known of the run before stays, but whether it has failed, and, unless it is complete, whether anything is done for it.
fn conditions(previous: &SigningRunStatus, generation: Option<i64>, message: String) -> Vec<Condition> {
    let of = |type_, status| Finding {
        type_,
        status: Some(status),
        reason: Reason::InvalidSpec,
        message: message.clone(),
    };
    let mut findings = vec![of(ConditionType::Failed, true)];
    if !condition::holds(&previous.conditions, ConditionType::Complete) {
        findings.push(of(ConditionType::Progressing, false));
    }
    let now = Time(whole_second(Timestamp::now()));
    let mut all = previous.conditions.clone();
    for new in condition::conditions(findings, &previous.conditions, generation, &now) {
        match all.iter_mut().find(|old| old.type_ == new.type_) {
            Some(old) => *old = new,
            None => all.push(new),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_of_a_status_is_kept() {
        let status = json!({
            "phase": "Paused", "conditions": [], "startTime": "2026-01-02T03:04:05Z", "records": {"seeded": 5},
        });
        let (read, is_all) = readable(status);
        assert!(!is_all && read.phase.is_none());
        assert_eq!(read.records.unwrap_or_default().seeded, 5);
        assert!(read.start_time.is_some());
        assert_eq!(readable(Value::Null), (SigningRunStatus::default(), true));
    }
}
