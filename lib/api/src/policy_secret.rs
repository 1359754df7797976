//! What of its namespace a policy needs on a cluster.

use crate::signing_policy::SigningPolicySpec;
use crate::source_secret::TABLE_URL;

/// The key of a Secret, and the file, with the key by which requests to a webhook are signed.
pub const WEBHOOK_SECRET: &str = "secret";

/// A Secret with which a webhook is called, or a lookup asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySecret<'a> {
    /// The field that names it.
    pub field: String,
    /// The folder that it becomes, beside those of sources: no source has a dot in its name.
    pub folder: String,
    /// Its name.
    pub name: &'a str,
    /// The one key that is needed, and the file that it becomes; none when all are.
    pub key: Option<(&'a str, &'static str)>,
}

/// The folder with what a webhook needs.
#[must_use]
pub fn webhook_folder(name: &str) -> String {
    format!("webhook.{name}")
}

/// The folder with what a lookup needs.
#[must_use]
pub fn lookup_folder(name: &str) -> String {
    format!("lookup.{name}")
}

impl SigningPolicySpec {
    /// The Secrets that the policy names.
    pub fn secrets(&self) -> impl Iterator<Item = PolicySecret<'_>> {
        let webhooks = self.webhooks.iter().filter_map(|hook| {
            let (field, folder) = (format!("webhook {}: secretRef", hook.name), webhook_folder(&hook.name));
            let name = &hook.secret_ref.as_ref()?.name;
            Some(PolicySecret { field, folder, name, key: None })
        });
        let lookups = self.lookups.iter().filter_map(|lookup| {
            let (field, folder) =
                (format!("lookup {}: query.urlSecretRef", lookup.name), lookup_folder(&lookup.name));
            let url = &lookup.query.as_ref()?.url_secret_ref;
            Some(PolicySecret { field, folder, name: &url.name, key: Some((&url.key, TABLE_URL)) })
        });
        webhooks.chain(lookups)
    }
}
