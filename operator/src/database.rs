//! The ledger's database, which may be away: connected to, brought up to date and watched by a task of
//! its own, so that no reconcile waits for one that does not answer.

use std::sync::Arc;
use std::time::Duration;

use chancery_process::Backoff;
use chancery_store::{Ledger, LedgerUrl, StoreError};
use tokio::sync::{Notify, watch};

use crate::metrics::Metrics;

/// Connections for reconciling, watching, seeding and deleting together.
const CONNECTIONS: u32 = 12;

/// How often the database is asked whether it is there.
const LOOK: Duration = Duration::from_secs(5);

/// How long an answer to that may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pauses between attempts to connect.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// The database as it was last found.
pub(crate) struct Database {
    url: LedgerUrl,
    state: watch::Sender<Result<Ledger, String>>,
    doubted: Notify,
    metrics: Arc<Metrics>,
}

impl Database {
    /// A database that has not been looked at yet.
    pub(crate) fn new(url: LedgerUrl, metrics: Arc<Metrics>) -> Self {
        let state = watch::Sender::new(Err("the database has not answered yet".to_owned()));
        Self { url, state, doubted: Notify::new(), metrics }
    }

    /// The ledger, or why it can not be used.
    pub(crate) fn get(&self) -> Result<Ledger, String> {
        self.state.borrow().clone()
    }

    /// Whether it can be used, as it changes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Result<Ledger, String>> {
        self.state.subscribe()
    }

    /// To be told of every error of the ledger: a database that is away is looked at at once.
    pub(crate) fn doubt(&self, error: &StoreError) {
        if error.is_transient() {
            self.doubted.notify_one();
        }
    }

    /// Keeps the connection, for ever.
    pub(crate) async fn keep(&self) {
        let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        loop {
            match self.connect().await {
                Ok(ledger) => {
                    tracing::info!(database = %ledger.url(), "the ledger is up to date");
                    pause.reset();
                    self.now(Ok(ledger.clone()));
                    let why = self.lost(&ledger).await;
                    tracing::warn!("{why}");
                    self.now(Err(why));
                    ledger.close().await;
                }
                Err(error) => {
                    let why = error.to_string();
                    if self.state.borrow().as_ref().err() != Some(&why) {
                        tracing::warn!("{why}");
                        self.now(Err(why));
                    }
                    tokio::time::sleep(pause.next_pause()).await;
                }
            }
        }
    }

    async fn connect(&self) -> Result<Ledger, StoreError> {
        let ledger = Ledger::connect(self.url.clone(), CONNECTIONS).await?;
        ledger.migrate().await?;
        Ok(ledger)
    }

    /// Waits until the database no longer answers; tells why.
    async fn lost(&self, ledger: &Ledger) -> String {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.doubted.notified() => {}
            }
            match tokio::time::timeout(PATIENCE, ledger.check_version()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return StoreError::TimedOut(PATIENCE).to_string(),
            }
        }
    }

    fn now(&self, state: Result<Ledger, String>) {
        self.metrics.database_up(state.is_ok());
        drop(self.state.send_replace(state));
    }
}
