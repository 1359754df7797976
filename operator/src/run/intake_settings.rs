//! What the intakes of all runs have in common.

use std::str::FromStr;

use chancery_api::SourceSpec;
use k8s_openapi::api::core::v1::{Affinity, ResourceRequirements, Toleration};
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::run::sources_allowed::SourcesAllowed;

/// What the intakes of all runs have in common, beside what signers have too: how the database is reached.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// The image of the intake.
    pub image: String,
    /// The ServiceAccount of the pods.
    pub service_account: Option<String>,
    /// Splits that one reads at a time.
    pub readers: u16,
    /// How the pods are made.
    pub template: IntakeTemplate,
    /// What the sources of a run may name.
    pub allowed: SourcesAllowed,
    /// Where programs push records to, if they can.
    pub gateway_url: Option<String>,
}

impl IntakeSettings {
    /// What the first source that asks for too much asks for, and what to do; none if all is allowed.
    pub(crate) fn refusal(&self, sources: &[SourceSpec]) -> Option<String> {
        self.allowed.refusal(sources, self.gateway_url.is_some())
    }
}

/// How the pods are made, as `intake.template` of the chart's values has it. All else is the operator's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct IntakeTemplate {
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

impl FromStr for IntakeTemplate {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}
