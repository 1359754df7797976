//! Rows of a PostgreSQL query, as a person asks for them.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows of a PostgreSQL query.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.url) || has(self.urlSecretRef)")
        .message("give urlSecretRef, the Secret with the URL of the database, or, for `chancery run`, the URL itself, without a password")
        .field_path(".url"),
)]
pub struct TableSource {
    /// The database: `postgres://USER@HOST/DATABASE`, without a password. For `chancery run`, which
    /// takes the password from the file that PGPASSFILE names, or from `~/.pgpass`; a cluster
    /// wants urlSecretRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("!self.matches('^[A-Za-z]+://[^/?#@]*:[^/?#@]*@') && !self.matches('[?&]password=')")
        .message("must not hold a password; write it into the file that PGPASSFILE names, or the whole URL into a Secret that urlSecretRef names"))]
    pub url: Option<String>,

    /// The key of a Secret of the run's namespace that holds the URL of the database, with the
    /// password: `postgres://USER:PASSWORD@HOST/DATABASE`. `chancery run` has no Secrets, and takes url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretKeyRef")]
    pub url_secret_ref: Option<SecretKeyRef>,

    /// One SELECT, such as `SELECT id, payload FROM payments`.
    #[schemars(length(min = 1, max = 16_384))]
    pub query: String,

    /// The columns of the query by which rows are read in order: together unique, and never NULL.
    /// What only grows is best: a row that appears before what was read last is not read.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 63)))]
    pub order_by: Vec<String>,

    /// The column that is the payload, of bytes, text or JSON; without it, the row as canonical JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub payload: Option<String>,
}

/// A key of a Secret, in the namespace of the object that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// Key within it.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}
