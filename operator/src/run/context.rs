//! What every reconcile of a run uses.

use std::collections::HashSet;
use std::sync::Arc;

use chancery_api::{Reason, SigningRunStatus};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::Store;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::host::background::BackgroundWork;
use crate::host::memory::Memory;
use crate::host::services::Services;
use crate::host::triggers::Triggers;
use crate::run::alerting::Alerts;
use crate::run::build::pod::SignerSettings;
use crate::run::closing;
use crate::run::delivery_settings::DeliverySettings;
use crate::run::facts::{Audited, Background, Observed, WorkKind};
use crate::run::holding;
use crate::run::intake_settings::IntakeSettings;
use crate::run::key_files::KeyFiles;
use crate::run::limits::{Bounds, Limits};
use crate::run::metrics::RunMetrics;
use crate::run::progress::ProgressWatch;
use crate::run::redriven;
use crate::run::room::RoomWatch;
use crate::run::rotating;
use crate::run::sessions;
use crate::run::stating;
use crate::run::sweeping;
use crate::run::watched::{RunRef, Watched};

/// What all reconciles of runs share while this operator leads.
pub struct Shared {
    pub(crate) services: Services,
    pub(crate) settings: SignerSettings,
    pub(crate) intake: IntakeSettings,
    pub(crate) delivery: DeliverySettings,
    pub(crate) key_files: KeyFiles,
    pub(crate) limits: Limits,
    pub(crate) triggers: Triggers<Watched>,
    pub(crate) background: BackgroundWork<Watched, WorkKind>,
    pub(crate) progress: ProgressWatch,
    pub(crate) room: RoomWatch,
    pub(crate) alerts: Alerts,
    pub(crate) memory: Arc<Memory<Remembered>>,
    pub(crate) metrics: Arc<RunMetrics>,
}

/// How the programs are made that work for runs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Signers, and what the others have in common with them.
    pub signer: SignerSettings,
    /// Intakes.
    pub intake: IntakeSettings,
    /// Deliveries.
    pub delivery: DeliverySettings,
}

/// What is remembered of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered {
    /// The status that was written last, and when: the watch may not have brought it back yet.
    pub(crate) written: Option<(SigningRunStatus, Instant)>,
    /// Holders that had ended and had nothing in hand: they are asked for again only for as long as a last
    /// statement of theirs may still be carried out.
    pub(crate) released: HashSet<String>,
    /// Holders of signers that failed by themselves, for as long as their Job is there: their pods may go before.
    pub(crate) failed: HashSet<String>,
    /// The same of intakes.
    pub(crate) failed_intakes: HashSet<String>,
    /// The same of deliveries.
    pub(crate) failed_deliveries: HashSet<String>,
    /// The uid of the Job that was created or changed last.
    pub(crate) job: Option<String>,
    /// The name of the signers' Secret, if this operator has made it, or seen that it was made of what is still right.
    pub(crate) secret: Option<String>,
    /// The same of the intake's Secret.
    pub(crate) intake_secret: Option<String>,
    /// The same of the delivery's Secret.
    pub(crate) delivery_secret: Option<String>,
    /// Whether nobody is to be told of anything that happened to the run, which is complete.
    pub(crate) all_told: bool,
    /// Why the run failed, as far as whoever is to be told will be.
    pub(crate) failure_told: Option<Reason>,
    /// How many splits had ended since their object changed, when that was told last.
    pub(crate) changed: i64,
    /// The other installation that operates the run, if that was told.
    pub(crate) operator: Option<String>,
    /// What the audit of the run found.
    pub(crate) audited: Option<Audited>,
    /// Addresses of the keys of its ring, which has them all.
    pub(crate) addresses: Option<Vec<String>>,
    /// How many reconciles in a row failed.
    pub(crate) failures: u32,
}

impl Remembered {
    /// Notes which pods have failed; of a Job that is gone, none.
    pub(crate) fn note_failed(&mut self, observed: &Observed) {
        let Observed { job, pods, intake, delivery, .. } = observed;
        let all = [
            (&mut self.failed, job, pods),
            (&mut self.failed_intakes, &intake.job, &intake.pods),
            (&mut self.failed_deliveries, &delivery.job, &delivery.pods),
        ];
        for (failed, job, pods) in all {
            match job {
                Some(_) => failed.extend(pods.iter().filter(|pod| pod.failed).map(|pod| pod.holder.clone())),
                None => failed.clear(),
            }
        }
    }
}

