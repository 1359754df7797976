//! Reading the sources of a run, or judging what is pushed to it: the program that does it, kept running until the run is sealed.

use std::env;
use std::time::Instant;

use chancery_process::{Exit, LogFormat, Stop};
use chancery_store::Run;

use crate::database::Database;
use crate::display::{Display, Stage};
use crate::error::CliError;
use crate::run::beside::{Beside, Restarts};
use crate::run::child::{holder_name, program};
use crate::run::incoming::Incoming;
use crate::run::login::ChildLogin;
use crate::run::room::Room;

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
    let program = Beside {
        program: program(env::var_os("CHANCERY_INTAKE"), "chancery-intake"),
        run: incoming.run,
        log_format,
        url: login.url()?,
        more: &[],
        display: incoming.display,
        failure: CliError::IntakeProgram,
    };
    let taken = Intake { incoming, program }.keep_reading(stop).await;
    login.drop().await;
    taken
}

struct Intake<'a, F> {
    incoming: &'a Incoming<'a, F>,
    program: Beside<'a>,
}

impl<F: Fn() + Send + Sync> Intake<'_, F> {
    async fn keep_reading(&self, stop: &Stop) -> Result<Taken, CliError> {
        let (mut restarts, mut starts) = (Restarts::none(), 0);
        loop {
            // Before it admits anything, and as it goes on.
            self.incoming.look().await?;
            let began = Instant::now();
            let holder = holder_name("intake", starts);
            starts += 1;
            let look = async || self.incoming.look().await.map(drop);
            let (exit, last) = self.program.run_once(&holder, stop, look).await?;
            self.incoming.look().await?;
            if exit == Exit::Done
                && let Some(taken) = self.how_it_ended(stop).await?
            {
                return Ok(taken);
            }
            // What it had in hand is free at once.
            self.incoming.database.ledger.release_intakes(self.incoming.run, &[holder]).await?;
            if stop.is_asked() {
                return Ok(Taken::Stopped);
            }
            if !restarts.may_follow(exit, began.elapsed()) {
                return Err(CliError::IntakeFailed { last, exit });
            }
            let restarts_before = restarts.count;
            self.incoming.display.above_bars(|| {
                tracing::warn!(restarts = restarts_before, "the intake ended: {last}; starting it again");
            });
            if !restarts.wait(stop).await {
                return Ok(Taken::Stopped);
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
}
