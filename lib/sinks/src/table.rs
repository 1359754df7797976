//! A table of PostgreSQL: a row for each record, all rows of a batch in one transaction, and one beside it with a row for each manifest.
//! What is there already counts only if it is the same; a row never changes.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chancery_reading::{Database, ReadError, TransientError};
use chancery_signed::Line;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::{Query, QueryScalar};
use sqlx::{AssertSqlSafe, Connection as _, Postgres};
use uuid::Uuid;

use crate::rows::{Portion, portions};
use crate::sink::{BadSink, Batch, Manifest, Of, PutError, Sink};

/// How long the server may take for a portion of a batch, and for a lock.
const STATEMENT: Duration = Duration::from_secs(30);

/// How long the rest takes that is said to a server. The server is asked for no longer, too.
const ANSWER: Duration = Duration::from_secs(10);

/// Begins a transaction in which each statement sees what is committed by then, and after which a batch is there whatever crashes.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = '30s'; \
    SET LOCAL lock_timeout = '10s'; SET LOCAL idle_in_transaction_session_timeout = '120s'; \
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// Whether a table has the column that it may lack, since there were tables before it.
const HAS_TRACES: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute a \
    WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname = 'traceparent' AND NOT a.attisdropped)";

/// What is said to a table.
#[derive(Debug)]
struct Statements {
    insert: String,
    compare: String,
    /// Whether its rows say in which traces they came.
    traced: bool,
}

impl Statements {
    /// For a table, by its name as SQL has it.
    fn of(place: &str, traced: bool) -> Self {
        let (column, given, argument, same) = if traced {
            // A row that is there since before the table had this column is the same.
            (", traceparent", ", g.traceparent", ", $14::text[]", ", coalesce(t.traceparent, g.traceparent)")
        } else {
            ("", "", "", "")
        };
        // What a row has, beside the run's and the batch's own, in the order of the arguments.
        let rows = format!(
            "unnest($4::bigint[], $5::text[], $6::bytea[], $7::text[], $8::text[], $9::bytea[], $10::text[], $11::text[], $12::text[], $13::text[]{argument}) \
             AS g (record, digest, payload, key, algorithm, signature, signed_at, envelope, address, marks{column})"
        );
        Self {
            insert: format!(
                "INSERT INTO {place} (run_uid, run, batch, record, digest, payload, key, algorithm, signature, signed_at, envelope, address, marks{column}) \
                 SELECT $1, $2, $3, g.record, g.digest, g.payload, g.key, g.algorithm, g.signature, g.signed_at::timestamptz, g.envelope, g.address, g.marks::jsonb{given} \
                 FROM {rows} ON CONFLICT (run_uid, record) DO NOTHING"
            ),
            compare: format!(
                "SELECT min(g.record) FROM {rows} LEFT JOIN {place} t ON t.run_uid = $1 AND t.record = g.record \
                 WHERE (t.run, t.batch, t.digest, t.payload, t.key, t.algorithm, t.signature, t.signed_at, t.envelope, t.address, t.marks{same}) \
                 IS DISTINCT FROM \
                 ($2, $3, g.digest, g.payload, g.key, g.algorithm, g.signature, g.signed_at::timestamptz, g.envelope, g.address, g.marks::jsonb{given})"
            ),
            traced,
        }
    }
}

/// What the name of the table of manifests has behind that of the table of records.
const OF_MANIFESTS: &str = "_manifests";

/// Bytes of a name (PostgreSQL documentation, section 4.1.1).
const MOST_OF_A_NAME: usize = 63;

/// A table of records, and one of manifests beside it.
pub struct TableSink {
    database: Database,
    records: Table,
    manifests: Table,
    run: Uuid,
    /// As `NAMESPACE/NAME`.
    run_name: String,
    sink: String,
    /// The table of records, as SQL has it.
    place: String,
    /// What is said to it; known once it was asked which columns the table has.
    statements: OnceLock<Statements>,
    /// Asks for nothing, but says whether there is a table of manifests.
    look: String,
    insert_manifest: String,
    compare_manifest: String,
    /// Connections that nobody uses.
    idle: Mutex<Vec<PgConnection>>,
}

/// One of the two.
#[derive(Debug)]
struct Table {
    /// Its schema and its name, with a dot in between.
    name: String,
    /// Its primary key.
    key: &'static str,
}

impl std::fmt::Debug for TableSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableSink").field("database", &self.database).field("table", &self.records).finish()
    }
}

