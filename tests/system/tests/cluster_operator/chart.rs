//! The chart as it is installed by default, on a cluster of its own: with its CRDs, and an operator for
//! all namespaces.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chancery_kit::cluster::{
    Cluster, ClusterRun, Controllers, OperatorProcess, Release, StandIn, give_url, helm,
};
use chancery_kit::{TestLedger, eventually};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::json;

#[tokio::test]
async fn the_chart_brings_its_crds_and_keeps_them_and_every_run_when_it_goes() -> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::bare(Controllers::StandIn) else { return Ok(()) };
    let home = cluster.namespace("home").await?;
    let away = cluster.namespace("away").await?;
    let ledger = TestLedger::new().await?;
    let values = json!({
        "database": give_url(&home, &ledger.url).await?,
        "runNamespaces": [away.name],
    });
    // The cluster knows none of the kinds of the Prometheus Operator.
    for kind in ["serviceMonitor", "podMonitor", "prometheusRule"] {
        let mut monitored = values.clone();
        monitored["metrics"] = json!({kind: {"enabled": true}});
        let refused = Release::install_with(&home, &monitored).await.err().map(|error| error.to_string());
        let words =
            format!("metrics.{kind}.enabled is true, but this cluster has no monitoring.coreos.com/v1");
        assert!(refused.as_ref().is_some_and(|refused| refused.contains(&words)), "{refused:?}");
    }
    let release = Release::install_with(&home, &values).await?;
    home.kubectl()
        .run(&["wait", "--for=condition=Established", "--timeout=60s", "crd/signingruns.chancery.dev"])
        .await?;
    let operator = OperatorProcess::start(&release).await?;
    let _at_home = StandIn::start(&home)?;
    let _away = StandIn::start(&away)?;
    let runs = [ClusterRun::new(&home, "demo"), ClusterRun::new(&away, "demo")];
    for run in &runs {
        run.apply().await?;
    }
    for run in &runs {
        run.completes(&ledger).await?;
    }
    // An upgrade keeps the KEK that was made.
    let kek = release.kek().await?;
    release.upgrade(&values).await?;
    assert_eq!(release.kek().await?, kek);
    operator.terminate().await?;
    release.uninstall().await?;
    for run in &runs {
        assert_eq!(run.get().await?["status"]["phase"], "Complete");
    }
    assert_eq!(release.kek().await?, kek, "it opens what the ledger keeps");
    // Installed again, it takes over what it left.
    let release = Release::install_with(&home, &values).await?;
    let operator = OperatorProcess::start(&release).await?;
    let again = ClusterRun::new(&away, "again");
    again.apply().await?;
    again.completes(&ledger).await?;
    eventually("all runs are known", async || {
        operator.metric("chancery_runs{phase=\"Complete\"}").await.is_ok_and(|runs| runs == Some(3.0))
    })
    .await;
    Ok(())
}

/// With Helm's own copies of a release, nobody can open a key or log in: who may list Secrets elsewhere is shown nothing
/// by `helm get`.
#[tokio::test]
async fn helm_keeps_nothing_that_is_secret() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("kept").await?;
    let values = json!({"crds": {"install": false}, "rbac": {"aggregate": false}});
    let release = Release::install_with(&namespace, &values).await?;
    release.upgrade(&values).await?;
    let secrets: Api<Secret> = namespace.api();
    let mut kept = String::new();
    for revision in ["1", "2"] {
        kept += &helm(&namespace, &["get", "all", "chancery", "--revision", revision])
            .await?
            .expect_code(0)?
            .stdout;
    }
    assert!(kept.contains("--kek=chancery-kek"), "what is rendered is in there: {kept}");
    for (name, keys) in [("chancery-kek", 1), ("chancery-statement-key", 1), ("chancery-postgresql", 7)] {
        let data = secrets.get(name).await?.data.unwrap_or_default();
        assert_eq!(data.len(), keys, "{name}");
        for (key, value) in data {
            let (text, encoded) = (String::from_utf8(value.0.clone())?, BASE64_STANDARD.encode(&value.0));
            assert!(!kept.contains(text.trim()) && !kept.contains(&encoded), "{name}: {key}");
        }
    }
    Ok(())
}
