//! Several runs on one ring at once: no key is in two hands, no number is given out twice, and none is left out,
//! whatever happens to one of the runs.

use std::time::Duration;

use chancery_audit::{AuditOptions, audit_keyring};
use chancery_kit::{SeededRun, SignerProcess, TestLedger, TestRun, eventually, independent_keyring_audit};
use chancery_store::SignerSession;
use chancery_store::lease::{Acquired, Library};

/// Both audits of the ring `shared`, and the order of its uses by a rule of this test's own.
async fn assert_ring_holds(ledger: &TestLedger) -> anyhow::Result<()> {
    let report = audit_keyring(&ledger.ledger, "default", "shared", &AuditOptions::default()).await?;
    anyhow::ensure!(report.holds(), "the audit found violations: {:#?}", report.laws);
    let independent = independent_keyring_audit(&ledger.url, "default", "shared").await?;
    if let Some(report) = independent.filter(|report| !report.holds) {
        anyhow::bail!("the independent audit found violations: {:#?}", report.violations);
    }
    let order: (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(max(use_sequence) - min(use_sequence) + 1, 0), count(DISTINCT use_sequence)
           FROM chancery.leases",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    anyhow::ensure!(order.0 == order.1 && order.0 == order.2, "a hole or a repetition: {order:?}");
    let overlaps: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM chancery.leases a JOIN chancery.leases b
             ON a.key_id = b.key_id AND a.use_sequence < b.use_sequence
            AND b.acquired_at < coalesce(a.released_at, 'infinity')",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    anyhow::ensure!(overlaps == 0, "{overlaps} pairs of leases have one key at once");
    Ok(())
}

async fn ends_well(mut signer: SignerProcess) -> anyhow::Result<()> {
    let (code, log) = signer.ended().await?;
    anyhow::ensure!(code == Some(0), "a signer ended with {code:?}: {log}");
    Ok(())
}

/// Runs `run-0`, `run-1` and so on of one ring of six keys, each with its own batch size, and half the records of
/// the one before it are enough to have them overlap.
async fn runs_of_one_ring(ledger: &TestLedger, count: i64) -> anyhow::Result<Vec<SeededRun<'_>>> {
    let mut runs: Vec<SeededRun<'_>> = Vec::new();
    for number in 0..count {
        let run = TestRun::new()
            .named(&format!("run-{number}"))
            .keyring("shared")
            .keys(6)
            .records(4_000)
            .batch_size([20, 7, 33, 1, 50][usize::try_from(number)?]);
        runs.push(match runs.first() {
            Some(first) => run.seeded_beside(first).await?,
            None => run.seeded(ledger).await?,
        });
    }
    Ok(runs)
}

/// How many keys of the ring signed for each of the runs.
async fn keys_of_all(ledger: &TestLedger, runs: i64) -> anyhow::Result<i64> {
    let count = "SELECT count(*) FROM (SELECT key_id FROM chancery.leases GROUP BY key_id
                                       HAVING count(DISTINCT run_id) = $1) shared";
    Ok(sqlx::query_scalar(count).bind(runs).fetch_one(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn two_runs_with_other_batch_sizes_share_a_ring() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let runs = runs_of_one_ring(&ledger, 2).await?;
    let mut signers = Vec::new();
    for run in &runs {
        for holder in ["a", "b"] {
            signers.push(run.start_signer(&format!("{}-{holder}", run.run.name))?);
        }
    }
    for signer in signers {
        ends_well(signer).await?;
    }
    for run in &runs {
        assert_eq!(run.signed().await?, 4_000);
        run.assert_audit_holds().await?;
    }
    assert_eq!(keys_of_all(&ledger, 2).await?, 6, "each key signed for both");
    assert_ring_holds(&ledger).await
}

#[tokio::test]
async fn five_runs_share_a_ring_while_one_is_suspended_and_one_is_deleted() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let runs = runs_of_one_ring(&ledger, 5).await?;
    let mut signers =
        runs.iter().map(|run| run.start_signer(&run.run.name)).collect::<anyhow::Result<Vec<_>>>()?;
    let (suspended, deleted) = (&runs[1], &runs[3]);
    eventually("both are under way", async || {
        suspended.signed().await.is_ok_and(|signed| signed > 0)
            && deleted.signed().await.is_ok_and(|signed| signed > 0)
    })
    .await;
    ledger.ledger.set_mutable(&suspended.run, true, Duration::from_secs(30)).await?;
    ledger.ledger.delete_run(&deleted.run).await?;
    let mut gone = signers.remove(3);
    let (code, log) = gone.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("the run was deleted"), "{log}");
    for signer in signers {
        ends_well(signer).await?;
    }
    assert!(suspended.signed().await? < 4_000, "it was suspended before its end");
    assert_ring_holds(&ledger).await?;

    ledger.ledger.set_mutable(&suspended.run, false, Duration::from_secs(30)).await?;
    suspended.finish().await?;
    for run in [&runs[0], &runs[1], &runs[2], &runs[4]] {
        assert_eq!(run.signed().await?, 4_000, "{}", run.run.name);
        run.assert_audit_holds().await?;
    }
    assert_ring_holds(&ledger).await
}

