//! Bringing a ledger up to date.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;

use crate::answer::{LONG, SHORT, answered};
use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

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
        // Each migration has as long as any other answer; waiting for another caller's turn has too.
        let limit = LONG * u32::try_from(migrator.migrations.len() + 1).unwrap_or(u32::MAX);
        let migrated = tokio::time::timeout(limit, migrator.run_direct(None, &mut connection, false));
        migrated.await.map_err(|_| StoreError::TimedOut(limit))?.map_err(|error| match error {
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
        self.lend(async |connection| check_version(connection).await).await
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
    let exists = sqlx::query_scalar(query::ledger_exists);
    if !answered("ledger_exists", SHORT, exists.fetch_one(&mut *connection)).await? {
        return Ok(0);
    }
    let version = sqlx::query_scalar::<_, Option<i64>>(query::ledger_version);
    match answered("ledger_version", SHORT, version.fetch_one(connection)).await {
        Ok(version) => Ok(version.unwrap_or(0)),
        // The table is there, the function not yet: a first migration that stopped half-way.
        Err(StoreError::Query { source: sqlx::Error::Database(refusal), .. })
            if refusal.code().as_deref() == Some("42883") =>
        {
            Ok(0)
        }
        Err(error) => Err(error),
    }
}
