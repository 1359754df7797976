//! A program that this command keeps running beside the signers: the intake, or the delivery.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chancery_process::{Backoff, Exit, LogFormat, Stop};
use chancery_store::Run;
use tokio::process::Command;

use crate::display::Display;
use crate::error::CliError;
use crate::run::child::{ChildProcess, exit_of};

/// How often the ledger is asked how far it is.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How often it is started again after it died.
const RESTARTS: u32 = 6;

/// One that has lived so long did not die of how it is set up.
const STEADY: Duration = Duration::from_secs(60);

/// Pauses before it is.
const LEAST_PAUSE: Duration = Duration::from_millis(250);

const MOST_PAUSE: Duration = Duration::from_secs(10);

/// How long it may take to end once it has been asked to: longer than the grace that it has by itself.
const END_GRACE: Duration = Duration::from_secs(30);

/// The program, for one run.
pub(super) struct Beside<'a> {
    pub(super) program: PathBuf,
    /// Arguments that are its own.
    pub(super) more: &'static [&'static str],
    pub(super) run: &'a Run,
    pub(super) log_format: LogFormat,
    /// With its login.
    pub(super) url: String,
    pub(super) display: &'a Display,
    /// What is said when it cannot be started, or waited for.
    pub(super) failure: fn(io::Error) -> CliError,
}

impl Beside<'_> {
    /// Runs one process to its end, and looks at the run meanwhile: how it ended, and its last line.
    pub(super) async fn run_once(
        &self,
        holder: &str,
        stop: &Stop,
        look_at_run: impl AsyncFn() -> Result<(), CliError>,
    ) -> Result<(Exit, String), CliError> {
        let mut child = self.start(holder).map_err(self.failure)?;
        let mut last_line = String::new();
        let mut look = tokio::time::interval(WATCH_INTERVAL);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut asked = false;
        let overdue = async {
            stop.asked().await;
            tokio::time::sleep(END_GRACE).await;
        };
        tokio::pin!(overdue);
        loop {
            tokio::select! {
                () = &mut overdue => {
                    child.kill();
                    break;
                }
                line = child.next_line() => match line {
                    Some(line) => {
                        self.display.pass_on(&line);
                        last_line = line;
                    }
                    None => break,
                },
                _now = look.tick() => match look_at_run().await {
                    Err(CliError::Store(error)) if error.is_transient() => {}
                    other => other?,
                },
                () = stop.asked(), if !asked => {
                    asked = true;
                    child.ask_to_stop();
                }
            }
        }
        let status = child.ended().await.map_err(self.failure)?;
        let exit = if status.success() { Exit::Done } else { exit_of(status) };
        Ok((exit, if last_line.is_empty() { status.to_string() } else { last_line }))
    }

    fn start(&self, holder: &str) -> io::Result<ChildProcess> {
        let mut command = Command::new(&self.program);
        command
            .args(["--run", &self.run.name, "--run-uid", &self.run.uid.to_string()])
            .args(["--namespace", &self.run.namespace, "--holder", holder])
            .args(["--log-format", self.log_format.flag(), "--stop-with-stdin"])
            .args(self.more)
            // Not on the command line, where everybody could read a password.
            .env("DATABASE_URL", &self.url)
            .env_remove("CHANCERY_KEK_FILE")
            .env_remove("CHANCERY_FORMER_KEK_FILES");
        ChildProcess::start(command, holder.to_owned())
    }
}

/// How often it was started again because it failed, and how long is waited before it is.
pub(super) struct Restarts {
    pub(super) count: u32,
    pause: Backoff,
}

impl Restarts {
    pub(super) const fn none() -> Self {
        Self { count: 0, pause: Backoff::new(LEAST_PAUSE, MOST_PAUSE) }
    }

    /// Whether it is started again that ended so, after so long.
    pub(super) fn may_follow(&mut self, exit: Exit, life: Duration) -> bool {
        if life >= STEADY {
            *self = Self::none();
        }
        if exit == Exit::Done {
            return true;
        }
        let may = self.count < RESTARTS && !matches!(exit, Exit::NeverWorks | Exit::NoRoom);
        self.count += u32::from(may);
        may
    }

    /// Waits before the next one; false when asked to stop meanwhile.
    pub(super) async fn wait(&mut self, stop: &Stop) -> bool {
        tokio::select! {
            () = tokio::time::sleep(self.pause.next_pause()) => true,
            () = stop.asked() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dies_is_started_again_six_times_unless_it_lived_long_or_can_never_work() {
        let mut restarts = Restarts::none();
        let mut may = |exit, life| restarts.may_follow(exit, life);
        assert!((0..100).all(|_| may(Exit::Done, Duration::ZERO)), "that is no failure");
        assert!((0..6).all(|_| may(Exit::Failed, Duration::ZERO)));
        assert!(!may(Exit::TryAgain, Duration::ZERO));
        assert!(may(Exit::TryAgain, STEADY));
        assert!(!may(Exit::NeverWorks, STEADY) && !may(Exit::NoRoom, STEADY));
    }
}
