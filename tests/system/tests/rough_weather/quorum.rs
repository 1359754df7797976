//! Commits that wait for a quorum of standbys, which is lost while signers are at work, and comes back.

use std::collections::BTreeSet;

use chancery_kit::{Chancery, Ended, Manifest, Quorum, eventually, independent_audit};
use chancery_store::LedgerUrl;
use sqlx::{Connection, PgConnection};

const RECORDS: u32 = 30_000;

/// What a reader sees: a commit that waits for a standby is not among it.
async fn signatures(url: &str) -> anyhow::Result<BTreeSet<(i64, i64, Vec<u8>)>> {
    let mut connection = PgConnection::connect(url).await?;
    let all = sqlx::query_as("SELECT record, lease_id, signature FROM chancery.signatures");
    Ok(all.fetch_all(&mut connection).await?.into_iter().collect())
}

async fn until_more_is_signed(url: &str, than: usize) {
    eventually("more is signed", async || signatures(url).await.is_ok_and(|all| all.len() > than)).await;
}

#[tokio::test]
async fn a_quorum_of_standbys_that_is_lost_stops_a_run_and_one_that_is_back_lets_it_go_on()
-> anyhow::Result<()> {
    let Some(quorum) = Quorum::start().await? else { return Ok(()) };
    let url = quorum.primary.url("ledger");
    url.parse::<LedgerUrl>()?.create_database().await?;
    let chancery = Chancery::on(&url)?;
    let manifest = Manifest::new().of(RECORDS, 10, 50).with("parallelism", 2).with("leaseDuration", "\"5s\"");
    let signing = chancery.start_signing(&manifest, &[])?;
    until_more_is_signed(&url, 0).await;

    let [one, other] = &quorum.standbys;
    one.stop_immediate()?;
    quorum.until_followed_by(1).await?;
    until_more_is_signed(&url, signatures(&url).await?.len()).await;

    other.stop_immediate()?;
    quorum.until_a_commit_waits().await?;
    let before = signatures(&url).await?;
    assert!(before.len() < RECORDS as usize, "it was in mid-run");
    // The one that was lost first has to catch up before it counts.
    one.start_again()?;
    let ended = Ended::of(signing).await?.expect_code(0)?;
    assert!(ended.stdout.contains("passed"), "{}", ended.stdout);

    let after = signatures(&url).await?;
    assert_eq!(after.len(), RECORDS as usize);
    let lost: Vec<_> = before.difference(&after).map(|(record, lease, _)| (record, lease)).collect();
    assert!(lost.is_empty(), "stored signatures are gone (record, lease): {lost:?}");
    if let Some(report) = independent_audit(&url, "default", "demo").await? {
        assert!(report.violations.is_empty(), "{report:#?}");
    }
    Ok(())
}
