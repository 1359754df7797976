//! What the slots of a signer share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_keyring::Kek;
use chancery_process::{Backoff, Stop, peak_memory_kib};
use chancery_store::{LedgerUrl, Run, SignerSession, StoreError};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::error::SignerError;
use crate::keys::OpenedKeys;
use crate::metrics::{Metrics, Outcome};
use crate::slot;
use crate::use_journal::UseJournal;

/// Pauses between attempts to connect.
const LEAST_RETRY: Duration = Duration::from_millis(100);
const MOST_RETRY: Duration = Duration::from_secs(5);

/// What a signer is told.
pub(crate) struct Order {
    pub(crate) ledger: LedgerUrl,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) holder: String,
    pub(crate) kek: Kek,
    pub(crate) threads: usize,
    pub(crate) slots: usize,
    pub(crate) patience: Duration,
    pub(crate) metrics: Metrics,
    pub(crate) journal: Option<UseJournal>,
}

/// How a signer ended that met with no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every batch is signed.
    Complete,
    /// It was asked to stop, or the run is suspended: to its knowledge, batches are left unsigned.
    WorkLeft,
}

/// What the slots share.
pub(crate) struct Signer {
    ledger: LedgerUrl,
    holder: String,
    patience: Duration,
    pub(crate) run: Run,
    pub(crate) keys: OpenedKeys,
    pub(crate) stop: Stop,
    /// As many slots as there are permits sign at the same time.
    pub(crate) processors: Semaphore,
    pub(crate) metrics: Metrics,
    /// Shared with the threads that sign.
    pub(crate) journal: Option<Arc<UseJournal>>,
    progress: Notify,
}

impl Signer {
    /// Signs the run until nothing is left, and tells what was done.
    pub(crate) async fn sign_run(order: Order, stop: Stop) -> Result<Ended, SignerError> {
        let began = Instant::now();
        let (session, run) = connect(&order, &stop).await?;
        let given = order.kek.fingerprint();
        if given != run.kek_fingerprint {
            return Err(SignerError::WrongKek { given, wanted: run.kek_fingerprint });
        }
        let signer = Arc::new(Self {
            keys: OpenedKeys::new(order.kek, run.keyring_uid, run.algorithm.parse()?),
            ledger: order.ledger,
            holder: order.holder,
            patience: order.patience,
            run,
            stop,
            processors: Semaphore::new(order.threads),
            metrics: order.metrics,
            journal: order.journal.map(Arc::new),
            progress: Notify::new(),
        });
        let outcome = signer.run_slots(session, order.slots).await;
        let metrics = &signer.metrics;
        tracing::info!(
            batches = metrics.batches(Outcome::Stored),
            records = metrics.records(),
            taken_over = metrics.takeovers(),
            not_stored = metrics.batches(Outcome::Lost),
            seconds = began.elapsed().as_secs_f64(),
            peak_memory_kib = peak_memory_kib("self").unwrap_or_default(),
            "signer ends"
        );
        outcome
    }

    /// Runs the slots to their end, all on this thread: a kernel timer belongs to the thread that made
    /// it as far as Rust knows. The first that fails asks the others to stop.
    async fn run_slots(self: &Arc<Self>, first: SignerSession, slots: usize) -> Result<Ended, SignerError> {
        let mut tasks = JoinSet::new();
        tasks.spawn_local(slot::run(Arc::clone(self), first));
        for _ in 1..slots {
            let signer = Arc::clone(self);
            tasks.spawn_local(async move {
                let session = signer.connect().await?;
                slot::run(signer, session).await
            });
        }
        let mut outcome = Ok(Ended::WorkLeft);
        while let Some(ended) = tasks.join_next().await {
            match ended.map_err(SignerError::from).flatten() {
                // What one slot has seen to be complete stays so, whatever made the others end.
                Ok(Ended::Complete) => outcome = outcome.and(Ok(Ended::Complete)),
                Ok(Ended::WorkLeft) => {}
                Err(error) => {
                    self.stop.now();
                    outcome = outcome.and(Err(error));
                }
            }
            // One slot that has nothing left to do makes the others look at once.
            self.progressed();
        }
        outcome
    }

    /// A new connection, after as many attempts as patience allows.
    pub(crate) async fn connect(&self) -> Result<SignerSession, SignerError> {
        let attempt =
            || SignerSession::connect(&self.ledger, &self.run.namespace, &self.run.name, &self.holder);
        let (session, _) = persist(attempt, self.patience, &self.stop).await?;
        Ok(session)
    }

    /// Tells slots that wait for a key or a batch that one may have become free.
    pub(crate) fn progressed(&self) {
        self.progress.notify_waiters();
    }

    /// Waits for progress of another slot, for `pause` to pass, or to be asked to stop.
    pub(crate) async fn wait(&self, pause: Duration) {
        tokio::select! {
            () = self.progress.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = self.stop.asked() => {}
        }
    }
}

async fn connect(order: &Order, stop: &Stop) -> Result<(SignerSession, Run), SignerError> {
    let attempt = async || {
        order.ledger.refuse_shared_sessions().await?;
        SignerSession::connect(&order.ledger, &order.namespace, &order.name, &order.holder).await
    };
    Ok(persist(attempt, order.patience, stop).await?)
}

/// Tries again, with growing and jittered pauses, while the database is away and patience lasts.
async fn persist<T, F>(
    mut attempt: impl FnMut() -> F,
    patience: Duration,
    stop: &Stop,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let began = Instant::now();
    let mut pause = Backoff::new(LEAST_RETRY, MOST_RETRY);
    loop {
        match attempt().await {
            Err(error) if error.is_transient() && began.elapsed() < patience && !stop.is_overdue() => {
                tracing::debug!(%error, "trying again");
                tokio::time::sleep(pause.next_pause()).await;
            }
            other => return other,
        }
    }
}