impl TableSink {
    /// The table of this name, `SCHEMA.TABLE`, in a database. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// [`BadSink::Table`].
    pub fn open(database: Database, table: &str, of: Of<'_>) -> Result<Self, BadSink> {
        let bad = || BadSink::Table(table.to_owned());
        let (schema, name) = table.split_once('.').ok_or_else(bad)?;
        let is_name = |name: &str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            (1..=MOST_OF_A_NAME).contains(&name.len()) && name.bytes().all(is_letter)
        };
        if !is_name(schema) || !is_name(name) || name.len() + OF_MANIFESTS.len() > MOST_OF_A_NAME {
            return Err(bad());
        }
        let place = format!("\"{schema}\".\"{name}\"");
        let manifests = format!("\"{schema}\".\"{name}{OF_MANIFESTS}\"");
        Ok(Self {
            database: database.named("chancery-delivery"),
            records: Table { name: table.to_owned(), key: "run_uid, record" },
            manifests: Table { name: format!("{table}{OF_MANIFESTS}"), key: "run_uid, sink, number" },
            run: of.uid,
            run_name: format!("{}/{}", of.namespace, of.run),
            sink: of.sink.to_owned(),
            look: format!("SELECT run_uid, sink, number, run, digest, manifest FROM {manifests} LIMIT 0"),
            insert_manifest: format!(
                "INSERT INTO {manifests} (run_uid, sink, number, run, digest, manifest) VALUES ($1, $2, $3, $4, $5, $6::json) \
                 ON CONFLICT (run_uid, sink, number) DO NOTHING"
            ),
            // A repetition has the text, and what is computed from it, byte by byte.
            compare_manifest: format!(
                "SELECT t.run = $4 AND t.digest = $5 AND t.manifest::text = $6 FROM {manifests} t \
                 WHERE t.run_uid = $1 AND t.sink = $2 AND t.number = $3"
            ),
            place,
            statements: OnceLock::new(),
            idle: Mutex::default(),
        })
    }

    /// A connection in a transaction.
    async fn begin(&self) -> Result<PgConnection, PutError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        for known in [idle, None] {
            let is_known = known.is_some();
            let mut open = match known {
                Some(open) => open,
                None => self.database.connect().await.map_err(unreached)?,
            };
            match tokio::time::timeout(ANSWER, sqlx::raw_sql(BEGIN).execute(&mut open)).await {
                Ok(Ok(_)) if is_known => return Ok(open),
                // A table that is missing is said before all records are there.
                Ok(Ok(_)) => {
                    let look = sqlx::raw_sql(AssertSqlSafe(self.look.as_str())).execute(&mut open);
                    timed(look).await?.map_err(|error| self.failed(&self.manifests, &error))?;
                    return Ok(open);
                }
                // One that lay idle may have been closed meanwhile.
                _ if is_known => {}
                Ok(Err(error)) => return Err(self.failed(&self.records, &error)),
                Err(_) => return Err(late()),
            }
        }
        Err(late())
    }

    async fn statements(&self, open: &mut PgConnection) -> Result<&Statements, PutError> {
        if let Some(known) = self.statements.get() {
            return Ok(known);
        }
        let asked = sqlx::query_scalar(HAS_TRACES).bind(&self.place).fetch_one(open);
        let traced = timed(asked).await?.map_err(|error| self.failed(&self.records, &error))?;
        Ok(self.statements.get_or_init(|| Statements::of(&self.place, traced)))
    }

    async fn put_all(&self, open: &mut PgConnection, batch: &Batch) -> Result<String, PutError> {
        let (mut first, mut last) = (None, 0);
        for portion in portions(&batch.lines) {
            let portion = portion
                .map_err(|error| PutError::away(format!("a line of the batch cannot be read: {error}")))?;
            self.put_some(open, batch.number, &portion).await?;
            first = first.or(portion.records.first().copied());
            last = portion.records.last().copied().unwrap_or(last);
        }
        self.commit(open, &self.records).await?;
        Ok(format!("{}, records {} to {last} of {}", self.records.name, first.unwrap_or(0), self.run))
    }

    async fn put_one(&self, open: &mut PgConnection, manifest: &Manifest) -> Result<String, PutError> {
        let Manifest { number, content, digest } = manifest;
        let unreadable = |error| PutError::away(format!("the manifest is no text: {error}"));
        let content = std::str::from_utf8(content).map_err(unreadable)?;
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let insert = sqlx::query(AssertSqlSafe(self.insert_manifest.as_str()));
        let insert = self.of_manifest(insert, *number, &digest, content).execute(&mut *open);
        let inserted = timed(insert).await?.map_err(|error| self.failed(&self.manifests, &error))?;
        // Also of one that was not there before: a column of another type may take it and keep something else.
        let compare = sqlx::query_scalar(AssertSqlSafe(self.compare_manifest.as_str()));
        let compare = self.of_manifest(compare, *number, &digest, content).fetch_optional(&mut *open);
        let same: Option<Option<bool>> =
            timed(compare).await?.map_err(|error| self.failed(&self.manifests, &error))?;
        let Table { name, .. } = &self.manifests;
        match (same.flatten(), inserted.rows_affected()) {
            (Some(true), _) => {}
            (_, 0) => {
                return Err(PutError::Refused(format!(
                    "another row is in {name} under run_uid {}, sink {} and number {number}; move it away",
                    self.run, self.sink
                )));
            }
            _ => {
                let why = "a manifest that was put there is not kept byte by byte, so the column manifest is not of the type json";
                return Err(self.other_than_wanted(&self.manifests, why));
            }
        }
        self.commit(open, &self.manifests).await?;
        Ok(format!("{name}, manifest {number} of {} of {}", self.sink, self.run))
    }

    fn of_manifest<'q, S: Takes<'q>>(
        &'q self,
        statement: S,
        number: i32,
        digest: &'q str,
        text: &'q str,
    ) -> S {
        let Self { run, run_name, sink, .. } = self;
        statement.with(*run).with(sink.as_str()).with(number).with(run_name.as_str()).with(digest).with(text)
    }

    async fn commit(&self, open: &mut PgConnection, table: &Table) -> Result<(), PutError> {
        let commit = timed(sqlx::raw_sql("COMMIT").execute(&mut *open)).await?;
        commit.map(drop).map_err(|error| self.failed(table, &error))
    }

    /// After something was put, or was not: keeps the connection if it can be used again.
    async fn leave(&self, mut open: PgConnection, put: &Result<String, PutError>) {
        let is_usable = match put {
            Ok(_) => true,
            // What was refused leaves a transaction behind, and a connection that is as good as before.
            Err(PutError::Refused(_)) => {
                let rolled_back = tokio::time::timeout(ANSWER, sqlx::raw_sql("ROLLBACK").execute(&mut open));
                matches!(rolled_back.await, Ok(Ok(_)))
            }
            Err(PutError::Unavailable { .. }) => false,
        };
        if is_usable {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(open);
        } else {
            // The server rolls back when it sees that nobody is there any more.
            let _closed = tokio::time::timeout(ANSWER, open.close_hard()).await;
        }
    }

    async fn put_some(
        &self,
        open: &mut PgConnection,
        batch: i64,
        portion: &Portion<'_>,
    ) -> Result<(), PutError> {
        let Statements { insert, compare, traced } = self.statements(open).await?;
        let insert = bound(sqlx::query(AssertSqlSafe(insert.as_str())), self.run, batch, portion, *traced);
        let inserted =
            timed(insert.execute(&mut *open)).await?.map_err(|error| self.failed(&self.records, &error))?;
        if inserted.rows_affected() == portion.records.len() as u64 {
            return Ok(());
        }
        let compare = sqlx::query_scalar(AssertSqlSafe(compare.as_str()));
        let compare = bound(compare, self.run, batch, portion, *traced);
        let other: Option<i64> = timed(compare.fetch_one(&mut *open))
            .await?
            .map_err(|error| self.failed(&self.records, &error))?;
        match other {
            None => Ok(()),
            Some(record) => Err(PutError::Refused(format!(
                "another row is in {} under run_uid {} and record {record}, or a trigger or a rule keeps it from being as it was given; move it away",
                self.records.name, self.run
            ))),
        }
    }

    /// About a batch is what its values are the reason of. Whatever is wrong with the table itself has to be mended first.
    fn failed(&self, table: &Table, error: &sqlx::Error) -> PutError {
        let Some(said) = error.as_database_error() else {
            return unreached(self.database.failed(error));
        };
        let (Table { name, .. }, database) = (table, self.database.shown());
        let code = said.code().unwrap_or_default();
        let why = what(said);
        match &*code {
            // Of what a record has nothing is null that a column may not be: it is another column, or one that has to take nulls.
            "23502" | "22P05" => self.other_than_wanted(table, &why),
            // No partition takes it: a constraint would have a name.
            "23514" if said.constraint().is_none() => self.other_than_wanted(table, &why),
            // Data exceptions, constraints, what a trigger says, and a value that is too long for an index (PostgreSQL documentation, appendix A).
            _ if ["22", "23", "44", "P0", "54000"].iter().any(|class| code.starts_with(class)) => {
                PutError::Refused(format!("{name} of {database} does not take it: {why}"))
            }
            "42501" => PutError::away(format!(
                "the login may not write to {name} of {database}: {why}; grant it USAGE of the schema, and SELECT and INSERT of the table"
            )),
            "25006" => PutError::away(format!(
                "{database} takes no writes: {why}; give the URL of the primary, and of a login that may write"
            )),
            _ if code.starts_with("42") || code.starts_with("3F") => self.other_than_wanted(table, &why),
            _ => PutError::away(format!("{name} of {database} cannot be written to: {why}")),
        }
    }

    fn other_than_wanted(&self, Table { name, key }: &Table, why: &str) -> PutError {
        PutError::away(format!(
            "{name} of {} is not as it is wanted: {why}; create it with the columns and the primary key ({key}) that docs/reference/sinks.md gives",
            self.database.shown()
        ))
    }
}

