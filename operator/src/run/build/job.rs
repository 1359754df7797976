//! The Job that runs a run's signers: a work queue
//! (<https://kubernetes.io/docs/concepts/workloads/controllers/job/#parallel-jobs>).

use std::collections::BTreeMap;

use chancery_api::{SigningRun, ValidatedRun, names};
use chancery_process::Exit;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use sha2::{Digest, Sha256};

use crate::run::build::pod::{SignerSettings, pod_spec};
use crate::run::decide::decision::JobPlan;

/// The Job as it should be. `object` is the run that it belongs to.
#[must_use]
pub fn job(object: &SigningRun, run: &ValidatedRun, plan: &JobPlan, settings: &SignerSettings) -> Job {
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(run)),
            annotations: Some(run.signer_template.annotations.clone()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod_spec(object, run, plan, settings)),
    };
    let mut job_labels = labels(run);
    if let Some(queue) = object.labels().get(names::LABEL_QUEUE) {
        job_labels.insert(names::LABEL_QUEUE.to_owned(), queue.clone());
    }
    let mut annotations = run.signer_template.annotations.clone();
    annotations.insert(names::ANNOTATION_TEMPLATE.to_owned(), fingerprint(&template));
    annotations.insert(
        names::ANNOTATION_GENERATION.to_owned(),
        object.metadata.generation.unwrap_or_default().to_string(),
    );
    let uid = plan.run_uid.map(|uid| (names::ANNOTATION_RUN_UID.to_owned(), uid.to_string()));
    annotations.extend(uid);
    annotations.extend(plan.secret.clone().map(|name| (names::ANNOTATION_SECRET.to_owned(), name)));
    let retry = object.annotations().get(names::ANNOTATION_RETRY).cloned().unwrap_or_default();
    annotations.insert(names::ANNOTATION_RETRIED.to_owned(), retry);
    Job {
        metadata: ObjectMeta {
            name: Some(names::job_name(&run.name)),
            namespace: Some(run.namespace.clone()),
            labels: Some(job_labels),
            annotations: Some(annotations),
            owner_references: Some(owner(object)),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            parallelism: Some(i32::try_from(plan.parallelism).unwrap_or(i32::MAX)),
            suspend: Some(plan.suspended),
            backoff_limit: Some(i32::try_from(run.backoff_limit).unwrap_or(i32::MAX)),
            // A pod that still has a key in hand must have ended before another takes its place.
            pod_replacement_policy: Some("Failed".to_owned()),
            pod_failure_policy: Some(failure_policy(names::SIGNER_CONTAINER)),
            template,
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// The run, as the owner of what is made for it.
pub(super) fn owner(object: &SigningRun) -> Vec<OwnerReference> {
    object.controller_owner_ref(&()).into_iter().collect()
}

/// The operator's own labels come last, so that a template cannot hide pods from it.
fn labels(run: &ValidatedRun) -> BTreeMap<String, String> {
    let mut labels = run.signer_template.labels.clone();
    labels.extend(own_labels(run, names::COMPONENT_SIGNER));
    labels
}

/// The labels of everything that is made for a run.
pub(super) fn own_labels(run: &ValidatedRun, component: &str) -> BTreeMap<String, String> {
    let own = [
        (names::LABEL_RUN, run.name.as_str()),
        (names::LABEL_NAME, names::APP_NAME),
        (names::LABEL_INSTANCE, run.name.as_str()),
        (names::LABEL_COMPONENT, component),
        (names::LABEL_MANAGED_BY, names::FIELD_MANAGER),
    ];
    own.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Exit codes that are not the program's fault.
const IGNORED: [Exit; 3] = [Exit::NoRoom, Exit::TryAgain, Exit::Interrupted];

/// Whether an exit code is not the program's fault.
pub(crate) fn is_ignored(code: i32) -> bool {
    IGNORED.iter().any(|exit| i32::from(exit.code()) == code)
}

/// Which ends of a pod count as failures: a disruption, a stop, and a database that is down or full are not
/// the program's fault; one that can never work is not retried six times.
pub(super) fn failure_policy(container: &str) -> PodFailurePolicy {
    let on_exit = |action: &str, codes: &[Exit]| PodFailurePolicyRule {
        action: action.to_owned(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: Some(container.to_owned()),
            operator: "In".to_owned(),
            values: codes.iter().map(|exit| i32::from(exit.code())).collect(),
        }),
        on_pod_conditions: None,
    };
    PodFailurePolicy {
        rules: vec![
            on_exit("FailJob", &[Exit::NeverWorks]),
            on_exit("Ignore", &IGNORED),
            PodFailurePolicyRule {
                action: "Ignore".to_owned(),
                on_exit_codes: None,
                on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                    type_: "DisruptionTarget".to_owned(),
                    status: Some("True".to_owned()),
                }]),
            },
        ],
    }
}

/// Tells one template from another; an API server adds to a template, so what it gives back differs.
pub(super) fn fingerprint(template: &PodTemplateSpec) -> String {
    let text = serde_json::to_vec(template).expect("a pod template is plain JSON");
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
