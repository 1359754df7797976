//! Two operators: one leads and the other takes over; and if ever both act at once, they do no harm.

use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn, give_url};
use chancery_kit::{TestLedger, eventually};
use serde_json::json;

async fn leads(operator: &OperatorProcess) -> bool {
    operator.metric("chancery_leader").await.is_ok_and(|value| value == Some(1.0))
}

async fn until_leads(operator: &OperatorProcess) {
    eventually(&format!("{} leads", operator.name), async || leads(operator).await).await;
}

#[tokio::test]
async fn one_leads_and_the_other_takes_over_when_it_is_killed() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("takeover").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let first = OperatorProcess::start(&release).await?;
    until_leads(&first).await;
    let second = OperatorProcess::start(&release).await?;
    second.ready().await;
    assert!(!leads(&second).await, "there is one leader");
    let run = ClusterRun::new(&namespace, "demo").of(10_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    run.until_signed(1).await;
    first.kill().await?;
    until_leads(&second).await;
    run.completes(&ledger).await
}

#[tokio::test]
async fn a_clean_shutdown_hands_the_lead_over() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("handover").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let first = OperatorProcess::start(&release).await?;
    until_leads(&first).await;
    let second = OperatorProcess::start(&release).await?;
    second.ready().await;
    assert_eq!(first.terminate().await?.code(), Some(0));
    let lease = namespace.kubectl().get("lease", "chancery-operator").await?.unwrap_or_default();
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    assert!(!holder.starts_with("operator-0"), "it was given back: {lease}");
    until_leads(&second).await;
    Ok(())
}

/// Two leases, so that both lead: as for a moment after a leader was cut off.
#[tokio::test]
async fn two_leaders_at_once_do_no_harm() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("two").await?;
    let elsewhere = cluster.namespace("two-elsewhere").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let other = Release::install_with(
        &elsewhere,
        &json!({
            "fullnameOverride": "other",
            "crds": {"install": false},
            "rbac": {"namespaced": true},
            "watchNamespaces": [namespace.name],
            "database": give_url(&elsewhere, &ledger.url).await?,
            "kek": {"existingSecret": "kek"},
            "operator": {"replicas": 1},
        }),
    )
    .await?;
    other.give_kek("kek", &release.kek().await?).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let first = OperatorProcess::start(&release).await?;
    let second = OperatorProcess::start(&other).await?;
    until_leads(&first).await;
    until_leads(&second).await;
    let runs: Vec<ClusterRun<'_>> = (0..6)
        .map(|number| ClusterRun::new(&namespace, &format!("run-{number}")).of(3_000, 10, 100))
        .collect();
    for run in &runs {
        run.apply().await?;
    }
    let suspended = ClusterRun::new(&namespace, "suspended").long();
    suspended.apply().await?;
    suspended.until_signed(1).await;
    suspended.patch_spec(json!({"suspend": true})).await?;
    for run in &runs {
        run.completes(&ledger).await?;
    }
    suspended.until_phase("Suspended").await;
    let deleted = ClusterRun::new(&namespace, "deleted").with("deletionPolicy", "Delete");
    deleted.apply().await?;
    deleted.completes(&ledger).await?;
    deleted.delete().await?;
    deleted.until("it is gone", |run| run.is_null()).await;
    eventually("it is gone from the ledger", async || !deleted.is_in(&ledger).await.unwrap_or(true)).await;
    Ok(())
}
