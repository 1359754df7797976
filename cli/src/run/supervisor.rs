//! Starts signer processes, watches them, and restarts one that dies.

use std::path::Path;
use std::process::{self, ExitStatus};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chancery_process::{Backoff, Exit, LogFormat, Stop};
use chancery_store::{Progress, Run, StoreError};
use futures::future::join_all;
use tokio::sync::watch;

use crate::database::Database;
use crate::display::{Display, Stage, StageBar};
use crate::error::CliError;
use crate::run::signer_end::SignerEnd;
use crate::run::signer_process::SignerCommand;

/// How often one signer is started again after it died.
const RESTARTS: u32 = 6;

/// One that has lived so long did not die of how it is set up: its restarts are counted anew, so that a
/// run of days outlives more than six mishaps.
const STEADY: Duration = Duration::from_secs(60);

/// Pauses before it is.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
const MOST_PAUSE: Duration = Duration::from_secs(10);

/// How often the ledger is asked how far it is.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How long leases of a dead signer are looked for: a statement that it had sent when it died may
/// still be carried out by the database.
const DEAD_HOLDER_GRACE: Duration = Duration::from_secs(30);

/// How long the database may be away before the watch gives up.
const RECONNECT_FOR: Duration = Duration::from_secs(60);

/// How long a signer may take to end once nothing is left to do, or it has been asked to stop: longer
/// than the grace that it has by itself.
const END_GRACE: Duration = Duration::from_secs(30);

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
    display: &'a Display,
    dead: Mutex<Vec<(String, Instant)>>,
    /// Nothing will be gained by starting anything again.
    over: AtomicBool,
    /// Turns true when the ledger says that the run is complete.
    complete: watch::Sender<bool>,
}

impl<'a> Supervisor<'a> {
    pub(crate) fn new(
        database: &'a Database,
        run: &'a Run,
        kek_file: &Path,
        signers: u32,
        log_format: LogFormat,
        display: &'a Display,
    ) -> Self {
        let command = SignerCommand::new(run, &database.url, kek_file, log_format);
        Self {
            database,
            run,
            command,
            signers,
            display,
            dead: Mutex::default(),
            over: AtomicBool::new(false),
            complete: watch::Sender::new(false),
        }
    }

    /// Signs until the ledger says that the run is complete, or until asked to stop.
    pub(crate) async fn sign(&self, stop: &Stop) -> Result<Ended, CliError> {
        let before = self.progress().await?;
        let began = Instant::now();
        let bar = self.display.stage(
            Stage::Signing,
            self.run.source.record_count.unsigned_abs(),
            before.records_signed.unsigned_abs(),
        );
        if before.complete {
            return Ok(Ended::Complete(SignedNow { records: 0, elapsed: began.elapsed() }));
        }
        let signers = join_all((0..self.signers).map(|index| self.keep_signing(index, stop)));
        let watching = self.watch(&bar);
        let ends = {
            tokio::pin!(signers);
            tokio::pin!(watching);
            tokio::select! {
                ends = &mut signers => ends,
                error = &mut watching => {
                    // The signers have the same database: let them end before we say so.
                    self.over.store(true, Ordering::Relaxed);
                    stop.now();
                    signers.await;
                    return Err(error.while_signing());
                }
            }
        };
        self.release_dead_holders().await.map_err(CliError::while_signing)?;
        let after = self.progress().await.map_err(CliError::while_signing)?;
        bar.at(after.records_signed.unsigned_abs());
        bar.end();
        if !after.is_signed() {
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

    /// One signer: starts it, and starts it again when it dies, backing off.
    async fn keep_signing(&self, index: u32, stop: &Stop) -> SignerEnd {
        let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        let mut restarts = 0;
        loop {
            let began = Instant::now();
            let (last, exit) = match self.sign_once(index, restarts, stop).await {
                Ok(None) => return SignerEnd::Done,
                Ok(Some(end)) => end,
                Err(error) => (error.to_string(), error.exit()),
            };
            if matches!(exit, Exit::NeverWorks | Exit::NoRoom) {
                self.over.store(true, Ordering::Relaxed);
            }
            if began.elapsed() >= STEADY {
                restarts = 0;
                pause.reset();
            }
            if restarts == RESTARTS || stop.is_asked() || self.over.load(Ordering::Relaxed) {
                return SignerEnd::GaveUp { restarts, last, exit };
            }
            restarts += 1;
            let pause = pause.next_pause();
            self.display.above_bars(|| tracing::warn!(signer = index, restarts, "{last}; starting it again"));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.asked() => {}
            }
        }
    }

    /// Runs one signer process to its end. None when it ended because nothing is left to do; else how
    /// it died.
    async fn sign_once(
        &self,
        index: u32,
        restarts: u32,
        stop: &Stop,
    ) -> Result<Option<(String, Exit)>, CliError> {
        let holder = holder_name(index, restarts);
        let mut signer = self.command.start(holder).map_err(CliError::SignerProgram)?;
        let mut last_line = String::new();
        let mut asked = false;
        let mut complete = self.complete.subscribe();
        let overdue = async {
            tokio::select! {
                () = stop.asked() => {}
                // The sender lives as long as `self`: waiting cannot fail.
                _complete = complete.wait_for(|complete| *complete) => {}
            }
            tokio::time::sleep(END_GRACE).await;
        };
        tokio::pin!(overdue);
        loop {
            tokio::select! {
                () = &mut overdue => {
                    // It was stopped or hangs, and would keep us for ever. What it holds is given back.
                    signer.kill();
                    break;
                }
                line = signer.next_line() => match line {
                    Some(line) => {
                        self.display.pass_on(&line);
                        last_line = line;
                    }
                    None => break,
                },
                () = stop.asked(), if !asked => {
                    asked = true;
                    signer.ask_to_stop();
                }
            }
        }
        let status = signer.ended().await.map_err(CliError::SignerProgram)?;
        if status.success() {
            if stop.is_asked() || self.is_over().await? {
                return Ok(None);
            }
            return Ok(Some((format!("signer {index} ended although batches are left"), Exit::TryAgain)));
        }
        self.holder_died(signer.holder);
        let exit = exit_of(status);
        Ok(Some((format!("signer {index} ended with {status} {last_line}").trim_end().to_owned(), exit)))
    }

    /// Whether the ledger has nothing left for a signer.
    async fn is_over(&self) -> Result<bool, CliError> {
        let progress = self.progress().await?;
        Ok(progress.is_signed() || progress.suspended)
    }

    /// Shows how far the run is, and gives back what dead signers held. Ends only with an error.
    async fn watch(&self, bar: &StageBar) -> CliError {
        let mut away_since = None;
        loop {
            match self.watch_once(bar).await {
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

    async fn watch_once(&self, bar: &StageBar) -> Result<(), CliError> {
        self.release_dead_holders().await?;
        let progress = self.progress().await?;
        bar.at(progress.records_signed.unsigned_abs());
        self.complete.send_replace(progress.is_signed());
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

/// Unique across machines, commands, signers and restarts, because a name that came back could make a
/// living signer look like a dead one.
fn holder_name(index: u32, restarts: u32) -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let started = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    format!("{host}/{}-{started:x}/{index}.{restarts}", process::id())
}

fn exit_of(status: ExitStatus) -> Exit {
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) if code == Exit::TryAgain.code() => Exit::TryAgain,
        Some(code) if code == Exit::NoRoom.code() => Exit::NoRoom,
        Some(code) if code == Exit::NeverWorks.code() => Exit::NeverWorks,
        _ => Exit::Failed,
    }
}
