//! How often, and when, a record is judged again.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lease_duration::LeaseDuration;

/// How often, and when, a record is judged again for which a webhook gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryStrategySpec {
    /// How often it is tried again before it is a dead letter. From 0 to 20; 3 unless given.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 0, max = 20))]
    pub limit: i32,

    /// How long is waited in between.
    #[serde(default)]
    pub backoff: BackoffSpec,
}

/// How long is waited between two attempts.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("duration(has(self.maxDuration) ? self.maxDuration : '1m') >= duration(has(self.duration) ? self.duration : '2s')")
        .message("must not be below duration, which is 2s unless given")
        .field_path(".maxDuration"),
)]
pub struct BackoffSpec {
    /// Time before the first retry, from 1ms to 24h; 2s unless given.
    #[serde(default = "default_duration")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1ms') && duration(self) <= duration('24h')")
        .message("must be at least 1ms and at most 24h"))]
    pub duration: LeaseDuration,

    /// Each further time is so many times as long. From 1 to 10; 2 unless given.
    #[serde(default = "default_factor")]
    #[schemars(range(min = 1, max = 10))]
    pub factor: i32,

    /// The longest time, from 1ms to 24h; 1m unless given.
    #[serde(default = "default_max_duration")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1ms') && duration(self) <= duration('24h')")
        .message("must be at least 1ms and at most 24h"))]
    pub max_duration: LeaseDuration,

    /// The part of a time by which it is made longer or shorter at random, from 0 to 1, such as "0.2", which it is
    /// unless given.
    #[serde(default = "default_jitter")]
    #[schemars(length(min = 1, max = 8), regex(pattern = r"^(0|1|0\.[0-9]{1,6}|1\.0{1,6})$"))]
    pub jitter: String,
}

fn default_limit() -> i32 {
    3
}

fn default_duration() -> LeaseDuration {
    LeaseDuration::new("2s")
}

fn default_factor() -> i32 {
    2
}

fn default_max_duration() -> LeaseDuration {
    LeaseDuration::new("1m")
}

fn default_jitter() -> String {
    "0.2".to_owned()
}

impl Default for RetryStrategySpec {
    fn default() -> Self {
        Self { limit: default_limit(), backoff: BackoffSpec::default() }
    }
}

impl Default for BackoffSpec {
    fn default() -> Self {
        Self {
            duration: default_duration(),
            factor: default_factor(),
            max_duration: default_max_duration(),
            jitter: default_jitter(),
        }
    }
}
