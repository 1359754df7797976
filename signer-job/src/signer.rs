//! What the slots of a signer share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chancery_keyring::{DataKey, Form, KeySpec, RsaKeySize};
use chancery_process::{Backoff, Stop};
use chancery_store::lease::SignerRun;
use chancery_store::{LedgerUrl, SignerSession, StoreError};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use crate::error::SignerError;
use crate::keys::OpenedKeys;
use crate::making::Making;
use crate::metrics::Metrics;
use crate::setbacks::Setbacks;
use crate::use_journal::UseJournal;

/// Pauses between attempts to connect.
pub(crate) const LEAST_RETRY: Duration = Duration::from_millis(100);
pub(crate) const MOST_RETRY: Duration = Duration::from_secs(5);

/// What a signer is told.
pub(crate) struct Order {
    pub(crate) ledger: LedgerUrl,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The run's identity, where it is known: another run may have the name by now.
    pub(crate) run_uid: Option<Uuid>,
    pub(crate) holder: String,
    pub(crate) data_key: DataKey,
    pub(crate) threads: usize,
    pub(crate) slots: usize,
    pub(crate) reconnect_for: Duration,
    /// Somebody has seen that no pooler shares sessions.
    pub(crate) sessions_are_checked: bool,
    pub(crate) metrics: Metrics,
    pub(crate) journal: Option<UseJournal>,
}

/// What the slots share.
pub(crate) struct Signer {
    ledger: LedgerUrl,
    holder: String,
    reconnect_for: Duration,
    run: SignerRun,
    pub(crate) keys: OpenedKeys,
    pub(crate) making: Making,
    pub(crate) stop: Stop,
    /// How many slots sign or make keys at the same time.
    pub(crate) threads: usize,
    /// As many permits.
    pub(crate) processors: Semaphore,
    pub(crate) metrics: Metrics,
    setbacks: Mutex<Setbacks>,
    /// Shared with the threads that sign.
    pub(crate) journal: Option<Arc<UseJournal>>,
    progress: Notify,
}

impl Signer {
    /// Connects to the run that `order` names. Returns what the slots share, and the first slot's connection.
    pub(crate) async fn start(order: Order, stop: Stop) -> Result<(Self, SignerSession), SignerError> {
        let (session, run) = connect(&order, &stop).await?;
        if order.run_uid.is_some_and(|wanted| wanted != run.uid) {
            return Err(SignerError::Gone);
        }
        let given = order.data_key.fingerprint();
        if given != run.data_key_fingerprint {
            return Err(SignerError::WrongDataKey { given, wanted: run.data_key_fingerprint });
        }
        let data_key = Arc::new(order.data_key);
        let form = Form::named(&run.algorithm, &run.envelope, run.content_type.as_deref())?;
        let spec = key_spec(&form, &run)?;
        let signer = Self {
            keys: OpenedKeys::new(Arc::clone(&data_key), run.keyring_uid, form),
            making: Making::new(spec, run.keyring_uid, data_key, run.filled),
            ledger: order.ledger,
            holder: order.holder,
            reconnect_for: order.reconnect_for,
            run,
            stop,
            threads: order.threads,
            processors: Semaphore::new(order.threads),
            metrics: order.metrics,
            setbacks: Mutex::default(),
            journal: order.journal.map(Arc::new),
            progress: Notify::new(),
        };
        Ok((signer, session))
    }

    /// A new connection. Tries for as long as the order says while the database is away.
    pub(crate) async fn connect(&self) -> Result<SignerSession, SignerError> {
        let attempt = || SignerSession::connect_again(&self.ledger, &self.run, &self.holder);
        let session = retry(attempt, self.reconnect_for, &self.stop).await;
        session.map_err(|error| SignerError::from(error).during_a_run())
    }

    /// What its slots have failed to do lately.
    pub(crate) fn setbacks(&self) -> MutexGuard<'_, Setbacks> {
        self.setbacks.lock().unwrap_or_else(PoisonError::into_inner)
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

/// What the keys of the run's ring are like.
fn key_spec(form: &Form, run: &SignerRun) -> Result<KeySpec, SignerError> {
    let size = run.key_size.map(|bits| RsaKeySize::try_from(bits.unsigned_abs())).transpose()?;
    Ok(KeySpec::new(form.algorithm(), size)?)
}

async fn connect(order: &Order, stop: &Stop) -> Result<(SignerSession, SignerRun), SignerError> {
    let attempt = async || {
        if !order.sessions_are_checked {
            order.ledger.refuse_shared_sessions().await?;
        }
        SignerSession::connect(&order.ledger, &order.namespace, &order.name, &order.holder).await
    };
    Ok(retry(attempt, order.reconnect_for, stop).await?)
}

/// Tries again, with growing and jittered pauses, while the database is away, for as long as `limit`.
async fn retry<T, F>(mut attempt: impl FnMut() -> F, limit: Duration, stop: &Stop) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let began = Instant::now();
    let mut pause = Backoff::new(LEAST_RETRY, MOST_RETRY);
    loop {
        match attempt().await {
            Err(error) if error.is_transient() && began.elapsed() < limit && !stop.is_overdue() => {
                tracing::debug!(%error, "the connection failed: trying again");
                tokio::time::sleep(pause.next_pause()).await;
            }
            other => return other,
        }
    }
}
