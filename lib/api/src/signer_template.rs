//! What a person may set of the signer pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, LocalObjectReference, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a person may set of the signer pods. All else is the operator's: the program, its
/// surroundings and its rights. Whoever installed Chancery decides what may be asked for where
/// that is said below.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignerTemplate {
    /// Labels of the Job and its pods, beside the operator's own, which cannot be replaced.
    /// Each has to be allowed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,

    /// Annotations of the Job and its pods, beside the operator's own. Each has to be
    /// allowed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,

    /// Processor time and memory of each signer pod. A signer needs about 32Mi and signs on
    /// one thread; 250m and 64Mi are requested, and 128Mi allowed, unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ResourceRequirements")]
    pub resources: Option<ResourceRequirements>,

    /// Labels that a node must have to run a signer pod.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,

    /// Taints of nodes that signer pods put up with. Each has to be allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,

    /// Which nodes and neighbours signer pods are drawn to or kept away from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Affinity")]
    pub affinity: Option<Affinity>,

    /// How signer pods are spread over nodes and zones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,

    /// Name of the PriorityClass of signer pods. It has to be allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub priority_class_name: Option<String>,

    /// Name of the ServiceAccount of signer pods, in the run's namespace. They are given no
    /// API token, whichever it is; the operator's setting unless given. Any other has to be
    /// allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub service_account_name: Option<String>,

    /// Secrets of the run's namespace with the credentials to pull the signer's image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalObjectReference>,

    /// Name of the RuntimeClass of signer pods. It has to be allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub runtime_class_name: Option<String>,
}
