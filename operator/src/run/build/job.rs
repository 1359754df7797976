//! The Job that runs a run's signers.

use std::collections::BTreeMap;

use chancery_api::{SigningRun, ValidatedRun, names};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};

use crate::run::build::pod::{SignerSettings, pod_spec};
use crate::run::build::queue;
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
    let name = names::job_name(&run.name);
    let spec = queue::spec(&name, names::SIGNER_CONTAINER, plan, template);
    let mut job_labels = labels(run);
    if let Some(queue) = object.labels().get(names::LABEL_QUEUE) {
        job_labels.insert(names::LABEL_QUEUE.to_owned(), queue.clone());
    }
    let mut annotations = run.signer_template.annotations.clone();
    annotations.insert(names::ANNOTATION_TEMPLATE.to_owned(), queue::fingerprint(&spec));
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
            name: Some(name),
            namespace: Some(run.namespace.clone()),
            labels: Some(job_labels),
            annotations: Some(annotations),
            owner_references: Some(owner(object)),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
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

#[cfg(test)]
mod tests;
