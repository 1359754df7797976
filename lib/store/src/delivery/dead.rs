//! Dead letters of deliveries, and what somebody does with them.

use sqlx::Row;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::letters::By;
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// A batch on its way to a sink, given up or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLetter {
    /// Number of the sink in its run.
    pub number: i32,
    /// Its name.
    pub sink: String,
    /// Number of the batch.
    pub batch: i64,
    /// The number of its first record.
    pub first_record: i64,
    /// The number of its last record.
    pub last_record: i64,
    /// `Pending`, `Delivered` or `Dead`.
    pub state: String,
    /// Whether it was given up for good.
    pub discarded: bool,
    /// How often the sink refused it since it was taken up last.
    pub attempts: i32,
    /// How often it was taken up again.
    pub redrives: i32,
    /// What the sink said last.
    pub last_error: Option<String>,
    /// What the sink knows it by, once it has it.
    pub object: Option<String>,
    /// When it was delivered or given up, RFC 3339, UTC.
    pub ended_at: Option<String>,
}

from_row!(DeliveryLetter {
    number,
    sink,
    batch,
    first_record,
    last_record,
    state,
    discarded,
    attempts,
    redrives,
    last_error,
    object,
    ended_at
});

/// Which dead letters of deliveries are meant: all that are not left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhichDeliveries {
    /// Those of the sink of this name.
    pub sink: Option<String>,
    /// Those of this batch.
    pub batch: Option<i64>,
    /// Those with this text in what the sink said last.
    pub reason: Option<String>,
}

/// What is done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveriesAct {
    /// They are brought to their sinks again.
    Redrive,
    /// They are given up for good.
    Discard,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActedOnDeliveries {
    /// It is done.
    Done {
        /// The number under which it is written down; none of manifests alone.
        act: Option<i32>,
        /// How many.
        letters: i64,
        /// How many manifests had been given up, and are brought to their sinks again.
        manifests: i64,
    },
    /// None is meant.
    Nothing,
    /// The run has no sinks, is gone or being deleted.
    Gone,
}

/// What somebody did with dead letters of deliveries of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveriesActed {
    /// Its number.
    pub act: i32,
    /// `Redrive` or `Discard`.
    pub kind: String,
    /// How many.
    pub letters: i64,
    /// Which were meant; empty: all.
    pub selection: String,
    /// Who.
    pub actor: String,
    /// By which login of the database.
    pub login: String,
    /// When, RFC 3339, UTC.
    pub acted_at: String,
    /// How many of them their sinks have since.
    pub delivered: i64,
    /// How many of them were given up again since, or are discarded.
    pub dead: i64,
    /// How many of them are on their way.
    pub pending: i64,
}

from_row!(DeliveriesActed {
    act,
    kind,
    letters,
    selection,
    actor,
    login,
    acted_at,
    delivered,
    dead,
    pending
});

/// What was done with one of them, and what the sink had said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryMove {
    /// 1 for the first time, and so on.
    pub attempt: i32,
    /// Number of the act.
    pub act: i32,
    /// `Redrive` or `Discard`.
    pub kind: String,
    /// How often the sink had refused it.
    pub attempts: i32,
    /// What it had said last.
    pub last_error: String,
    /// Who.
    pub actor: String,
    /// By which login of the database.
    pub login: String,
    /// When, RFC 3339, UTC.
    pub acted_at: String,
}

from_row!(DeliveryMove { attempt, act, kind, attempts, last_error, actor, login, acted_at });

impl Ledger {
    /// Dead letters of the deliveries of a run that are meant, behind the one of this sink and batch, so many at the most; in the order of
    /// sinks and batches.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn dead_deliveries(
        &self,
        run: &Run,
        after: (i32, i64),
        most: i64,
        which: &WhichDeliveries,
    ) -> Result<Vec<DeliveryLetter>, StoreError> {
        self.deliveries(run, after, most, which, false).await
    }

    /// A batch on its way to the sink of this name, whatever became of it.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn delivery(
        &self,
        run: &Run,
        sink: &str,
        batch: i64,
    ) -> Result<Option<DeliveryLetter>, StoreError> {
        let which = WhichDeliveries { sink: Some(sink.to_owned()), batch: Some(batch), reason: None };
        Ok(self.deliveries(run, (0, 0), 1, &which, true).await?.pop())
    }

    async fn deliveries(
        &self,
        run: &Run,
        (sink, batch): (i32, i64),
        most: i64,
        which: &WhichDeliveries,
        all: bool,
    ) -> Result<Vec<DeliveryLetter>, StoreError> {
        let WhichDeliveries { sink: name, batch: of, reason } = which;
        self.ask(query::deliveries_list, async |query, connection| {
            let rows = query.rows_as().bind(run.id).bind(sink).bind(batch).bind(most);
            rows.bind(name).bind(of).bind(reason).bind(all).fetch_all(connection).await
        })
        .await
    }

    /// Takes dead letters of deliveries up again, or gives them up for good, and writes it down.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn act_on_deliveries(
        &self,
        run: &Run,
        act: DeliveriesAct,
        By { actor, selection }: By<'_>,
        which: &WhichDeliveries,
    ) -> Result<ActedOnDeliveries, StoreError> {
        let kind = match act {
            DeliveriesAct::Redrive => "Redrive",
            DeliveriesAct::Discard => "Discard",
        };
        let WhichDeliveries { sink, batch, reason } = which;
        let row = self
            .ask(query::deliveries_act, async |query, connection| {
                let statement =
                    query.rows().bind(run.id).bind(run.uid).bind(kind).bind(actor).bind(selection);
                statement.bind(sink).bind(batch).bind(reason).fetch_one(connection).await
            })
            .await?;
        match row.get("answer") {
            "done" => Ok(ActedOnDeliveries::Done {
                act: row.get("act"),
                letters: row.get("letters"),
                manifests: row.get("manifests"),
            }),
            "nothing" => Ok(ActedOnDeliveries::Nothing),
            "deleted" | "unknown" => Ok(ActedOnDeliveries::Gone),
            other => Err(StoreError::Corrupt(format!("deliveries_act answered {other:?}"))),
        }
    }

    /// What was done with dead letters of deliveries of a run, in order.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn deliveries_log(&self, run: &Run) -> Result<Vec<DeliveriesActed>, StoreError> {
        self.ask(query::deliveries_log, async |query, connection| {
            query.rows_as().bind(run.id).fetch_all(connection).await
        })
        .await
    }

    /// What was done with one of them, in order.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn delivery_history(
        &self,
        run: &Run,
        letter: &DeliveryLetter,
    ) -> Result<Vec<DeliveryMove>, StoreError> {
        self.ask(query::delivery_history, async |query, connection| {
            query.rows_as().bind(run.id).bind(letter.number).bind(letter.batch).fetch_all(connection).await
        })
        .await
    }
}
