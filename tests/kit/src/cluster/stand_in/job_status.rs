//! The conditions of a Job's status, in the words of the real controller.

use k8s_openapi::api::batch::v1::{JobCondition, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Whether the condition is there and true.
pub(crate) fn holds(status: &JobStatus, kind: &str) -> bool {
    find(status, kind).is_some_and(|condition| condition.status == "True")
}

pub(crate) fn find<'s>(status: &'s JobStatus, kind: &str) -> Option<&'s JobCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == kind)
}

/// Sets a condition; one that says the same stays as it is.
pub(crate) fn set(status: &mut JobStatus, kind: &str, holds: bool, reason: &str, message: &str, now: &Time) {
    let holds = if holds { "True" } else { "False" };
    let conditions = status.conditions.get_or_insert_default();
    if conditions.iter().any(|condition| condition.type_ == kind && condition.status == holds) {
        return;
    }
    conditions.retain(|condition| condition.type_ != kind);
    conditions.push(JobCondition {
        type_: kind.to_owned(),
        status: holds.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(now.clone()),
        last_transition_time: Some(now.clone()),
    });
}

/// Whether nothing more happens to the Job.
pub(crate) fn is_finished(status: &JobStatus) -> bool {
    holds(status, "Complete") || holds(status, "Failed")
}
