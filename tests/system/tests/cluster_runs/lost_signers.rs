//! Signers that die, and what they had in hand.

use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn};
use chancery_kit::{TestLedger, eventually};
use nix::sys::signal::Signal;

async fn outcomes(ledger: &TestLedger, outcome: &str) -> anyhow::Result<i64> {
    let count = "SELECT count(*) FROM chancery.leases WHERE outcome::text = $1";
    Ok(sqlx::query_scalar(count).bind(outcome).fetch_one(ledger.ledger.pool()).await?)
}

/// Leases that would outlast the test: only giving them back can help.
fn with_long_leases<'n>(run: ClusterRun<'n>) -> ClusterRun<'n> {
    run.of(10_000, 4, 500).with("algorithm", "RS256").with("leaseDuration", "1h")
}

async fn first_running(stand_in: &StandIn) -> String {
    eventually("a signer runs", async || !stand_in.running().is_empty()).await;
    stand_in.running().remove(0)
}

/// One that has a lease.
async fn first_at_work(stand_in: &StandIn, ledger: &TestLedger) -> String {
    let mut found = None;
    eventually("a signer has a lease", async || {
        let holders = "SELECT holder FROM chancery.leases WHERE outcome IS NULL";
        let holders: Vec<String> =
            sqlx::query_scalar(holders).fetch_all(ledger.ledger.pool()).await.unwrap_or_default();
        found =
            stand_in.running().into_iter().find(|pod| holders.iter().any(|holder| holder.starts_with(pod)));
        found.is_some()
    })
    .await;
    found.unwrap_or_default()
}

#[tokio::test]
async fn what_a_killed_signer_held_is_given_back_at_once() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("killed").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = with_long_leases(ClusterRun::new(&namespace, "demo"));
    run.apply().await?;
    run.until_signed(1).await;
    for _ in 0..3 {
        let victim = first_at_work(&stand_in, &ledger).await;
        stand_in.kill(&victim)?;
        eventually("another is there", async || !stand_in.running().contains(&victim)).await;
    }
    run.completes(&ledger).await?;
    assert!(outcomes(&ledger, "abandoned").await? > 0, "leases were given back");
    assert_eq!(outcomes(&ledger, "expired").await?, 0, "and none ran out");
    let events = run.events().await?;
    assert!(events.contains(&"SignerFailed".to_owned()), "{events:?}");
    Ok(())
}

#[tokio::test]
async fn an_evicted_signer_does_not_count_as_failed() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("evicted").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = with_long_leases(ClusterRun::new(&namespace, "demo")).with("backoffLimit", 0);
    run.apply().await?;
    run.until_signed(1).await;
    for _ in 0..3 {
        let victim = first_running(&stand_in).await;
        stand_in.evict(&victim).await?;
        eventually("it has ended", async || !stand_in.running().contains(&victim)).await;
    }
    run.completes(&ledger).await?;
    assert_eq!(run.get().await?["status"]["signers"]["failed"], 0);
    Ok(())
}

#[tokio::test]
async fn signers_that_keep_dying_fail_the_run_and_a_retry_lets_it_go_on() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("dying").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = with_long_leases(ClusterRun::new(&namespace, "demo")).with("backoffLimit", 1);
    run.apply().await?;
    eventually("the run has failed", async || {
        for pod in stand_in.running() {
            let _ = stand_in.kill(&pod);
        }
        run.get().await.is_ok_and(|run| run["status"]["phase"] == "Failed")
    })
    .await;
    let failed = run.condition("Failed").await?;
    assert!(failed["message"].as_str().is_some_and(|message| message.contains("SIGKILL")), "{failed}");
    run.annotate("chancery.dev/retry", "once more").await?;
    run.completes(&ledger).await?;
    assert_eq!(outcomes(&ledger, "expired").await?, 0);
    Ok(())
}

/// Stops a signer while it has something in hand; between two batches, or while it makes a key, it may have nothing.
async fn stopped_with_a_lease(stand_in: &StandIn, ledger: &TestLedger) -> String {
    let held =
        "SELECT count(*) FROM chancery.leases WHERE outcome IS NULL AND starts_with(holder, $1 || '/')";
    let mut found = None;
    eventually("a signer has a lease", async || {
        for pod in stand_in.running() {
            let stopped = stand_in.signal(&pod, Signal::SIGSTOP).is_ok();
            let held = sqlx::query_scalar(held).bind(&pod).fetch_one(ledger.ledger.pool()).await;
            if stopped && held.unwrap_or(0_i64) > 0 {
                found = Some(pod);
                return true;
            }
            let _ = stand_in.signal(&pod, Signal::SIGCONT);
        }
        false
    })
    .await;
    found.unwrap_or_default()
}

/// Nobody says that they ended: only time tells.
#[tokio::test]
async fn signers_of_a_node_that_is_cut_off_lose_their_leases_when_those_run_out() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("frozen").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = with_long_leases(ClusterRun::new(&namespace, "demo"))
        .with("leaseDuration", "5s")
        .with("parallelism", 2);
    run.apply().await?;
    run.until_signed(1).await;
    eventually("two run", async || stand_in.running().len() == 2).await;
    stand_in.freeze();
    let victim = stopped_with_a_lease(&stand_in, &ledger).await;
    stand_in.signal(&victim, Signal::SIGKILL)?;
    eventually("the other takes its batches over", async || {
        outcomes(&ledger, "expired").await.is_ok_and(|expired| expired > 0)
    })
    .await;
    stand_in.thaw();
    run.completes(&ledger).await
}
