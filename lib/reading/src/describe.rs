//! A source as its manifest describes it.

use serde::{Deserialize, Serialize};

use crate::error::FinalError;

/// Which objects: a folder of them, or one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Objects {
    /// `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. Of a prefix that names an object, that one.
    pub url: String,
    /// Which of them; all unless given. A pattern without `/` is held against the last part of a name, one with `/`
    /// against all of it below the url. `*` and `?` stop at a `/`, `**` does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Which of those are left out after all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// `http://` or `https://` of a store that is not the cloud's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Region of a bucket of S3; `us-east-1` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// What an object is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Format {
    /// Lines, whatever is in them.
    Lines {},
    /// One JSON value per line.
    #[serde(rename = "NDJSON")]
    Ndjson {},
    /// Rows of comma-separated values.
    #[serde(rename = "CSV", rename_all = "camelCase")]
    Csv {
        /// One ASCII character between two fields.
        #[serde(default = "comma")]
        delimiter: char,
        /// Whether the first row names the columns.
        #[serde(default = "yes")]
        header: bool,
    },
    /// Rows of Parquet files.
    Parquet {},
    /// CloudEvents in JSON.
    CloudEvents {
        /// How many an object holds.
        #[serde(default)]
        mode: EventMode,
    },
    /// Each object is one payload.
    Whole {},
}

impl Format {
    /// Looks for what the types leave open.
    ///
    /// # Errors
    ///
    /// [`FinalError::BadFormat`].
    pub fn check(&self) -> Result<(), FinalError> {
        match self {
            Self::Csv { delimiter, header: _ }
                if !delimiter.is_ascii() || matches!(delimiter, '"' | '\r' | '\n' | '\0') =>
            {
                Err(FinalError::BadFormat {
                    field: "delimiter",
                    given: delimiter.escape_debug().to_string(),
                    wanted: "one ASCII character that is neither a quote nor a line end",
                })
            }
            _ => Ok(()),
        }
    }
}

/// How many CloudEvents an object holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventMode {
    /// One per line.
    #[default]
    Lines,
    /// One.
    Single,
}

const fn comma() -> char {
    ','
}

const fn yes() -> bool {
    true
}
