//! A ledger of one's own for a test.

use std::sync::atomic::{AtomicU32, Ordering};

use chancery_local_postgres::ThrowAway;
use chancery_store::{Ledger, LedgerUrl};
use tokio::sync::OnceCell;

use crate::server::server;

/// Connections of the owner in a test.
const CONNECTIONS: u32 = 6;

/// A migrated, empty ledger in a database of its own.
#[derive(Debug)]
pub struct TestLedger {
    /// The ledger, as its owner sees it.
    pub ledger: Ledger,
    /// Its URL, as owner.
    pub url: String,
}

impl TestLedger {
    /// A copy of a template, which is migrated once a process.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn new() -> anyhow::Result<Self> {
        static TEMPLATE: OnceCell<()> = OnceCell::const_new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        TEMPLATE
            .get_or_try_init(async || {
                let template = Self::create(server(), "chancery_template").await?;
                template.ledger.close().await;
                anyhow::Ok(())
            })
            .await?;
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        Self::copy(server(), &name, "chancery_template").await
    }

    /// A migrated ledger in a new database of the given server.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn create(server: &ThrowAway, name: &str) -> anyhow::Result<Self> {
        let url = server.url(name);
        let place: LedgerUrl = url.parse()?;
        place.create_database().await?;
        let ledger = Ledger::connect(place, CONNECTIONS).await?;
        ledger.migrate().await?;
        Ok(Self { ledger, url })
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
        Ok(Self { ledger, url })
    }

    /// Runs statements as the owner.
    ///
    /// # Errors
    ///
    /// What the database refuses.
    pub async fn execute(&self, sql: &'static str) -> anyhow::Result<()> {
        sqlx::raw_sql(sql).execute(self.ledger.pool()).await?;
        Ok(())
    }
}
