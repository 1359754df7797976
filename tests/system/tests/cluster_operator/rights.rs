//! The operator has the rights that the chart grants it, and no more, and those are enough.

use chancery_kit::TestLedger;
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn};
use serde_json::json;

#[tokio::test]
async fn a_whole_life_of_a_run_takes_no_right_that_the_chart_does_not_grant() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("enough").await?;
    let ledger = TestLedger::new().await?;
    let allowed = json!({"labelPrefixes": ["team"]});
    let release = Release::install_allowing(&namespace, &ledger.url, &allowed).await?;
    let operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo")
        .of(10_000, 8, 100)
        .with("algorithm", "RS256")
        .with("deletionPolicy", "Delete")
        .labelled("team", "a");
    run.apply().await?;
    run.until_signed(1).await;
    stand_in.running().first().map(|pod| stand_in.kill(pod)).transpose()?;
    run.patch_spec(json!({"suspend": true})).await?;
    run.until_phase("Suspended").await;
    run.patch_spec(json!({"suspend": false, "signerTemplate": {"labels": {"team": "b"}}})).await?;
    run.completes(&ledger).await?;
    run.delete().await?;
    run.until("it is gone", |run| run.is_null()).await;
    let log = operator.log();
    let refused: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains("forbidden")).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let (_, metrics) = operator.get("/metrics").await?;
    assert!(!metrics.contains("code=\"403\""), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn the_operator_may_do_nothing_beyond_its_work() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("limits").await?;
    let elsewhere = cluster.namespace("limits-elsewhere").await?;
    let ledger = TestLedger::new().await?;
    let _release = Release::install(&namespace, &ledger.url).await?;
    let account = format!("--as=system:serviceaccount:{}:chancery-operator", namespace.name);
    let may = async |verb: &str, what: &str, place: &str| {
        let kubectl = cluster.kubectl(place);
        let what: Vec<&str> = what.split(' ').collect();
        let ended = kubectl.try_run(&[&["auth", "can-i", verb], &what[..], &[&account]].concat()).await?;
        anyhow::Ok(ended.stdout.trim() == "yes")
    };
    for (verb, what) in [
        ("list", "signingruns"),
        ("create", "jobs"),
        ("watch", "pods"),
        ("create", "secrets"),
        ("watch", "signingpolicies"),
        ("patch", "signingpolicies --subresource=status"),
        ("get", "configmaps"),
    ] {
        assert!(may(verb, what, &namespace.name).await?, "{verb} {what}");
        assert!(!may(verb, what, &elsewhere.name).await?, "{verb} {what} elsewhere");
    }
    // By the very request that it makes: whether a Role lets its account read a namespace depends on the path.
    let reads = async |name: &str| {
        let ended = cluster.kubectl(&namespace.name).try_run(&["get", "namespace", name, &account]).await?;
        anyhow::Ok(ended.code == Some(0))
    };
    assert!(reads(&namespace.name).await?, "its own namespace, whose uid it keeps with each run");
    assert!(!reads(&elsewhere.name).await?, "another's");
    for (verb, what) in [
        ("get", "secrets"),
        ("list", "secrets"),
        ("get", "secrets/chancery-kek"),
        ("watch", "secrets"),
        ("patch", "secrets"),
        ("update", "secrets"),
        ("delete", "secrets"),
        ("create", "pods"),
        ("delete", "pods"),
        ("create", "pods --subresource=exec"),
        ("get", "pods --subresource=log"),
        ("create", "signingruns"),
        ("update", "signingruns"),
        ("create", "signingpolicies"),
        ("update", "signingpolicies"),
        ("patch", "signingpolicies"),
        ("delete", "signingpolicies"),
        ("list", "configmaps"),
        ("create", "configmaps"),
        ("create", "serviceaccounts --subresource=token"),
        ("create", "roles"),
        ("create", "deployments"),
        ("delete", "leases"),
        ("get", "leases/another"),
        ("impersonate", "users"),
        ("list", "namespaces"),
        ("list", "nodes"),
        ("get", "customresourcedefinitions"),
    ] {
        assert!(!may(verb, what, &namespace.name).await?, "{verb} {what}");
    }
    Ok(())
}
