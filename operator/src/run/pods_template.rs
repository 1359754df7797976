//! How the pods of an intake or a delivery are made.

use std::collections::BTreeMap;
use std::str::FromStr;

use k8s_openapi::api::core::v1::{Affinity, ResourceRequirements, Toleration};
use serde::Deserialize;

/// How the pods are made, as `intake.template` and `delivery.template` of the chart's values have it. All else is the operator's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PodsTemplate {
    /// Processor time and memory.
    pub resources: Option<ResourceRequirements>,
    /// Labels of the nodes.
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the pods put up with.
    pub tolerations: Vec<Toleration>,
    /// Which nodes and neighbours they are drawn to or kept away from.
    pub affinity: Option<Affinity>,
    /// Their PriorityClass.
    pub priority_class_name: Option<String>,
    /// Their RuntimeClass.
    pub runtime_class_name: Option<String>,
}

impl FromStr for PodsTemplate {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}
