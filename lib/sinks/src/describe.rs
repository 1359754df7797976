//! What is said of a sink, in the ledger and in a manifest.

use serde::{Deserialize, Serialize};

/// Where signed records go, by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum SinkDescription {
    /// Objects of a store, or files of a folder: one per batch.
    Objects(ObjectsOfSink),
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
    #[serde(default = "default_layout")]
    pub layout: String,
}

/// What is in an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentFormat {
    /// A line of JSON for each record.
    #[default]
    #[serde(rename = "NDJSON")]
    Ndjson,
}

fn default_layout() -> String {
    "{run}/{batch}.ndjson".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn what_is_left_out_has_a_default_and_what_is_unknown_is_refused() {
        let sink: SinkDescription = from_value(json!({"objects": {"url": "file:///out"}})).expect("a sink");
        let whole =
            json!({"objects": {"url": "file:///out", "format": "NDJSON", "layout": "{run}/{batch}.ndjson"}});
        assert_eq!(to_value(&sink).expect("JSON"), whole);
        assert_eq!(from_value::<SinkDescription>(whole).expect("a sink"), sink);
        for unknown in [
            json!({"objects": {"url": "file:///out", "format": "Parquet"}}),
            json!({"objects": {"url": "file:///out", "include": []}}),
            json!({"objects": {}}),
            json!({"http": {"url": "https://host"}}),
        ] {
            assert!(from_value::<SinkDescription>(unknown.clone()).is_err(), "{unknown}");
        }
    }
}
