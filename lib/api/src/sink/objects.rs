//! Objects of a store, or files, that signed records are written to, as a person asks for them.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::SecretRef;

/// Objects of a store, or files.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.format) || self.format != 'Parquet' || !has(self.layout) || !self.layout.endsWith('.gz')")
        .message("must not end with .gz for Parquet, which is compressed in itself; choose another end, such as .parquet")
        .field_path(".layout"),
)]
pub struct ObjectsSink {
    /// Below what objects are written: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, or
    /// `file:///FOLDER`. The bucket or the folder has to be there.
    #[schemars(length(min = 1, max = 1024))]
    pub url: String,

    /// `https://HOST` or `http://HOST:PORT` of a store that is not the cloud's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub endpoint: Option<String>,

    /// Region of a bucket of S3; us-east-1 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 64))]
    pub region: Option<String>,

    /// The Secret of the run's namespace with the credentials of the store, with the keys that a source of objects
    /// has. `chancery run` has no Secrets: it takes these names from its own environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub credentials_secret_ref: Option<SecretRef>,

    /// The PersistentVolumeClaim of the run's namespace that holds the files of a `file://`: on a
    /// cluster it is mounted at `/volumes/NAME`, and the url begins with `file:///volumes/NAME`. `chancery run` has no
    /// claims: it writes to the url on its own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 253),
        regex(pattern = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")
    )]
    pub volume_claim: Option<String>,

    /// What is in an object: NDJSON, a line of JSON for each record, or Parquet, a row for each. NDJSON unless given.
    #[serde(default)]
    pub format: SinkFormat,

    /// How objects are named below the url: a path with `{run}` and `{batch}`, and, if you like, `{namespace}` and `{sink}`. `{uid}`, the
    /// uid of the run, beside `{run}` or in its place, is for what several clusters share, or runs that are made anew under their names. The number
    /// of a batch has ten digits. With `.gz` at the end, lines are compressed. `{run}/{batch}.ndjson` unless given, or
    /// `{run}/{batch}.parquet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 256))]
    #[x_kube(
        validation = Rule::new("(self.contains('{run}') || self.contains('{uid}')) && self.contains('{batch}')")
            .message("must name {run} or {uid}, and {batch}, so that each batch of each run has a name of its own"),
        validation = Rule::new("self.matches('^([-A-Za-z0-9_.=/]|[{](namespace|run|uid|sink|batch)[}])+$')")
            .message("may have ASCII letters, digits, -_.=/ and, in braces, namespace, run, uid, sink and batch; leave out what else it has"),
        validation = Rule::new("!self.matches('(^|/)[.]{0,2}(/|$)')")
            .message("must be a path below the url; no part of it may be empty, . or .."),
    )]
    pub layout: Option<String>,
}

/// What is in an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SinkFormat {
    /// A line of JSON for each record.
    #[default]
    #[serde(rename = "NDJSON")]
    Ndjson,
    /// A row for each record.
    Parquet,
}