async fn leased(session: &mut SignerSession) -> anyhow::Result<chancery_store::lease::Lease> {
    match session.acquire().await?.0 {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

#[tokio::test]
async fn the_key_of_a_run_that_is_deleted_in_mid_lease_stays_held_until_the_lease_ends() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let two_keys = |name| TestRun::new().named(name).keyring("shared").keys(2);
    let doomed = two_keys("doomed").lease_duration(Duration::from_secs(6)).seeded(&ledger).await?;
    let other = two_keys("other").seeded_beside(&doomed).await?;
    let (mut late, mut session) = (doomed.session("late").await?, other.session("other").await?);
    let held = leased(&mut late).await?;
    ledger.ledger.delete_run(&doomed.run).await?;

    let second = leased(&mut session).await?;
    assert_eq!((held.use_sequence, second.use_sequence), (1, 2), "no number is given out twice");
    assert_ne!(second.key, held.key);
    let run_out = "SELECT expires_at <= clock_timestamp() AND doubted_at <= clock_timestamp() - duration / 2
                     FROM chancery.leases WHERE id = $1";
    // Nobody gets the key that is held, whoever asks and however often, as long as its lease lasts.
    loop {
        let (answer, _) = session.acquire().await?;
        let over: bool = sqlx::query_scalar(run_out).bind(held.id).fetch_one(ledger.ledger.pool()).await?;
        match answer {
            Acquired::NoKey if over => break,
            Acquired::NoKey => {}
            // It ran out between the question and the look at the clock, or is free: then it has run out.
            Acquired::Leased(lease) if over => {
                assert_eq!(lease.key, held.key);
                assert!(session.abandon(&lease).await?);
                break;
            }
            early => anyhow::bail!("the key of a deleted run was given away: {early:?}"),
        }
    }
    // The late signer stores nothing and prolongs nothing: its login went with the run, and its session with that.
    let stored = late.store(&held, &[&[7_u8; 64][..]; 10], Library::AwsLcRs).await;
    assert!(stored.is_err(), "{stored:?}");
    let (renewed, another) = (late.renew(&held).await, late.acquire().await);
    assert!(renewed.is_err() && another.is_err(), "{renewed:?} {another:?}");

    let third = leased(&mut session).await?;
    assert_eq!(third.key, held.key, "it is free again, and the least recently used");
    for lease in [second, third] {
        assert!(session.abandon(&lease).await?);
    }
    let ended: (String, bool) =
        sqlx::query_as("SELECT outcome::text, released_at >= expires_at FROM chancery.leases WHERE id = $1")
            .bind(held.id)
            .fetch_one(ledger.ledger.pool())
            .await?;
    assert_eq!(ended, ("expired".to_owned(), true));
    other.finish().await?;
    assert_ring_holds(&ledger).await
}
