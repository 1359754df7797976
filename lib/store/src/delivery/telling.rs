//! What a delivery does for notifications: it is given events, tells of them, and says what became of that.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{DeliveryRefusal, DeliverySession};
use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::lease::Token;
use crate::query;
use crate::row::from_row;

/// A notification of the run, for whoever tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationWork {
    /// Its number in the run.
    pub notification: i32,
    /// Its name.
    pub name: String,
    /// What the manifest says of it, as JSON.
    pub description: String,
    /// With so many refusals, an event is given up.
    pub attempt_limit: i32,
}

from_row!(NotificationWork { notification, name, description, attempt_limit });

/// What is to be done for a notification.
#[derive(Debug)]
pub enum NotificationTask {
    /// Tell of these.
    Tell(TakenEvents),
    /// Nothing is due: ask again after that long at the latest.
    Wait(Duration),
    /// The run is complete, and it was told of each of its events, or that was given up.
    Done,
    /// Nothing is told of this run now, or ever.
    Nothing(DeliveryRefusal),
}

/// Events that are this holder's for a while, on their way to one receiver.
#[derive(Debug)]
pub struct TakenEvents {
    /// Number of the notification in its run.
    pub notification: i32,
    /// As they happened. There is one of these or of `batches` at least.
    pub events: Vec<Event>,
    /// Signed batches whose records are told of one by one ([`DeliverySession::take_records`]): each as `record.signed/17`.
    pub batches: Vec<String>,
    /// Whether batches of the run are not signed yet.
    pub signing: bool,
    token: Token,
}

/// A signed record of which is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordEvent {
    /// The event of its batch: `record.signed/17`.
    pub batch: String,
    /// Its number.
    pub record: i64,
    /// It.
    pub event: Event,
}

/// How far the records of a batch are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The event of the batch.
    pub batch: String,
    /// The record up to which each was told, or refused, since the last time; 0 if none was.
    pub record: i64,
    /// How many of those were told.
    pub told: i64,
}

/// What happened to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What, and to what: `batch.signed/17`. In its run, that happened once.
    pub what: String,
    /// When, as RFC 3339.
    pub happened_at: String,
    /// What is told of it: a JSON object.
    pub data: String,
    /// In which trace it came, of what is told of an arrival, or of several that came in one.
    pub traceparent: Option<String>,
    /// How often the receiver refused it.
    pub attempts: i32,
}

/// An event that a receiver refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEvent {
    /// Which.
    pub what: String,
    /// What the receiver said.
    pub error: String,
    /// For how long it is left alone.
    pub pause: Duration,
}

/// Why a receiver cannot be reached.
#[derive(Clone, Copy, Debug)]
pub struct Unreachable<'a> {
    /// What happened.
    pub error: &'a str,
    /// For how long it is left alone.
    pub pause: Duration,
    /// For how long it is waited for once the run is complete.
    pub patience: Duration,
}

impl NotificationTask {
    fn of(notification: i32, rows: &[PgRow], token: Token) -> Result<Self, StoreError> {
        let task = rows.first().map(|row| row.get::<&str, _>("task"));
        match task {
            Some("tell") => {
                let (mut events, mut batches) = (Vec::new(), Vec::new());
                for row in rows {
                    let of_query = |error| StoreError::of(query::notification_take.name, error);
                    let what: String = row.try_get("what").map_err(of_query)?;
                    match row.try_get::<Option<String>, _>("data").map_err(of_query)? {
                        Some(data) => events.push(Event {
                            what,
                            happened_at: row.try_get("happened_at").map_err(of_query)?,
                            data,
                            traceparent: row.try_get("traceparent").map_err(of_query)?,
                            attempts: row.try_get("attempts").map_err(of_query)?,
                        }),
                        None => batches.push(what),
                    }
                }
                let signing = rows.first().is_some_and(|row| row.get("signing"));
                Ok(Self::Tell(TakenEvents { notification, events, batches, signing, token }))
            }
            Some("wait") => {
                let seconds = rows.first().map_or(0.0, |row| row.get("seconds"));
                Ok(Self::Wait(Duration::try_from_secs_f64(seconds).unwrap_or_default()))
            }
            Some("done") => Ok(Self::Done),
            Some("suspended") => Ok(Self::Nothing(DeliveryRefusal::Suspended)),
            Some("deleted" | "unknown") => Ok(Self::Nothing(DeliveryRefusal::Gone)),
            other => Err(StoreError::Corrupt(format!("notification_take answered {other:?}"))),
        }
    }
}

