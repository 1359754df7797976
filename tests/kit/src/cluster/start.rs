//! The cluster of a test process.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::api_server::{self, Servers};
use super::assets::Assets;
use super::home::Home;
use super::kubectl::Kubectl;
use super::namespace::Namespace;
use crate::helm::Helm;

/// Who acts on Jobs and on owners that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controllers {
    /// [`StandIn`](super::StandIn), in the test's own process: no pauses, and faults on purpose.
    StandIn,
    /// The real `kube-controller-manager`, where the folder of the programs has one.
    Real,
}

/// A real API server with its storage, on loopback ports.
#[derive(Debug)]
pub struct Cluster {
    // Before the folder, which they use.
    _servers: Servers,
    pub(crate) controllers: Controllers,
    home: Home,
}

impl Cluster {
    /// A cluster of one's own, for a test that does to it what others must not feel. None, with a
    /// line that says why, where there are no programs for it.
    ///
    /// # Panics
    ///
    /// When the programs are there and do not start.
    #[must_use]
    pub fn start(controllers: Controllers) -> Option<Self> {
        let cluster = Self::bare(controllers)?;
        cluster.install_crds().unwrap_or_else(|error| panic!("the CRDs are refused: {error:#}"));
        Some(cluster)
    }

    /// The same without any CRD.
    ///
    /// # Panics
    ///
    /// When the programs are there and do not start.
    #[must_use]
    pub fn bare(controllers: Controllers) -> Option<Self> {
        let assets = match Assets::find() {
            Ok(assets) => assets,
            Err(why) => return skip(&why),
        };
        if controllers == Controllers::Real && assets.controller_manager.is_none() {
            return skip("KUBEBUILDER_ASSETS holds no kube-controller-manager");
        }
        let home = Home::claim().expect("a folder for the cluster");
        let servers = api_server::start(&assets, home.path(), controllers == Controllers::Real)
            .unwrap_or_else(|error| panic!("no cluster: {error:#}"));
        Some(Self { _servers: servers, controllers, home })
    }

    /// The cluster that all tests of this process share; each has a [`Namespace`] of its own.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
        CLUSTER.get_or_init(|| Self::start(Controllers::StandIn)).as_ref()
    }

    /// The same, for a test that installs the chart: none, with a line that says why, where there is no
    /// `helm` either.
    #[must_use]
    pub fn with_chart() -> Option<&'static Self> {
        static HAS_HELM: OnceLock<bool> = OnceLock::new();
        Self::shared().filter(|_| *HAS_HELM.get_or_init(|| Helm::find().is_some()))
    }

    /// A folder for the test's own files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder().join("kubeconfig")
    }

    /// `kubectl` as administrator in a namespace.
    #[must_use]
    pub fn kubectl(&self, namespace: &str) -> Kubectl {
        Kubectl {
            kubeconfig: self.kubeconfig(),
            namespace: namespace.to_owned(),
            cache: self.folder().join("kubectl"),
            folder: None,
        }
    }

    /// A client as administrator. It belongs to the runtime that calls this.
    ///
    /// # Errors
    ///
    /// When the kubeconfig cannot be used.
    pub async fn client(&self) -> anyhow::Result<kube::Client> {
        client_of(&self.kubeconfig()).await
    }

    /// A new namespace in which every pod has to meet the restricted Pod Security Standard.
    ///
    /// # Errors
    ///
    /// When the API server refuses.
    pub async fn namespace(&self, name: &str) -> anyhow::Result<Namespace<'_>> {
        Namespace::create(self, name).await
    }

    /// The generated definitions, as they are in `crds/`.
    /// Installs the CRDs, or brings them up to date.
    ///
    /// # Errors
    ///
    /// When they are refused.
    pub fn install_crds(&self) -> anyhow::Result<()> {
        let crds = project().join("crds");
        let kubectl = |arguments: &[&str]| {
            let output = std::process::Command::new("kubectl")
                .arg("--kubeconfig")
                .arg(self.kubeconfig())
                .args(arguments)
                .env("HOME", self.folder())
                .output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow::ensure!(output.status.success(), "kubectl {arguments:?}: {said}");
            Ok(())
        };
        kubectl(&["apply", "--server-side", "--filename", &crds.display().to_string()])?;
        let wait = ["wait", "--for=condition=Established", "--timeout=60s"];
        kubectl(&[&wait[..], &["crd/signingruns.chancery.dev", "crd/signingpolicies.chancery.dev"]].concat())
    }
}

/// The folder of the project.
pub(crate) fn project() -> PathBuf {
    let kit = Path::new(env!("CARGO_MANIFEST_DIR"));
    kit.ancestors().nth(2).unwrap_or(kit).to_owned()
}

pub(crate) async fn client_of(kubeconfig: &Path) -> anyhow::Result<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

fn skip<T>(why: &str) -> Option<T> {
    use std::io::Write as _;
    // Past the capture of the test harness: a test that passes shows nothing else.
    let _ = writeln!(std::io::stdout(), "skipped: {why}");
    None
}
