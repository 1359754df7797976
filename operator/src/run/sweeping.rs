//! Bytes of dead letters are removed once they have been kept for `spec.deadLetter.retention`, beside everything else and a few
//! at a time: nobody waits for that. What they were, where and why stays, and so do their counts. What keyrings know of deleted
//! runs is forgotten here too, after `spec.idempotency.window`, and so are versions of policies that no run names.

use std::time::Duration;

use chancery_store::dead_letters::RunToSweep;
use chancery_store::{Ledger, StoreError};

use crate::host::database::Database;

/// How often it is looked whether something is due.
const INTERVAL: Duration = Duration::from_secs(10);

/// Dead letters that are swept in one transaction, of up to 1 MiB each.
const AT_ONCE: i64 = 100;

/// After each of these, so that the disk of a ledger has others to serve.
const PAUSE: Duration = Duration::from_millis(200);

/// Runs that are looked at in a round.
const RUNS: i64 = 100;

/// Sweeps for as long as it is waited for. It may be stopped at any point: the next leader goes on.
pub(crate) async fn keep(database: &Database) {
    loop {
        // Why a database is away is said elsewhere.
        if let Ok(ledger) = database.get()
            && let Err(error) = round(&ledger).await
        {
            database.check_after(&error);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn round(ledger: &Ledger) -> Result<(), StoreError> {
    let forgotten = ledger.sweep_digests().await?;
    if forgotten > 0 {
        tracing::info!(
            forgotten,
            "payloads of deleted runs may be signed again, after spec.idempotency.window"
        );
    }
    // One that nobody forgot when its last run went, because another was just being made.
    let policies = ledger.sweep_policies().await?;
    if policies > 0 {
        tracing::info!(policies, "versions of policies that no run names were removed");
    }
    for run in ledger.runs_to_sweep(RUNS).await? {
        match sweep(ledger, &run).await {
            // It was deleted meanwhile.
            Ok(0) | Err(StoreError::NoRun(_) | StoreError::BeingDeleted(_)) => {}
            Ok(swept) => {
                let RunToSweep { namespace, name } = run;
                tracing::info!(run = %format_args!("{namespace}/{name}"), swept, "the bytes of dead letters were removed, after spec.deadLetter.retention");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn sweep(ledger: &Ledger, RunToSweep { namespace, name }: &RunToSweep) -> Result<i64, StoreError> {
    let run = ledger.find_run(namespace, name).await?;
    let mut all = 0;
    loop {
        let swept = ledger.sweep_dead_letters(&run, AT_ONCE).await?;
        all += swept;
        if swept < AT_ONCE {
            return Ok(all);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
