//! A real API server for a test process, and all that a cluster needs for a run besides: stand-ins
//! for the Job controller, the garbage collector and the kubelet, `kubectl`, and the operator.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use chancery_kit::cluster::Cluster;
//!
//! let Some(cluster) = Cluster::shared() else { return Ok(()) };
//! let namespace = cluster.namespace("demo").await?;
//! namespace.kubectl().apply("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a").await?;
//! # Ok(()) }
//! ```
//!
//! `etcd` and `kube-apiserver` are those of the folder that `KUBEBUILDER_ASSETS` names, as for
//! envtest. Without it there is no cluster, and a test that needs one ends at once and says so.

mod api_server;
mod assets;
mod gateway;
mod home;
mod hooks;
mod installed;
mod kubeconfig;
mod kubectl;
mod namespace;
mod operator;
mod release;
mod run_in_cluster;
pub mod schema_walk;
pub(crate) mod server_process;
mod stand_in;
mod start;
mod tenant;

pub use gateway::GatewayProcess;
pub use installed::Installed;
pub use kubectl::Kubectl;
pub use namespace::Namespace;
pub use operator::{OperatorOptions, OperatorProcess};
pub use release::{Release, give_url, helm};
pub use run_in_cluster::{ClusterRun, condition, condition_is};
pub use stand_in::StandIn;
pub use start::{Cluster, Controllers};
pub use tenant::let_edit;