impl Shared {
    /// What a leader starts with: it knows nothing yet. `triggers` start the reconciles of runs that made
    /// progress, or of which background work ended.
    #[must_use]
    pub fn new(
        services: Services,
        Programs { signer: settings, intake, delivery }: Programs,
        key_files: KeyFiles,
        Bounds { limits, capacity }: Bounds,
        triggers: Triggers<Watched>,
        metrics: Arc<RunMetrics>,
    ) -> Self {
        Self {
            services,
            settings,
            intake,
            delivery,
            key_files,
            limits,
            background: BackgroundWork::new(triggers.clone()),
            progress: ProgressWatch::new(triggers.clone()),
            room: RoomWatch::new(capacity),
            alerts: Alerts::new(triggers.clone()),
            triggers,
            memory: Arc::default(),
            metrics,
        }
    }

    /// Reads the progress of all unfinished runs once per second, for ever.
    pub async fn keep_progress(&self) {
        self.progress.keep(&self.services.database, &self.metrics).await;
    }

    /// Ends sessions of signers that go too far, and drops logins that nobody needs, for ever.
    pub async fn keep_sessions(&self) {
        sessions::keep(&self.services.database, &self.metrics).await;
    }

    /// Makes the statements about the runs of the ledger, for ever.
    pub async fn keep_statements(&self) {
        let key_file = self.key_files.statement_key.as_deref();
        stating::keep(&self.services.database, key_file, &self.triggers).await;
    }

    /// Wraps the data keys of keyrings anew when another KEK takes the place of theirs, for ever.
    pub async fn keep_rotation(&self) {
        rotating::keep(&self.services.database, &self.key_files, &self.metrics).await;
    }

    /// Removes the bytes of dead letters that have been kept for long enough, for ever.
    pub async fn keep_swept(&self) {
        sweeping::keep(&self.services.database).await;
    }

    /// Has runs wait with their sources while they are beyond a limit, or the database is nearly full, for ever.
    pub async fn keep_held(&self) {
        holding::keep(&self.services.database, self.limits, &self.room).await;
    }

    /// Closes batches that are not full once their period has passed, for ever.
    pub async fn keep_closed(&self) {
        closing::keep(&self.services.database, &self.progress).await;
    }

    /// Counts the alerts that policies raise, for ever.
    pub async fn keep_alerts(&self) {
        self.alerts.keep(&self.services.database, &self.progress).await;
    }

    /// Looks for dead letters of complete runs that were taken up again, for ever.
    pub async fn keep_redriven(&self) {
        redriven::keep(&self.services.database, &self.progress).await;
    }

    /// Reads the progress of one run now, if it is watched.
    ///
    /// # Errors
    ///
    /// The database does not answer, or cannot be used.
    pub async fn read_progress(&self, uid: &str, run: &RunRef) -> anyhow::Result<()> {
        let Some(watched) = self.progress.of(uid) else { return Ok(()) };
        let ledger = self.services.database.get().map_err(anyhow::Error::msg)?;
        self.progress.read(&ledger, uid, run, watched.run).await?;
        Ok(())
    }

    /// The background work for a run, by its uid.
    #[must_use]
    pub fn background(&self, uid: &str) -> Background {
        Background {
            generating: self.background.of(uid, WorkKind::Generating),
            auditing: self.background.of(uid, WorkKind::Auditing),
            deleting: self.background.of(uid, WorkKind::Deleting),
        }
    }

    /// Forgets a run that is gone, by its uid.
    pub fn forget(&self, uid: &str) {
        self.background.forget(uid);
        self.progress.forget(uid);
        self.room.forget(uid);
        self.alerts.forget(uid);
        self.memory.forget(uid);
        self.metrics.gone(uid);
    }
}

/// What reconciles of the runs in one scope, a namespace or all of them, share.
pub struct Context {
    /// What they share with the reconciles of the other scopes.
    pub shared: Arc<Shared>,
    pub(crate) jobs: Store<Job>,
    pub(crate) pods: Store<Pod>,
    filled: OnceCell<()>,
}

/// The watches have ended: the operator stops.
pub(crate) struct WatchesEnded;

impl Context {
    /// The context of a scope, with the Jobs and pods that its watches bring.
    #[must_use]
    pub fn new(shared: Arc<Shared>, jobs: Store<Job>, pods: Store<Pod>) -> Self {
        Self { shared, jobs, pods, filled: OnceCell::new() }
    }

    /// Waits until all Jobs and pods are known: one that is not known yet would be taken for one that
    /// does not exist.
    pub(crate) async fn ready(&self) -> Result<(), WatchesEnded> {
        // One waits at a time: of several that wait for a store, kube wakes only the last.
        let filled = async {
            self.jobs.wait_until_ready().await?;
            self.pods.wait_until_ready().await
        };
        self.filled.get_or_try_init(|| filled).await.map(|_| ()).map_err(|_| WatchesEnded)
    }
}

impl std::ops::Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}
