//! Connections that break again and again, or that carry little.

use std::time::Duration;

use chancery_kit::{SignerProcess, SlowLink, TestLedger, TestRun, server, throw_away};

use crate::outcomes;

#[tokio::test]
async fn a_connection_that_breaks_more_often_than_a_batch_takes_costs_no_batch() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .algorithm("RS256")
        .records(12_000)
        .batch_size(12_000)
        .keys(1)
        .lease_duration(Duration::from_secs(10))
        .seeded(&ledger)
        .await?;
    let signing = async {
        let ended = run.start_signer("one")?.ended().await?;
        anyhow::Ok(ended)
    };
    // What a proxy does that gives each connection half a second.
    let breaking = async {
        let mut broken = 0_u32;
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE application_name = 'one' AND backend_start < clock_timestamp() - interval '500 ms'";
            match sqlx::query_scalar::<_, i64>(terminate).fetch_one(ledger.ledger.pool()).await {
                Ok(terminated) if terminated > 0 => broken += 1,
                Ok(_) => {}
                Err(error) => return anyhow::Result::<u32>::Err(error.into()),
            }
            // Once is enough to lose a batch that is not kept; for ever would keep any from being stored.
            if broken == 6 {
                std::future::pending::<()>().await;
            }
        }
    };
    let (code, log) = tokio::select! {
        ended = signing => ended?,
        failed = breaking => anyhow::bail!("{failed:?}"),
    };
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("connecting again"), "{log}");
    assert_eq!(outcomes(&run).await?, ["signed"], "{log}");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_server_that_ends_idle_sessions_ends_none_of_a_signer_at_work() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "ledger").await?;
    ledger.execute("ALTER DATABASE ledger SET idle_session_timeout = '1s'").await?;
    // Signing it takes longer, and nothing is renewed meanwhile.
    let run =
        TestRun::new().algorithm("RS256").records(16_000).batch_size(16_000).keys(1).seeded(&ledger).await?;
    let (code, log) = run.start_signer("one")?.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("connecting again"), "{log}");
    assert_eq!(outcomes(&run).await?, ["signed"], "{log}");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn over_a_slow_link_payloads_come_in_parts_that_leave_time_to_renew_the_lease() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .records(96)
        .record_size(64 << 10)
        .batch_size(96)
        .keys(1)
        .lease_duration(Duration::from_secs(3))
        .seeded(&ledger)
        .await?;
    signs_over(&ledger, &run, 1_000_000).await
}

#[tokio::test]
async fn over_a_slow_link_signatures_go_in_parts_and_the_lease_is_kept_meanwhile() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .records(20_000)
        .record_size(1)
        .batch_size(20_000)
        .keys(1)
        .lease_duration(Duration::from_secs(3))
        .seeded(&ledger)
        .await?;
    signs_over(&ledger, &run, 300_000).await
}

/// One lease is enough for the one batch, though another signer waits for it.
async fn signs_over(
    ledger: &TestLedger,
    run: &chancery_kit::SeededRun<'_>,
    bytes_per_second: usize,
) -> anyhow::Result<()> {
    let link = SlowLink::to(&server().socket_dir().join(".s.PGSQL.5432"), bytes_per_second).await?;
    let database = ledger.url.parse::<chancery_store::LedgerUrl>()?.to_string();
    let database = database.split(' ').next().unwrap_or_default();
    let slow = run.url_by(&link.url(run.login.name(), database))?;
    let mut signer = SignerProcess::start(&slow, &run.run.name, "slow", &run.data_key_file, &[])?;
    chancery_kit::eventually("the batch is in hand", async || {
        crate::count(ledger, "SELECT count(*) FROM chancery.leases").await == 1
    })
    .await;
    let mut waiting = run.start_signer("waiting")?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(waiting.exit_code().await?, Some(0));
    assert_eq!(outcomes(run).await?, ["signed"], "{log}");
    run.assert_audit_holds().await
}
