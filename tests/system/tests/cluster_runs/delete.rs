//! Deletion: in every phase, with both policies, and with the database gone.

use chancery_kit::cluster::{Cluster, ClusterRun, Namespace, OperatorProcess, Release, StandIn, condition};
use chancery_kit::{TestLedger, eventually, throw_away};
use serde_json::json;

const POLICIES: [&str; 2] = ["Retain", "Delete"];

/// Waits until nothing of the run is left in the cluster, and what its policy says in the ledger.
async fn is_gone(run: &ClusterRun<'_>, ledger: &TestLedger, policy: &str) -> anyhow::Result<()> {
    run.until("it is gone", |run| run.is_null()).await;
    eventually("its Job is gone", async || run.job().await.is_ok_and(|job| job.is_null())).await;
    if policy == "Delete" {
        assert!(!run.is_in(ledger).await?, "run {} is still in the ledger", run.name);
    }
    Ok(())
}

async fn no_pods(namespace: &Namespace<'_>) {
    eventually("all pods are gone", async || {
        let pods = namespace.kubectl().run(&["get", "pods", "--output=name"]).await;
        pods.is_ok_and(|pods| pods.is_empty())
    })
    .await;
}

#[tokio::test]
async fn a_run_can_be_deleted_in_every_phase_with_both_policies() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("delete").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    for policy in POLICIES {
        let named = |phase: &str| {
            let name = format!("{phase}-{}", policy.to_lowercase());
            ClusterRun::new(&namespace, &name).with("deletionPolicy", policy)
        };
        let at_once = named("at-once");
        at_once.apply().await?;
        at_once.delete().await?;
        is_gone(&at_once, &ledger, policy).await?;

        let seeding = named("seeding").of(2_000_000, 4, 10_000);
        seeding.apply().await?;
        seeding.until("some are seeded", |run| run["status"]["records"]["seeded"].as_i64() > Some(0)).await;
        seeding.delete().await?;
        is_gone(&seeding, &ledger, policy).await?;

        let signing = named("signing").long();
        signing.apply().await?;
        signing.until_signed(1).await;
        signing.delete().await?;
        is_gone(&signing, &ledger, policy).await?;
        assert_eq!(signing.is_in(&ledger).await?, policy == "Retain");

        let suspended = named("suspended").with("suspend", true);
        suspended.apply().await?;
        suspended.until_phase("Suspended").await;
        suspended.delete().await?;
        is_gone(&suspended, &ledger, policy).await?;

        let complete = named("complete");
        complete.apply().await?;
        complete.completes(&ledger).await?;
        complete.delete().await?;
        is_gone(&complete, &ledger, policy).await?;
        if policy == "Retain" {
            complete.assert_audit_holds(&ledger).await?;
        }
    }
    no_pods(&namespace).await;
    Ok(())
}

#[tokio::test]
async fn a_failed_run_can_be_deleted_with_both_policies() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("failed").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    for policy in POLICIES {
        let run = ClusterRun::new(&namespace, &policy.to_lowercase()).with("deletionPolicy", policy);
        stand_in.freeze();
        run.apply().await?;
        eventually("it has its Secret", async || run.secret().await.is_ok()).await;
        run.replace_secret(|secret| secret["data"]["data-key"] = json!("c2hvcnQ=")).await?;
        stand_in.thaw();
        run.until_phase("Failed").await;
        run.delete().await?;
        is_gone(&run, &ledger, policy).await?;
        assert_eq!(run.is_in(&ledger).await?, policy == "Retain");
    }
    no_pods(&namespace).await;
    Ok(())
}

#[tokio::test]
async fn a_deletion_waits_for_a_database_that_is_away_and_says_so() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("away").await?;
    let server = throw_away();
    let ledger = TestLedger::create(&server, "ledger").await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let waiting = ClusterRun::new(&namespace, "waiting").with("deletionPolicy", "Delete");
    let abandoned = ClusterRun::new(&namespace, "abandoned").with("deletionPolicy", "Delete");
    for run in [&waiting, &abandoned] {
        run.apply().await?;
        run.completes(&ledger).await?;
    }
    server.stop_immediate()?;
    for run in [&waiting, &abandoned] {
        run.delete().await?;
        let object = run
            .until("a condition says why it is still there", |run| {
                let why = condition(run, "Progressing").and_then(|condition| condition["message"].as_str());
                why.is_some_and(|why| why.contains("abandon-ledger"))
            })
            .await;
        assert!(object["metadata"]["deletionTimestamp"].is_string(), "{object}");
        eventually("an Event says so too", async || {
            run.events().await.is_ok_and(|events| events.iter().any(|event| event == "DatabaseUnavailable"))
        })
        .await;
    }
    abandoned.annotate("chancery.dev/abandon-ledger", "true").await?;
    abandoned.until("it is let go", |run| run.is_null()).await;
    server.start_again()?;
    waiting.until("it is gone", |run| run.is_null()).await;
    assert!(!waiting.is_in(&ledger).await?);
    assert!(abandoned.is_in(&ledger).await?);
    Ok(())
}
