//! What every reconcile has at hand.

use std::path::PathBuf;
use std::sync::Arc;

use chancery_api::{SigningRun, ValidatedRun};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::OnceCell;

use crate::background::BackgroundWork;
use crate::build::SignerSettings;
use crate::database::Database;
use crate::events::Teller;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::progress::ProgressWatch;
use crate::reconcile::ReconcileError;

/// A SigningRun as it is watched: one that can not be read must not hide the others.
pub(crate) type Watched = DeserializeGuard<SigningRun>;

/// A run to be reconciled.
pub(crate) type RunRef = ObjectRef<Watched>;

/// The run that is being reconciled. One whose spec can not be used can be cleaned up, not worked on.
pub(crate) struct Target<'a> {
    pub(crate) reference: &'a RunRef,
    pub(crate) object: &'a SigningRun,
    pub(crate) run: Option<&'a ValidatedRun>,
}

/// What all reconciles of a leader share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) settings: SignerSettings,
    pub(crate) kek_file: PathBuf,
    pub(crate) database: Arc<Database>,
    pub(crate) background: BackgroundWork,
    pub(crate) progress: ProgressWatch,
    pub(crate) memory: Memory,
    pub(crate) events: Teller,
    pub(crate) metrics: Arc<Metrics>,
}

impl Shared {
    /// Forgets a run that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.background.stop(uid);
        self.progress.forget(uid);
        self.memory.forget(uid);
        self.metrics.gone(uid);
    }
}

/// What reconciles of the runs in one scope, a namespace or all of them, share.
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) jobs: Store<Job>,
    pub(crate) pods: Store<Pod>,
    filled: OnceCell<()>,
}

impl Context {
    /// A scope of which nothing is known yet.
    pub(crate) fn new(shared: Arc<Shared>, jobs: Store<Job>, pods: Store<Pod>) -> Self {
        Self { shared, jobs, pods, filled: OnceCell::new() }
    }

    /// Waits until all Jobs and pods are known: one that is not known yet would be taken for one that
    /// is not there.
    pub(crate) async fn ready(&self) -> Result<(), ReconcileError> {
        // One waits at a time: of several that wait for a store, kube wakes the last only.
        let filled = async {
            self.jobs.wait_until_ready().await?;
            self.pods.wait_until_ready().await
        };
        match self.filled.get_or_try_init(|| filled).await {
            Ok(()) => Ok(()),
            Err(_) => Err(ReconcileError::Stopping),
        }
    }
}

impl std::ops::Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}
