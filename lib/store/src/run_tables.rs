//! Taking away the tables of a run that is deleted.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use crate::answer::{LONG, answered};
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// How long a table may be kept from going by transactions that read it, or the table of all runs: such as those of an
/// audit.
const LONGEST: Duration = Duration::from_secs(3600);

/// Pauses between attempts. Each may hold up all signers for the 50 ms after which `run_table_detach` gives up, so that there
/// may not be many.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// A table of a run that is deleted.
#[derive(Debug)]
pub(crate) struct RunTable {
    pub(crate) run: i32,
    /// The table of all runs that it is, or was, a part of.
    parent: String,
}

from_row!(RunTable { run, parent });

impl RunTable {
    /// Takes it out of the table of all runs, as soon as nobody reads that.
    pub(crate) async fn detach(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let given_up = Instant::now() + LONGEST;
        let mut pause = LEAST_PAUSE;
        loop {
            let detach = query::run_table_detach.rows().bind(self.run).bind(&self.parent);
            match answered(query::run_table_detach.name, LONG, detach.execute(&mut *connection)).await {
                // Somebody reads it.
                Err(StoreError::GaveUp { .. }) if Instant::now() < given_up => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MOST_PAUSE);
                }
                done => return done.map(|_| ()),
            }
        }
    }

    /// Drops it, once it is out.
    pub(crate) async fn drop_it(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let drop = query::run_table_drop.rows().bind(self.run).bind(&self.parent);
        answered(query::run_table_drop.name, LONG, drop.execute(connection)).await.map(|_| ())
    }
}
