//! Bringing a ledger up to date: the numbered migrations first, then what an administrator does, if this login may, then
//! the rights of the roles if any is missing, then every function whose text has changed.

mod rights;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, SqlStr};

use self::rights::{Rights, administer, want_roles};
use crate::answer::{LONG, SHORT, answered};
use crate::connect::{
    AUDITOR_ROLE, DELIVERY_ROLE, GATEWAY_ROLE, INTAKE_ROLE, Ledger, OPERATOR_ROLE, SIGNER_ROLE,
};
use crate::error::codes::NO_DATA_KEYS;
use crate::error::{StoreError, said};
use crate::query;

/// A numbered migration: one file of `migrations/`.
struct File {
    version: i64,
    description: &'static str,
    sql: &'static str,
}

/// In the order of their numbers.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

static MIGRATIONS: LazyLock<Vec<Migration>> = LazyLock::new(|| FILES.iter().map(File::migration).collect());

impl File {
    fn migration(&self) -> Migration {
        let (description, sql) = (Cow::Borrowed(self.description), SqlStr::from_static(self.sql));
        let without_transaction = false;
        Migration::new(self.version, description, MigrationType::Simple, sql, without_transaction)
    }
}

/// A function of the ledger: one file of `migrations/functions/`.
struct Function {
    name: &'static str,
    sql: &'static str,
}

/// In the order of their names, which is as good as any: bodies are looked at when they are first run.
static FUNCTIONS: &[Function] = include!(concat!(env!("OUT_DIR"), "/functions.rs"));

impl Function {
    /// The roles that its file grants it to.
    fn roles(&self) -> impl Iterator<Item = &'static str> {
        let granted_to = |role: &&str| self.sql.contains(&format!(" TO {role};"));
        [SIGNER_ROLE, INTAKE_ROLE, DELIVERY_ROLE, GATEWAY_ROLE, AUDITOR_ROLE, OPERATOR_ROLE]
            .into_iter()
            .filter(granted_to)
    }

    fn hash(&self) -> String {
        Sha256::digest(self.sql).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What the roles of a ledger may do in it.
const ROLES: &str = include_str!("../../../migrations/roles.sql");

/// The newest migration that this program knows.
#[must_use]
pub fn program_version() -> i64 {
    FILES.iter().map(|file| file.version).max().unwrap_or(0)
}

impl Ledger {
    /// Applies the migrations that are missing, forward only, gives the roles the rights that they lack, and puts every
    /// function in place whose text has changed. Two callers at once take turns, by an advisory lock that ends with this call's own connection.
    ///
    /// A login that is not the owner's changes nothing, and only looks whether all is as this program needs it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerLedger`] for a ledger that a newer program has migrated, [`StoreError::FormerLedger`] for
    /// one that cannot be read any more, [`StoreError::KeyringsWithoutDataKey`] for one whose keys no data key wraps: nothing
    /// is touched. [`StoreError::OtherLedger`] for another one than before. [`StoreError::LacksRights`] when the role may not
    /// create what is needed, [`StoreError::NoLoginMaker`] when an administrator has to make the roles first: nothing is touched either. To a login that is
    /// not the owner's: [`StoreError::OlderLedger`], [`StoreError::NotMigrated`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.url.connect(crate::connect::OWNER_STATEMENT_TIMEOUT).await?;
        let turn = query::migration_lock.rows();
        answered(query::migration_lock.name, LONG, turn.execute(&mut connection)).await?;
        let version = ledger_version(&mut connection).await?;
        refuse_newer(version)?;
        if !is_owner(&mut connection).await? {
            check(version)?;
            check_functions(&mut connection).await?;
            return self.recognise(&mut connection).await;
        }
        // Before anything is changed: a ledger that was migrated without them would be too new for the program of before, and of no use
        // to this one.
        want_roles(&mut connection).await?;
        apply_migrations(&mut connection).await?;
        let mut rights = Rights::look(&mut connection).await?;
        if rights.want_an_administrator() {
            administer(&mut connection).await?;
            rights = Rights::look(&mut connection).await?;
        }
        if !rights.tables {
            let roles = sqlx::raw_sql(ROLES);
            answered("roles.sql", LONG, roles.execute(&mut connection))
                .await
                .map_err(|error| failed("roles.sql", error))?;
        }
        put_functions_in_place(&mut connection, &rights).await?;
        self.recognise(&mut connection).await
    }

    /// Refuses a ledger that is not at this program's version.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerLedger`], [`StoreError::OlderLedger`] or [`StoreError::FormerLedger`].
    pub async fn check_version(&self) -> Result<(), StoreError> {
        self.lend(async |connection| {
            if self.identity.is_known() {
                // The same ledger has the tables that were there before.
                self.recognise(connection).await?;
                return check(version(connection).await?);
            }
            check_version(connection).await?;
            self.recognise(connection).await
        })
        .await
    }
}

