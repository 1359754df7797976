//! Where the signed records of a run go, as a person asks for it.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::signing_policy::RetryStrategySpec;

mod http;
mod objects;
mod table;

pub use http::HttpSink;
pub use objects::{ObjectsSink, SinkFormat};
pub use table::TableSink;

/// One sink of signed records.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.objects), has(self.http), has(self.table)].filter(given, given).size() == 1")
        .message("needs exactly one of objects, http and table; name the bucket or the folder, the address, or the table that signed records are delivered to"),
    // The ledger counts up to 20 attempts.
    validation = Rule::new("!has(self.retryStrategy) || !has(self.retryStrategy.limit) || self.retryStrategy.limit <= 19")
        .message("must be at most 19 for a sink; give a greater backoff for more time")
        .field_path(".retryStrategy.limit"),
    validation = Rule::new("!has(self.retryStrategy) || !has(self.retryStrategy.backoff) || !has(self.retryStrategy.backoff.maxDuration) || duration(self.retryStrategy.backoff.maxDuration) <= duration('1h')")
        .message("must be at most 1h for a sink; give a greater limit for more time")
        .field_path(".retryStrategy.backoff.maxDuration"),
)]
pub struct SinkSpec {
    /// Name of the sink, unique within the run: lower-case letters, digits and hyphens, at
    /// most 63 characters.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// Objects of a store, or files of a folder: one per batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ObjectsSink")]
    pub objects: Option<ObjectsSink>,

    /// Requests over HTTP: one per batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "HttpSink")]
    pub http: Option<HttpSink>,

    /// Rows of a PostgreSQL table: one per record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TableSink")]
    pub table: Option<TableSink>,

    /// Whether a batch is delivered only once those before it are, or were given up. False unless given: batches are
    /// delivered as they are signed, several at a time.
    #[serde(default)]
    pub ordered: bool,

    /// How often, and when, a batch is offered again that the sink refused, with what is said there for each field unless it is given.
    /// Then it is a dead letter. Here limit is at most 19, and maxDuration at most 1h. That a sink cannot be reached does not count: it is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RetryStrategySpec")]
    pub retry_strategy: Option<RetryStrategySpec>,
}
