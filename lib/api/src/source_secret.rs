//! What of its namespace a source needs on a cluster.

use crate::source::SourceSpec;

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
        let secret = self.objects.as_ref()?.credentials_secret_ref.as_ref()?;
        Some(SourceSecret { field: "objects.credentialsSecretRef", name: &secret.name, key: None })
    }

    /// The PersistentVolumeClaim that holds its files, if it names one.
    #[must_use]
    pub fn volume_claim(&self) -> Option<&str> {
        self.objects.as_ref()?.volume_claim.as_deref()
    }
}
