//! The notifications of a run: who is told of what happens to it.

use serde_json::{Value, json};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// The notifications of a run, in the order of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notifications(pub Vec<NotificationOfRun>);

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationOfRun {
    /// Unique within the run.
    pub name: String,
    /// Where it leads to, in the words of whoever tells: a JSON object, without any secret.
    pub description: Value,
    /// The names of the events of which it is told.
    pub events: Vec<String>,
    /// With so many refusals, an event is given up.
    pub attempt_limit: i32,
}

impl Notifications {
    /// As `run_create` takes them; none for a run without any.
    pub(crate) fn as_json(&self) -> Option<String> {
        let list = self.0.iter().map(|NotificationOfRun { name, description, events, attempt_limit }| {
            json!({"name": name, "description": description, "events": events, "attemptLimit": attempt_limit})
        });
        (!self.0.is_empty()).then(|| Value::Array(list.collect()).to_string())
    }

    /// As `run_find` gives them.
    fn of_json(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else { return Some(Self::default()) };
        let list: Vec<Value> = serde_json::from_str(text).ok()?;
        let one = |one: &Value| {
            let events = one["events"].as_array()?.iter().map(|event| event.as_str().map(str::to_owned));
            Some(NotificationOfRun {
                name: one["name"].as_str()?.to_owned(),
                description: one.get("description")?.clone(),
                events: events.collect::<Option<_>>()?,
                attempt_limit: i32::try_from(one["attemptLimit"].as_i64()?).ok()?,
            })
        };
        list.iter().map(one).collect::<Option<_>>().map(Self)
    }
}

impl<'r> sqlx::FromRow<'r, PgRow> for Notifications {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Self::of_json(row.try_get("notifications")?)
            .ok_or_else(|| sqlx::Error::Decode("notifications are no list".into()))
    }
}

/// How far a notification is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationProgress {
    /// The ledger's number of its run.
    pub run_id: i32,
    /// Its name in the manifest.
    pub name: String,
    /// Events of which it was told.
    pub told: i64,
    /// Events that were given up.
    pub dead: i64,
    /// How often it was tried, one time after the other, and could not be reached; 0 once it answers.
    pub failures: i32,
    /// Since when it cannot be reached, in microseconds since 1970 by the clock of the database.
    pub unavailable_micros: Option<i64>,
    /// Why.
    pub last_error: Option<String>,
}

from_row!(NotificationProgress { run_id, name, told, dead, failures, unavailable_micros, last_error });

impl Ledger {
    /// How far the notifications of these runs are, run by run, in the order of the manifest.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn notifications_progress(
        &self,
        runs: &[i32],
    ) -> Result<Vec<NotificationProgress>, StoreError> {
        self.ask(query::notifications_progress, async |query, connection| {
            query.rows_as().bind(runs).fetch_all(connection).await
        })
        .await
    }

    /// Whether somebody is still to be told of what happened to a run: until then, its delivery goes on, also once the run is complete.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn is_untold(&self, run: &Run) -> Result<bool, StoreError> {
        self.ask(query::run_untold, async |query, connection| {
            query.scalars().bind(run.id).fetch_one(connection).await
        })
        .await
    }

    /// Writes down that a run failed, for whoever is to be told: once for each reason, however often it is said. A reason is one word.
    /// False when the run is complete, being deleted or gone.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn tell_failed(&self, run: &Run, reason: &str, message: &str) -> Result<bool, StoreError> {
        self.ask(query::run_failed, async |query, connection| {
            query.scalars().bind(run.id).bind(run.uid).bind(reason).bind(message).fetch_one(connection).await
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_are_read_as_they_were_written_and_none_are_no_list() {
        let one = NotificationOfRun {
            name: "ops".to_owned(),
            description: json!({"http": {"url": "https://ops.example"}}),
            events: vec!["run.started".to_owned(), "batch.signed".to_owned()],
            attempt_limit: 8,
        };
        let two = Notifications(vec![
            one.clone(),
            NotificationOfRun { name: "more".to_owned(), attempt_limit: 3, ..one },
        ]);
        assert_eq!(Notifications::of_json(two.as_json().as_deref()), Some(two));
        let none = Notifications::default();
        assert_eq!((none.as_json(), Notifications::of_json(None)), (None, Some(none)));
        for broken in
            ["{}", "[1]", r#"[{"name": "ops", "description": {}, "events": [1], "attemptLimit": 1}]"#]
        {
            assert_eq!(Notifications::of_json(Some(broken)), None, "{broken}");
        }
    }
}
