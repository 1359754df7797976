//! Behind which row reading goes on.

use serde::{Deserialize, Serialize};

use crate::table_error::TableError;

/// The most bytes of a key.
const MAX_KEY: usize = 16 * 1024;

/// The values of the `orderBy` columns of one row: a JSON array of strings, each as PostgreSQL prints the value. It may
/// be stored as text or as `jsonb`: white space in it means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowKey(String);

impl RowKey {
    /// A key that was stored.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is to be stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(values: &[String]) -> Result<Self, TableError> {
        // Strings are always written.
        let text = serde_json::to_string(values).unwrap_or_default();
        if text.len() > MAX_KEY { Err(TableError::KeyTooLong { limit: MAX_KEY }) } else { Ok(Self(text)) }
    }

    pub(crate) fn values(&self, wanted: usize) -> Result<Vec<String>, TableError> {
        let values: Vec<String> = serde_json::from_str(&self.0).map_err(|_| TableError::BadKey { wanted })?;
        let fits = values.len() == wanted && values.iter().all(|value| !value.contains('\0'));
        if fits { Ok(values) } else { Err(TableError::BadKey { wanted }) }
    }
}
