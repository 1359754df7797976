//! SigningRuns: observe → decide → build → apply → update the status.

pub(crate) mod allowed;
pub(crate) mod apply;
pub(crate) mod build;
pub(crate) mod context;
pub(crate) mod controller;
pub(crate) mod decide;
pub(crate) mod error;
pub(crate) mod facts;
pub(crate) mod key_files;
pub(crate) mod metrics;
pub(crate) mod observe;
pub(crate) mod progress;
pub(crate) mod reconcile;
pub(crate) mod rotating;
pub(crate) mod slim;
pub(crate) mod standing;
pub(crate) mod stating;
pub(crate) mod unreadable;
pub(crate) mod update_status;
pub(crate) mod watched;

pub use allowed::Allowed;
pub use build::job::job;
pub use build::pod::SignerSettings;
pub use build::secret::{SecretContent, secret};
pub use context::{Context, Shared};
pub use decide::decision::JobPlan;
pub use error::ReconcileError;
pub use facts::Background;
pub use key_files::KeyFiles;
pub use metrics::RunMetrics;
pub use reconcile::{on_error, reconcile};
pub use slim::{slim_job, slim_pod};
pub use watched::{RunRef, Watched};
