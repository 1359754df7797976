//! Somebody puts their hands on what the operator has made.

use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn};
use chancery_kit::{TestLedger, eventually};
use serde_json::{Value, json};

#[tokio::test]
async fn a_job_that_is_deleted_comes_back() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("job-deleted").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").of(10_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    for how in ["background", "foreground"] {
        eventually("signers run", async || !stand_in.running().is_empty()).await;
        let old = run.job().await?["metadata"]["uid"].clone();
        assert!(old.is_string());
        let cascade = format!("--cascade={how}");
        namespace.kubectl().run(&["delete", "job", "demo-signer", &cascade, "--timeout=60s"]).await?;
        eventually("another Job is there", async || {
            run.job()
                .await
                .is_ok_and(|job| job["metadata"]["uid"].is_string() && job["metadata"]["uid"] != old)
        })
        .await;
    }
    run.completes(&ledger).await
}

#[tokio::test]
async fn a_job_that_is_edited_becomes_as_it_should_be() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("job-edited").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").long();
    run.apply().await?;
    eventually("two signers run", async || stand_in.running().len() == 2).await;
    let kubectl = namespace.kubectl();
    let edit = async |patch: Value| {
        kubectl.run(&["patch", "job", "demo-signer", "--type=merge", "--patch", &patch.to_string()]).await
    };
    let restored = async |what: &str, pointer: &str, value: Value| {
        eventually(what, async || run.job().await.is_ok_and(|job| job.pointer(pointer) == Some(&value)))
            .await;
    };
    edit(json!({"spec": {"parallelism": 5}})).await?;
    restored("parallelism is as before", "/spec/parallelism", json!(2)).await;
    edit(json!({"spec": {"suspend": true}})).await?;
    restored("it is not suspended", "/spec/suspend", json!(false)).await;
    edit(json!({"spec": {"backoffLimit": 1}})).await?;
    restored("backoffLimit is as before", "/spec/backoffLimit", json!(108)).await;
    edit(json!({"metadata": {"labels": {"chancery.dev/run": "another"}}})).await?;
    restored("its label is as before", "/metadata/labels/chancery.dev~1run", json!("demo")).await;
    run.until("the status tells of two", |run| run["status"]["signers"]["active"] == 2).await;
    Ok(())
}

#[tokio::test]
async fn a_job_that_was_robbed_of_its_owner_gets_it_back() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("job-robbed").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").of(10_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    eventually("signers run", async || !stand_in.running().is_empty()).await;
    let robbed = json!({"metadata": {"ownerReferences": null}}).to_string();
    namespace.kubectl().run(&["patch", "job", "demo-signer", "--type=merge", "--patch", &robbed]).await?;
    eventually("its owner is as before", async || {
        run.job().await.is_ok_and(|job| job["metadata"]["ownerReferences"][0]["name"] == "demo")
    })
    .await;
    run.completes(&ledger).await
}

#[tokio::test]
async fn a_foreign_job_of_that_name_is_not_touched_and_the_run_says_so() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("job-foreign").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let foreign = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "demo-signer"},
        "spec": {"suspend": true, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "theirs", "image": "theirs"}],
        }}},
    });
    namespace.kubectl().apply(&foreign.to_string()).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.until("it says that the Job is another's", |run| {
        let conditions = run["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| {
            let message = condition["message"].as_str().unwrap_or_default();
            matches!(condition["type"].as_str(), Some("Failed" | "Progressing"))
                && message.contains("demo-signer")
        })
    })
    .await;
    let job = run.job().await?;
    assert_eq!(job["spec"]["template"]["spec"]["containers"][0]["name"], "theirs", "{job}");
    // Out of the way, the run goes on by itself.
    let _stand_in = StandIn::start(&namespace)?;
    namespace.kubectl().run(&["delete", "job", "demo-signer"]).await?;
    run.completes(&ledger).await
}

/// Kueue suspends the Jobs of its queues, and decides when they begin.
#[tokio::test]
async fn a_job_of_a_queue_is_made_suspended_and_left_to_the_queue() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("queue").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").labelled("kueue.x-k8s.io/queue-name", "night");
    run.apply().await?;
    run.until("it waits in the queue", |run| run["status"]["job"] == "demo-signer").await;
    let job = run.job().await?;
    assert_eq!(job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "night", "{job}");
    assert_eq!(job["spec"]["suspend"], true, "{job}");
    // Whatever else is reconciled meanwhile, the Job stays with the queue.
    let other = ClusterRun::new(&namespace, "other");
    other.apply().await?;
    other.completes(&ledger).await?;
    run.patch_spec(json!({"leaseDuration": "31s"})).await?;
    run.until("the change was seen", |run| {
        run["status"]["observedGeneration"] == run["metadata"]["generation"]
    })
    .await;
    assert_eq!(run.job().await?["spec"]["suspend"], true);
    assert!(operator.metric("chancery_leader").await?.is_some() && stand_in.running().is_empty());
    let told = run.events().await?;
    assert!(!told.contains(&"SignersStarted".to_owned()), "no signer has started: {told:?}");
    // The queue admits it.
    let admit = json!({"spec": {"suspend": false}}).to_string();
    namespace.kubectl().run(&["patch", "job", "demo-signer", "--type=merge", "--patch", &admit]).await?;
    run.completes(&ledger).await
}
