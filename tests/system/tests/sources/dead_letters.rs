//! For how long the bytes of dead letters are kept.

use std::time::Duration;

use chancery_kit::{SeededRun, TestLedger, TestRun};
use chancery_store::DeadLetter;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::{counted, file, lines};

/// How many have their bytes, and how many were swept.
async fn kept(run: &SeededRun<'_>) -> anyhow::Result<(i64, i64)> {
    let kept =
        "SELECT count(raw), count(swept_at) FROM chancery.arrivals WHERE run_id = $1 AND state = 'Dead'";
    Ok(sqlx::query_as(kept).bind(run.run.id).fetch_one(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn what_is_swept_is_what_was_kept_for_long_enough() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 5).chain((0..7).map(|number| format!("no json {number}"))))?;
    let run = TestRun::new().keys(1).reads_as("files", folder.path(), &json!({"type": "NDJSON"}));
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    let hour = DeadLetter { limit: 1_000, retention: Duration::from_secs(3_600) };
    ledger.ledger.set_dead_letter(&run.run, hour).await?;
    assert_eq!(ledger.ledger.sweep_dead_letters(&run.run, 100).await?, 0);
    assert_eq!(kept(&run).await?, (7, 0));

    // As the superuser whom no trigger stops: five of them are two hours old.
    let mut owner = PgConnection::connect(&ledger.url).await?;
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut owner).await?;
    let older = "UPDATE chancery.arrivals SET arrived_at = arrived_at - interval '2 hours'
                  WHERE state = 'Dead' AND convert_from(raw, 'UTF8') < 'no json 5'";
    assert_eq!(sqlx::raw_sql(older).execute(&mut owner).await?.rows_affected(), 5);
    // It is known when to look again, and not before: what was admitted an hour from now is due then.
    assert_eq!(ledger.ledger.runs_to_sweep(10).await?, []);
    ledger.ledger.set_dead_letter(&run.run, hour).await?;
    assert_eq!(ledger.ledger.runs_to_sweep(10).await?.len(), 1);
    assert_eq!(ledger.ledger.sweep_dead_letters(&run.run, 3).await?, 3);
    assert_eq!(ledger.ledger.runs_to_sweep(10).await?.len(), 1, "two more are due");
    assert_eq!(ledger.ledger.sweep_dead_letters(&run.run, 3).await?, 2);
    assert_eq!(ledger.ledger.runs_to_sweep(10).await?, []);
    assert_eq!(kept(&run).await?, (2, 5));
    assert_eq!(counted(&run).await?, (12, 5, 0, 7));
    run.finish().await
}
