//! The ledger's database. A task of its own connects to it, migrates it and checks that it answers, so that
//! no reconcile waits for a database that does not.

use std::sync::Arc;
use std::time::Duration;

use chancery_process::Backoff;
use chancery_store::{Ledger, LedgerUrl, StoreError};
use tokio::sync::{Notify, watch};

use crate::host::metrics::Metrics;

/// Connections for reconciling, watching, seeding and deleting together. Seeding leaves some to the others.
const CONNECTIONS: u32 = 12;

/// How often the database is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Timeout of that check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Pauses between attempts to connect.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// The database, in the state in which it was last found.
pub struct Database {
    url: LedgerUrl,
    /// Another login to the same ledger, for audits.
    audit_url: Option<LedgerUrl>,
    state: watch::Sender<Result<Ledger, String>>,
    check_now: Notify,
    metrics: Arc<Metrics>,
}

impl Database {
    /// A database that has not been connected to yet.
    pub fn new(url: LedgerUrl, audit_url: Option<LedgerUrl>, metrics: Arc<Metrics>) -> Self {
        let state = watch::Sender::new(Err("the database has not answered yet".to_owned()));
        Self { url, audit_url, state, check_now: Notify::new(), metrics }
    }

    /// The ledger, or why it cannot be used.
    ///
    /// # Errors
    ///
    /// The database does not answer, or cannot be used; the sentence says why.
    pub fn get(&self) -> Result<Ledger, String> {
        self.state.borrow().clone()
    }

    /// The ledger for an audit, by the login that is given for it, or why it cannot be used.
    ///
    /// # Errors
    ///
    /// As for [`Database::get`].
    pub(crate) fn get_for_audits(&self) -> Result<Ledger, String> {
        let ledger = self.get()?;
        Ok(match &self.audit_url {
            Some(url) => ledger.by_login(url.clone()),
            None => ledger,
        })
    }

    /// The state, as it changes.
    pub fn subscribe(&self) -> watch::Receiver<Result<Ledger, String>> {
        self.state.subscribe()
    }

    /// Takes every error of the ledger: after one that may mean that the database is down, it is checked
    /// at once.
    pub(crate) fn check_after(&self, error: &StoreError) {
        if error.is_transient() {
            self.check_now.notify_one();
        }
    }

    /// Keeps the connection, for ever, with retries.
    pub async fn keep(&self) {
        let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        loop {
            match self.connect().await {
                Ok(ledger) => {
                    tracing::info!(database = %ledger.url(), "the database answers; the ledger's schema is up to date");
                    pause.reset();
                    self.set(Ok(ledger.clone()));
                    let why = self.lost(&ledger).await;
                    tracing::warn!(%why, "the database no longer answers; the operator reconnects");
                    self.set(Err(why));
                    ledger.close().await;
                }
                Err(error) => {
                    let why = error.to_string();
                    if self.state.borrow().as_ref().err() != Some(&why) {
                        tracing::warn!(%why, "the database cannot be used; the operator retries");
                        self.set(Err(why));
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

    /// Waits until the database no longer answers; returns why.
    async fn lost(&self, ledger: &Ledger) -> String {
        loop {
            tokio::select! {
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
                () = self.check_now.notified() => {}
            }
            match tokio::time::timeout(CHECK_TIMEOUT, ledger.check_version()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return StoreError::TimedOut(CHECK_TIMEOUT).to_string(),
            }
        }
    }

    fn set(&self, state: Result<Ledger, String>) {
        self.metrics.database_up(state.is_ok());
        drop(self.state.send_replace(state));
    }
}
