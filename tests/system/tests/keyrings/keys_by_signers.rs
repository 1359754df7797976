//! The keys of a ring are made by the signers of its runs: by as many as there are, whatever becomes of any of them.

use std::time::Duration;

use chancery_kit::{SeededRun, SignerProcess, TestLedger, TestRun, eventually};
use nix::sys::signal::Signal;

const STOPPED: &str = "130";

/// How many keys are in the ring of a run.
async fn keys(run: &SeededRun<'_>) -> anyhow::Result<i64> {
    let count = "SELECT count(*) FROM chancery.keys WHERE keyring_id = $1";
    Ok(sqlx::query_scalar(count).bind(run.run.keyring.id).fetch_one(run.ledger.ledger.pool()).await?)
}

async fn until_keys(run: &SeededRun<'_>, wanted: i64) {
    eventually("there are keys", async || keys(run).await.is_ok_and(|keys| keys >= wanted)).await;
}

/// Whether the ring is filled, and the run complete.
async fn filled_and_complete(run: &SeededRun<'_>) -> anyhow::Result<(bool, bool)> {
    let stored = run.ledger.ledger.find_run(&run.run.namespace, &run.run.name).await?;
    Ok((stored.keyring.filled, stored.complete))
}

/// How many keys a signer says that it has made, once it has ended well.
async fn made_by(signer: &mut SignerProcess, code: i32) -> anyhow::Result<i64> {
    let (ended, log) = signer.ended().await?;
    assert_eq!(ended, Some(code), "{log}");
    let said = log.split("keys_made=").nth(1).and_then(|rest| rest.split_whitespace().next());
    Ok(said.ok_or_else(|| anyhow::anyhow!("it does not say how many keys it made: {log}"))?.parse()?)
}

#[tokio::test]
async fn the_first_batch_is_signed_with_the_first_key_and_a_key_is_made_between_two_batches()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().algorithm("RS256").keys(6).batch_size(10).created(&ledger).await?;
    let run = run.with_records().await?;
    assert_eq!(made_by(&mut run.start_signer("one")?, 0).await?, 6);
    let joined: Vec<i64> = sqlx::query_scalar("SELECT joined_use FROM chancery.keys ORDER BY 1")
        .fetch_all(ledger.ledger.pool())
        .await?;
    assert_eq!(joined, [0, 1, 2, 3, 4, 5], "how many batches had been leased when each key joined");
    assert_eq!(filled_and_complete(&run).await?, (true, true));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_signer_that_is_killed_while_it_makes_a_key_leaves_it_to_another() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // Without records there is nothing to do but keys: it is at one of them whenever it is killed.
    let run = TestRun::new().algorithm("RS256").key_size(4096).keys(4).created(&ledger).await?;
    let mut killed = run.start_signer("killed")?;
    until_keys(&run, 1).await;
    killed.signal(Signal::SIGKILL)?;
    assert_eq!(killed.exit_code().await?, None);
    let left_behind = keys(&run).await?;
    assert!(left_behind < 4, "it was killed before the last key");
    assert_eq!(filled_and_complete(&run).await?, (false, false));

    let run = run.with_records().await?;
    assert_eq!(made_by(&mut run.start_signer("other")?, 0).await?, 4 - left_behind);
    assert_eq!(keys(&run).await?, 4);
    assert_eq!(filled_and_complete(&run).await?, (true, true));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn signers_at_once_make_no_key_twice_and_as_many_as_the_ring_is_to_have() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(300).records(4_000).created(&ledger).await?.with_records().await?;
    let mut signers = Vec::new();
    for holder in ["one", "two", "three"] {
        signers.push(run.start_signer_with(holder, &["--threads", "2"])?);
    }
    let mut made = 0;
    for signer in &mut signers {
        made += made_by(signer, 0).await?;
    }
    assert_eq!(made, 300);
    let numbers: Vec<i32> = sqlx::query_scalar("SELECT number FROM chancery.keys ORDER BY 1")
        .fetch_all(ledger.ledger.pool())
        .await?;
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    assert_eq!(filled_and_complete(&run).await?, (true, true));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn keys_that_are_missing_when_every_batch_is_signed_are_made_before_the_run_is_complete()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(20).records(10).batch_size(10).created(&ledger).await?;
    let run = run.with_records().await?;
    assert_eq!(made_by(&mut run.start_signer("one")?, 0).await?, 20);
    assert_eq!(filled_and_complete(&run).await?, (true, true));
    let last: i64 = sqlx::query_scalar("SELECT max(use_sequence) FROM chancery.leases")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(last, 1, "there was one batch");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn runs_that_share_a_ring_fill_it_together() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let of_ring = |name: &str| TestRun::new().named(name).keyring("shared").keys(60).records(400);
    let one = of_ring("one").created(&ledger).await?.with_records().await?;
    let two = of_ring("two").created_beside(&one).await?.with_records().await?;
    let (mut first, mut second) = (one.start_signer("first")?, two.start_signer("second")?);
    let made = made_by(&mut first, 0).await? + made_by(&mut second, 0).await?;
    assert_eq!(made, 60);
    assert_eq!(filled_and_complete(&one).await?, (true, true));
    assert_eq!(filled_and_complete(&two).await?, (true, true));
    one.assert_audit_holds().await?;
    two.assert_audit_holds().await
}

#[tokio::test]
async fn a_signer_that_is_asked_to_stop_while_it_makes_a_key_ends_as_between_two_batches()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().algorithm("RS256").key_size(4096).keys(50).created(&ledger).await?;
    let mut signer = run.start_signer_with("stopped", &["--stopped-exit", STOPPED])?;
    until_keys(&run, 1).await;
    signer.signal(Signal::SIGTERM)?;
    let made = made_by(&mut signer, 130).await?;
    assert_eq!(made, keys(&run).await?, "the key that it was making is in no ring");
    assert_eq!(filled_and_complete(&run).await?, (false, false));
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_suspended_gets_no_keys() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(3).created(&ledger).await?.with_records().await?;
    ledger.ledger.set_mutable(&run.run, true, Duration::from_secs(30)).await?;
    let mut signer = run.start_signer_with("one", &["--stopped-exit", STOPPED])?;
    assert_eq!(made_by(&mut signer, 130).await?, 0);
    assert_eq!(keys(&run).await?, 0);
    ledger.ledger.set_mutable(&run.run, false, Duration::from_secs(30)).await?;
    run.finish().await
}

#[tokio::test]
async fn no_lease_is_held_while_a_key_is_made() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().algorithm("RS256").keys(5).records(500).created(&ledger).await?;
    let run = run.with_records().await?;
    // A key joins with the instant of its turn. Its signer had no lease open then, and nobody else is there.
    assert_eq!(made_by(&mut run.start_signer("one")?, 0).await?, 5);
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM chancery.keys k JOIN chancery.leases l
             ON l.acquired_at < k.joined_at AND l.signed_at > k.joined_at",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!(open, 0);
    run.assert_audit_holds().await
}
