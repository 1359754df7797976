//! The statements about a run, made beside its signing.

use std::convert::Infallible;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use chancery_statement::StatementKey;
use chancery_stating::{Heads, Made, StatingError, Step, heads, step};
use chancery_store::Run;
use tokio::sync::{Mutex, watch};

use crate::database::Database;
use crate::error::CliError;

/// How often it is looked whether the run got further.
const INTERVAL: Duration = Duration::from_millis(500);

/// Signers of this machine, and the making of records, are left all processors but so small a part.
const PART_OF_PROCESSORS: u32 = 128;

/// How long it is waited after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Makes what can be made of the statements about a run.
pub(crate) struct Stating<'a> {
    database: &'a Database,
    run: &'a Run,
    key: &'a StatementKey,
    made: Mutex<Made>,
    /// Whether all is signed: nobody has to be left anything then, and a manifest waits for the last statement.
    all_signed: watch::Sender<bool>,
}

impl<'a> Stating<'a> {
    pub(crate) fn new(database: &'a Database, run: &'a Run, key: &'a StatementKey) -> Self {
        Self { database, run, key, made: Mutex::default(), all_signed: watch::Sender::new(false) }
    }

    /// Keeps up with the run for as long as it is waited for. What fails is tried again: [`Stating::catch_up`] tells.
    pub(crate) async fn keep_up(&self) -> Infallible {
        let processors =
            available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX));
        let mut all_signed = self.all_signed.subscribe();
        loop {
            let began = Instant::now();
            let pause = match self.step().await {
                Ok(Step::Advanced) if *all_signed.borrow() => continue,
                Ok(Step::Advanced) => began.elapsed() * PART_OF_PROCESSORS / processors,
                Ok(Step::Waiting | Step::Stated) => INTERVAL,
                Err(error) => {
                    tracing::debug!(%error, "statements wait");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                Ok(()) = all_signed.changed() => {}
            }
        }
    }

    /// From now on it goes on without pauses.
    pub(crate) fn all_is_signed(&self) {
        self.all_signed.send_replace(true);
    }

    /// Makes all that can be made now, and tells which statements there are.
    pub(crate) async fn catch_up(&self) -> Result<Heads, CliError> {
        while self.step().await? == Step::Advanced {}
        if let Some(batch) = self.made.lock().await.kept_otherwise() {
            tracing::warn!(
                batch,
                "another root of a batch is kept than that of its rows: no record of the run can be proven"
            );
        }
        Ok(heads(&self.database.ledger, self.run).await?)
    }

    async fn step(&self) -> Result<Step, StatingError> {
        let now = || jiff::Timestamp::now().to_string();
        step(&self.database.ledger, self.run, self.key, now, &mut *self.made.lock().await).await
    }
}
