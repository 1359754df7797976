//! A database URL on its way from the command line.

use super::LedgerUrl;
use crate::error::StoreError;

/// A database URL as it was given, not read yet: what reads command lines would repeat one that it can
/// not read, password and all.
#[derive(Clone)]
pub struct GivenUrl(String);

impl std::fmt::Debug for GivenUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenUrl")
    }
}

impl From<String> for GivenUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl GivenUrl {
    /// The text of it, for a program that is started: in its environment, which only its user can read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadUrl`], without repeating the URL.
    pub fn read(&self) -> Result<LedgerUrl, StoreError> {
        self.0.parse()
    }
}
