//! A synchronous standby becomes the primary in the midst of a run: nothing is lost, no law is broken.

use std::collections::BTreeSet;
use std::time::Duration;

use chancery_kit::{
    Chancery, Ended, Manifest, Pair, Replication, TestLedger, TestRun, eventually, independent_audit,
};
use chancery_store::LedgerUrl;
use chancery_store::lease::{Acquired, Lease, Payloads};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A stored signature: record, lease, signature.
type Stored = (i64, i64, Vec<u8>);

async fn signatures(url: &str) -> anyhow::Result<BTreeSet<Stored>> {
    let mut connection = PgConnection::connect(url).await?;
    let all = sqlx::query_as("SELECT record, lease_id, signature FROM chancery.signatures");
    Ok(all.fetch_all(&mut connection).await?.into_iter().collect())
}

async fn leased(session: &mut chancery_store::SignerSession) -> anyhow::Result<Lease> {
    match session.acquire().await? {
        (Acquired::Leased(lease), _) => Ok(lease),
        (other, _) => anyhow::bail!("nothing was leased: {other:?}"),
    }
}

#[tokio::test]
async fn a_synchronous_standby_promoted_in_mid_run_has_every_signature_that_was_stored() -> anyhow::Result<()>
{
    let Some(pair) = Pair::start(Replication::Synchronous).await? else { return Ok(()) };
    let url = pair.url("ledger");
    url.parse::<LedgerUrl>()?.create_database().await?;
    let chancery = Chancery::on(&url)?;
    // Leases that the crash catches in flight are taken over after five seconds.
    let manifest = Manifest::new().of(60_000, 20, 100).with("parallelism", 3).with("leaseDuration", "\"5s\"");
    let signing = chancery.start_signing(&manifest, &[])?;
    let before = async {
        let mut stored = BTreeSet::new();
        eventually("some is signed", async || {
            stored = signatures(&pair.primary.url("ledger")).await.unwrap_or_default();
            stored.len() > 2_000
        })
        .await;
        stored
    };
    let before = before.await;
    pair.fail_over().await?;
    assert!(before.len() < 60_000, "it was in mid-run");

    // It audits the run at its end.
    let ended = Ended::of(signing).await?.expect_code(0)?;
    assert!(ended.stdout.contains("passed"), "{}", ended.stdout);
    let after = signatures(&url).await?;
    assert_eq!(after.len(), 60_000);
    let lost: Vec<_> = before.difference(&after).map(|(record, lease, _)| (record, lease)).collect();
    assert!(lost.is_empty(), "stored signatures are gone (record, lease): {lost:?}");
    if let Some(report) = independent_audit(&url, "default", "demo").await? {
        assert!(report.violations.is_empty(), "{report:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_lease_that_the_synchronous_standby_does_not_have_is_not_signed_under() -> anyhow::Result<()> {
    let Some(pair) = Pair::start(Replication::Synchronous).await? else { return Ok(()) };
    let ledger = TestLedger::at(&pair.url("ledger")).await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut admin = PgConnection::connect(&pair.primary.url("postgres")).await?;
    let mut one = run.session("one").await?;

    pair.catch_up_and_stop_standby().await?;
    let lost = leased(&mut one).await?;
    let (first, last) = (lost.first_record, lost.last_record);
    let fetching = tokio::spawn(async move { one.fetch(first, last, &mut Payloads::default()).await });
    eventually("the fetch waits for the standby", async || {
        let waits = "SELECT count(*) = 1 FROM pg_stat_activity
                      WHERE wait_event = 'SyncRep' AND query LIKE '%leases_durable%'";
        sqlx::query_scalar(waits).fetch_one(&mut admin).await.is_ok_and(|waits| waits)
    })
    .await;
    assert!(!fetching.is_finished(), "nobody signs before the fetch is answered");
    pair.fail_over().await?;
    assert!(fetching.await?.is_err(), "it never is");

    // The lease is gone, and everything is as if it had never been: its key and its batch are next.
    let mut two = run.session("two").await?;
    let lease = leased(&mut two).await?;
    assert_eq!(
        (lease.key, lease.batch, lease.use_sequence),
        (lost.key, lost.batch, lost.use_sequence),
        "the promoted standby knows nothing of the lost lease"
    );
    two.fetch(first, last, &mut Payloads::default()).await?;
    assert!(two.abandon(&lease).await?);
    run.finish().await
}

#[tokio::test]
async fn a_lease_that_was_fetched_under_is_known_to_the_promoted_standby() -> anyhow::Result<()> {
    let Some(pair) = Pair::start(Replication::Synchronous).await? else { return Ok(()) };
    let ledger = TestLedger::at(&pair.url("ledger")).await?;
    let run = TestRun::new().keys(2).seeded(&ledger).await?;
    let mut one = run.session("one").await?;
    let lease = leased(&mut one).await?;
    one.fetch(lease.first_record, lease.last_record, &mut Payloads::default()).await?;
    pair.fail_over().await?;

    let mut two = run.session("two").await?;
    let other = leased(&mut two).await?;
    assert_ne!((other.key, other.batch), (lease.key, lease.batch), "both are in the hands of the first");
    assert_eq!(other.use_sequence, lease.use_sequence + 1);
    // The first signer goes on with its lease on the new primary.
    let mut one = run.session("one").await?;
    assert!(one.renew(&lease).await?.is_some());
    assert!(one.abandon(&lease).await? && two.abandon(&other).await?);
    run.finish().await
}

#[tokio::test]
async fn a_session_waits_for_the_standby_whatever_the_default_is() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().created(&ledger).await?;
    let place: LedgerUrl = ledger.url.parse()?;
    let pool = ledger.ledger.pool();
    let database: String = sqlx::query_scalar("SELECT current_database()").fetch_one(pool).await?;
    for (default, wanted) in
        [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")]
    {
        let set = format!("ALTER DATABASE {database} SET synchronous_commit = {default}");
        ledger.execute(AssertSqlSafe(set)).await?;
        for place in [place.clone(), run.url()?.parse()?] {
            let mut session = place.connect(Duration::from_secs(20)).await?;
            let is: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&mut session).await?;
            assert_eq!(is, wanted, "the default is {default}");
        }
    }
    Ok(())
}