/// No connection, or one that broke.
fn unreached(error: ReadError) -> PutError {
    match error {
        ReadError::Transient(TransientError::Unavailable { source_url, why }) => {
            PutError::away(format!("the database {source_url} is not available: {why}"))
        }
        ReadError::Final(error) => PutError::away(error),
    }
}

fn what(said: &dyn DatabaseError) -> String {
    said.message().chars().take(500).collect()
}

fn late() -> PutError {
    PutError::away("the database gave no answer in time")
}

async fn timed<T>(asked: impl Future<Output = T>) -> Result<T, PutError> {
    // The server itself is to give up first, and to say why.
    tokio::time::timeout(STATEMENT + ANSWER, asked).await.map_err(|_| late())
}

/// A statement that takes a portion.
trait Takes<'q>: Sized {
    fn with<T>(self, value: T) -> Self
    where
        T: 'q + sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>;
}

impl<'q> Takes<'q> for Query<'q, Postgres, PgArguments> {
    fn with<T>(self, value: T) -> Self
    where
        T: 'q + sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
    {
        self.bind(value)
    }
}

impl<'q, O> Takes<'q> for QueryScalar<'q, Postgres, O, PgArguments> {
    fn with<T>(self, value: T) -> Self
    where
        T: 'q + sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
    {
        self.bind(value)
    }
}

