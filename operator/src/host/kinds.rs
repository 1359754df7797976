//! Whether the API server knows the kind that is reconciled. Without its CRD a watch fails with "404 page not found", which
//! names nothing.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use kube::Client;

/// How often the API server is asked.
const INTERVAL: Duration = Duration::from_secs(5);

/// A kind that the API server should know.
pub(crate) struct KindWatch {
    client: Client,
    /// Group and version.
    version: &'static str,
    /// Its name in the plural.
    plural: &'static str,
    /// Why nothing can be done with it, if that is so.
    missing: Mutex<Option<String>>,
}

impl KindWatch {
    /// Takes it for known until it was asked.
    pub(crate) fn new(client: Client, version: &'static str, plural: &'static str) -> Self {
        Self { client, version, plural, missing: Mutex::new(None) }
    }

    /// Why nothing can be done with it.
    ///
    /// # Errors
    ///
    /// The API server does not know it.
    pub(crate) fn known(&self) -> Result<(), String> {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.clone().map_or(Ok(()), Err)
    }

    /// Asks the API server every few seconds, for ever.
    pub(crate) async fn keep(&self) {
        loop {
            self.look().await;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn look(&self) {
        let is_known = match self.client.list_api_group_resources(self.version).await {
            Ok(list) => list.resources.iter().any(|resource| resource.name == self.plural),
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            // Whether it answers at all, and lets itself be asked, is told elsewhere.
            Err(_) => return,
        };
        let group = self.version.split('/').next().unwrap_or_default();
        let found = (!is_known).then(|| {
            format!(
                "the API server does not know {}.{group}: its CRD was deleted, or never installed; `helm upgrade` installs it with crds.install=true, and so does `kubectl apply --server-side --filename crds/`",
                self.plural
            )
        });
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*missing, &found) {
            (None, Some(why)) => tracing::error!("{why}"),
            (Some(_), None) => tracing::info!("the API server knows {}.{group}", self.plural),
            _ => {}
        }
        *missing = found;
    }
}
