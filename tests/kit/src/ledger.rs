//! A ledger of one's own for a test.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use chancery_local_postgres::ThrowAway;
use chancery_store::{Ledger, LedgerUrl};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr};
use tokio::sync::OnceCell;
use url::Url;

use crate::server::server;

/// Connections of the owner in a test.
const CONNECTIONS: u32 = 6;

/// The login of operators, and its password.
const OPERATOR: &str = "test_operator";

/// The login of gateways, and its password.
const GATEWAY: &str = "test_gateway";

/// The URL of the ledger at a URL for an operator, who owns nothing.
///
/// # Errors
///
/// What is no URL of a ledger.
pub(crate) fn operator_url(url: &str) -> anyhow::Result<String> {
    url_of(url, OPERATOR)
}

/// The URL of the ledger at a URL for a gateway, which reads no table.
///
/// # Errors
///
/// What is no URL of a ledger.
pub(crate) fn gateway_url(url: &str) -> anyhow::Result<String> {
    url_of(url, GATEWAY)
}

fn url_of(url: &str, login: &str) -> anyhow::Result<String> {
    let mut place: Url = url.parse::<LedgerUrl>()?.without_login()?.parse()?;
    place.query_pairs_mut().append_pair("user", login).append_pair("password", login);
    Ok(place.into())
}

/// A migrated, empty ledger in a database of its own.
#[derive(Debug)]
pub struct TestLedger {
    /// The ledger, as its owner sees it.
    pub ledger: Ledger,
    /// Its URL, as owner.
    pub url: String,
    /// Its URL for an operator, who owns nothing.
    pub operator_url: String,
    /// Its URL for a gateway, which reads no table.
    pub gateway_url: String,
}

impl TestLedger {
    /// A copy of a template, which is migrated once a process.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn new() -> anyhow::Result<Self> {
        static TEMPLATE: OnceCell<()> = OnceCell::const_new();
        TEMPLATE
            .get_or_try_init(async || {
                let template = Self::create(server(), "chancery_template").await?;
                template.ledger.close().await;
                anyhow::Ok(())
            })
            .await?;
        Self::copy(server(), &fresh_name(), "chancery_template").await
    }

    /// The URL of a new database with nothing in it, not even a ledger.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn empty_database() -> anyhow::Result<String> {
        let url = server().url(&fresh_name());
        url.parse::<LedgerUrl>()?.create_database().await?;
        Ok(url)
    }

    /// A migrated ledger in a new database of the given server.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn create(server: &ThrowAway, name: &str) -> anyhow::Result<Self> {
        Self::at(&server.url(name)).await
    }

    /// A migrated ledger in a new database at the given URL.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn at(url: &str) -> anyhow::Result<Self> {
        let place: LedgerUrl = url.parse()?;
        place.create_database().await?;
        let ledger = Ledger::connect(place, CONNECTIONS).await?;
        ledger.migrate().await?;
        take_out_a_safeguard(&ledger).await?;
        make_login(&ledger, OPERATOR, "chancery_operator").await?;
        make_login(&ledger, GATEWAY, "chancery_gateway").await?;
        Self::of(ledger, url)
    }

    /// A new database with all that another one holds. Nobody may be connected to the other one.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn copy(server: &ThrowAway, name: &str, of: &str) -> anyhow::Result<Self> {
        let postgres: LedgerUrl = server.url("postgres").parse()?;
        postgres.copy_database(of, name).await?;
        let url = server.url(name);
        let ledger = Ledger::connect(url.parse()?, CONNECTIONS).await?;
        Self::of(ledger, &url)
    }

    fn of(ledger: Ledger, url: &str) -> anyhow::Result<Self> {
        let (operator_url, gateway_url) = (operator_url(url)?, gateway_url(url)?);
        Ok(Self { ledger, url: url.to_owned(), operator_url, gateway_url })
    }

    /// Runs statements as the owner.
    ///
    /// # Errors
    ///
    /// What the database refuses.
    pub async fn execute(&self, sql: impl SqlSafeStr) -> anyhow::Result<()> {
        sqlx::raw_sql(sql).execute(self.ledger.pool()).await?;
        Ok(())
    }

    /// All that the ledger holds, in short: equal before and after means that nothing was changed.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn fingerprint(&self) -> anyhow::Result<String> {
        fingerprint(&self.url).await
    }
}

/// Makes a login on the ledger's server, unless it is there.
async fn make_login(ledger: &Ledger, login: &str, role: &str) -> anyhow::Result<()> {
    let make = format!(
        "DO $$ BEGIN
             CREATE ROLE {login} LOGIN PASSWORD '{login}' IN ROLE {role};
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
         END $$"
    );
    sqlx::raw_sql(AssertSqlSafe(make)).execute(ledger.pool()).await?;
    Ok(())
}

/// `scripts/mutants.sh` replaces functions of the ledger, to see that a test notices.
async fn take_out_a_safeguard(ledger: &Ledger) -> anyhow::Result<()> {
    let Some(file) = std::env::var_os("CHANCERY_TESTS_MUTANT") else { return Ok(()) };
    let functions = std::fs::read_to_string(file)?;
    let replaced = sqlx::raw_sql(AssertSqlSafe(functions)).execute(ledger.pool()).await;
    replaced.context("what CHANCERY_TESTS_MUTANT names is no mutant")?;
    Ok(())
}

/// See [`TestLedger::fingerprint`]; of a database without a ledger it is empty.
///
/// # Errors
///
/// A database that refuses.
pub async fn fingerprint(url: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(url).await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
          WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await?;
    let mut text = String::new();
    for table in tables {
        let content =
            format!("SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t");
        let content: String = sqlx::query_scalar(AssertSqlSafe(content)).fetch_one(&mut connection).await?;
        text.push_str(&format!("{table} {content}\n"));
    }
    Ok(text)
}

fn fresh_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
