//! The clock of the server is set. To the ledger that looks as if all its instants were set the other way.

use std::time::Duration;

use chancery_kit::{TestLedger, TestRun, eventually};
use sqlx::AssertSqlSafe;

use crate::{leased, outcomes};

/// Sets the server's clock, as far as this ledger can tell.
async fn set_clock(ledger: &TestLedger, by: &str) -> anyhow::Result<()> {
    let shift = format!(
        "UPDATE chancery.leases
            SET acquired_at = acquired_at - interval '{by}', expires_at = expires_at - interval '{by}',
                doubted_at = doubted_at - interval '{by}', signed_at = signed_at - interval '{by}',
                released_at = released_at - interval '{by}'"
    );
    ledger.execute(AssertSqlSafe(shift)).await
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_the_keys_of_the_dead_no_longer_than_their_leases_last()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .records(20)
        .batch_size(10)
        .keys(1)
        .lease_duration(Duration::from_secs(2))
        .seeded(&ledger)
        .await?;
    let mut vanished = run.session("vanished").await?;
    leased(&mut vanished).await?;
    set_clock(&ledger, "-1 hour").await?;
    let mut signer = run.start_signer("one")?;
    // Not within an hour: what a test waits for at most is a minute.
    eventually("the run is signed", async || run.signed().await.is_ok_and(|signed| signed == 20)).await;
    assert_eq!(signer.exit_code().await?, Some(0));
    assert_eq!(outcomes(&run).await?, ["expired", "signed", "signed"]);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_clock_that_was_ahead_for_a_moment_holds_nobody_up() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .records(20)
        .batch_size(10)
        .keys(1)
        .lease_duration(Duration::from_secs(2))
        .seeded(&ledger)
        .await?;
    set_clock(&ledger, "1 hour").await?;
    let mut vanished = run.session("vanished").await?;
    leased(&mut vanished).await?;
    set_clock(&ledger, "-1 hour").await?;
    run.finish().await?;
    assert_eq!(outcomes(&run).await?, ["expired", "signed", "signed"]);
    Ok(())
}

#[tokio::test]
async fn a_clock_that_is_set_forward_takes_no_key_from_a_signer_that_renews_its_lease() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .algorithm("RS256")
        .records(12_000)
        .batch_size(12_000)
        .keys(1)
        .lease_duration(Duration::from_secs(3))
        .seeded(&ledger)
        .await?;
    let mut holder = run.start_signer("holder")?;
    let held = "SELECT count(*) FROM chancery.leases WHERE holder = 'holder' AND outcome IS NULL
                   AND expires_at > clock_timestamp()";
    let is_held = async || crate::count(&ledger, held).await == 1;
    eventually("the batch is in hand", is_held).await;
    // Whoever waits takes turns of the ring all the time.
    let mut waiting = run.start_signer("waiting")?;
    for _ in 0..2 {
        set_clock(&ledger, "1 hour").await?;
        eventually("the holder has renewed its lease", async || {
            is_held().await || run.signed().await.is_ok_and(|signed| signed > 0)
        })
        .await;
    }
    assert_eq!(holder.exit_code().await?, Some(0));
    assert_eq!(waiting.exit_code().await?, Some(0));
    assert_eq!(outcomes(&run).await?, ["signed"], "nobody took it over");
    run.assert_audit_holds().await
}
