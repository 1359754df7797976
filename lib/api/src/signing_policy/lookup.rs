//! Tables that expressions read.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::SecretKeyRef;

/// One table of keys and values.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.configMapRef) != has(self.query)")
        .message("needs exactly one of configMapRef and query")
        .field_path(".configMapRef"),
)]
pub struct LookupSpec {
    /// Name of the table in expressions: lower-case letters, digits and hyphens.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// The ConfigMap that is the table. Its data is kept with the policy's version: a run reads it as it was when the
    /// run began. A value that is JSON is read as JSON, every other one is a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ConfigMapRef")]
    pub config_map_ref: Option<ConfigMapRef>,

    /// A query of PostgreSQL that is asked for each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "QueryLookup")]
    pub query: Option<QueryLookup>,
}

/// A ConfigMap, by its name in the namespace of the object that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapRef {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// A query that is asked for each key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryLookup {
    /// The key of a Secret of the policy's namespace that holds the URL of the database, with the password.
    pub url_secret_ref: SecretKeyRef,

    /// One SELECT with the parameter `$1`, the key as text, that gives one row of one column at the most, such as
    /// `SELECT market FROM merchants WHERE id = $1`.
    #[schemars(length(min = 1, max = 16_384))]
    pub sql: String,
}
