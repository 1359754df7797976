//! The rows of a table, read by a task of their own, which holds the connection. It is no more than some rows ahead of
//! whoever takes them: the server waits, too.

use std::time::Duration;

use futures::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Column as _, Connection, Row};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::arrival::Outcome;
use crate::error::{ReadError, TransientError};
use crate::table::columns::{Column, Shape, shape};
use crate::table::connect::connect;
use crate::table::describe::Table;
use crate::table::failure;
use crate::table::key::RowKey;
use crate::table::place::Place;
use crate::table::query;
use crate::table::row::{bytes_of, outcome};
use crate::table_error::TableError;

/// How long the server may be silent: a large table may have to be sorted before its first row is there.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// Rows that are passed on at once, at most, and the bytes of their payloads.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 512 * 1024;

/// One row.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) outcome: Outcome,
    pub(crate) key: RowKey,
}

/// Rows as they come.
pub(crate) struct Rows {
    batches: mpsc::Receiver<Vec<Fetched>>,
    current: std::vec::IntoIter<Fetched>,
    task: JoinHandle<Result<(), ReadError>>,
}

/// A connection nobody waits for is closed.
impl Drop for Rows {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is read, and how many rows came before.
pub(crate) struct Wanted {
    pub(crate) place: Place,
    pub(crate) table: Table,
    pub(crate) before: u64,
    pub(crate) after: Option<RowKey>,
}

impl Rows {
    pub(crate) fn start(wanted: Wanted) -> Self {
        let (sender, batches) = mpsc::channel(1);
        let task = tokio::spawn(async move { wanted.read(sender).await });
        Self { batches, current: Vec::new().into_iter(), task }
    }

    /// The next row; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Fetched>, ReadError> {
        loop {
            if let Some(row) = self.current.next() {
                return Ok(Some(row));
            }
            match self.batches.recv().await {
                Some(batch) => self.current = batch.into_iter(),
                None => {
                    let ended = (&mut self.task).await;
                    return ended
                        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
                        .map(|()| None);
                }
            }
        }
    }
}

impl Wanted {
    async fn read(self, sender: mpsc::Sender<Vec<Fetched>>) -> Result<(), ReadError> {
        let failed = |error: sqlx::Error| failure::of(&self.place, &error);
        let mut connection = connect(&self.place).await?;
        let shape = self.timed(self.begin(&mut connection)).await?;
        let after = self.after.as_ref().map(|key| key.values(self.table.order_by.len())).transpose()?;
        let asked = query::rows(&self.table, &shape, after.as_deref());
        {
            let mut rows = sqlx::raw_sql(AssertSqlSafe(asked)).fetch(&mut connection);
            let mut batch = Vec::new();
            let (mut count, mut bytes) = (self.before, 0);
            while let Some(row) = self.timed(async { rows.try_next().await.map_err(failed) }).await? {
                count += 1;
                let fetched = match self.fetched(&shape, &row, count) {
                    Ok(fetched) => fetched,
                    Err(error) => {
                        // What came before it is good.
                        let _gone = sender.send(batch).await;
                        return Err(error);
                    }
                };
                bytes += weight(&fetched.outcome);
                batch.push(fetched);
                if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
                    bytes = 0;
                    if sender.send(std::mem::take(&mut batch)).await.is_err() {
                        return Ok(());
                    }
                }
            }
            let _gone = sender.send(batch).await;
        }
        if after.is_some() {
            self.timed(self.refuse_nulls(&mut connection)).await?;
        }
        // The rows are there, whatever becomes of the connection.
        let _closed = connection.close().await;
        Ok(())
    }

    pub(crate) async fn begin(&self, connection: &mut PgConnection) -> Result<Shape, ReadError> {
        let failed = |error: sqlx::Error| failure::of(&self.place, &error);
        sqlx::raw_sql(query::BEGIN).execute(&mut *connection).await.map_err(failed)?;
        let probe = sqlx::query(AssertSqlSafe(query::probe(&self.table))).persistent(false);
        probe.fetch_optional(&mut *connection).await.map_err(failed)?;
        let described = sqlx::raw_sql(AssertSqlSafe(query::description(&self.table)));
        let row = described.fetch_one(&mut *connection).await.map_err(failed)?;
        Ok(shape(&self.table, columns(&row))?)
    }

    pub(crate) async fn refuse_nulls(&self, connection: &mut PgConnection) -> Result<(), ReadError> {
        let asked = sqlx::raw_sql(AssertSqlSafe(query::nulls(&self.table)));
        match asked.fetch_optional(connection).await.map_err(|error| failure::of(&self.place, &error))? {
            Some(_) => Err(TableError::NullInOrder { column: self.table.order_by.join(", ") }.into()),
            None => Ok(()),
        }
    }

    /// A row, unless it has no place of its own in the order.
    fn fetched(&self, shape: &Shape, row: &PgRow, count: u64) -> Result<Fetched, ReadError> {
        let failed = |error: sqlx::Error| failure::of(&self.place, &error);
        let mut values = Vec::with_capacity(self.table.order_by.len());
        for (number, name) in self.table.order_by.iter().enumerate() {
            let value = bytes_of(row, number).map_err(failed)?;
            let value = value.ok_or_else(|| TableError::NullInOrder { column: name.clone() })?;
            let text = String::from_utf8(value.to_vec());
            values.push(text.map_err(|_| TableError::NotText { column: name.clone() })?);
        }
        if bytes_of(row, values.len()).map_err(failed)? == Some(b"t") {
            return Err(
                TableError::NoUniqueOrder { row: count, columns: self.table.order_by.join(", ") }.into()
            );
        }
        let outcome = outcome(shape, row, values.len() + 1).map_err(failed)?;
        Ok(Fetched { outcome, key: RowKey::of(&values)? })
    }

    pub(crate) async fn timed<T>(
        &self,
        answer: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        tokio::time::timeout(SILENCE, answer).await.unwrap_or_else(|_| {
            let source_url = self.place.shown.clone();
            Err(TransientError::Unavailable { source_url, why: format!("no row within {SILENCE:?}") }.into())
        })
    }
}

fn columns(row: &PgRow) -> Vec<Column> {
    let column = |column: &sqlx::postgres::PgColumn| Column {
        name: column.name().to_owned(),
        oid: column.type_info().oid().map_or(0, |oid| oid.0),
    };
    row.columns().iter().map(column).collect()
}

fn weight(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Payload(payload) => payload.len(),
        Outcome::Dead(dead) => dead.raw.len(),
    }
}
