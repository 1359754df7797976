//! Bringing a ledger up to date.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// The newest migration that this program knows.
#[must_use]
pub fn program_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Ledger {
    /// Applies the migrations that are missing, forward only. Two callers at once take turns, by
    /// an advisory lock that ends with this call's own connection.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerLedger`] for a ledger that a newer program has migrated: nothing is
    /// touched. [`StoreError::LacksRights`] when the role may not create what is needed.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.url.connect(crate::connect::OWNER_STATEMENT_TIMEOUT).await?;
        refuse_newer(ledger_version(&mut connection).await?)?;
        let migrator = Migrator {
            migrations: Cow::Borrowed(&MIGRATIONS.migrations),
            table_name: Cow::Borrowed("chancery.schema_migrations"),
            create_schemas: Cow::Owned(vec![Cow::Borrowed("chancery")]),
            ..Migrator::DEFAULT
        };
        migrator.run_direct(None, &mut connection, false).await.map_err(|error| match error {
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
                match StoreError::of("a migration", source) {
                    StoreError::Query { source, .. } => StoreError::Migration(source.to_string()),
                    known => known,
                }
            }
            MigrateError::VersionMissing(ledger) => {
                StoreError::NewerLedger { ledger, program: program_version() }
            }
            other => StoreError::Migration(other.to_string()),
        })
    }

    /// Refuses a ledger that is not at this program's version.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerLedger`] or [`StoreError::OlderLedger`].
    pub async fn check_version(&self) -> Result<(), StoreError> {
        let mut connection =
            self.pool.acquire().await.map_err(|error| StoreError::of("the connection", error))?;
        check_version(&mut connection).await
    }
}

/// See [`Ledger::check_version`].
pub(crate) async fn check_version(connection: &mut PgConnection) -> Result<(), StoreError> {
    let ledger = ledger_version(connection).await?;
    refuse_newer(ledger)?;
    let program = program_version();
    if ledger < program { Err(StoreError::OlderLedger { ledger, program }) } else { Ok(()) }
}

fn refuse_newer(ledger: i64) -> Result<(), StoreError> {
    let program = program_version();
    if ledger > program { Err(StoreError::NewerLedger { ledger, program }) } else { Ok(()) }
}

/// The newest migration of the ledger; 0 when there is none.
async fn ledger_version(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let exists: bool = sqlx::query_scalar(query::ledger_exists)
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| StoreError::of("ledger_exists", error))?;
    if !exists {
        return Ok(0);
    }
    match sqlx::query_scalar::<_, Option<i64>>(query::ledger_version).fetch_one(connection).await {
        Ok(version) => Ok(version.unwrap_or(0)),
        // The table is there, the function not yet: a first migration that stopped half-way.
        Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some("42883") => Ok(0),
        Err(error) => Err(StoreError::of("ledger_version", error)),
    }
}
