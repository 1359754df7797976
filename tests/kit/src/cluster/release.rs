//! The chart, installed by the real `helm`.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, PodSpec, Secret};
use kube::api::{ListParams, ObjectMeta, PostParams};
use serde_json::{Value, json};
use tokio::process::Command;

use super::namespace::Namespace;
use super::{Controllers, hooks};
use crate::chancery::Ended;
use crate::helm::{Helm, chart};
use crate::ledger::{gateway_url, operator_url};

/// Name of the release, and so of most of what it makes.
const NAME: &str = "chancery";

/// The chart's objects in one namespace, which is also the only one that its operator watches.
///
/// Nothing makes pods of its Deployment: a test starts the operator itself, with the Deployment's
/// settings and the rights of its service account ([`OperatorProcess`](super::OperatorProcess)).
pub struct Release<'n> {
    /// Where it is installed.
    pub namespace: &'n Namespace<'n>,
}

impl<'n> Release<'n> {
    /// Installs the chart for a ledger, with an operator that owns nothing in it.
    ///
    /// # Errors
    ///
    /// When there is no `helm`, or when it fails.
    pub async fn install(namespace: &'n Namespace<'n>, ledger_url: &str) -> anyhow::Result<Self> {
        Self::install_allowing(namespace, ledger_url, &json!({})).await
    }

    /// The same, with what templates of runs may ask for: `signer.allowed` of the chart's values.
    ///
    /// # Errors
    ///
    /// When there is no `helm`, or when it fails.
    pub async fn install_allowing(
        namespace: &'n Namespace<'n>,
        ledger_url: &str,
        allowed: &Value,
    ) -> anyhow::Result<Self> {
        let database = give_url(namespace, ledger_url).await?;
        Self::install_with(namespace, &values(&database, allowed)).await
    }

    /// Installs the chart for a ledger with its owner's login alone: the operator is the owner.
    ///
    /// # Errors
    ///
    /// When there is no `helm`, or when it fails.
    pub async fn install_as_owner(namespace: &'n Namespace<'n>, ledger_url: &str) -> anyhow::Result<Self> {
        let mut database = give_url(namespace, ledger_url).await?;
        database["operatorUrlKey"] = "".into();
        Self::install_with(namespace, &values(&database, &json!({}))).await
    }

    /// Installs the chart with the given values and nothing else.
    ///
    /// # Errors
    ///
    /// When there is no `helm`, or when it fails.
    pub async fn install_with(namespace: &'n Namespace<'n>, values: &Value) -> anyhow::Result<Self> {
        let release = Self { namespace };
        release.helm("install", values).await?;
        Ok(release)
    }

    /// `helm upgrade` with the given values and nothing else.
    ///
    /// # Errors
    ///
    /// When `helm` fails.
    pub async fn upgrade(&self, values: &Value) -> anyhow::Result<()> {
        self.helm("upgrade", values).await
    }

    /// `helm uninstall`.
    ///
    /// # Errors
    ///
    /// When `helm` fails, or the Job before it.
    pub async fn uninstall(&self) -> anyhow::Result<()> {
        hooks::prepare_uninstall(self, NAME).await?;
        helm(self.namespace, &["uninstall", NAME, "--no-hooks"]).await?.expect_code(0)?;
        if self.namespace.cluster.controllers == Controllers::StandIn {
            // The Lease belongs to the operator's pod, which went with its Deployment: the garbage collector's work.
            let lease = ["delete", "lease", "chancery-operator", "--ignore-not-found"];
            self.namespace.kubectl().run(&lease).await?;
        }
        Ok(())
    }

    async fn helm(&self, what: &str, values: &Value) -> anyhow::Result<()> {
        let file = self.namespace.cluster.folder().join(format!("{}-values.json", self.namespace.name));
        std::fs::write(&file, values.to_string())?;
        let (chart, file) = (chart().display().to_string(), file.display().to_string());
        helm(self.namespace, &[what, NAME, &chart, "--no-hooks", "--values", &file]).await?.expect_code(0)?;
        hooks::make_secrets(self, NAME).await
    }

    /// A pod of a component as its Deployment wants it.
    pub(crate) async fn pod_of(&self, component: &str, name: &str) -> anyhow::Result<Pod> {
        let selector = ListParams::default().labels(&format!("app.kubernetes.io/component={component}"));
        let deployments = self.namespace.api::<Deployment>().list(&selector).await?;
        let template = deployments.items.into_iter().next().context("no Deployment")?.spec.template;
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.namespace.name.clone()),
            uid: Some(uuid::Uuid::new_v4().to_string()),
            ..template.metadata.unwrap_or_default()
        };
        Ok(Pod { metadata, spec: template.spec, status: None })
    }

    /// The kubeconfig of a service account that a pod names.
    pub(crate) async fn kubeconfig_of(&self, spec: &PodSpec) -> anyhow::Result<PathBuf> {
        let account = spec.service_account_name.as_deref().context("a pod without a service account")?;
        self.namespace.kubeconfig_for(account).await
    }

    /// Makes the Secret of a KEK, for a release that is told to use it.
    ///
    /// # Errors
    ///
    /// When the API server refuses.
    pub async fn give_kek(&self, name: &str, kek: &[u8]) -> anyhow::Result<()> {
        give(self.namespace, name, &[("kek", kek)]).await
    }

    /// The KEK that was made for the release.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn kek(&self) -> anyhow::Result<Vec<u8>> {
        let secret = self.namespace.api::<Secret>().get(&format!("{NAME}-kek")).await?;
        let kek = secret.data.and_then(|mut data| data.remove("kek")).context("no KEK")?;
        Ok(kek.0)
    }
}

fn values(database: &Value, allowed: &Value) -> Value {
    json!({
        // The cluster has them, for all tests.
        "crds": {"install": false},
        "rbac": {"aggregate": false},
        "database": database,
        "operator": {"replicas": 1},
        "signer": {"allowed": allowed},
    })
}

/// Makes a Secret with the URLs of a ledger's owner, of an operator that owns nothing, and of a gateway: the values `database`
/// that name it.
///
/// # Errors
///
/// When the API server refuses.
pub async fn give_url(namespace: &Namespace<'_>, url: &str) -> anyhow::Result<Value> {
    let (operator, gateway) = (operator_url(url)?, gateway_url(url)?);
    let urls = [("owner-url", url), ("operator-url", &operator), ("gateway-url", &gateway)];
    give(namespace, "ledger", &urls.map(|(key, url)| (key, url.as_bytes()))).await?;
    Ok(json!({"existingSecret": "ledger", "operatorUrlKey": "operator-url", "gatewayUrlKey": "gateway-url"}))
}

async fn give(namespace: &Namespace<'_>, name: &str, data: &[(&str, &[u8])]) -> anyhow::Result<()> {
    let data = data.iter().map(|&(key, value)| (key.to_owned(), ByteString(value.to_owned()))).collect();
    let secret = Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        data: Some(data),
        ..Secret::default()
    };
    namespace.api::<Secret>().create(&PostParams::default(), &secret).await?;
    Ok(())
}

/// Runs `helm` as administrator in a namespace.
///
/// # Errors
///
/// When there is none.
pub async fn helm(namespace: &Namespace<'_>, arguments: &[&str]) -> anyhow::Result<Ended> {
    let helm = Helm::find().context("no helm: scripts/setup.sh --helm")?;
    let child = Command::from(helm.command())
        .arg("--kubeconfig")
        .arg(namespace.cluster.kubeconfig())
        .args(["--namespace", &namespace.name])
        .args(arguments)
        .env("HOME", namespace.cluster.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    Ended::of(child).await
}
