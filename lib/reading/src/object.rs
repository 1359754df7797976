//! An object, and the version of it that is read.

use serde::{Deserialize, Serialize};

/// What tells one version of an object from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The store's own tag. Of a file: its inode, its time of modification in microseconds, and its size.
    pub e_tag: Option<String>,
    /// The store's own number of versions, where it says one.
    pub version: Option<String>,
    /// Bytes.
    pub size: u64,
    /// When it was written, by the clock of the store.
    pub modified: String,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.version, &self.e_tag) {
            (Some(version), _) => write!(f, "version {version}")?,
            (None, Some(e_tag)) => write!(f, "ETag {e_tag}")?,
            (None, None) => f.write_str("an untagged version")?,
        }
        write!(f, " ({} bytes, of {})", self.size, self.modified)
    }
}

/// One object in the version that was listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedObject {
    /// Its name in the store: the whole key of an S3 object, the path of a file from the root on.
    pub key: String,
    /// The version that is read.
    pub version: Version,
}

impl From<&object_store::ObjectMeta> for Version {
    fn from(meta: &object_store::ObjectMeta) -> Self {
        let object_store::ObjectMeta { location: _, last_modified, size, e_tag, version } = meta;
        Self {
            e_tag: e_tag.clone(),
            version: version.clone(),
            size: *size,
            modified: last_modified.to_rfc3339(),
        }
    }
}

/// How an object is compressed, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl PinnedObject {
    pub(crate) fn compression(&self) -> Compression {
        let ends = |ending: &str| {
            self.key.len() > ending.len()
                && self.key.as_bytes()[self.key.len() - ending.len()..]
                    .eq_ignore_ascii_case(ending.as_bytes())
        };
        if ends(".gz") || ends(".gzip") {
            Compression::Gzip
        } else if ends(".zst") || ends(".zstd") {
            Compression::Zstd
        } else {
            Compression::None
        }
    }
}