async fn apply_migrations(connection: &mut PgConnection) -> Result<(), StoreError> {
    let migrator = Migrator {
        migrations: Cow::Borrowed(&MIGRATIONS),
        table_name: Cow::Borrowed("chancery.schema_migrations"),
        create_schemas: Cow::Owned(vec![Cow::Borrowed("chancery")]),
        ..Migrator::DEFAULT
    };
    // Each migration has as long as any other answer; waiting for another caller's turn has too.
    let limit = LONG * u32::try_from(migrator.migrations.len() + 1).unwrap_or(u32::MAX);
    let migrated = tokio::time::timeout(limit, migrator.run_direct(None, connection, false));
    migrated.await.map_err(|_| StoreError::TimedOut(limit))?.map_err(|error| match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            let error = StoreError::of("a migration", source);
            if error.is_refusal(NO_DATA_KEYS) {
                return StoreError::KeyringsWithoutDataKey;
            }
            failed("a migration", error)
        }
        MigrateError::VersionMissing(ledger) => {
            StoreError::NewerLedger { ledger, program: program_version() }
        }
        // A development version that no release ever was.
        MigrateError::VersionMismatch(_) => StoreError::FormerLedger,
        other => StoreError::Migration(other.to_string()),
    })
}

/// Whether this login has the rights of the ledger's owner, or would be its owner.
async fn is_owner(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let owner = query::ledger_owner.scalars();
    answered(query::ledger_owner.name, SHORT, owner.fetch_one(connection)).await
}

/// Refuses a ledger whose functions are not those of this program.
async fn check_functions(connection: &mut PgConnection) -> Result<(), StoreError> {
    let installed = installed_functions(connection).await?;
    let others: Vec<_> = FUNCTIONS
        .iter()
        .filter(|function| installed.get(function.name) != Some(&function.hash()))
        .map(|function| function.name)
        .collect();
    match others.first() {
        None => Ok(()),
        Some(first) => Err(StoreError::NotMigrated { first, others: others.len() }),
    }
}

/// The hash of each function's text, by its name.
async fn installed_functions(connection: &mut PgConnection) -> Result<HashMap<String, String>, StoreError> {
    let installed = query::functions_installed.rows_as::<(String, String)>();
    let installed = answered(query::functions_installed.name, LONG, installed.fetch_all(connection)).await?;
    Ok(installed.into_iter().collect())
}

