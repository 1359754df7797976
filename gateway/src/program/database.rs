//! The ledger's database: whether it answers, and whether it holds the ledger that this gateway knows.

use std::sync::Arc;
use std::time::Duration;

use chancery_gateway::Metrics;
use chancery_process::Backoff;
use chancery_store::{Ledger, LedgerUrl, StoreError};
use tokio::sync::watch;

use crate::error::GatewayError;

/// Connections of a gateway: each answers one call of a lane, or one question, at a time.
pub(crate) const CONNECTIONS: u32 = 8;

/// How often it is looked whether it answers, and how long that may take.
const LOOK: Duration = Duration::from_secs(5);

/// Pauses between attempts to connect.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// Whether the database answers, as was found last: else why not.
pub(crate) type Standing = Arc<watch::Sender<Result<(), String>>>;

/// Connects, as often as it takes.
pub(crate) async fn connect(url: &LedgerUrl, standing: &Standing) -> Ledger {
    let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
    loop {
        match connected(url).await {
            Ok(ledger) => return ledger,
            Err(error) => {
                tell(standing, Err(error.to_string()));
                tokio::time::sleep(pause.next_pause()).await;
            }
        }
    }
}

async fn connected(url: &LedgerUrl) -> Result<Ledger, StoreError> {
    let ledger = Ledger::connect(url.clone(), CONNECTIONS).await?;
    ledger.check_version().await?;
    Ok(ledger)
}

/// Looks at it again and again. Ends when another ledger took its place.
pub(crate) async fn keep(ledger: &Ledger, standing: &Standing, metrics: &Metrics) -> GatewayError {
    loop {
        let looked = tokio::time::timeout(LOOK, ledger.check_version()).await;
        let looked = looked.unwrap_or(Err(StoreError::TimedOut(LOOK)));
        metrics.database_up(looked.is_ok());
        match looked {
            Err(error @ StoreError::OtherLedger { .. }) => return GatewayError::OtherLedger(error),
            looked => tell(standing, looked.map_err(|error| error.to_string())),
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn tell(standing: &Standing, now: Result<(), String>) {
    standing.send_if_modified(|before| {
        let is_news = *before != now;
        if is_news {
            match &now {
                Ok(()) => tracing::info!("the database answers"),
                Err(why) => tracing::warn!(%why, "the database cannot be used"),
            }
            *before = now;
        }
        is_news
    });
}
