//! The lease of the next batch is acquired before a batch is stored: one wait for the disk does for both.

use chancery_kit::{SeededRun, TestLedger, TestRun, eventually, throw_away};
use chancery_store::lease::{Acquired, EndToEnd, Lease, Library, Payloads};
use chancery_store::{SignerSession, StoreError};
use nix::sys::signal::Signal;

/// Signatures of ten records that no one will verify.
const FORGED: [u8; 640] = [7; 640];
const SIGNATURES: EndToEnd<'static> = EndToEnd { bytes: &FORGED, each: 64, library: Library::AwsLcRs };

/// One slot, with a thread of its own.
const ALONE: [&str; 4] = ["--threads", "1", "--lookahead", "0"];

async fn leased(session: &mut SignerSession) -> anyhow::Result<Lease> {
    match session.acquire().await?.0 {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

async fn open_leases(run: &SeededRun<'_>) -> anyhow::Result<i64> {
    let open = "SELECT count(*) FROM chancery.leases WHERE outcome IS NULL";
    Ok(sqlx::query_scalar(open).fetch_one(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn a_store_brings_the_payloads_of_the_next_batch() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).batch_size(10).keys(2).seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    let (lease, next) = (leased(&mut session).await?, leased(&mut session).await?);
    let (mut brought, mut fetched) = (Payloads::default(), Payloads::default());
    session.store_and_fetch(&lease, SIGNATURES, &next, &mut brought).await?;
    assert_eq!(run.signed().await?, 10);
    session.fetch(next.first_record, next.last_record, &mut fetched).await?;
    assert_eq!(brought.iter().collect::<Vec<_>>(), fetched.iter().collect::<Vec<_>>());
    session.store(&next, &[&[7; 64][..]; 10], Library::AwsLcRs).await?;
    assert_eq!(run.signed().await?, 20);
    Ok(())
}

#[tokio::test]
async fn the_next_lease_survives_a_crash_once_the_batch_before_it_is_stored() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "durable").await?;
    let run = TestRun::new().records(20).batch_size(10).keys(2).seeded(&ledger).await?;
    // Nobody but the store is to bring the lease to the disk.
    for statement in ["ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()"] {
        ledger.execute(statement).await?;
    }
    let mut session = run.session("one").await?;
    let (lease, next) = (leased(&mut session).await?, leased(&mut session).await?);
    let payloads = &mut Payloads::default();
    session.store_and_fetch(&lease, SIGNATURES, &next, payloads).await?;
    server.stop_immediate()?;
    server.start_again()?;
    eventually("the server is there", async || open_leases(&run).await.is_ok()).await;
    assert_eq!(open_leases(&run).await?, 1);
    assert_eq!(run.signed().await?, 10);
    Ok(())
}

#[tokio::test]
async fn a_store_that_is_refused_stores_nothing_and_leaves_the_next_lease_to_be_fetched() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).batch_size(10).keys(2).seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    let (lease, next) = (leased(&mut session).await?, leased(&mut session).await?);
    assert!(session.abandon(&lease).await?);
    let payloads = &mut Payloads::default();
    let stored = session.store_and_fetch(&lease, SIGNATURES, &next, payloads).await;
    assert!(matches!(stored, Err(StoreError::LeaseLost(id)) if id == lease.id), "{stored:?}");
    assert_eq!(run.signed().await?, 0);
    session.fetch(next.first_record, next.last_record, payloads).await?;
    assert_eq!(payloads.len(), 10);
    session.store(&next, &[&[7; 64][..]; 10], Library::AwsLcRs).await?;
    assert_eq!(run.signed().await?, 10);
    Ok(())
}

#[tokio::test]
async fn a_signer_whose_batch_was_taken_from_it_signs_the_next_and_then_that() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // Long enough to be taken away while it is signed, and small enough to be stored at once.
    let run =
        TestRun::new().algorithm("RS256").keys(4).records(12_000).batch_size(4_000).seeded(&ledger).await?;
    let mut signer = run.start_signer_with("one", &ALONE)?;
    eventually("a batch is leased", async || open_leases(&run).await.is_ok_and(|open| open == 1)).await;
    let mut gone = 0;
    eventually("its lease is over", async || {
        gone = ledger.ledger.release_holders(&run.run, &["one".to_owned()]).await.unwrap_or(0);
        gone == 1
    })
    .await;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the lease was lost"), "{log}");
    run.assert_audit_holds().await
}

/// Leases that "one" acquired while the lease before was still open, of those up to the use sequence and of those after it.
async fn acquired_ahead(run: &SeededRun<'_>, up_to: i64) -> anyhow::Result<(i64, i64)> {
    let ahead = "SELECT count(*) FILTER (WHERE l.use_sequence <= $1), count(*) FILTER (WHERE l.use_sequence > $1)
                   FROM (SELECT use_sequence, acquired_at, lag(signed_at) OVER (ORDER BY use_sequence) AS before
                           FROM chancery.leases WHERE holder = 'one') l
                  WHERE l.acquired_at < l.before";
    Ok(sqlx::query_as(ahead).bind(up_to).fetch_one(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn a_slot_that_met_a_ring_without_a_free_key_acquires_ahead_again_once_there_is_one()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(1_000).batch_size(1).keys(2).seeded(&ledger).await?;
    let mut other = run.session("other").await?;
    let held = leased(&mut other).await?;
    let mut signer = run.start_signer_with("one", &ALONE)?;
    eventually("batches are signed with the other key", async || {
        run.signed().await.is_ok_and(|signed| signed >= 20)
    })
    .await;
    signer.signal(Signal::SIGSTOP)?;
    let newest = "SELECT max(use_sequence) FROM chancery.leases";
    let newest: i64 = sqlx::query_scalar(newest).fetch_one(ledger.ledger.pool()).await?;
    assert!(other.abandon(&held).await?);
    signer.signal(Signal::SIGCONT)?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    let (before, after) = acquired_ahead(&run, newest).await?;
    assert_eq!(before, 0, "one key was free, and in use");
    assert!(
        after > 0,
        "none of the batches after lease {newest} was leased before the one before it was stored"
    );
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_ring_of_one_key_is_enough_for_signers_that_have_two_slots_each() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(1_000).batch_size(20).keys(1).seeded(&ledger).await?;
    let mut signers = [run.start_signer("one")?, run.start_signer("two")?];
    for signer in &mut signers {
        assert_eq!(signer.exit_code().await?, Some(0));
    }
    run.assert_audit_holds().await
}
