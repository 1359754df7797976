//! Dead letters of deliveries that are taken up again in runs that are complete: nothing else would look at those any more.

use std::time::Duration;

use crate::host::database::Database;
use crate::run::progress::ProgressWatch;

/// How often it is looked for them.
const INTERVAL: Duration = Duration::from_secs(5);

/// Looks for them for as long as it is waited for. It may be stopped at any point.
pub(crate) async fn keep(database: &Database, progress: &ProgressWatch) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Ok(ledger) = database.get() else { continue };
        if !progress.has_delivered() {
            continue;
        }
        if let Err(error) = progress.look_again(&ledger).await {
            tracing::debug!(%error, "it is not known which complete runs deliver again; it is looked for again");
            database.check_after(&error);
        }
    }
}