impl DeliverySession {
    /// The notifications of the run, in the order of the manifest.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn notifications(&mut self) -> Result<Vec<NotificationWork>, StoreError> {
        let statement = query::notification_list.rows_as();
        answered(query::notification_list.name, SHORT, statement.fetch_all(&mut self.connection)).await
    }

    /// Takes events that are due for a notification, at most so many. They are this holder's for that long.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn take_events(
        &mut self,
        notification: i32,
        most: i32,
        duration: Duration,
    ) -> Result<NotificationTask, StoreError> {
        let token = Token::random();
        let statement = query::notification_take
            .rows()
            .bind(notification)
            .bind(&self.holder)
            .bind(token.hash())
            .bind(most)
            .bind(duration.as_secs_f64());
        let rows =
            answered(query::notification_take.name, SHORT, statement.fetch_all(&mut self.connection)).await?;
        NotificationTask::of(notification, &rows, token)
    }

    /// The records of the batches that were taken, behind those of which it was told, in order, at most so many; none when all of them
    /// are told, or the batches are another's by now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn take_records(
        &mut self,
        taken: &TakenEvents,
        most: i32,
    ) -> Result<Vec<RecordEvent>, StoreError> {
        let statement = query::notification_records
            .rows()
            .bind(taken.notification)
            .bind(taken.token.as_bytes())
            .bind(&taken.batches)
            .bind(most);
        let rows =
            answered(query::notification_records.name, SHORT, statement.fetch_all(&mut self.connection))
                .await?;
        let of_row = |row: &PgRow| {
            let what: String = row.try_get("what")?;
            let record = what.rsplit('/').next().and_then(|record| record.parse().ok());
            let record =
                record.ok_or_else(|| sqlx::Error::Decode(format!("{what} is of no record").into()))?;
            let (happened_at, data) = (row.try_get("happened_at")?, row.try_get("data")?);
            let traceparent = row.try_get("traceparent")?;
            let event = Event { what, happened_at, data, traceparent, attempts: 0 };
            sqlx::Result::Ok(RecordEvent { batch: row.try_get("event")?, record, event })
        };
        let records = rows.iter().map(of_row).collect::<Result<_, _>>();
        records.map_err(|error| StoreError::of(query::notification_records.name, error))
    }

    /// Says how far the batches that were taken are told, record by record, and which records the receiver refused: these are handed out
    /// by themselves from then on. The batches are this holder's for that long again. Returns how many records are dead letters.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn note_records(
        &mut self,
        taken: &TakenEvents,
        reached: &[Reached],
        refused: &[RefusedEvent],
        duration: Duration,
    ) -> Result<i64, StoreError> {
        let statement = query::notification_reached
            .rows()
            .bind(taken.notification)
            .bind(taken.token.as_bytes())
            .bind(reached.iter().map(|one| one.batch.as_str()).collect::<Vec<_>>())
            .bind(reached.iter().map(|one| one.record).collect::<Vec<_>>())
            .bind(reached.iter().map(|one| one.told).collect::<Vec<_>>())
            .bind(refused.iter().map(|one| one.what.as_str()).collect::<Vec<_>>())
            .bind(refused.iter().map(|one| one.error.as_str()).collect::<Vec<_>>())
            .bind(refused.iter().map(|one| one.pause.as_secs_f64()).collect::<Vec<_>>())
            .bind(duration.as_secs_f64());
        let row =
            answered(query::notification_reached.name, SHORT, statement.fetch_one(&mut self.connection));
        Ok(row.await?.get("dead"))
    }

    /// Says that the receiver was told of these. Returns how many of them were this holder's, and are settled.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn settle_events(&mut self, taken: &TakenEvents, told: &[String]) -> Result<i64, StoreError> {
        let statement = query::notification_settle
            .scalars()
            .bind(taken.notification)
            .bind(taken.token.as_bytes())
            .bind(told);
        answered(query::notification_settle.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Says that the receiver refused these: that counts. Returns how many are handed out again, and how many are dead letters.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn fail_events(
        &mut self,
        taken: &TakenEvents,
        refused: &[RefusedEvent],
    ) -> Result<(i64, i64), StoreError> {
        let statement = query::notification_fail
            .rows()
            .bind(taken.notification)
            .bind(taken.token.as_bytes())
            .bind(refused.iter().map(|one| one.what.as_str()).collect::<Vec<_>>())
            .bind(refused.iter().map(|one| one.error.as_str()).collect::<Vec<_>>())
            .bind(refused.iter().map(|one| one.pause.as_secs_f64()).collect::<Vec<_>>());
        let row =
            answered(query::notification_fail.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        Ok((row.get("put_off"), row.get("dead")))
    }

    /// Gives these back: no attempt counts. If the receiver cannot be reached, it is left alone for a while; and once the run has been
    /// complete for longer than it is waited for, what nobody has is given up. Returns how many were this holder's, and how many are dead
    /// letters.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn give_back_events(
        &mut self,
        taken: &TakenEvents,
        whats: &[String],
        unreachable: Option<Unreachable<'_>>,
    ) -> Result<(i64, i64), StoreError> {
        let statement = query::notification_give_back
            .rows()
            .bind(taken.notification)
            .bind(taken.token.as_bytes())
            .bind(whats)
            .bind(unreachable.map(|why| why.error))
            .bind(unreachable.map(|why| why.pause.as_secs_f64()))
            .bind(unreachable.map(|why| why.patience.as_secs_f64()));
        let row =
            answered(query::notification_give_back.name, SHORT, statement.fetch_one(&mut self.connection))
                .await?;
        Ok((row.get("given_back"), row.get("dead")))
    }
}