fn bound<'q, S: Takes<'q>>(statement: S, run: Uuid, batch: i64, portion: &'q Portion<'_>, traced: bool) -> S {
    let Portion { run: name, records, payloads, signatures, marks, lines } = portion;
    let text = |of: fn(&'q Line<'_>) -> &'q str| lines.iter().map(of).collect::<Vec<_>>();
    let some_text = |of: fn(&'q Line<'_>) -> Option<&'q str>| lines.iter().map(of).collect::<Vec<_>>();
    let statement = statement
        .with(run)
        .with(name.as_str())
        .with(batch)
        .with(records.as_slice())
        .with(text(|line| &line.digest))
        .with(payloads.iter().map(Vec::as_slice).collect::<Vec<_>>())
        .with(text(|line| &line.key))
        .with(text(|line| &line.algorithm))
        .with(signatures.iter().map(Vec::as_slice).collect::<Vec<_>>())
        .with(text(|line| &line.signed_at))
        .with(some_text(|line| line.envelope.as_deref()))
        .with(some_text(|line| line.address.as_deref()))
        .with(marks.iter().map(Option::as_deref).collect::<Vec<_>>());
    if traced { statement.with(some_text(|line| line.traceparent.as_deref())) } else { statement }
}

#[async_trait]
impl Sink for TableSink {
    async fn put(&self, batch: &Batch) -> Result<String, PutError> {
        let mut open = self.begin().await?;
        let put = self.put_all(&mut open, batch).await;
        self.leave(open, &put).await;
        put
    }

    async fn put_manifest(&self, manifest: &Manifest) -> Result<String, PutError> {
        let mut open = self.begin().await?;
        let put = self.put_one(&mut open, manifest).await;
        self.leave(open, &put).await;
        put
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_with_its_schema_and_nothing_else_comes_into_the_statement() {
        let of = Of { uid: Uuid::nil(), namespace: "default", run: "demo", sink: "mine" };
        let open = |table: &str| {
            let database = Database::open("postgres://u@localhost/d").expect("a URL");
            TableSink::open(database, table, of)
        };
        let sink = open("public.Signed_1").expect("a table");
        assert!(sink.insert_manifest.starts_with("INSERT INTO \"public\".\"Signed_1_manifests\" ("));
        assert_eq!(sink.place, "\"public\".\"Signed_1\"");
        let says = |traced| Statements::of(&sink.place, traced);
        assert!(says(true).insert.starts_with("INSERT INTO \"public\".\"Signed_1\" (run_uid, "));
        let mentions =
            |traced| [says(traced).insert, says(traced).compare].map(|sql| sql.contains("traceparent"));
        assert_eq!((mentions(true), mentions(false)), ([true, true], [false, false]));
        let too_long = format!("public.{}", "a".repeat(54));
        open(&too_long[..too_long.len() - 1]).expect("a table");
        for table in [
            "signed",
            "a.b.c",
            ".signed",
            "public.",
            "public.signed\"; DROP",
            "public.a b",
            "p\u{e4}.b",
            &too_long,
        ] {
            assert_eq!(open(table).map(drop), Err(BadSink::Table(table.to_owned())), "{table}");
        }
    }
}
