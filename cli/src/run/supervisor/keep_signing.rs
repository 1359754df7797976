//! One signer, kept running until the run needs it no more.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chancery_process::{Backoff, Exit, Stop};
use chancery_store::Progress;
use tokio::sync::watch;

use super::Supervisor;
use crate::error::CliError;
use crate::run::child::{exit_of, holder_name};
use crate::run::signer_end::SignerEnd;

/// How often one signer is started again after it died.
const RESTARTS: u32 = 6;

/// One that has lived so long did not die of how it is set up: its restarts are counted anew, so that a
/// run of days outlives more than six mishaps.
const STEADY: Duration = Duration::from_secs(60);

/// Pauses before it is.
const LEAST_PAUSE: Duration = Duration::from_millis(250);

const MOST_PAUSE: Duration = Duration::from_secs(10);

/// How long a signer may take to end once nothing is left to do, or it has been asked to stop: longer
/// than the grace that it has by itself.
const END_GRACE: Duration = Duration::from_secs(30);

impl Supervisor<'_> {
    /// One signer: starts it, and starts it again when it dies, backing off.
    pub(super) async fn keep_signing(&self, index: u32, stop: &Stop) -> SignerEnd {
        let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        let mut restarts = 0;
        let mut starts = 0;
        loop {
            let began = Instant::now();
            let ended = self.sign_once(index, starts, stop).await;
            starts += 1;
            let (last, exit) = match ended {
                Ok(Once::Over) => return SignerEnd::Done,
                Ok(Once::Suspended) if self.is_resumed(stop).await => continue,
                Ok(Once::Suspended) => return SignerEnd::Done,
                Ok(Once::Died { last, exit }) => (last, exit),
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

    /// Waits, as one of the signers that ended because the run is suspended, until the run is resumed while others
    /// are still at work: true; or until none is: false.
    async fn is_resumed(&self, stop: &Stop) -> bool {
        let (mut seen, mut at_work) = (self.seen.subscribe(), self.at_work.subscribe());
        self.at_work.send_modify(|at_work| *at_work -= 1);
        let resumed = tokio::select! {
            () = resumed(&mut seen) => true,
            // The sender lives as long as `self`: waiting cannot fail.
            _none = at_work.wait_for(|at_work| *at_work == 0) => false,
            () = stop.asked() => false,
        };
        self.at_work.send_modify(|at_work| *at_work += 1);
        resumed
    }

    /// Runs one signer process to its end.
    async fn sign_once(&self, index: u32, starts: u32, stop: &Stop) -> Result<Once, CliError> {
        let holder = holder_name(index, starts);
        let mut signer = self.command.start(holder).await.map_err(CliError::SignerProgram)?;
        let mut last_line = String::new();
        let mut asked = false;
        let mut seen = self.seen.subscribe();
        let overdue = async {
            tokio::select! {
                () = stop.asked() => {}
                // The sender lives as long as `self`: waiting cannot fail.
                _complete = seen.wait_for(|seen| seen.as_ref().is_some_and(Progress::is_done)) => {}
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
            if stop.is_asked() || self.progress().await?.is_done() {
                return Ok(Once::Over);
            }
            // It saw the run suspended, and holds nothing. By now the run may have been resumed.
            return Ok(Once::Suspended);
        }
        self.holder_died(signer.holder);
        let last = format!("signer {index} ended with {status} {last_line}").trim_end().to_owned();
        Ok(Once::Died { last, exit: exit_of(status) })
    }
}

/// How one process of a signer ended.
enum Once {
    /// Nothing is left to do, or it was asked to stop.
    Over,
    /// It found the run suspended.
    Suspended,
    Died {
        last: String,
        exit: Exit,
    },
}

/// Waits until a new look at the run finds it not suspended. The last one may be from before it was.
async fn resumed(seen: &mut watch::Receiver<Option<Progress>>) {
    // The sender lives as long as the supervisor: waiting cannot fail.
    while seen.changed().await.is_ok() {
        if seen.borrow_and_update().as_ref().is_some_and(|progress| !progress.suspended) {
            return;
        }
    }
}
