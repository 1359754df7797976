//! What of its namespace a sink needs on a cluster.

use crate::sink::SinkSpec;
use crate::source_secret::{SourceSecret, TABLE_URL};

impl SinkSpec {
    /// The Secret that the sink is written to with, if it names one. Its files are in a folder of the sink's name.
    #[must_use]
    pub fn secret(&self) -> Option<SourceSecret<'_>> {
        if let Some(url) = self.table.as_ref().and_then(|table| table.url_secret_ref.as_ref()) {
            let key = Some((url.key.as_str(), TABLE_URL));
            return Some(SourceSecret { field: "table.urlSecretRef", name: &url.name, key });
        }
        if let Some(secret) = self.http.as_ref().and_then(|http| http.secret_ref.as_ref()) {
            return Some(SourceSecret { field: "http.secretRef", name: &secret.name, key: None });
        }
        let secret = self.objects.as_ref()?.credentials_secret_ref.as_ref()?;
        Some(SourceSecret { field: "objects.credentialsSecretRef", name: &secret.name, key: None })
    }

    /// The PersistentVolumeClaim that its files are written to, if it names one.
    #[must_use]
    pub fn volume_claim(&self) -> Option<&str> {
        self.objects.as_ref()?.volume_claim.as_deref()
    }
}
