//! What is kept of watched Jobs and pods.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, PodStatus, PodTemplateSpec};
use kube::ResourceExt;

/// Removes what nothing reads of a Job: one annotation tells its template from another.
pub fn slim_job(job: &mut Job) {
    job.managed_fields_mut().clear();
    if let Some(spec) = &mut job.spec {
        spec.template = PodTemplateSpec::default();
    }
}

/// Removes what nothing reads of a pod.
pub fn slim_pod(pod: &mut Pod) {
    pod.managed_fields_mut().clear();
    pod.annotations_mut().clear();
    pod.spec = None;
    if let Some(status) = pod.status.take() {
        pod.status = Some(PodStatus {
            phase: status.phase,
            conditions: status.conditions,
            container_statuses: status.container_statuses,
            ..PodStatus::default()
        });
    }
}
