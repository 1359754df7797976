//! What keeps a keyring whole that outlives its runs, and a run that is signed while its records come.

use std::sync::Arc;

use anyhow::Context as _;
use chancery_keyring::{Algorithm, GeneratedKey, KeySpec, generate};
use chancery_kit::{SeededRun, TestLedger, TestRun, eventually, fill};
use chancery_store::SignerSession;
use chancery_store::keyring::NewKey;
use chancery_store::lease::{Acquired, Added, Lease, Library, MissingKeys};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

const FORGED: [u8; 64] = [7; 64];

fn of_ring(name: &str) -> TestRun {
    TestRun::new().named(name).keyring("ring")
}

async fn leased(session: &mut SignerSession) -> anyhow::Result<Lease> {
    match session.acquire().await?.0 {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

async fn sign(session: &mut SignerSession, batches: i64) -> anyhow::Result<()> {
    for _ in 0..batches {
        let lease = leased(session).await?;
        let signatures = vec![&FORGED[..]; usize::try_from(lease.records())?];
        session.store(&lease, &signatures, Library::AwsLcRs).await?;
    }
    Ok(())
}

async fn leases_of(run: &SeededRun<'_>) -> anyhow::Result<i64> {
    let count = sqlx::query_scalar("SELECT count(*) FROM chancery.leases WHERE run_id = $1").bind(run.run.id);
    Ok(count.fetch_one(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn a_run_that_is_deleted_in_mid_lease_does_not_free_its_key() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let deleted = of_ring("deleted").keys(1).seeded(&ledger).await?;
    let other = of_ring("other").keys(1).seeded_beside(&deleted).await?;
    leased(&mut deleted.session("at-work").await?).await?;
    ledger.ledger.delete_run(&deleted.run).await?;
    let (acquired, _) = other.session("other").await?.acquire().await?;
    assert!(matches!(acquired, Acquired::NoKey), "{acquired:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_run_in_the_ledger_was_signed_under_is_not_forgotten() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let kept = of_ring("kept").seeded(&ledger).await?;
    let deleted = of_ring("deleted").seeded_beside(&kept).await?;
    sign(&mut kept.session("one").await?, 20).await?;
    sign(&mut deleted.session("two").await?, 20).await?;
    ledger.ledger.settle(&deleted.run).await?;
    ledger.ledger.delete_run(&deleted.run).await?;
    assert_eq!(leases_of(&kept).await?, 20);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_not_sealed_is_not_complete_although_every_batch_is_signed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().created(&ledger).await?;
    fill(&ledger.ledger, &run.run.keyring, &Arc::new(run.data_key()?)).await?;
    assert!(ledger.ledger.generate_chunk(&run.run, 1).await?);
    let mut session = run.session("one").await?;
    sign(&mut session, 20).await?;
    let (acquired, _) = session.acquire().await?;
    assert!(matches!(acquired, Acquired::NoBatch), "{acquired:?}");
    assert!(ledger.ledger.seal(&run.run).await?);
    let (acquired, _) = session.acquire().await?;
    assert!(matches!(acquired, Acquired::Complete), "{acquired:?}");
    Ok(())
}

#[tokio::test]
async fn a_run_is_not_complete_before_its_ring_is_filled() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(2).created(&ledger).await?;
    let key = |number| -> anyhow::Result<NewKey> {
        let spec = KeySpec::new(Algorithm::EdDsa, None)?;
        let GeneratedKey { id, public_key, wrapped } = generate(spec, run.run.keyring.uid, &run.data_key()?)?;
        Ok(NewKey { id, number, public_key, wrapped_key: wrapped })
    };
    let mut session = run.session("one").await?;
    assert_eq!(session.add_key(&key(2)?).await?, Added::Added);
    assert!(ledger.ledger.generate_chunk(&run.run, 1).await?);
    assert!(ledger.ledger.seal(&run.run).await?);
    sign(&mut session, 20).await?;
    let (acquired, _) = session.acquire().await?;
    assert!(matches!(acquired, Acquired::KeysMissing), "{acquired:?}");
    let stored = ledger.ledger.find_run("default", "demo").await?;
    assert_eq!((stored.sealed, stored.complete, stored.keyring.filled), (true, false, false));

    assert_eq!(session.missing_keys(0, 10).await?, MissingKeys::Numbers(vec![1]));
    assert_eq!(session.add_key(&key(1)?).await?, Added::Added);
    assert_eq!(session.missing_keys(0, 10).await?, MissingKeys::Filled);
    let (acquired, _) = session.acquire().await?;
    assert!(matches!(acquired, Acquired::Complete), "{acquired:?}");
    Ok(())
}

/// Its place in the order of use is that of the open lease.
#[tokio::test]
async fn a_key_that_joins_while_another_is_leased_is_free() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(1).seeded(&ledger).await?;
    leased(&mut run.session("one").await?).await?;

    let data_key = run.data_key()?;
    let spec = KeySpec::new(Algorithm::EdDsa, None)?;
    let GeneratedKey { id, public_key, wrapped, .. } = generate(spec, run.run.keyring.uid, &data_key)?;
    let joins = NewKey { id, number: 2, public_key, wrapped_key: wrapped };
    assert!(ledger.ledger.join_key(&run.run.keyring, &joins).await?);
    assert_eq!(leased(&mut run.session("two").await?).await?.key, id);
    Ok(())
}

#[tokio::test]
async fn a_key_that_was_retired_is_not_chosen() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(2).seeded(&ledger).await?;
    let first: Uuid = sqlx::query_scalar("SELECT id FROM chancery.keys WHERE number = 1")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert!(ledger.ledger.retire_key(first).await?);
    assert_ne!(leased(&mut run.session("one").await?).await?.key, first);
    let (acquired, _) = run.session("two").await?.acquire().await?;
    assert!(matches!(acquired, Acquired::NoKey), "{acquired:?}");
    Ok(())
}

/// Else each would find the records of the other missing, and nobody would make batches of them.
#[tokio::test]
async fn two_that_make_records_at_once_take_turns_at_making_batches() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(1).records(4_000).batch_size(1_000).created(&ledger).await?;
    let source = run.run.input.generated().context("a generated source")?;
    anyhow::ensure!(source.records_in(2) > 0 && source.records_in(3) == 0, "two chunks");

    let mut slow = PgConnection::connect(&ledger.url).await?;
    let mut slow = slow.begin().await?;
    let make = "SELECT chancery.records_generate($1, 1)";
    assert!(sqlx::query_scalar::<_, bool>(make).bind(run.run.id).fetch_one(&mut *slow).await?);
    let (store, its) = (ledger.ledger.clone(), run.run.clone());
    let other = tokio::spawn(async move { store.generate_chunk(&its, 2).await });
    eventually("the other waits, or has not", async || {
        let waits = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = sqlx::query_scalar::<_, i64>(waits).fetch_one(ledger.ledger.pool()).await;
        other.is_finished() || waiting.is_ok_and(|count| count > 0)
    })
    .await;
    slow.commit().await?;
    assert!(other.await??);
    assert!(ledger.ledger.seal(&run.run).await?, "records are left that are in no batch");
    Ok(())
}
