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
    /// As they happened; at least one.
    pub events: Vec<Event>,
    /// Whether batches of the run are not signed yet.
    pub signing: bool,
    token: Token,
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
                let event = |row: &PgRow| {
                    sqlx::Result::Ok(Event {
                        what: row.try_get("what")?,
                        happened_at: row.try_get("happened_at")?,
                        data: row.try_get("data")?,
                        attempts: row.try_get("attempts")?,
                    })
                };
                let events = rows.iter().map(event).collect::<Result<Vec<_>, _>>();
                let events = events.map_err(|error| StoreError::of(query::notification_take.name, error))?;
                let signing = rows.first().is_some_and(|row| row.get("signing"));
                Ok(Self::Tell(TakenEvents { notification, events, signing, token }))
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
