//! Reading the sources of a run, or judging what is pushed to it: the program that does it, kept running until the run is sealed.

use std::env;
use std::io;
use std::time::{Duration, Instant};

use chancery_process::{Backoff, Exit, LogFormat, Stop};
use chancery_store::Run;
use tokio::process::Command;

use crate::database::Database;
use crate::display::{Display, Stage};
use crate::error::CliError;
use crate::run::child::{ChildProcess, exit_of, holder_name, program};
use crate::run::incoming::Incoming;
use crate::run::login::ChildLogin;
use crate::run::room::Room;

/// How often the ledger is asked how far it is.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How often the intake is started again after it died.
const RESTARTS: u32 = 6;

/// One that has lived so long did not die of how it is set up.
const STEADY: Duration = Duration::from_secs(60);

/// Pauses before it is.
const LEAST_PAUSE: Duration = Duration::from_millis(250);

const MOST_PAUSE: Duration = Duration::from_secs(10);

/// How long the intake may take to end once it has been asked to: longer than the grace that it has by itself.
const END_GRACE: Duration = Duration::from_secs(30);

/// Sessions of an intake: one for each reader, and as many again while the server has not noticed that those of a dead
/// one are gone.
const SESSIONS: u32 = 16;

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The run has all its records.
    Sealed,
    /// Somebody suspended the run meanwhile.
    Suspended,
    Stopped,
}

/// Reads the sources of the run until it is sealed, as a stage that is shown. `told` is told as records come.
pub(crate) async fn read_sources(
    database: &Database,
    run: &Run,
    log_format: LogFormat,
    room: &Room,
    display: &Display,
    stop: &Stop,
    told: impl Fn() + Send + Sync,
) -> Result<Taken, CliError> {
    let Some(incoming) = Incoming::begin(Stage::Reading, (database, run), room, display, told).await? else {
        return Ok(Taken::Sealed);
    };
    let taken = keep_one(&incoming, log_format, stop).await;
    incoming.end();
    taken
}

/// Keeps an intake running until the run is sealed.
pub(super) async fn keep_one(
    incoming: &Incoming<'_, impl Fn() + Send + Sync>,
    log_format: LogFormat,
    stop: &Stop,
) -> Result<Taken, CliError> {
    let login = ChildLogin::for_intake(incoming.database, incoming.run, SESSIONS).await?;
    let intake = Intake { incoming, log_format, url: login.url()? };
    let taken = intake.keep_reading(stop).await;
    login.drop().await;
    taken
}

struct Intake<'a, F> {
    incoming: &'a Incoming<'a, F>,
    log_format: LogFormat,
    url: String,
}

impl<F: Fn() + Send + Sync> Intake<'_, F> {
    async fn keep_reading(&self, stop: &Stop) -> Result<Taken, CliError> {
        let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        let (mut restarts, mut starts) = (0, 0);
        loop {
            // Before it admits anything, and as it goes on.
            self.incoming.look().await?;
            let began = Instant::now();
            let holder = holder_name("intake", starts);
            starts += 1;
            let (exit, last) = self.read_once(&holder, stop).await?;
            self.incoming.look().await?;
            if exit == Exit::Done
                && let Some(taken) = self.how_it_ended(stop).await?
            {
                return Ok(taken);
            }
            // What it had in hand is free at once.
            self.incoming.database.ledger.release_intakes(self.incoming.run, &[holder]).await?;
            if began.elapsed() >= STEADY {
                restarts = 0;
                pause.reset();
            }
            if stop.is_asked() {
                return Ok(Taken::Stopped);
            }
            if exit != Exit::Done {
                if restarts == RESTARTS || matches!(exit, Exit::NeverWorks | Exit::NoRoom) {
                    return Err(CliError::IntakeFailed { last, exit });
                }
                restarts += 1;
            }
            self.incoming
                .display
                .above_bars(|| tracing::warn!(restarts, "the intake ended: {last}; starting it again"));
            tokio::select! {
                () = tokio::time::sleep(pause.next_pause()) => {}
                () = stop.asked() => return Ok(Taken::Stopped),
            }
        }
    }

    /// What an intake saw that ended without an error. None if it was asked to stop by somebody else, or what it saw is over
    /// by now.
    async fn how_it_ended(&self, stop: &Stop) -> Result<Option<Taken>, CliError> {
        let progress = self.incoming.progress().await?;
        match self.incoming.too_many_dead(&progress) {
            _ if progress.sealed => Ok(Some(Taken::Sealed)),
            Some(error) => Err(error),
            None if stop.is_asked() => Ok(Some(Taken::Stopped)),
            None => Ok(progress.suspended.then_some(Taken::Suspended)),
        }
    }

    /// Runs one process to its end: how it ended, and its last line.
    async fn read_once(&self, holder: &str, stop: &Stop) -> Result<(Exit, String), CliError> {
        let mut intake = self.start(holder).map_err(CliError::IntakeProgram)?;
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
                    intake.kill();
                    break;
                }
                line = intake.next_line() => match line {
                    Some(line) => {
                        self.incoming.display.pass_on(&line);
                        last_line = line;
                    }
                    None => break,
                },
                _now = look.tick() => match self.incoming.look().await {
                    Err(CliError::Store(error)) if error.is_transient() => {}
                    other => _ = other?,
                },
                () = stop.asked(), if !asked => {
                    asked = true;
                    intake.ask_to_stop();
                }
            }
        }
        let status = intake.ended().await.map_err(CliError::IntakeProgram)?;
        let exit = if status.success() { Exit::Done } else { exit_of(status) };
        Ok((exit, if last_line.is_empty() { status.to_string() } else { last_line }))
    }

    fn start(&self, holder: &str) -> io::Result<ChildProcess> {
        let mut command = Command::new(program(env::var_os("CHANCERY_INTAKE"), "chancery-intake"));
        command
            .args(["--run", &self.incoming.run.name, "--run-uid", &self.incoming.run.uid.to_string()])
            .args(["--namespace", &self.incoming.run.namespace, "--holder", holder])
            .args(["--log-format", self.log_format.flag(), "--stop-with-stdin"])
            // Not on the command line, where everybody could read a password.
            .env("DATABASE_URL", &self.url)
            .env_remove("CHANCERY_KEK_FILE")
            .env_remove("CHANCERY_FORMER_KEK_FILES");
        ChildProcess::start(command, holder.to_owned())
    }
}
