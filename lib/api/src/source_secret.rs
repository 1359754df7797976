//! What of its namespace a source needs on a cluster.

use crate::source::SourceSpec;

/// The file, in the folder of a source, with the URL of its database.
pub const TABLE_URL: &str = "url";

/// A Secret that a source is read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSecret<'a> {
    /// The field that names it.
    pub field: &'static str,
    /// Its name.
    pub name: &'a str,
    /// The one key that is needed, and the file that it becomes; none when all are.
    pub key: Option<(&'a str, &'static str)>,
}

impl SourceSpec {
    /// The Secret that the source is read with, if it names one.
    #[must_use]
    pub fn secret(&self) -> Option<SourceSecret<'_>> {
        if let Some(url) = self.table.as_ref().and_then(|table| table.url_secret_ref.as_ref()) {
            let key = Some((url.key.as_str(), TABLE_URL));
            return Some(SourceSecret { field: "table.urlSecretRef", name: &url.name, key });
        }
        let secret = self.objects.as_ref()?.credentials_secret_ref.as_ref()?;
        Some(SourceSecret { field: "objects.credentialsSecretRef", name: &secret.name, key: None })
    }

    /// The PersistentVolumeClaim that holds its files, if it names one.
    #[must_use]
    pub fn volume_claim(&self) -> Option<&str> {
        self.objects.as_ref()?.volume_claim.as_deref()
    }
}
