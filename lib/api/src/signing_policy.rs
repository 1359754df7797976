//! How records are judged before they are signed: the spec of a `SigningPolicy`.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

mod lookup;
mod retry;
mod rule;
mod schema;
mod status;
mod webhook;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use lookup::{ConfigMapRef, LookupSpec, QueryLookup};
pub use retry::{BackoffSpec, RetryStrategySpec};
pub use rule::{ActionSpec, EnrichmentSpec, ExpressionSpec, ScoreSpec, ThresholdsSpec, ValidationSpec};
pub use schema::RecordSchema;
pub use status::SigningPolicyStatus;
pub use webhook::{WebhookAdds, WebhookSpec};

/// How records are judged before they are signed.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "chancery.dev",
    version = "v1alpha1",
    kind = "SigningPolicy",
    plural = "signingpolicies",
    shortname = "spol",
    category = "chancery",
    category = "all",
    namespaced,
    status = "SigningPolicyStatus",
    derive = "PartialEq",
    doc = "A SigningPolicy judges each payload before it becomes a record: it rejects it, flags it, scores it, or adds to it.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status", description = "Whether runs can be judged by it."),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version", description = "What names this version: the beginning of its SHA-256."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since the policy was created."),
    validation = Rule::new("self.metadata.name.size() <= 63").message("metadata.name must have at most 63 characters, so that a run can name it"),
    validation = Rule::new("!self.metadata.name.contains('.')").message("metadata.name must not contain a dot, because a run could not name it"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.schema) || has(self.matchConditions) || has(self.validations) || has(self.scores) || has(self.enrichments) || has(self.webhooks)")
        .message("judges nothing; give schema, validations, scores, enrichments or webhooks")
        .field_path(".validations"),
    validation = Rule::new("!has(self.validations) || !has(self.scores) || self.scores.all(score, !self.validations.exists(rule, rule.name == score.name))")
        .message("must not have the name of a validation; each rule has a name of its own")
        .field_path(".scores"),
    validation = Rule::new("!has(self.webhooks) || ((!has(self.validations) || self.webhooks.all(hook, !self.validations.exists(rule, rule.name == hook.name))) && (!has(self.scores) || self.webhooks.all(hook, !self.scores.exists(rule, rule.name == hook.name))))")
        .message("must not have the name of a validation or a score; each rule has a name of its own")
        .field_path(".webhooks"),
    validation = Rule::new("!has(self.thresholds) || has(self.scores) || has(self.webhooks)")
        .message("applies to points that add up; give scores, or a webhook that adds score, or leave it out")
        .field_path(".thresholds"),
    validation = Rule::new("!has(self.unmatched) || self.unmatched == 'Pass' || has(self.matchConditions)")
        .message("applies to a policy with matchConditions; give some, or leave it out")
        .field_path(".unmatched"),
    validation = Rule::new("!has(self.retryStrategy) || has(self.webhooks) || (has(self.lookups) && self.lookups.exists(table, has(table.query)))")
        .message("applies to a policy with webhooks, or with lookups that are queries; leave it out")
        .field_path(".retryStrategy"),
)]
pub struct SigningPolicySpec {
    /// What a record must look like, as JSON Schema 2020-12. A record that does not is rejected by the rule `schema`.
    /// References to other documents are not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RecordSchema")]
    pub schema: Option<RecordSchema>,

    /// Which records are judged: those for which each of these is true. What becomes of the others, unmatched says. Up
    /// to 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("must not have a name twice; give each a name of its own"))]
    pub match_conditions: Vec<ExpressionSpec>,

    /// What becomes of a record that matchConditions leave out: Pass admits it unjudged, Reject rejects it by the rule
    /// `unmatched`. Pass unless given.
    #[serde(default)]
    pub unmatched: Unmatched,

    /// Values that several expressions need, each as `variables.NAME`. One may use those before it. It is worked out
    /// for a record when it is first needed. Up to 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("must not have a name twice; give each a name of its own"))]
    #[x_kube(validation = Rule::new("self.all(one, one.name.matches('^[A-Za-z_][A-Za-z0-9_]*$'))")
        .message("must have names of letters, digits and underscores, so that an expression can name them"))]
    pub variables: Vec<ExpressionSpec>,

    /// Tables that expressions read by `lookup('NAME', key)`. Up to 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("must not have a name twice; give each a name of its own"))]
    pub lookups: Vec<LookupSpec>,

    /// What must be true of a record, and what becomes of it otherwise. Up to 128.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("must not have a name twice; give each a name of its own"))]
    pub validations: Vec<ValidationSpec>,

    /// Points for what is true of a record. They add up, and thresholds say what becomes of the sum. Up to 128.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("must not have a name twice; give each a name of its own"))]
    pub scores: Vec<ScoreSpec>,

    /// From how many points on a record is flagged, or rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ThresholdsSpec")]
    pub thresholds: Option<ThresholdsSpec>,

    /// Fields that an admitted record is given. What is signed is then the record as canonical JSON (RFC 8785); the
    /// payload as it came is kept. Up to 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.field == one.field))")
        .message("must not have a field twice; give each a field of its own"))]
    pub enrichments: Vec<EnrichmentSpec>,

    /// Services that judge with it, over HTTP. Up to 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("must not have a name twice; give each a name of its own"))]
    pub webhooks: Vec<WebhookSpec>,

    /// How often, and when, a webhook is asked again that gave no answer for a record: with what is said there for each field
    /// unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RetryStrategySpec")]
    pub retry_strategy: Option<RetryStrategySpec>,

    /// What becomes of a record for which an expression fails, such as one that reads a field that is not there: Fail
    /// makes it a dead letter, Ignore goes on as if the rule were not there, and counts it. An expression that takes
    /// more than its budget always fails. Fail unless given.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
}

/// What becomes of a record that matchConditions leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Unmatched {
    /// It is admitted, unjudged.
    #[default]
    Pass,
    /// It is rejected.
    Reject,
}

/// What becomes of a record for which an expression fails, or a webhook gives no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum FailurePolicy {
    /// It is a dead letter.
    #[default]
    Fail,
    /// It is judged as if the rule were not there.
    Ignore,
}
