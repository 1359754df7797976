//! The rules of a policy.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A CEL expression with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpressionSpec {
    /// Its name: letters, digits, hyphens and underscores.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z_]([-_A-Za-z0-9]*[A-Za-z0-9_])?$"))]
    pub name: String,

    /// A CEL expression over `record` (the payload as JSON), `variables`, `source`, `position` and `arrivedAt`.
    #[schemars(length(min = 1, max = 4096))]
    pub expression: String,
}

/// What must be true of a record.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.name in ['schema', 'thresholds', 'unmatched'])")
        .message("must not be schema, thresholds or unmatched, which are rules that every policy has")
        .field_path(".name"),
)]
pub struct ValidationSpec {
    /// Name of the rule, which each verdict repeats: lower-case letters, digits and hyphens.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// A CEL expression that is true of a good record.
    #[schemars(length(min = 1, max = 4096))]
    pub expression: String,

    /// What is said of a record of which it is not true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub message: Option<String>,

    /// A CEL expression whose value, a string, is said in the place of message. Where it fails, message is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 4096))]
    pub message_expression: Option<String>,

    /// What becomes of a record of which it is not true: Reject keeps it out, Flag admits it with a mark, Alert admits
    /// it and raises an alert. Reject unless given.
    #[serde(default)]
    pub action: ActionSpec,
}

/// What becomes of a record that breaks a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ActionSpec {
    /// It is kept out.
    #[default]
    Reject,
    /// It is admitted with a mark.
    Flag,
    /// It is admitted, and an alert is raised.
    Alert,
}

/// Points for what is true of a record.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.name in ['schema', 'thresholds', 'unmatched'])")
        .message("must not be schema, thresholds or unmatched, which are rules that every policy has")
        .field_path(".name"),
)]
pub struct ScoreSpec {
    /// Name of the rule, which each verdict repeats: lower-case letters, digits and hyphens.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// A CEL expression that is true where the points are due.
    #[schemars(length(min = 1, max = 4096))]
    pub expression: String,

    /// The points, from -1000000 to 1000000.
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub points: i32,
}

/// From how many points on a record is flagged, or rejected.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.flag) || has(self.reject)")
        .message("needs flag, reject or both; give one, or leave thresholds out")
        .field_path(".flag"),
    validation = Rule::new("!has(self.flag) || !has(self.reject) || self.flag <= self.reject")
        .message("must not be above reject, because what is rejected is not flagged")
        .field_path(".flag"),
)]
pub struct ThresholdsSpec {
    /// So many points, or more, flag a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub flag: Option<i32>,

    /// So many points, or more, reject it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub reject: Option<i32>,
}

/// A field that an admitted record is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrichmentSpec {
    /// Name of the field, at the top of the record. A field that is there already is replaced.
    #[schemars(length(min = 1, max = 253))]
    pub field: String,

    /// A CEL expression for its value.
    #[schemars(length(min = 1, max = 4096))]
    pub expression: String,
}
