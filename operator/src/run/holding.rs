//! What a run with sources will have, nobody knows beforehand: while it reads, it is looked at what it and its namespace have by
//! now, and at the database's room. A run that is beyond a limit admits nothing until it is not.

use std::time::Duration;

use chancery_api::format::bytes;
use chancery_store::holding::ReadingRun;
use chancery_store::{Ledger, StoreError};

use crate::host::database::Database;
use crate::run::limits::Limits;
use crate::run::room::RoomWatch;

/// How often it is looked. An intake admits some tens of megabytes meanwhile.
const INTERVAL: Duration = Duration::from_secs(2);

/// Holds runs, and lets them go on, for as long as it is waited for. The next leader goes on from what the ledger says.
pub(crate) async fn keep(database: &Database, limits: Limits, room: &RoomWatch) {
    loop {
        // Why a database is away is said elsewhere.
        if let Ok(ledger) = database.get()
            && let Err(error) = round(&ledger, limits, room).await
        {
            database.check_after(&error);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn round(ledger: &Ledger, limits: Limits, room: &RoomWatch) -> Result<(), StoreError> {
    let runs = ledger.reading_runs().await?;
    if runs.is_empty() {
        return Ok(());
    }
    let nearly_full = room.floor_is_met(ledger).await?;
    for run in runs {
        let why = nearly_full.clone().or_else(|| beyond(limits, &run));
        let ReadingRun { id, namespace, name, held, .. } = run;
        // The numbers in a sentence change all the time.
        if why.is_some() == held.is_some() {
            continue;
        }
        ledger.hold_intake(id, why.as_deref()).await?;
        let run = format_args!("{namespace}/{name}");
        match why {
            Some(why) => tracing::warn!(%run, %why, "the run waits with reading its sources"),
            None => tracing::info!(%run, "the run reads its sources again"),
        }
    }
    Ok(())
}

/// Which limit a run, or its namespace, is beyond.
fn beyond(limits: Limits, run: &ReadingRun) -> Option<String> {
    const HELP: &str = "delete runs of the namespace that nobody needs (deletionPolicy Delete, or `chancery delete`), or ask whoever installed Chancery to raise";
    let Limits { bytes_per_run, key_bits_per_run: _, runs_per_namespace: _, bytes_per_namespace } = limits;
    let ReadingRun { run_bytes, namespace_bytes, .. } = *run;
    if bytes_per_run > 0 && run_bytes >= bytes_per_run {
        return Some(format!(
            "the run takes {} of the database, and one run may take {}: nothing more is read; ask whoever installed Chancery to raise limits.bytesPerRun of the chart's values",
            bytes(run_bytes),
            bytes(bytes_per_run)
        ));
    }
    (bytes_per_namespace > 0 && namespace_bytes >= bytes_per_namespace).then(|| {
        format!(
            "the runs of the namespace take {} of the database, and may take {}: nothing more is read; {HELP} limits.bytesPerNamespace of the chart's values",
            bytes(namespace_bytes),
            bytes(bytes_per_namespace)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(run_bytes: i64, namespace_bytes: i64) -> ReadingRun {
        let (namespace, name) = ("default".to_owned(), "demo".to_owned());
        ReadingRun { id: 1, namespace, name, held: None, run_bytes, namespace_bytes }
    }

    #[test]
    fn a_run_waits_at_its_own_limit_and_at_that_of_its_namespace_and_0_is_no_limit() {
        let limits = Limits { bytes_per_run: 1_000, bytes_per_namespace: 3_000, ..Limits::default() };
        let why = |run, namespace| beyond(limits, &of(run, namespace)).unwrap_or_default();
        assert_eq!(why(999, 2_999), "");
        assert!(why(1_000, 1_000).contains("limits.bytesPerRun"), "{}", why(1_000, 1_000));
        assert!(why(999, 3_000).contains("limits.bytesPerNamespace"), "{}", why(999, 3_000));
        let none = Limits { bytes_per_run: 0, bytes_per_namespace: 0, ..Limits::default() };
        assert_eq!(beyond(none, &of(i64::MAX, i64::MAX)), None);
    }
}
