//! Payloads that are pushed over HTTP, as a person asks for them.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lease_duration::LeaseDuration;

/// Payloads that programs push over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpSource {
    /// Once so many records are admitted and not signed, more are refused with the status 429
    /// until some are signed. From 1 to 1000000000; 100000 unless given.
    #[serde(default = "default_max_pending")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_pending: i64,
}

/// When a batch that is not full is closed.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchingSpec {
    /// A batch that is not full is closed once this time has passed since its first record, such
    /// as 50ms, so that the record need not wait for others. From 1ms to 1h; 50ms unless given.
    #[serde(default = "default_period")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1ms') && duration(self) <= duration('1h')")
        .message("must be at least 1ms and at most 1h"))]
    pub period: LeaseDuration,
}

fn default_max_pending() -> i64 {
    100_000
}

fn default_period() -> LeaseDuration {
    LeaseDuration::new("50ms")
}

impl Default for HttpSource {
    fn default() -> Self {
        Self { max_pending: default_max_pending() }
    }
}

impl Default for BatchingSpec {
    fn default() -> Self {
        Self { period: default_period() }
    }
}
