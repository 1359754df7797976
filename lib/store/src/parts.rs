//! Taking away what a run, or a ring, that is deleted has of the tables of all.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use crate::answer::{LONG, answered};
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// How long a part may be kept from going by transactions that read it, or the table of all: such as those of an audit.
const LONGEST: Duration = Duration::from_secs(3600);

/// Pauses between attempts. Each may hold up all signers for the 50 ms after which `part_detach` gives up, so that there
/// may not be many.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// What a run, or a ring, has of a table of all runs or rings.
#[derive(Debug)]
pub(crate) struct Part {
    parent: String,
    number: i32,
    /// Whether it is one of those that are to go. Others were left half detached by a former version, and are in the way.
    pub(crate) own: bool,
}

from_row!(Part { parent, number, own });

impl Part {
    /// Takes it out, as soon as nobody reads the table of all.
    pub(crate) async fn detach(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let given_up = Instant::now() + LONGEST;
        let (mut pause, mut closed) = (LEAST_PAUSE, false);
        loop {
            let detach = query::part_detach.rows().bind(&self.parent).bind(self.number);
            match answered(query::part_detach.name, LONG, detach.execute(&mut *connection)).await {
                // Somebody reads it. Those are waited for, and whoever comes later waits.
                Err(StoreError::GaveUp { .. }) if Instant::now() < given_up => {
                    if !closed {
                        let close = query::deletion_gate_close.rows();
                        answered(query::deletion_gate_close.name, LONG, close.execute(&mut *connection))
                            .await?;
                        closed = true;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MOST_PAUSE);
                }
                done => {
                    done?;
                    break;
                }
            }
        }
        if closed {
            let open = query::deletion_gate_open.rows();
            answered(query::deletion_gate_open.name, LONG, open.execute(connection)).await?;
        }
        Ok(())
    }

    /// Drops it, once it is out.
    pub(crate) async fn drop_it(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let drop = query::part_drop.rows().bind(&self.parent).bind(self.number);
        answered(query::part_drop.name, LONG, drop.execute(connection)).await.map(|_| ())
    }
}
