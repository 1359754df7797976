//! Two operators: of one installation, one leads and the other takes over; of two, one operates a run.

use chancery_api::names;
use chancery_kit::cluster::{
    Cluster, ClusterRun, Namespace, OperatorProcess, Release, StandIn, condition_is, give_url,
};
use chancery_kit::{TestLedger, eventually};
use serde_json::{Value, json};

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

/// A release for the whole cluster, and one for a namespace of it with a ledger of its own: both lead, and watch that namespace.
#[tokio::test]
async fn of_two_installations_one_operates_a_run_and_the_other_leaves_it_alone() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("two").await?;
    let elsewhere = cluster.namespace("two-elsewhere").await?;
    let (ledger, other_ledger) = (TestLedger::new().await?, TestLedger::new().await?);
    let release = Release::install(&namespace, &ledger.url).await?;
    let other = Release::install_with(
        &elsewhere,
        &json!({
            "fullnameOverride": "other",
            "crds": {"install": false},
            "rbac": {"namespaced": true},
            "watchNamespaces": [namespace.name],
            "database": give_url(&elsewhere, &other_ledger.url).await?,
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
    let runs: Vec<ClusterRun<'_>> = (0..4)
        .map(|number| {
            let run = ClusterRun::new(&namespace, &format!("run-{number}")).of(3_000, 10, 100);
            run.with("deletionPolicy", "Delete")
        })
        .collect();
    ClusterRun::apply_all(&namespace, &runs).await?;
    for run in &runs {
        let operator =
            operated_by(&run.until("it is complete", |run| condition_is(run, "Complete", "True")).await);
        let (its, the_others) = match operator.as_str() {
            own if is_of(own, &namespace) => (&ledger, &other_ledger),
            own if is_of(own, &elsewhere) => (&other_ledger, &ledger),
            _ => anyhow::bail!("{} is operated by {operator:?}", run.name),
        };
        run.assert_audit_holds(its).await?;
        assert!(!run.is_in(the_others).await?, "{} is in one ledger only", run.name);
        eventually("the other says whose it is", async || {
            run.events().await.is_ok_and(|events| events.contains(&"OperatedByAnother".to_owned()))
        })
        .await;
        let events = run.events().await?;
        assert!(!events.contains(&"ReplacingSigners".to_owned()), "one Job was enough: {events:?}");
        run.delete().await?;
        run.until("it is gone", |run| run.is_null()).await;
        assert!(!run.is_in(its).await?, "whoever operates it deletes it");
    }
    Ok(())
}

/// The Event names the command.
#[tokio::test]
async fn a_run_of_an_installation_that_is_gone_is_given_over() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("given").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let _operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo").of(3_000, 10, 100);
    let run = run.annotated(names::ANNOTATION_OPERATED_BY, "gone/chancery-operator");
    run.apply().await?;
    eventually("it says whose it is", async || {
        run.events().await.is_ok_and(|events| events.contains(&"OperatedByAnother".to_owned()))
    })
    .await;
    assert!(!run.is_in(&ledger).await?);
    assert!(run.get().await?["status"].is_null(), "it has written nothing");
    // As the Event says.
    let annotation = format!("{}-", names::ANNOTATION_OPERATED_BY);
    namespace.kubectl().run(&["annotate", "signingrun", &run.name, &annotation]).await?;
    run.completes(&ledger).await
}

fn operated_by(run: &Value) -> String {
    run["metadata"]["annotations"][names::ANNOTATION_OPERATED_BY].as_str().unwrap_or_default().to_owned()
}

/// Whether an installation is that of the release in a namespace. The name of its Lease is the release's choice.
fn is_of(installation: &str, namespace: &Namespace<'_>) -> bool {
    installation.split_once('/').is_some_and(|(its, _)| its == namespace.name)
}
