//! How far a run is whose records come from outside, as a stage that is shown.

use chancery_store::{Progress, Run, StoreError};

use crate::database::Database;
use crate::display::{Display, Stage, StageBar};
use crate::error::CliError;
use crate::run::room::Room;

/// A run that is not sealed, and how far it was last.
pub(super) struct Incoming<'a, F> {
    pub(super) database: &'a Database,
    pub(super) run: &'a Run,
    pub(super) display: &'a Display,
    room: &'a Room,
    bar: StageBar,
    /// Is told as records come.
    told: F,
}

impl<'a, F: Fn() + Send + Sync> Incoming<'a, F> {
    /// Begins the stage; none if the run is sealed.
    pub(super) async fn begin(
        stage: Stage,
        (database, run): (&'a Database, &'a Run),
        room: &'a Room,
        display: &'a Display,
        told: F,
    ) -> Result<Option<Self>, CliError> {
        let before = progress(database, run).await?;
        if before.sealed {
            return Ok(None);
        }
        let total = run.input.sources().and_then(|sources| sources.record_limit).unwrap_or(0);
        let bar = display.stage(stage, total.unsigned_abs(), received(&before));
        Ok(Some(Self { database, run, display, room, bar, told }))
    }

    /// Looks how far it is. A run for whose records the database has no room is held, until it has.
    pub(super) async fn look(&self) -> Result<Progress, CliError> {
        let progress = self.progress().await?;
        self.bar.at(received(&progress));
        (self.told)();
        // Another command, or this one before it was killed, may have left it held.
        let short = self.room.is_short(self.display);
        if short.is_some() != progress.held.is_some() {
            self.database.ledger.hold_intake(self.run.id, short.as_deref()).await?;
        }
        Ok(progress)
    }

    pub(super) async fn progress(&self) -> Result<Progress, CliError> {
        progress(self.database, self.run).await
    }

    /// Why nothing more is taken in, if too much of what was offered cannot become a record.
    pub(super) fn too_many_dead(&self, progress: &Progress) -> Option<CliError> {
        let counts = progress.arrivals.filter(|_| progress.too_many_dead)?;
        let run = format!("{}/{}", self.run.namespace, self.run.name);
        Some(CliError::TooManyDead { run, dead: counts.dead, limit: counts.dead_limit })
    }

    /// Ends the stage.
    pub(super) fn end(&self) {
        self.bar.end();
    }
}

fn received(progress: &Progress) -> u64 {
    progress.arrivals.map_or(0, |counts| counts.received.unsigned_abs())
}

/// How far the run is.
pub(super) async fn progress(database: &Database, run: &Run) -> Result<Progress, CliError> {
    let progress = database.ledger.progress(&[run.id]).await?.pop();
    Ok(progress.ok_or_else(|| StoreError::NoRun(format!("{}/{}", run.namespace, run.name)))?)
}
