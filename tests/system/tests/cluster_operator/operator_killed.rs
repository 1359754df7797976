//! The operator is killed wherever it may be, and another goes on where it was.

use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn};
use chancery_kit::{TestLedger, eventually};
use k8s_openapi::jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Kills the operator once something holds of the run, then has another finish it.
async fn killed_when(
    name: &str,
    shape: impl FnOnce(ClusterRun<'_>) -> ClusterRun<'_>,
    stage: impl FnMut(&Value) -> bool,
) -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace(name).await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let operator = OperatorProcess::start(&release).await?;
    let run = shape(ClusterRun::new(&namespace, "demo"));
    run.apply().await?;
    run.until("the stage to kill the operator in", stage).await;
    operator.kill().await?;
    let _next = OperatorProcess::start(&release).await?;
    run.completes(&ledger).await
}

#[tokio::test]
async fn killed_as_soon_as_the_run_is_there() -> anyhow::Result<()> {
    killed_when("killed-applied", |run| run, |run| run["metadata"].is_object()).await
}

#[tokio::test]
async fn killed_once_the_finalizer_is_there() -> anyhow::Result<()> {
    killed_when("killed-finalizer", |run| run, |run| run["metadata"]["finalizers"].is_array()).await
}

#[tokio::test]
async fn killed_while_it_seeds() -> anyhow::Result<()> {
    fn shape(run: ClusterRun<'_>) -> ClusterRun<'_> {
        run.of(60_000, 50, 5_000)
    }
    killed_when("killed-seeding", shape, |run| run["status"]["records"]["seeded"].as_i64() > Some(0)).await
}

#[tokio::test]
async fn killed_when_the_run_is_seeded() -> anyhow::Result<()> {
    killed_when("killed-seeded", |run| run, |run| run["status"]["records"]["seeded"] == 200).await
}

#[tokio::test]
async fn killed_while_signers_sign() -> anyhow::Result<()> {
    fn shape(run: ClusterRun<'_>) -> ClusterRun<'_> {
        run.of(10_000, 8, 100).with("algorithm", "RS256")
    }
    killed_when("killed-signing", shape, |run| run["status"]["records"]["signed"].as_i64() > Some(0)).await
}

/// A run that is killed into, again and again, at moments that nobody has chosen.
#[tokio::test]
async fn killed_again_and_again_it_gets_there() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("killed-often").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").of(20_000, 20, 500);
    run.apply().await?;
    for writes in 1..6 {
        let operator = OperatorProcess::start(&release).await?;
        until_written(&run, writes).await;
        operator.kill().await?;
    }
    let _last = OperatorProcess::start(&release).await?;
    run.completes(&ledger).await
}

/// Waits until the run has been written so many times, or is complete.
async fn until_written(run: &ClusterRun<'_>, times: usize) {
    let mut versions: Vec<Value> = Vec::new();
    run.until(&format!("it is written {times} times"), |object| {
        let version = &object["metadata"]["resourceVersion"];
        if versions.last() != Some(version) {
            versions.push(version.clone());
        }
        versions.len() > times || object["status"]["phase"] == "Complete"
    })
    .await;
}

#[tokio::test]
async fn what_was_changed_while_no_operator_ran_is_done_by_the_next() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("meanwhile").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let stand_in = StandIn::start(&namespace)?;
    let operator = OperatorProcess::start(&release).await?;
    let suspended = ClusterRun::new(&namespace, "suspended").long();
    let deleted = ClusterRun::new(&namespace, "deleted").long().with("deletionPolicy", "Delete");
    for run in [&suspended, &deleted] {
        run.apply().await?;
        run.until_signed(1).await;
    }
    let status = operator.terminate().await?;
    assert_eq!(status.code(), Some(0), "a clean shutdown: {status:?}");
    suspended.patch_spec(json!({"suspend": true})).await?;
    deleted.delete().await?;
    let _next = OperatorProcess::start(&release).await?;
    suspended.until_phase("Suspended").await;
    deleted.until("it is gone", |run| run.is_null()).await;
    assert!(!deleted.is_in(&ledger).await?);
    eventually("no signer is left", async || stand_in.running().is_empty()).await;
    Ok(())
}

#[tokio::test]
async fn an_operator_that_was_stopped_for_a_while_goes_on() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("paused").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let operator = OperatorProcess::start(&release).await?;
    let first = ClusterRun::new(&namespace, "first");
    first.apply().await?;
    first.completes(&ledger).await?;
    operator.signal(Signal::SIGSTOP)?;
    let second = ClusterRun::new(&namespace, "second");
    second.apply().await?;
    operator.signal(Signal::SIGCONT)?;
    second.completes(&ledger).await
}

/// When it was complete, by the ledger's clock, once that is some seconds ago: a status tells of whole ones.
async fn completed_long_ago(ledger: &TestLedger) -> Option<Timestamp> {
    let asked = "SELECT floor(extract(epoch FROM completed_at))::bigint FROM chancery.runs
                 WHERE completed_at < clock_timestamp() - interval '3 s'";
    let second: Option<i64> =
        sqlx::query_scalar(asked).fetch_optional(ledger.ledger.pool()).await.ok().flatten();
    Timestamp::from_second(second?).ok()
}

#[tokio::test]
async fn a_run_that_was_completed_while_no_operator_ran_was_completed_then() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("completed-alone").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo").of(20_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    run.until_condition("Sealed", "True").await;
    operator.kill().await?;
    let mut completed = None;
    eventually("signers sign on without an operator", async || {
        completed = completed_long_ago(&ledger).await;
        completed.is_some()
    })
    .await;
    let _next = OperatorProcess::start(&release).await?;
    run.completes(&ledger).await?;
    let told = run.get().await?["status"]["completionTime"].as_str().unwrap_or_default().parse::<Timestamp>();
    assert_eq!(told.ok(), completed);
    Ok(())
}
