//! Reading another run again.

use super::{Held, IntakeSession, Reading};
use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// What came of listing another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayListed {
    /// It is listed, or somebody else's to list.
    Done,
    /// It is listed, and has nothing of what is asked for.
    Nothing,
    /// There is no such run, or it is the run itself.
    Unknown,
    /// It is being deleted.
    Deleted,
    /// It is not sealed: it may still get more.
    Unsealed,
}

/// One row of another run.
#[derive(Clone, Debug)]
pub struct ReplayRow {
    /// Whether the other run is gone; then this is the only row, and nothing more is said.
    pub gone: bool,
    /// Where it is.
    pub place: Option<i64>,
    /// Its bytes; none where they were not kept whole.
    pub payload: Option<Vec<u8>>,
    /// Of a dead letter, which step gave it up.
    pub stage: Option<String>,
    /// Of a dead letter, why.
    pub reason: Option<String>,
    /// In which trace it came to the other run.
    pub traceparent: Option<String>,
}

from_row!(ReplayRow { gone, place, payload, stage, reason, traceparent });

impl IntakeSession {
    /// Lists a source that is another run.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn list_replay(&mut self, held: &Held) -> Result<ReplayListed, StoreError> {
        let statement = query::replay_list.scalars().bind(held.source).bind(held.token.as_bytes());
        let answer: String =
            answered(query::replay_list.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        match answer.as_str() {
            "listed" | "lost" => Ok(ReplayListed::Done),
            "nothing" => Ok(ReplayListed::Nothing),
            "unknown" => Ok(ReplayListed::Unknown),
            "deleted" => Ok(ReplayListed::Deleted),
            "unsealed" => Ok(ReplayListed::Unsealed),
            other => Err(StoreError::Corrupt(format!("replay_list answered {other:?}"))),
        }
    }

    /// Some of what a split of another run holds from a position on; nothing at its end.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn read_replay(
        &mut self,
        reading: &Reading,
        position: i64,
    ) -> Result<Vec<ReplayRow>, StoreError> {
        let Reading { held, part: _, position: _, key: _, room: _ } = reading;
        let statement = query::replay_read
            .rows_as()
            .bind(held.source)
            .bind(held.split)
            .bind(held.token.as_bytes())
            .bind(position);
        answered(query::replay_read.name, SHORT, statement.fetch_all(&mut self.connection)).await
    }
}
