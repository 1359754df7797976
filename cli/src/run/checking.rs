//! The audit of a run, begun beside its signing.

use std::convert::Infallible;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use chancery_audit::{Ahead, audit_ahead};
use chancery_store::Run;
use tokio::sync::Mutex;

use crate::database::Database;

/// How often it is looked whether the run got further.
const INTERVAL: Duration = Duration::from_secs(2);

/// How long it is waited after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Where signers have every processor, checking takes one part of so many of one: what it takes is missing there.
const PARTS: u32 = 8;

/// Checks what is signed already, so that the audit has less to do in the end.
pub(crate) struct Checking<'a> {
    database: &'a Database,
    run: &'a Run,
    /// How long it pauses, as a multiple of what a step took.
    pauses: u32,
    ahead: Mutex<Ahead>,
}

impl<'a> Checking<'a> {
    /// Beside so many signers.
    pub(crate) fn new(database: &'a Database, run: &'a Run, signers: u32) -> Self {
        let processors = available_parallelism().map_or(1, std::num::NonZero::get);
        let is_one_left = u32::try_from(processors).is_ok_and(|processors| processors > signers);
        let pauses = if is_one_left { 0 } else { PARTS - 1 };
        Self { database, run, pauses, ahead: Mutex::default() }
    }

    /// Keeps up with the run for as long as it is waited for. What fails is tried again, and what was not checked is left to the
    /// audit.
    pub(crate) async fn keep_up(&self) -> Infallible {
        let Run { namespace, name, .. } = self.run;
        // Not in the way of the first signatures.
        let mut pause = INTERVAL;
        loop {
            tokio::time::sleep(pause).await;
            let began = Instant::now();
            let mut ahead = self.ahead.lock().await;
            pause = match audit_ahead(&self.database.ledger, namespace, name, &mut ahead).await {
                Ok(is_behind) => {
                    let least = if is_behind { Duration::ZERO } else { INTERVAL };
                    least.max(began.elapsed() * self.pauses)
                }
                Err(error) => {
                    tracing::debug!(%error, "the audit does not begin yet");
                    AFTER_FAILURE
                }
            };
        }
    }

    /// What is checked.
    pub(crate) fn done(self) -> Ahead {
        self.ahead.into_inner()
    }
}
