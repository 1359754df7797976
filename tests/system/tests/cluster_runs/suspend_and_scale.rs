//! What may change while a run is under way: whether it is held, and how many signers it has.

use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn, condition_is};
use chancery_kit::{TestLedger, eventually};
use serde_json::json;

async fn open_leases(ledger: &TestLedger) -> i64 {
    let count = "SELECT count(*) FROM chancery.leases WHERE outcome IS NULL";
    sqlx::query_scalar(count).fetch_one(ledger.ledger.pool()).await.unwrap_or(-1)
}

async fn pods_are(stand_in: &StandIn, count: usize) {
    eventually(&format!("{count} signers run"), async || stand_in.running().len() == count).await;
}

#[tokio::test]
async fn a_suspended_run_has_no_pods_and_no_leases_and_goes_on_where_it_stopped() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("suspend").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").of(20_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    run.until_signed(100).await;
    run.patch_spec(json!({"suspend": true})).await?;
    let held = run.until_condition("Suspended", "True").await;
    assert!(held["message"].as_str().is_some_and(|message| !message.is_empty()), "{held}");
    pods_are(&stand_in, 0).await;
    eventually("nothing is leased", async || open_leases(&ledger).await == 0).await;
    let job = run.job().await?;
    assert!(job.is_null() || job["spec"]["suspend"] == true, "{job}");
    let object = run.until("it says that nobody signs", |run| run["status"]["signers"]["active"] == 0).await;
    assert_eq!(object["status"]["phase"], "Suspended", "{object}");
    assert_eq!(object["status"]["signers"]["failed"], 0, "a signer that is stopped has not failed: {object}");
    let signed = object["status"]["records"]["signed"].as_i64().unwrap_or_default();
    assert!((100..20_000).contains(&signed), "{object}");

    run.patch_spec(json!({"suspend": false})).await?;
    run.until_condition("Suspended", "False").await;
    run.completes(&ledger).await?;
    let events = run.events().await?;
    for event in ["Suspended", "Resumed"] {
        assert!(events.iter().any(|found| found == event), "{event}: {events:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_born_suspended_begins_when_it_is_resumed() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("born").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").with("suspend", true);
    run.apply().await?;
    run.until_phase("Suspended").await;
    assert!(run.job().await?.is_null());
    run.patch_spec(json!({"suspend": false})).await?;
    run.completes(&ledger).await
}

#[tokio::test]
async fn a_run_that_is_suspended_while_it_is_seeded_is_seeded_to_the_end_later() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("seeding").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").of(60_000, 4, 10_000).with("recordSize", 4_096);
    run.apply().await?;
    run.until("some records are there", |run| run["status"]["records"]["seeded"].as_i64() > Some(0)).await;
    run.patch_spec(json!({"suspend": true})).await?;
    run.until_phase("Suspended").await;
    // Signers may have begun beside the seeding.
    eventually("no signer works", async || stand_in.running().is_empty()).await;
    run.patch_spec(json!({"suspend": false})).await?;
    run.completes(&ledger).await
}

#[tokio::test]
async fn signers_come_and_go_as_the_run_is_scaled() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("scale").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").long().with("parallelism", 1);
    run.apply().await?;
    pods_are(&stand_in, 1).await;
    let kubectl = namespace.kubectl();
    kubectl.run(&["scale", "signingrun/demo", "--replicas=4"]).await?;
    pods_are(&stand_in, 4).await;
    run.until("the status tells of four", |run| run["status"]["signers"]["active"] == 4).await;
    kubectl.run(&["scale", "signingrun/demo", "--replicas=2"]).await?;
    pods_are(&stand_in, 2).await;
    let object = run.until("the status tells of two", |run| run["status"]["signers"]["active"] == 2).await;
    assert_eq!(object["status"]["signers"]["failed"], 0, "{object}");
    assert!(condition_is(&object, "Progressing", "True"), "{object}");
    let scale = kubectl.run(&["get", "signingrun/demo", "--subresource=scale", "--output=json"]).await?;
    let scale: serde_json::Value = serde_json::from_str(&scale)?;
    assert_eq!(scale["status"]["replicas"], 2, "{scale}");
    let selector = scale["status"]["selector"].as_str().unwrap_or_default();
    let chosen = kubectl.run(&["get", "pods", "--selector", selector, "--output=name"]).await?;
    assert!(
        chosen.lines().count() >= 2 && chosen.contains("demo-signer-"),
        "an autoscaler finds them: {chosen}"
    );

    kubectl.run(&["scale", "signingrun/demo", "--replicas=0"]).await?;
    pods_are(&stand_in, 0).await;
    let held = run.until_condition("Suspended", "True").await;
    assert_eq!(held["message"], "spec.parallelism is 0: no signer works", "{held}");
    kubectl.run(&["scale", "signingrun/demo", "--replicas=3"]).await?;
    pods_are(&stand_in, 3).await;
    Ok(())
}

#[tokio::test]
async fn there_are_never_more_signers_than_keys() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("caps").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let two = ClusterRun::new(&namespace, "two").of(400, 2, 10).with("parallelism", 9);
    let three = ClusterRun::new(&namespace, "three").of(30, 3, 10).with("parallelism", 9);
    for run in [&two, &three] {
        run.apply().await?;
        run.completes(&ledger).await?;
    }
    assert!(stand_in.started() <= 5, "two keys and three: {}", stand_in.started());
    Ok(())
}
