//! A namespace of one's own for a test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, ServiceAccount};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::kubeconfig;
use super::kubectl::Kubectl;
use super::start::Cluster;

/// A namespace that no other test knows.
pub struct Namespace<'c> {
    /// Where it is.
    pub cluster: &'c Cluster,
    /// Its name.
    pub name: String,
    /// A client as administrator.
    pub client: kube::Client,
}

impl<'c> Namespace<'c> {
    pub(crate) async fn create(cluster: &'c Cluster, name: &str) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let client = cluster.client().await?;
        let namespace: NamespaceObject = serde_json::from_value(json!({
            "metadata": {
                "name": name,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }))?;
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        Ok(Self { cluster, name, client })
    }

    /// `kubectl` as administrator.
    #[must_use]
    pub fn kubectl(&self) -> Kubectl {
        self.cluster.kubectl(&self.name)
    }

    /// Objects of a kind, as administrator.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// The kubeconfig of a service account: what it may do is what was granted to it.
    ///
    /// # Errors
    ///
    /// When there is no such account.
    pub async fn kubeconfig_for(&self, service_account: &str) -> anyhow::Result<PathBuf> {
        let spec = TokenRequestSpec { expiration_seconds: Some(86_400), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let granted = self
            .api::<ServiceAccount>()
            .create_token_request(service_account, &PostParams::default(), &request)
            .await?;
        let token = granted.status.and_then(|status| status.token).unwrap_or_default();
        let file = self.cluster.folder().join(format!("{}-{service_account}.kubeconfig", self.name));
        kubeconfig::write_for(&file, &self.cluster.kubeconfig(), &token)?;
        Ok(file)
    }
}
