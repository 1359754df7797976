//! The same with the real Job controller and garbage collector, where the folder of the programs has
//! them: what the stand-ins do is what they do.

use chancery_kit::cluster::{
    Cluster, ClusterRun, Controllers, OperatorProcess, Release, StandIn, condition_is,
};
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

/// By itself the Job controller waits before it replaces a pod that failed, twice as long after each further one, and starts no
/// other pod meanwhile: more than a quarter of an hour for so many.
#[tokio::test]
async fn a_killed_signer_is_replaced_however_many_were_killed_before() -> anyhow::Result<()> {
    const KILLED: usize = 7;
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("real-killed").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let kubelet = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").long().with("backoffLimit", KILLED);
    run.apply().await?;
    run.until_signed(100).await;
    for killed in 1..=KILLED {
        eventually("two run", async || kubelet.running().len() == 2).await;
        let victim = kubelet.running().remove(0);
        kubelet.kill(&victim)?;
        eventually(&format!("killed {killed}: another has taken its place"), async || {
            kubelet.started() == 2 + killed && !kubelet.running().contains(&victim)
        })
        .await;
    }
    let failed =
        run.until("each is counted", |run| run["status"]["signers"]["failed"] == json!(KILLED)).await;
    assert!(condition_is(&failed, "Failed", "False"), "as many may fail: {failed}");
    let events = run.events().await?;
    assert!(events.contains(&"SignerFailed".to_owned()), "{events:?}");
    let job = run.job().await?;
    assert_eq!(
        job["status"]["failedIndexes"].as_str().map(|indexes| indexes.is_empty()),
        Some(false),
        "{job}"
    );
    // One more is too many.
    eventually("two run", async || kubelet.running().len() == 2).await;
    kubelet.kill(&kubelet.running().remove(0))?;
    run.until_phase("Failed").await;
    Ok(())
}

/// What is evicted or deleted does not count, and another takes its place at once; a node that is drained does not wait for its
/// Job.
#[tokio::test]
async fn an_evicted_signer_is_replaced_however_many_were_evicted_before() -> anyhow::Result<()> {
    const EVICTED: usize = 7;
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("real-evicted").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let kubelet = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").long().with("backoffLimit", 0);
    run.apply().await?;
    run.until_signed(100).await;
    for evicted in 1..=EVICTED {
        eventually("two run", async || kubelet.running().len() == 2).await;
        let victim = kubelet.running().remove(0);
        if evicted % 2 == 0 {
            namespace.kubectl().run(&["delete", "pod", &victim, "--wait=false"]).await?;
        } else {
            kubelet.evict(&victim).await?;
        }
        eventually(&format!("evicted {evicted}: another has taken its place"), async || {
            kubelet.started() == 2 + evicted && !kubelet.running().contains(&victim)
        })
        .await;
        eventually("its pod is gone", async || {
            namespace.kubectl().get("pod", &victim).await.is_ok_and(|pod| pod.is_none())
        })
        .await;
    }
    let run = run.get().await?;
    assert_eq!(run["status"]["signers"]["failed"], 0, "{run}");
    assert!(condition_is(&run, "Failed", "False"), "{run}");
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
