//! Starts signer processes, watches them, and restarts one that dies.

mod bars;
mod keep_signing;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chancery_process::Stop;
use chancery_store::standstill::Standstill;
use chancery_store::{Progress, Run, StoreError};
use futures::future::join_all;
use tokio::sync::watch;

use crate::database::Database;
use crate::display::Display;
use crate::error::CliError;
use crate::run::signer_end::SignerEnd;
use crate::run::signer_process::SignerCommand;
use crate::run::standstill::ToldStandstill;
use crate::run::supervisor::bars::Bars;
use crate::run::supply::AtOnce;

/// How often the ledger is asked how far it is.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How long leases of a dead signer are looked for: a statement that it had sent when it died may
/// still be carried out by the database.
const DEAD_HOLDER_GRACE: Duration = Duration::from_secs(30);

/// How long the database may be away before the watch gives up.
pub(super) const RECONNECT_FOR: Duration = Duration::from_secs(60);

/// How signing ended.
pub(crate) enum Ended {
    Complete(SignedNow),
    /// Somebody suspended the run meanwhile.
    Suspended,
    Stopped,
}

/// What was signed by this command, not by an earlier one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedNow {
    pub(crate) records: u64,
    pub(crate) elapsed: Duration,
}

/// The signer processes of one run.
pub(crate) struct Supervisor<'a> {
    database: &'a Database,
    run: &'a Run,
    command: SignerCommand,
    signers: u32,
    at_once: &'a AtOnce,
    display: &'a Display,
    dead: Mutex<Vec<(String, Instant)>>,
    /// Nothing will be gained by starting anything again.
    over: AtomicBool,
    /// How far the run was when it was last looked at.
    seen: watch::Sender<Option<Progress>>,
    /// Signers that have not ended because the run is suspended.
    at_work: watch::Sender<u32>,
}

impl<'a> Supervisor<'a> {
    pub(crate) fn new(
        database: &'a Database,
        run: &'a Run,
        command: SignerCommand,
        signers: u32,
        at_once: &'a AtOnce,
        display: &'a Display,
    ) -> Self {
        Self {
            database,
            run,
            command,
            signers,
            at_once,
            display,
            dead: Mutex::default(),
            over: AtomicBool::new(false),
            seen: watch::Sender::new(None),
            at_work: watch::Sender::new(signers),
        }
    }

    /// Signs until the ledger says that the run is complete, or until asked to stop.
    pub(crate) async fn sign(&self, stop: &Stop) -> Result<Ended, CliError> {
        let before = self.progress().await?;
        let began = Instant::now();
        let bars = Bars::new(self.display, self.run, &before);
        // What is delivered keeps no signer: whoever delivers last says that the run is complete.
        if before.complete || (before.is_done() && !self.run.sinks.0.is_empty()) {
            return Ok(Ended::Complete(SignedNow { records: 0, elapsed: began.elapsed() }));
        }
        let (ends, after) = loop {
            let ends = self.run_signers(&bars, stop).await?;
            self.release_dead_holders().await.map_err(CliError::while_signing)?;
            let after = self.progress().await.map_err(CliError::while_signing)?;
            let all_done = ends.iter().all(|end| matches!(end, SignerEnd::Done));
            // They saw the run suspended. If it was resumed since, nobody else would sign it.
            if !all_done || after.is_done() || after.suspended || stop.is_asked() {
                break (ends, after);
            }
            self.at_work.send_replace(self.signers);
        };
        bars.at(&after);
        bars.end();
        if !after.is_done() {
            return match SignerEnd::failure_of(ends) {
                Some((restarts, last, exit)) if !stop.is_asked() => {
                    Err(CliError::SignersFailed { restarts, last, exit })
                }
                _ if after.suspended && !stop.is_asked() => Ok(Ended::Suspended),
                _ => Ok(Ended::Stopped),
            };
        }
        let records = (after.records_signed - before.records_signed).unsigned_abs();
        Ok(Ended::Complete(SignedNow { records, elapsed: began.elapsed() }))
    }

    /// Runs all signers to their end, and watches the run meanwhile.
    async fn run_signers(&self, bars: &Bars, stop: &Stop) -> Result<Vec<SignerEnd>, CliError> {
        let signers = join_all((0..self.signers).map(async |index| {
            let end = self.keep_signing(index, stop).await;
            self.at_work.send_modify(|at_work| *at_work -= 1);
            end
        }));
        let watching = self.watch(bars);
        tokio::pin!(signers);
        tokio::pin!(watching);
        tokio::select! {
            ends = &mut signers => Ok(ends),
            error = &mut watching => {
                // The signers have the same database: let them end before we say so.
                self.over.store(true, Ordering::Relaxed);
                stop.now();
                signers.await;
                Err(error.while_signing())
            }
        }
    }

    /// Shows how far the run is, and gives back what dead signers held. Ends only with an error.
    async fn watch(&self, bars: &Bars) -> CliError {
        let mut away_since = None;
        let mut standstill = ToldStandstill::default();
        loop {
            match self.watch_once(bars, &mut standstill).await {
                Ok(()) => away_since = None,
                Err(CliError::Store(error)) if error.is_transient() => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > RECONNECT_FOR {
                        return error.into();
                    }
                }
                Err(error) => return error,
            }
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }

    async fn watch_once(&self, bars: &Bars, standstill: &mut ToldStandstill) -> Result<(), CliError> {
        self.release_dead_holders().await?;
        let progress = self.progress().await?;
        bars.at(&progress);
        self.at_once.saw(&progress);
        let stands = standstill.stands(&progress, Instant::now());
        self.seen.send_replace(Some(progress.clone()));
        if stands {
            let leases = self.database.ledger.open_leases(&[self.run.id]).await?;
            let why = Standstill::of(&progress, &leases);
            if let Some(why) = standstill.news(&self.run.name, why, Instant::now()) {
                self.display.above_bars(|| tracing::warn!("{why}"));
            }
        }
        Ok(())
    }

    fn holder_died(&self, holder: String) {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).push((holder, Instant::now()));
    }

    /// Gives back the leases of signers that have died.
    async fn release_dead_holders(&self) -> Result<(), CliError> {
        let holders: Vec<String> = {
            let mut dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
            dead.retain(|(_, since)| since.elapsed() < DEAD_HOLDER_GRACE);
            dead.iter().map(|(holder, _)| holder.clone()).collect()
        };
        if !holders.is_empty() {
            let released = self.database.ledger.release_holders(self.run, &holders).await?;
            if released > 0 {
                self.display
                    .above_bars(|| tracing::info!(released, "gave back the leases of signers that died"));
            }
        }
        Ok(())
    }

    async fn progress(&self) -> Result<Progress, CliError> {
        let name = || format!("{}/{}", self.run.namespace, self.run.name);
        let progress = self.database.ledger.progress(&[self.run.id]).await?.pop();
        match progress {
            Some(progress) if !progress.deleted => Ok(progress),
            Some(_) => Err(CliError::BeingDeleted(name())),
            None => Err(StoreError::NoRun(name()).into()),
        }
    }
}
