//! Migrates the ledger as its owner, before an operator that is not the owner starts: in a container of its own, so that the
//! owner's login is in no program that runs on.

use std::time::Duration;

use chancery_process::Backoff;
use chancery_store::{Ledger, LedgerUrl, StoreError};
use tokio::time::Instant;

use crate::arguments::Migrate;

/// How long a database that is away, such as one that is only starting, is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Pauses between attempts.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// One for the migration, one for the logins.
const CONNECTIONS: u32 = 2;

/// Migrates the ledger, and makes the logins of operator and gateway if their URLs are given.
///
/// # Errors
///
/// The database is away or refuses, or the ledger is not one that this program can migrate.
pub async fn migrate(arguments: Migrate) -> anyhow::Result<()> {
    let url = arguments.database_url.read()?;
    let (given_up, mut pause) = (Instant::now() + LONGEST_WAIT, Backoff::new(LEAST_PAUSE, MOST_PAUSE));
    let ledger = loop {
        match migrated(&url).await {
            Err(error) if error.is_transient() && Instant::now() < given_up => {
                tracing::warn!("{error}; once more");
                tokio::time::sleep(pause.next_pause()).await;
            }
            done => break done?,
        }
    };
    if let Some(operator) = arguments.operator_database_url {
        ledger.make_operator(&operator.read()?).await?;
    }
    if let Some(gateway) = arguments.gateway_database_url {
        ledger.make_gateway(&gateway.read()?).await?;
    }
    tracing::info!(database = %ledger.url(), "the ledger is up to date");
    ledger.close().await;
    Ok(())
}

async fn migrated(url: &LedgerUrl) -> Result<Ledger, StoreError> {
    let ledger = Ledger::connect(url.clone(), CONNECTIONS).await?;
    ledger.migrate().await?;
    Ok(ledger)
}
