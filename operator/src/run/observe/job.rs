//! A Job of the run, as the watch last saw it.

use std::collections::HashSet;
use std::sync::Arc;

use chancery_api::{SigningRun, names};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::run::context::Context;
use crate::run::facts::{JobEnd, JobView, PodState, PodView};

/// The pods of a Job, and what is known of those that are gone.
pub(super) struct OfPods<'a> {
    pub(super) pods: &'a [PodView],
    /// Holders of pods that were seen to have failed.
    pub(super) failed: &'a HashSet<String>,
    /// How many failed, as it was told last.
    pub(super) told: i64,
}

/// The Job of a name, whatever it belongs to.
pub(super) fn view(
    context: &Context,
    object: &SigningRun,
    name: &str,
    of_pods: &OfPods<'_>,
) -> Option<JobView> {
    let reference = ObjectRef::new(name).within(&object.namespace().unwrap_or_default());
    context.jobs.get(&reference).map(|job| of(&job, object, of_pods))
}

fn of(job: &Arc<Job>, object: &SigningRun, of_pods: &OfPods<'_>) -> JobView {
    let annotation = |name| job.annotations().get(name).map(String::as_str);
    let (spec, status) = (job.spec.as_ref(), job.status.as_ref());
    let count = |field: fn(&k8s_openapi::api::batch::v1::JobStatus) -> Option<i32>| {
        i64::from(status.and_then(field).unwrap_or_default())
    };
    let counted = count(|status| status.failed);
    JobView {
        live: Arc::clone(job),
        ours: is_ours(job, object),
        deleting: job.metadata.deletion_timestamp.is_some(),
        suspended: spec.and_then(|spec| spec.suspend).unwrap_or_default(),
        started_at: status.and_then(|status| status.start_time.as_ref()).map(|time| time.0),
        parallelism: spec.and_then(|spec| spec.parallelism).unwrap_or(1).unsigned_abs(),
        active: active(of_pods.pods),
        succeeded: count(|status| status.succeeded),
        failed: of_pods.failed(counted),
        counted,
        backoff_limit: spec.and_then(|spec| spec.backoff_limit).unwrap_or_default().unsigned_abs(),
        end: status.and_then(|status| end(status.conditions.as_deref().unwrap_or_default())),
        generation: annotation(names::ANNOTATION_GENERATION).and_then(|text| text.parse().ok()),
        run_uid: annotation(names::ANNOTATION_RUN_UID).and_then(|text| text.parse().ok()),
        secret: annotation(names::ANNOTATION_SECRET).map(str::to_owned),
        retry: annotation(names::ANNOTATION_RETRIED).unwrap_or_default().to_owned(),
    }
}

impl OfPods<'_> {
    /// How many have failed by themselves. A Job that was just made counts none, whatever was told of the one before.
    fn failed(&self, counted: i64) -> i64 {
        let now = self.pods.iter().filter(|pod| pod.failed).map(|pod| &pod.holder);
        let seen: HashSet<&String> = self.failed.iter().chain(now).collect();
        i64::try_from(seen.len()).unwrap_or(i64::MAX).max(self.told.min(counted))
    }
}

/// Whether a Job belongs to this very run. A Job with its labels that has lost its owner does.
pub(crate) fn is_ours(job: &Job, object: &SigningRun) -> bool {
    match job.owner_references().iter().find(|owner| owner.controller == Some(true)) {
        Some(owner) => Some(&owner.uid) == object.metadata.uid.as_ref(),
        None => {
            let label = |name| job.labels().get(name).map(String::as_str);
            label(names::LABEL_RUN) == Some(&object.name_any())
                && label(names::LABEL_MANAGED_BY) == Some(names::FIELD_MANAGER)
        }
    }
}

/// Counted by the pods: while a Job waits before it replaces a pod that failed, Kubernetes says that none is
/// active, whatever the others do.
fn active(pods: &[PodView]) -> i64 {
    let over = |pod: &&PodView| matches!(pod.state, PodState::Ended { .. } | PodState::Lost);
    pods.iter().filter(|pod| !over(pod)).count().try_into().unwrap_or(i64::MAX)
}

fn end(conditions: &[JobCondition]) -> Option<JobEnd> {
    conditions.iter().filter(|condition| condition.status == "True").find_map(|condition| {
        let at = condition.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        match condition.type_.as_str() {
            "Complete" => Some(JobEnd::Complete { at }),
            "Failed" => Some(JobEnd::Failed {
                reason: condition.reason.clone().unwrap_or_default(),
                message: condition.message.clone().unwrap_or_default(),
                at,
            }),
            _ => None,
        }
    })
}
