//! The sinks of a run: where its signed records go.

use serde_json::{Value, json};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// The sinks of a run, in the order of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sinks(pub Vec<SinkOfRun>);

/// One sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkOfRun {
    /// Unique within the run.
    pub name: String,
    /// Where it is and what it is given, in the words of whoever delivers: a JSON object, without any secret.
    pub description: Value,
    /// Whether it takes batches only in their order.
    pub ordered: bool,
    /// With so many refusals, a batch is given up.
    pub attempt_limit: i32,
}

impl Sinks {
    /// As `run_create` takes them; none for a run without any.
    pub(crate) fn as_json(&self) -> Option<String> {
        let list = self.0.iter().map(|SinkOfRun { name, description, ordered, attempt_limit }| {
            json!({"name": name, "description": description, "ordered": ordered, "attemptLimit": attempt_limit})
        });
        (!self.0.is_empty()).then(|| Value::Array(list.collect()).to_string())
    }

    /// As `run_find` gives them.
    fn of_json(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else { return Some(Self::default()) };
        let list: Vec<Value> = serde_json::from_str(text).ok()?;
        let sink = |sink: &Value| {
            Some(SinkOfRun {
                name: sink["name"].as_str()?.to_owned(),
                description: sink.get("description")?.clone(),
                ordered: sink["ordered"].as_bool()?,
                attempt_limit: i32::try_from(sink["attemptLimit"].as_i64()?).ok()?,
            })
        };
        list.iter().map(sink).collect::<Option<_>>().map(Self)
    }
}

impl<'r> sqlx::FromRow<'r, PgRow> for Sinks {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Self::of_json(row.try_get("sinks")?).ok_or_else(|| sqlx::Error::Decode("sinks are no list".into()))
    }
}

/// How far a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkProgress {
    /// The ledger's number of its run.
    pub run_id: i32,
    /// Its name in the manifest.
    pub name: String,
    /// Batches that it has.
    pub delivered: i64,
    /// Batches that were given up.
    pub dead: i64,
    /// Those of them that somebody discarded: they are no failure any more.
    pub discarded: i64,
    /// How often it was tried, one time after the other, and could not be reached; 0 once it answers.
    pub failures: i32,
    /// Since when it cannot be reached, in microseconds since 1970 by the clock of the database.
    pub unavailable_micros: Option<i64>,
    /// Why.
    pub last_error: Option<String>,
    /// Whether it takes a manifest, and has not its last one yet.
    pub manifest_pending: bool,
    /// Whether its last one was given up.
    pub manifest_dead: bool,
}

from_row!(SinkProgress {
    run_id,
    name,
    delivered,
    dead,
    discarded,
    failures,
    unavailable_micros,
    last_error,
    manifest_pending,
    manifest_dead
});

impl Ledger {
    /// The runs that are complete, and of which something is to be delivered all the same: dead letters that were taken up again.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn runs_delivering_again(&self) -> Result<Vec<i32>, StoreError> {
        self.ask(query::runs_delivering_again, async |query, connection| {
            query.scalars().fetch_all(connection).await
        })
        .await
    }

    /// How far the sinks of these runs are, run by run, in the order of the manifest.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn sinks_progress(&self, runs: &[i32]) -> Result<Vec<SinkProgress>, StoreError> {
        self.ask(query::sinks_progress, async |query, connection| {
            query.rows_as().bind(runs).fetch_all(connection).await
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_are_read_as_they_were_written_and_none_are_no_list() {
        let one = SinkOfRun {
            name: "out".to_owned(),
            description: json!({"objects": {"url": "file:///out"}}),
            ordered: false,
            attempt_limit: 3,
        };
        let sinks = Sinks(vec![one.clone(), SinkOfRun { name: "more".to_owned(), ordered: true, ..one }]);
        assert_eq!(Sinks::of_json(sinks.as_json().as_deref()), Some(sinks));
        assert_eq!((Sinks::default().as_json(), Sinks::of_json(None)), (None, Some(Sinks::default())));
        for broken in ["{}", "[1]", r#"[{"name": "out", "description": {}, "ordered": false}]"#] {
            assert_eq!(Sinks::of_json(Some(broken)), None, "{broken}");
        }
    }
}
