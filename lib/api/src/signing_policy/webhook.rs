//! Services that judge with a policy.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FailurePolicy;
use crate::lease_duration::LeaseDuration;
use crate::source::SecretRef;

/// One service.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.name in ['schema', 'thresholds', 'unmatched'])")
        .message("must not be schema, thresholds or unmatched, which are rules that every policy has")
        .field_path(".name"),
)]
pub struct WebhookSpec {
    /// Name of the rule, which each verdict repeats: lower-case letters, digits and hyphens.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// Where it is called: `https://HOST/PATH`, or `http://127.0.0.1:PORT/PATH` on the same machine.
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new(r"self.startsWith('https://') || self.matches('^http://(localhost|127[.]0[.]0[.]1|\\[::1\\])(:[0-9]+)?(/|$)')")
        .message("must begin with https://, or be of this machine, such as http://127.0.0.1:8080/score"))]
    #[x_kube(validation = Rule::new("!self.matches('^[a-z]+://[^/]*@')")
        .message("must not hold a password; requests are signed with the key that secretRef names"))]
    pub url: String,

    /// The Secret of the policy's namespace whose key `secret` requests are signed with, as Standard Webhooks has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub secret_ref: Option<SecretRef>,

    /// For how long an answer is awaited, from 10ms to 1m; 2s unless given.
    #[serde(default = "default_timeout")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10ms') && duration(self) <= duration('1m')")
        .message("must be at least 10ms and at most 1m"))]
    pub timeout: LeaseDuration,

    /// The most records of one call. From 1 to 1000; 100 unless given.
    #[serde(default = "default_batch")]
    #[schemars(range(min = 1, max = 1_000))]
    pub batch: i32,

    /// Calls at a time. From 1 to 64; 4 unless given.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 64))]
    pub concurrency: i32,

    /// What its answers add: score (points), verdict (an action, with a message) or fields (of the record, as enrichments
    /// do).
    pub adds: WebhookAdds,

    /// What becomes of a record that it gave no answer for: Fail makes it a dead letter, Ignore goes on as if the
    /// webhook were not there, and counts it. Fail unless given.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
}

/// What the answers of a webhook add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookAdds {
    /// Points.
    Score,
    /// An action, with a message.
    Verdict,
    /// Fields of the record.
    Fields,
}

impl WebhookSpec {
    /// Whether a record of which it says nothing is judged as if it were not there.
    #[must_use]
    pub fn may_be_ignored(&self) -> bool {
        self.failure_policy == FailurePolicy::Ignore
    }
}

fn default_timeout() -> LeaseDuration {
    LeaseDuration::new("2s")
}

fn default_batch() -> i32 {
    100
}

fn default_concurrency() -> i32 {
    4
}
