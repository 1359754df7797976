//! The same with the real Job controller and garbage collector, where the folder of the programs has
//! them: what the stand-ins do is what they do.

use chancery_kit::cluster::{Cluster, ClusterRun, Controllers, OperatorProcess, Release, StandIn};
use chancery_kit::{TestLedger, eventually};
use k8s_openapi::ByteString;
use serde_json::json;

#[tokio::test]
async fn a_run_lives_and_dies_as_with_the_stand_ins() -> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("real").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let kubelet = StandIn::start(&namespace)?;

    let small = ClusterRun::new(&namespace, "small");
    small.apply().await?;
    small.completes(&ledger).await?;

    let run = ClusterRun::new(&namespace, "demo").of(120_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    run.until_signed(100).await;
    namespace.kubectl().run(&["scale", "signingrun/demo", "--replicas=3"]).await?;
    eventually("three run", async || kubelet.running().len() == 3).await;
    run.patch_spec(json!({"suspend": true})).await?;
    run.until_phase("Suspended").await;
    eventually("none runs", async || kubelet.running().is_empty()).await;
    run.patch_spec(json!({"suspend": false, "parallelism": 2})).await?;
    eventually("two run", async || kubelet.running().len() == 2).await;
    let victim = kubelet.running().remove(0);
    kubelet.kill(&victim)?;
    run.until("the failed signer is told of", |run| run["status"]["signers"]["failed"] == 1).await;
    namespace.kubectl().run(&["delete", "job", "demo-signer", "--timeout=60s"]).await?;
    eventually("it is back", async || !kubelet.running().is_empty()).await;
    run.completes(&ledger).await?;

    for run in [&small, &run] {
        run.delete().await?;
        run.until("it is gone", |run| run.is_null()).await;
    }
    eventually("pods and Jobs are gone", async || {
        let left = namespace.kubectl().run(&["get", "jobs,pods", "--output=name"]).await;
        left.is_ok_and(|left| left.is_empty())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_wrong_data_key_fails_the_run_at_once_and_its_removal_recovers_it() -> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("real-kek").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    eventually("it has its Secret", async || run.secret().await.is_ok()).await;
    let wrong = ByteString(vec![7; 32]);
    let name = run.replace_secret(|secret| secret["data"]["data-key"] = json!(wrong)).await?;
    let _kubelet = StandIn::start(&namespace)?;
    run.until_phase("Failed").await;
    namespace.kubectl().run(&["delete", "secret", &name]).await?;
    run.annotate("chancery.dev/retry", "the Secret is gone").await?;
    run.completes(&ledger).await
}
