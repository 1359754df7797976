//! A run to which programs push: nothing is read for it. Until it is sealed, batches are closed whose period has passed; and if its policy
//! asks others, an intake judges what waits for that.

use std::time::Duration;

use chancery_process::{LogFormat, Stop};
use chancery_store::Run;

use crate::database::Database;
use crate::display::{Display, Stage};
use crate::error::CliError;
use crate::run::incoming::Incoming;
use crate::run::intake::{Taken, keep_one};
use crate::run::patience::Patience;
use crate::run::room::Room;

/// How often the ledger is asked how far it is.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// The longest time before it is asked again whether a batch is late.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Waits until the run is sealed, as a stage that is shown. `told` is told as records come.
pub(crate) async fn receive(
    database: &Database,
    run: &Run,
    log_format: LogFormat,
    room: &Room,
    display: &Display,
    stop: &Stop,
    told: impl Fn() + Send + Sync,
) -> Result<Taken, CliError> {
    let Some(incoming) = Incoming::begin(Stage::Receiving, (database, run), room, display, told).await?
    else {
        return Ok(Taken::Sealed);
    };
    display.say(&format!(
        "the run {}/{} takes in what is pushed to it, through `chancery serve`, until it is sealed",
        run.namespace, run.name
    ));
    let receiving = Receiving { incoming: &incoming };
    let taken = if run.policy.as_ref().is_some_and(|policy| policy.asks) {
        tokio::select! {
            // Asked to stop, it sees that the intake ends.
            taken = keep_one(&incoming, log_format, stop) => taken,
            error = receiving.close_late_batches() => Err(error),
        }
    } else {
        tokio::select! {
            taken = receiving.until_sealed() => taken,
            error = receiving.close_late_batches() => Err(error),
            () = stop.asked() => Ok(Taken::Stopped),
        }
    };
    incoming.end();
    taken
}

struct Receiving<'a, F> {
    incoming: &'a Incoming<'a, F>,
}

impl<F: Fn() + Send + Sync> Receiving<'_, F> {
    async fn until_sealed(&self) -> Result<Taken, CliError> {
        let mut patience = Patience::default();
        loop {
            if let Some(taken) = patience.with(self.look().await)?.flatten() {
                return Ok(taken);
            }
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }

    async fn look(&self) -> Result<Option<Taken>, CliError> {
        let progress = self.incoming.look().await?;
        if progress.deleted {
            let run = self.incoming.run;
            return Err(CliError::BeingDeleted(format!("{}/{}", run.namespace, run.name)));
        }
        if progress.sealed {
            return Ok(Some(Taken::Sealed));
        }
        match self.incoming.too_many_dead(&progress) {
            Some(error) => Err(error),
            None => Ok(progress.suspended.then_some(Taken::Suspended)),
        }
    }

    /// Ends only with an error: whoever watches sees when the run is sealed.
    async fn close_late_batches(&self) -> CliError {
        let mut patience = Patience::default();
        loop {
            let closed = self
                .incoming
                .database
                .ledger
                .close_late_batch(self.incoming.run)
                .await
                .map_err(CliError::from);
            match patience.with(closed) {
                Ok(next) => {
                    tokio::time::sleep(next.flatten().unwrap_or(LONGEST_LOOK).min(LONGEST_LOOK)).await
                }
                Err(error) => return error,
            }
        }
    }
}