/// All in one transaction, so that no caller meets functions of two versions.
async fn put_functions_in_place(connection: &mut PgConnection, rights: &Rights) -> Result<(), StoreError> {
    let installed = installed_functions(connection).await?;
    // A list: with an iterator held over an await, no task could be made of what migrates.
    let changed: Vec<&Function> = FUNCTIONS
        .iter()
        .filter(|function| {
            let granted = |role| rights.functions.contains(&format!("{role} {}", function.name));
            installed.get(function.name) != Some(&function.hash()) || !function.roles().all(granted)
        })
        .collect();
    if changed.is_empty() && !rights.open_to_all {
        return Ok(());
    }
    let mut transaction =
        connection.begin().await.map_err(|error| StoreError::of("the functions' transaction", error))?;
    // Functions call each other, and come in the order of their names: one may name another that is not there yet.
    let unchecked = sqlx::raw_sql("SET LOCAL check_function_bodies = off");
    answered("the functions' settings", LONG, unchecked.execute(&mut *transaction)).await?;
    let of_runs = changed.iter().any(|function| function.name == query::run_functions.name);
    for function in changed {
        let place = put_in_place(&mut transaction, function);
        answered(function.name, LONG, place).await.map_err(|error| failed(function.name, error))?;
    }
    if of_runs {
        let remade = query::run_functions.rows().execute(&mut *transaction);
        answered(query::run_functions.name, LONG, remade).await?;
    }
    // PostgreSQL lets everybody call a new function. Each file grants what signers may call.
    let revoke = sqlx::raw_sql("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA chancery FROM PUBLIC");
    answered("the functions' rights", LONG, revoke.execute(&mut *transaction)).await?;
    answered("the functions' commit", LONG, transaction.commit()).await
}

async fn put_in_place(connection: &mut PgConnection, function: &Function) -> Result<(), sqlx::Error> {
    let former: Vec<String> =
        query::function_signatures.scalars().bind(function.name).fetch_all(&mut *connection).await?;
    for signature in former {
        // The server gave the signature itself.
        sqlx::raw_sql(AssertSqlSafe(format!("DROP FUNCTION {signature}"))).execute(&mut *connection).await?;
    }
    sqlx::raw_sql(function.sql).execute(&mut *connection).await?;
    let remembered = query::function_installed.rows().bind(function.name).bind(function.hash());
    remembered.execute(connection).await.map(|_| ())
}

/// What went wrong with a migration or function, unless it is something that can go wrong with any statement.
fn failed(what: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Query { reason, .. } => StoreError::Migration(format!("{what}: {}", said(&reason))),
        known => known,
    }
}

/// See [`Ledger::check_version`].
pub(crate) async fn check_version(connection: &mut PgConnection) -> Result<(), StoreError> {
    check(ledger_version(connection).await?)
}

fn check(ledger: i64) -> Result<(), StoreError> {
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
    let state = query::ledger_state.rows_as::<(bool, bool)>();
    let (present, former) =
        answered(query::ledger_state.name, SHORT, state.fetch_one(&mut *connection)).await?;
    if former {
        return Err(StoreError::FormerLedger);
    }
    if !present {
        return Ok(0);
    }
    version(connection).await
}

/// The newest migration of a ledger whose tables are there.
async fn version(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let version = query::ledger_version.scalars::<Option<i64>>();
    match answered(query::ledger_version.name, SHORT, version.fetch_one(connection)).await {
        Ok(version) => Ok(version.unwrap_or(0)),
        // The tables are there, the function not yet: a first migration that stopped half-way.
        Err(error) if error.is_refusal(UNDEFINED_FUNCTION) => Ok(0),
        Err(error) => Err(error),
    }
}

/// PostgreSQL's SQLSTATE for a function that does not exist.
const UNDEFINED_FUNCTION: &str = "42883";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_in_the_file_of_its_name() {
        assert!(FUNCTIONS.len() > 10);
        for function in FUNCTIONS {
            let definition = format!("CREATE OR REPLACE FUNCTION chancery.{}(", function.name);
            assert_eq!(function.sql.matches("CREATE OR REPLACE FUNCTION").count(), 1, "{}", function.name);
            assert!(function.sql.contains(&definition), "{}", function.name);
            assert_eq!(
                function.sql.contains("GRANT EXECUTE"),
                function.roles().next().is_some(),
                "{}",
                function.name
            );
        }
    }
}
