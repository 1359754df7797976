//! An installation goes, in whatever order its parts go, and nothing waits for what is no longer there.

use chancery_kit::cluster::{
    Cluster, ClusterRun, Controllers, Namespace, OperatorOptions, OperatorProcess, Release, StandIn,
    condition_is, give_url,
};
use chancery_kit::{TestLedger, eventually};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

const CRD: &str = "crd/signingruns.chancery.dev";

fn has_finalizer(run: &Value) -> bool {
    let finalizers = run["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    finalizers.iter().any(|name| name == "chancery.dev/cleanup")
}

async fn install<'n>(home: &'n Namespace<'n>, database: &Value) -> anyhow::Result<Release<'n>> {
    let values = json!({"database": database, "rbac": {"aggregate": false}, "operator": {"replicas": 1}});
    let release = Release::install_with(home, &values).await?;
    home.kubectl().run(&["wait", "--for=condition=Established", "--timeout=60s", CRD]).await?;
    Ok(release)
}

#[tokio::test]
async fn a_release_that_is_uninstalled_leaves_runs_that_can_be_deleted_and_so_can_the_crd()
-> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::bare(Controllers::StandIn) else { return Ok(()) };
    let home = cluster.namespace("gone").await?;
    let ledger = TestLedger::new().await?;
    let database = give_url(&home, &ledger.url).await?;
    let release = install(&home, &database).await?;
    let operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&home)?;
    let done = ClusterRun::new(&home, "done");
    done.apply().await?;
    done.completes(&ledger).await?;
    done.until("it needs no operator any more", |run| !has_finalizer(run)).await;
    let under_way = ClusterRun::new(&home, "under-way").long().with("deletionPolicy", "Delete");
    let held = ClusterRun::new(&home, "held").with("suspend", true);
    for run in [&under_way, &held] {
        run.apply().await?;
        run.until("the operator has it", has_finalizer).await;
    }
    under_way.until_signed(100).await;

    // The operator still runs, as it does until Helm deletes its Deployment.
    release.uninstall().await?;
    for run in [&under_way, &held] {
        let left = run.get().await?;
        assert!(!left.is_null() && !has_finalizer(&left), "{left}");
    }
    operator.terminate().await?;
    home.kubectl().run(&["delete", CRD, "--timeout=60s"]).await?;
    drop(stand_in);

    // Nothing of before is in the way of another installation.
    let release = install(&home, &database).await?;
    let operator = OperatorProcess::start(&release).await?;
    operator.ready().await;
    let _stand_in = StandIn::start(&home)?;
    let again = ClusterRun::new(&home, "again");
    again.apply().await?;
    again.completes(&ledger).await
}

#[tokio::test]
async fn without_its_crd_an_operator_is_not_ready_and_says_which_and_goes_on_once_it_is_there()
-> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::bare(Controllers::StandIn) else { return Ok(()) };
    let home = cluster.namespace("no-crd").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&home, &give_url(&home, &ledger.url).await?).await?;
    let operator = OperatorProcess::start(&release).await?;
    operator.ready().await;
    let stand_in = StandIn::start(&home)?;
    let held = ClusterRun::new(&home, "held").with("suspend", true);
    held.apply().await?;
    held.until("the operator has it", |run| condition_is(run, "Suspended", "True")).await;
    // With an operator, the CRD takes its runs along.
    home.kubectl().run(&["delete", CRD, "--timeout=60s"]).await?;
    drop(stand_in);
    eventually("the operator says what is missing", async || {
        let answer = operator.get("/readyz").await;
        answer.is_ok_and(|(code, why)| code == 503 && why.contains("signingruns.chancery.dev"))
    })
    .await;

    cluster.install_crds()?;
    operator.ready().await;
    let stand_in = StandIn::start(&home)?;
    let run = ClusterRun::new(&home, "demo");
    run.apply().await?;
    run.completes(&ledger).await?;
    drop(stand_in);
    home.kubectl().run(&["delete", CRD, "--timeout=60s"]).await?;
    release.uninstall().await
}

#[tokio::test]
async fn the_lease_goes_with_the_pod_of_its_holder() -> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let home = cluster.namespace("lease").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&home, &ledger.url).await?;
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "leading"},
        "spec": {
            "serviceAccountName": "chancery-operator",
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "operator", "image": "operator",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    }))?;
    let pod = home.api::<Pod>().create(&PostParams::default(), &pod).await?;
    let uid = pod.metadata.uid.unwrap_or_default();
    let environment =
        vec![("POD_NAME".to_owned(), "leading".to_owned()), ("POD_UID".to_owned(), uid.clone())];
    let operator = OperatorProcess::start_with(&release, &OperatorOptions { environment }).await?;
    let lease = async || home.kubectl().get("lease", "chancery-operator").await.ok().flatten();
    eventually("it leads", async || {
        lease().await.is_some_and(|lease| lease["metadata"]["ownerReferences"][0]["uid"] == uid.as_str())
    })
    .await;
    operator.kill().await?;
    home.api::<Pod>().delete("leading", &DeleteParams::default().grace_period(0)).await?;
    eventually("the Lease is gone", async || lease().await.is_none()).await;
    Ok(())
}

#[tokio::test]
async fn a_namespace_of_runs_that_was_deleted_does_not_keep_a_release_from_being_upgraded()
-> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let home = cluster.namespace("home").await?;
    let [away, stays] = [cluster.namespace("away").await?, cluster.namespace("stays").await?];
    let ledger = TestLedger::new().await?;
    let values = json!({
        "crds": {"install": false},
        "rbac": {"aggregate": false},
        "database": give_url(&home, &ledger.url).await?,
        "runNamespaces": [away.name, stays.name],
    });
    let release = Release::install_with(&home, &values).await?;
    home.kubectl().run(&["delete", "namespace", &away.name, "--timeout=120s"]).await?;
    release.upgrade(&values).await?;
    let role = stays.kubectl().get("role", "chancery-operator").await?;
    assert!(role.is_some(), "the others are as before");

    let mut only_gone = values.clone();
    only_gone["runNamespaces"] = json!([]);
    only_gone["watchNamespaces"] = json!([away.name]);
    let refused = release.upgrade(&only_gone).await.expect_err("nothing is left that is watched");
    assert!(refused.to_string().contains("there is none of them"), "{refused:#}");
    release.uninstall().await
}
