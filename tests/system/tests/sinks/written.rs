//! The row that says that a batch is to be delivered, and the signatures of the batch, are there together or not at all.

use chancery_kit::{TestLedger, TestRun, eventually};

/// Batches that are signed, and deliveries of them to the first sink.
async fn signed_and_written(ledger: &TestLedger) -> anyhow::Result<(i64, i64)> {
    let counts = "SELECT (SELECT count(*) FROM chancery.batches WHERE state = 'signed'),
                         (SELECT count(*) FROM chancery.deliveries d JOIN chancery.batches b USING (batch)
                           WHERE d.sink = 1 AND b.state = 'signed')";
    Ok(sqlx::query_as(counts).fetch_one(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn signers_that_are_killed_leave_no_signed_batch_without_its_deliveries() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(6_000).sink("one").sink_of_lines("two").seeded(&ledger).await?;
    for holder in ["first", "second", "third"] {
        let before = run.signed().await?;
        let mut signer = run.start_signer(holder)?;
        eventually("it signs", async || run.signed().await.is_ok_and(|signed| signed > before)).await;
        signer.signal(nix::sys::signal::Signal::SIGKILL)?;
        signer.ended().await?;
        ledger.ledger.release_holders(&run.run, &[holder.to_owned()]).await?;
        let (signed, written) = signed_and_written(&ledger).await?;
        assert!(
            signed > 0 && signed == written,
            "{signed} batches are signed, and {written} to be delivered"
        );
    }
    super::sign(&run).await?;
    assert_eq!(signed_and_written(&ledger).await?, (600, 600));
    assert_eq!(run.deliver().await?, 1_200);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_run_without_sinks_is_signed_as_before() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().named("without").seeded(&ledger).await?;
    let other = TestRun::new().named("with").sink("one").seeded(&ledger).await?;
    let of = async |run: i32| {
        let body = "SELECT prosrc FROM pg_proc WHERE pronamespace = 'chancery'::regnamespace AND proname = 'batch_sign_' || $1";
        sqlx::query_scalar::<_, String>(body).bind(run).fetch_one(ledger.ledger.pool()).await
    };
    assert!(!of(run.run.id).await?.contains("INSERT"), "{}", of(run.run.id).await?);
    assert_eq!(of(other.run.id).await?.matches("INSERT").count(), 1);
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                             WHERE i.inhparent = 'chancery.deliveries'::regclass",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;
    assert_eq!(tables, [format!("deliveries_{}", other.run.id)]);
    assert!(run.run.sinks.0.is_empty());
    run.finish().await?;
    assert!(super::is_complete(&run).await?);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_deleted_takes_its_deliveries_along_and_no_others() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().named("one").keyring("ring").sink("out").seeded(&ledger).await?;
    let other = TestRun::new().named("two").keyring("ring").sink("out").created_beside(&run).await?;
    let other = other.stocked().await?;
    super::sign(&run).await?;
    super::sign(&other).await?;
    ledger.ledger.delete_run(&run.run).await?;
    let left: (i64, i64, bool) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM chancery.sinks), (SELECT count(*) FROM chancery.deliveries),
                to_regclass('chancery.deliveries_' || $1) IS NULL",
    )
    .bind(run.run.id)
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!(left, (1, 20, true));
    assert_eq!(other.deliver().await?, 20);
    other.assert_audit_holds().await
}

#[tokio::test]
async fn the_ledger_refuses_what_would_lose_or_double_a_delivery() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).sink("out").seeded(&ledger).await?;
    super::sign(&run).await?;
    let refused = async |sql: &'static str| {
        let refusal = ledger.execute(sql).await.expect_err(sql).to_string();
        assert!(refusal.contains("never change") || refusal.contains("violates"), "{sql}: {refusal}");
    };
    for sql in [
        "DELETE FROM chancery.deliveries",
        "UPDATE chancery.deliveries SET batch = batch + 10",
        "INSERT INTO chancery.deliveries (batch, sink, run_id) SELECT batch, sink, run_id FROM chancery.deliveries",
        "UPDATE chancery.deliveries SET state = 'Delivered', ended_at = now()",
        "UPDATE chancery.deliveries SET state = 'Delivered', ended_at = now(), object = 'there', digest = 'short'",
        "UPDATE chancery.deliveries SET state = 'Dead', ended_at = now()",
        "UPDATE chancery.deliveries SET attempts = 2, last_error = 'twice at once'",
        "UPDATE chancery.deliveries SET attempts = 1",
        "UPDATE chancery.sinks SET ordered = true",
        "UPDATE chancery.sinks SET attempt_limit = 20",
        "UPDATE chancery.sinks SET failures = 1",
    ] {
        refused(sql).await;
    }
    assert_eq!(run.deliver().await?, 2);
    for sql in [
        "UPDATE chancery.deliveries SET state = 'Pending', ended_at = NULL, object = NULL, digest = NULL",
        "UPDATE chancery.deliveries SET object = 'elsewhere'",
        "UPDATE chancery.sinks SET delivered = 1",
    ] {
        refused(sql).await;
    }
    run.assert_audit_holds().await
}
