//! What an intake is given to do.

use std::time::Duration;

use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::StoreError;
use crate::lease::Token;

/// What is to be done next.
#[derive(Debug)]
pub enum Task {
    /// Find out what the source consists of.
    List(Held),
    /// Read a part of it.
    Read(Reading),
    /// Ask again, after so long at the latest: what is left is others', or left alone for a while.
    Wait(Duration),
    /// Nothing is read for this run now, or ever.
    Nothing(Refusal),
}

/// Why nothing is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The run has all its records.
    Sealed,
    /// The run has the most records that it may have.
    Full,
    /// The database has no room for more for now.
    Held,
    /// Somebody suspended the run.
    Suspended,
    /// More of its arrivals are dead than it allows.
    TooManyDead,
    /// The run is gone, or being deleted.
    Gone,
}

/// A source that is this holder's for a while: to be listed, or a split of it to be read.
#[derive(Debug)]
pub struct Held {
    /// Number of the source in its run.
    pub source: i32,
    /// Its name.
    pub name: String,
    /// What the manifest says of it.
    pub description: Value,
    /// Number of the split; none for the source as a whole.
    pub split: Option<i32>,
    /// Failures so far, one after the other.
    pub attempts: u32,
    /// For how long from when it was asked for, unless it is prolonged.
    pub duration: Duration,
    pub(super) token: Token,
}

/// A split that is this holder's for a while.
#[derive(Debug)]
pub struct Reading {
    /// Whose.
    pub held: Held,
    /// What is read, as it was listed.
    pub part: Value,
    /// From where on.
    pub position: i64,
    /// What the reader stored beside that, if anything.
    pub key: Option<String>,
    /// How many more records the run may have, less what waits to be judged; none where that has no bound.
    pub room: Option<i64>,
}

impl Task {
    pub(super) fn of(row: &PgRow, token: Token) -> Result<Self, StoreError> {
        let task: &str = row.get("task");
        if let Some(refusal) = Refusal::of(task) {
            return Ok(Self::Nothing(refusal));
        }
        let seconds = Duration::try_from_secs_f64(row.get("seconds")).unwrap_or_default();
        if task == "wait" {
            return Ok(Self::Wait(seconds));
        }
        let held = Held {
            source: row.get("source"),
            name: row.get("name"),
            description: json(row.get("description"))?,
            split: row.get("split"),
            attempts: row.get::<i32, _>("attempts").unsigned_abs(),
            duration: seconds,
            token,
        };
        match task {
            "list" => Ok(Self::List(held)),
            "read" => {
                let (part, position, key) = (json(row.get("part"))?, row.get("start_at"), row.get("key"));
                Ok(Self::Read(Reading { held, part, position, key, room: row.get("room") }))
            }
            other => Err(StoreError::Corrupt(format!("intake_next answered {other:?}"))),
        }
    }
}

impl Refusal {
    pub(crate) fn of(answer: &str) -> Option<Self> {
        match answer {
            "sealed" => Some(Self::Sealed),
            "held" => Some(Self::Held),
            "suspended" => Some(Self::Suspended),
            "too_many_dead" => Some(Self::TooManyDead),
            "deleted" | "unknown" => Some(Self::Gone),
            _ => None,
        }
    }
}

fn json(text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt(format!("a source or split is no JSON: {error}")))
}
