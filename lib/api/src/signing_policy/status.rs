//! Whether a policy can be used: the status of a `SigningPolicy`.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Whether a policy can be used, as last seen.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningPolicyStatus {
    /// The metadata.generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub observed_generation: Option<i64>,

    /// What holds of the policy, one condition of each type. Ready is true of one that runs can be judged by; else its
    /// message says what is wrong, in the words of `chancery policy check`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,

    /// What names the version that new runs are judged by: the first 12 digits of the SHA-256 of the spec and of the
    /// tables that it reads, as runs show it. None of a policy that is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub version: Option<String>,
}
