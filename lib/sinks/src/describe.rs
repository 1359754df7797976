//! What the ledger keeps of a sink: no secret, and no name of one.

use chancery_api::BackoffSpec;
use serde::{Deserialize, Serialize};

/// A sink, as a run is made with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Kept", into = "Kept")]
pub struct PinnedSink {
    /// Where signed records go.
    pub kind: SinkDescription,
    /// How long a batch is left alone that the sink refused.
    pub backoff: BackoffSpec,
}

/// Where signed records go, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkDescription {
    /// Objects of a store, or files of a folder: one per batch.
    Objects(ObjectsOfSink),
    /// Requests to a service: one per batch.
    Http(HttpOfSink),
    /// Rows of a PostgreSQL table: one per record.
    Table(TableOfSink),
}

/// Objects of a store, or files of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectsOfSink {
    /// `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. All of it has to exist but the prefix.
    pub url: String,
    /// `http://` or `https://` of a store that is not the cloud's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Region of a bucket of S3; `us-east-1` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What is in an object.
    #[serde(default)]
    pub format: ContentFormat,
    /// How objects are named below the url: see `Layout`.
    #[serde(default = "layout_of_lines")]
    pub layout: String,
}

/// What is in an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentFormat {
    /// A line of JSON for each record.
    #[default]
    #[serde(rename = "NDJSON")]
    Ndjson,
    /// A row for each record.
    Parquet,
}

/// A service that is sent each batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpOfSink {
    /// `https://`, or `http://` of the same machine.
    pub url: String,
    /// Whether the manifest names what requests are signed with, or carry: without that, none is sent.
    #[serde(default)]
    pub signed: bool,
}

/// A PostgreSQL table with a row for each record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableOfSink {
    /// The URL of its database, without a password, where the manifest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its schema and its name, with a dot in between.
    pub table: String,
}

/// A notification, as a run is made with it: without any secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum NotificationDescription {
    /// A service that is told of each event.
    Http(HttpOfNotification),
}

/// A service that is told of each event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpOfNotification {
    /// `https://`, or `http://` of the same machine.
    pub url: String,
    /// Whether requests are signed: without the key, none is sent.
    #[serde(default)]
    pub signed: bool,
}

impl ContentFormat {
    /// How objects are named where nobody says it.
    #[must_use]
    pub const fn layout(self) -> &'static str {
        match self {
            Self::Ndjson => "{run}/{batch}.ndjson",
            Self::Parquet => "{run}/{batch}.parquet",
        }
    }
}

fn layout_of_lines() -> String {
    ContentFormat::Ndjson.layout().to_owned()
}

/// The form in the ledger: one of the kinds, and what all of them have.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    objects: Option<ObjectsOfSink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http: Option<HttpOfSink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<TableOfSink>,
    #[serde(default)]
    backoff: BackoffSpec,
}

impl TryFrom<Kept> for PinnedSink {
    type Error = &'static str;

    fn try_from(Kept { objects, http, table, backoff }: Kept) -> Result<Self, Self::Error> {
        let kind = match (objects, http, table) {
            (Some(objects), None, None) => SinkDescription::Objects(objects),
            (None, Some(http), None) => SinkDescription::Http(http),
            (None, None, Some(table)) => SinkDescription::Table(table),
            _ => return Err("it is not exactly one of objects, http and table"),
        };
        Ok(Self { kind, backoff })
    }
}

impl From<PinnedSink> for Kept {
    fn from(PinnedSink { kind, backoff }: PinnedSink) -> Self {
        let kept = Self { objects: None, http: None, table: None, backoff };
        match kind {
            SinkDescription::Objects(objects) => Self { objects: Some(objects), ..kept },
            SinkDescription::Http(http) => Self { http: Some(http), ..kept },
            SinkDescription::Table(table) => Self { table: Some(table), ..kept },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn what_is_left_out_has_a_default_and_what_is_unknown_is_refused() {
        let sink: PinnedSink = from_value(json!({"objects": {"url": "file:///out"}})).expect("a sink");
        let whole = json!({
            "objects": {"url": "file:///out", "format": "NDJSON", "layout": "{run}/{batch}.ndjson"},
            "backoff": {"duration": "2s", "factor": 2, "maxDuration": "1m", "jitter": "0.2"},
        });
        assert_eq!(to_value(&sink).expect("JSON"), whole);
        assert_eq!(from_value::<PinnedSink>(whole).expect("a sink"), sink);
        for other in [
            json!({"http": {"url": "https://host"}, "backoff": {"duration": "1s"}}),
            json!({"table": {"table": "public.signed"}}),
        ] {
            let sink: PinnedSink = from_value(other).expect("a sink");
            assert_eq!(from_value::<PinnedSink>(to_value(&sink).expect("JSON")).expect("a sink"), sink);
        }
        for unknown in [
            json!({"objects": {"url": "file:///out", "format": "CSV"}}),
            json!({"objects": {"url": "file:///out", "include": []}}),
            json!({"objects": {}}),
            json!({}),
            json!({"http": {"url": "https://host"}, "table": {"table": "public.signed"}}),
            json!({"http": {"url": "https://host", "secretRef": {"name": "key"}}}),
            json!({"queue": {"url": "https://host"}}),
        ] {
            assert!(from_value::<PinnedSink>(unknown.clone()).is_err(), "{unknown}");
        }
    }
}
