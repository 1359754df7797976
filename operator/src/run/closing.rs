//! Batches of runs to which programs push are closed once their period has passed, beside everything else: whoever pushed the
//! record may wait for its signature. The next leader goes on from what the ledger says.

use std::collections::HashMap;
use std::time::Duration;

use chancery_store::{Ledger, Run, StoreError};
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use crate::host::database::Database;
use crate::run::progress::ProgressWatch;

/// The longest time before it is looked again which runs there are, and whether their batches are late.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// The shortest time between two looks, however many runs there are.
const SHORTEST_LOOK: Duration = Duration::from_millis(1);

/// Runs that are looked at at the same time. One whose turn another has is waited for.
const AT_ONCE: usize = 4;

/// Closes late batches for as long as it is waited for. It may be stopped at any point.
pub(crate) async fn keep(database: &Database, progress: &ProgressWatch) {
    let mut due: HashMap<i32, Instant> = HashMap::new();
    loop {
        let now = Instant::now();
        let runs = progress.receiving();
        due.retain(|id, _| runs.iter().any(|run| run.id == *id));
        let late: Vec<Run> =
            runs.into_iter().filter(|run| due.get(&run.id).is_none_or(|due| *due <= now)).collect();
        // Why a database is away is said elsewhere.
        if let Ok(ledger) = database.get() {
            for (id, closed) in close(&ledger, late).await {
                let next = closed.unwrap_or_else(|error| {
                    tracing::debug!(%error, run = id, "a batch that may be late is looked at again");
                    database.check_after(&error);
                    None
                });
                let next = next.unwrap_or(LONGEST_LOOK).clamp(SHORTEST_LOOK, LONGEST_LOOK);
                due.insert(id, Instant::now() + next);
            }
        }
        let latest = now + LONGEST_LOOK;
        let earliest = now + SHORTEST_LOOK;
        let next = due.values().copied().min().unwrap_or(latest).clamp(earliest, latest);
        tokio::time::sleep_until(next).await;
    }
}

/// After how long each run is to be looked at again.
async fn close(ledger: &Ledger, runs: Vec<Run>) -> Vec<(i32, Result<Option<Duration>, StoreError>)> {
    let closing = runs.into_iter().map(|run| async move { (run.id, ledger.close_late_batch(&run).await) });
    stream::iter(closing).buffer_unordered(AT_ONCE).collect().await
}
