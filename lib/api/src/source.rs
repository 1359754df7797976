//! Where a run's payloads come from, and what becomes of them, as a person asks for it.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lease_duration::LeaseDuration;

mod http;
mod idempotency;
mod table;

pub use http::{BatchingSpec, HttpSource};
pub use idempotency::{EVENT_IDENTITY, IdempotencyBy, IdempotencySpec};
pub use table::{SecretKeyRef, TableSource};

/// One source of payloads.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.objects), has(self.table), has(self.run), has(self.http)].filter(given, given).size() == 1")
        .message("needs exactly one of objects, table, run and http; name the objects or the rows that are read, or the run that is read again, or give `http: {}` for what is pushed"),
    validation = Rule::new("has(self.objects) == has(self.format)")
        .message("belongs to objects, which need it, and to nothing else")
        .field_path(".format"),
)]
pub struct SourceSpec {
    /// Name of the source, unique within the run: lower-case letters, digits and hyphens, at
    /// most 63 characters. Each arrival names its source.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// The objects that are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ObjectsSource")]
    pub objects: Option<ObjectsSource>,

    /// What the objects are made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SourceFormat")]
    pub format: Option<SourceFormat>,

    /// The rows of a PostgreSQL query that are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TableSource")]
    pub table: Option<TableSource>,

    /// Another run of this namespace, which is read again once it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RunSource")]
    pub run: Option<RunSource>,

    /// Payloads that are pushed over HTTP, to the gateway of a cluster or to `chancery serve`: `http: {}`. It is
    /// the only source of its run, which is sealed by a call, or once it has recordCount records. A
    /// cluster without a gateway refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "HttpSource")]
    pub http: Option<HttpSource>,

    /// Whether somebody is told of each of its records, once that is signed: by an event `record.signed`, which a notification
    /// has to list. False unless given.
    #[serde(default)]
    pub confirm: bool,
}

/// Another run, that is read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunSource {
    /// Name of the run.
    #[schemars(length(min = 1, max = 52), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// What of it: DeadLetters, whose payload is the bytes that were kept; All, its records
    /// and then its dead letters; or Rejected, what a policy refused.
    /// DeadLetters unless given.
    #[serde(default)]
    pub select: ReplaySelect,
}

/// What of another run is read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReplaySelect {
    /// Its records, then its dead letters.
    All,
    /// Its dead letters.
    #[default]
    DeadLetters,
    /// What it rejected.
    Rejected,
}

/// Objects of a store, or files.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectsSource {
    /// A folder of objects, or one: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, or
    /// `file:///FOLDER`.
    #[schemars(length(min = 1, max = 1024))]
    pub url: String,

    /// Which objects are read; all unless given. A pattern without `/` is held against the
    /// last part of a name, one with `/` against all of it below the url. `*` and `?` stop at
    /// a `/`, `**` does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)))]
    pub include: Vec<String>,

    /// Which of those are left out after all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)))]
    pub exclude: Vec<String>,

    /// `https://HOST` or `http://HOST:PORT` of a store that is not the cloud's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub endpoint: Option<String>,

    /// Region of a bucket of S3; us-east-1 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 64))]
    pub region: Option<String>,

    /// The Secret of the run's namespace with the credentials of the store. For `s3://`:
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for keys that are for a time only,
    /// AWS_SESSION_TOKEN. For `gs://`: GOOGLE_SERVICE_ACCOUNT_KEY, the JSON key of a service account.
    /// For `az://`: AZURE_STORAGE_ACCOUNT and either AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN. For each,
    /// ca.crt, the certificates in PEM of the authorities that vouch for the endpoint, in the place of the public ones. Without it,
    /// requests are not signed. `chancery run` has no Secrets: it takes these names from its own
    /// environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub credentials_secret_ref: Option<SecretRef>,

    /// The PersistentVolumeClaim of the run's namespace that holds the files of a `file://`: on a
    /// cluster it is mounted, for reading only, at `/volumes/NAME`, and the url begins with
    /// `file:///volumes/NAME`. `chancery run` has no claims: it reads the url on its own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 253),
        regex(pattern = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")
    )]
    pub volume_claim: Option<String>,
}

/// A Secret, by its name in the namespace of the object that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// What objects are made of.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.type == 'CSV' || !has(self.delimiter)")
        .message("applies to the format CSV only; leave it out")
        .field_path(".delimiter"),
    validation = Rule::new("self.type == 'CSV' || !has(self.header)")
        .message("applies to the format CSV only; leave it out")
        .field_path(".header"),
    validation = Rule::new("self.type == 'CloudEvents' || !has(self.mode)")
        .message("applies to the format CloudEvents only; leave it out")
        .field_path(".mode"),
)]
pub struct SourceFormat {
    /// Lines (each line is a payload, as given), NDJSON (the same, and has to be one JSON
    /// value), CSV or Parquet (each row is a payload, as canonical JSON), CloudEvents (each
    /// event, as given) or Whole (each object is one payload).
    pub r#type: FormatType,

    /// CSV: one ASCII character between two fields; a comma unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1))]
    pub delimiter: Option<String>,

    /// CSV: whether the first row names the columns; true unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub header: Option<bool>,

    /// CloudEvents: whether an object holds one event (Single) or one per line (Lines). Lines
    /// unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "EventMode")]
    pub mode: Option<EventMode>,
}

/// A format of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FormatType {
    /// Lines, whatever is in them.
    Lines,
    /// One JSON value per line.
    #[serde(rename = "NDJSON")]
    Ndjson,
    /// Rows of comma-separated values.
    #[serde(rename = "CSV")]
    Csv,
    /// Rows of Parquet files.
    Parquet,
    /// CloudEvents in JSON.
    CloudEvents,
    /// Each object is one payload.
    Whole,
}

/// How many CloudEvents an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EventMode {
    /// One per line.
    Lines,
    /// One.
    Single,
}

/// What becomes of arrivals that cannot become records.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterSpec {
    /// How long their bytes are kept, such as 336h; 336h (14 days) unless given, at most 87600h.
    /// What they were, where and why stays as long as the run.
    #[serde(default = "default_retention")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('87600h')")
        .message("must be at least 1s and at most 87600h"))]
    pub retention: LeaseDuration,

    /// More of them than this suspend the run; a greater value lets it go on. From 0 to
    /// 1000000000; 1000 unless given.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub limit: i64,
}

fn default_retention() -> LeaseDuration {
    LeaseDuration::new("336h")
}

fn default_limit() -> i64 {
    1_000
}

impl Default for DeadLetterSpec {
    fn default() -> Self {
        Self { retention: default_retention(), limit: default_limit() }
    }
}
