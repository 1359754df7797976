//! What a cluster does besides its API server, in one namespace and in this process.
//!
//! [`job_controller`] makes pods of Jobs and counts how they end; [`kubelet`] runs the command of a
//! pod as a local process and tells how it fares; [`garbage`] removes what belonged to an object that
//! is gone. Where the cluster has a real controller manager, that does the first and the last.

pub(crate) mod claims;
pub(crate) mod container;
pub(crate) mod environment;
mod exit_rules;
mod garbage;
mod indexes;
mod job_controller;
mod job_plan;
mod job_status;
mod kubelet;
mod pod_report;
mod pod_run;
pub(crate) mod processes;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::EvictParams;
use nix::sys::signal::Signal;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::namespace::Namespace;
use super::start::Controllers;
use processes::Processes;

/// Pods that the stand-in's only node takes: each signer has two connections to the database.
const CAPACITY: usize = 40;

/// The stand-ins of one namespace; they end, and their pods' processes with them, when this is
/// dropped.
pub struct StandIn {
    shared: Arc<Shared>,
    frozen: watch::Sender<bool>,
    namespace: String,
    _tasks: JoinSet<()>,
}

/// What the stand-ins of a namespace share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) processes: Processes,
    /// As many pods run at the same time as there are permits; others stay pending, unbound.
    pub(crate) capacity: Arc<Semaphore>,
    /// Variables of every container, beside its own.
    pub(crate) environment: Vec<(String, String)>,
    frozen: watch::Receiver<bool>,
}

impl Shared {
    pub(crate) fn api<K>(&self) -> kube::Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        kube::Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Waits while the cluster is frozen.
    pub(crate) async fn thawed(&self) {
        let mut frozen = self.frozen.clone();
        // The sender is gone only when everything ends.
        let _ = frozen.wait_for(|frozen| !frozen).await;
    }

    /// Waits before something is tried again.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl StandIn {
    /// Starts what the cluster lacks.
    ///
    /// # Errors
    ///
    /// When there is no folder for what pods write.
    pub fn start(namespace: &Namespace<'_>) -> anyhow::Result<Self> {
        Self::start_with(namespace, Vec::new())
    }

    /// The same, with variables that every container is given beside its own.
    ///
    /// # Errors
    ///
    /// When there is no folder for what pods write.
    pub fn start_with(namespace: &Namespace<'_>, environment: Vec<(String, String)>) -> anyhow::Result<Self> {
        let (frozen, is_frozen) = watch::channel(false);
        let folder = namespace.cluster.folder().join(format!("pods-{}", namespace.name));
        let shared = Arc::new(Shared {
            client: namespace.client.clone(),
            namespace: namespace.name.clone(),
            processes: Processes::new(folder)?,
            capacity: Arc::new(Semaphore::new(CAPACITY)),
            environment,
            frozen: is_frozen,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(kubelet::run(Arc::clone(&shared)));
        if namespace.cluster.controllers == Controllers::StandIn {
            tasks.spawn(job_controller::run(Arc::clone(&shared)));
            tasks.spawn(garbage::run(Arc::clone(&shared)));
        }
        Ok(Self { shared, frozen, namespace: namespace.name.clone(), _tasks: tasks })
    }

    /// The names of the pods whose process runs.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        self.shared.processes.running()
    }

    /// When the process of a pod ended; none if it did not.
    #[must_use]
    pub fn end_of(&self, pod: &str) -> Option<Timestamp> {
        self.shared.processes.end_of(pod)
    }

    /// Sends a signal to the process of a pod.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn signal(&self, pod: &str, signal: Signal) -> anyhow::Result<()> {
        self.shared.processes.signal(pod, signal)
    }

    /// Ends the process of a pod as the kernel does when memory runs out.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn kill(&self, pod: &str) -> anyhow::Result<()> {
        self.signal(pod, Signal::SIGKILL)
    }

    /// Evicts a pod, as a node that is drained does: it is deleted, with the condition
    /// `DisruptionTarget`.
    ///
    /// # Errors
    ///
    /// When the API server refuses.
    pub async fn evict(&self, pod: &str) -> anyhow::Result<()> {
        let pods = self.shared.api::<k8s_openapi::api::core::v1::Pod>();
        pods.evict(pod, &EvictParams::default()).await?;
        Ok(())
    }

    /// From now on nothing is reported and nothing is made, as if the nodes and the controllers were
    /// cut off; processes go on.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// Ends [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.frozen.send_replace(false);
    }

    /// What all pods have written, for a test that failed.
    #[must_use]
    pub fn logs(&self) -> String {
        format!("namespace {}\n{}", self.namespace, self.shared.processes.logs())
    }

    /// How many pods were started in all.
    #[must_use]
    pub fn started(&self) -> usize {
        self.shared.processes.started()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Shown by the test harness with the test that failed.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), self.logs().as_bytes());
        }
    }
}
