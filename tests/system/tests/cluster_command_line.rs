//! The command line of the operator's image, as `kubectl exec` runs it: what a person of the cluster gets at with it, also of
//! runs that have no SigningRun any more.

use chancery_kit::TestLedger;
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn};

#[tokio::test]
async fn a_run_that_has_no_object_any_more_is_seen_audited_exported_and_removed() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("command-line").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.completes(&ledger).await?;
    let object = run.until_condition("Verified", "True").await;
    let said = object["message"].as_str().unwrap_or_default();
    assert!(said.contains("200 records, 200 signatures"), "{said}");
    let uid = run.get().await?["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let table = namespace.kubectl().run(&["get", "signingrun", "demo"]).await?;
    assert!(table.contains("VERIFIED") && table.contains("True"), "{table}");
    run.delete().await?;
    run.until("it is gone", |run| run.is_null()).await;

    let name = format!("{}/demo", namespace.name);
    let told = operator.exec(&["/chancery", "status"]).await?.expect_code(0)?.stdout;
    assert!(told.contains("demo") && told.contains("Complete") && told.contains(&uid), "{told}");
    let told = operator.exec(&["/chancery", "verify", &name]).await?.expect_code(0)?.stdout;
    assert_eq!(told.lines().filter(|line| line.starts_with("holds")).count(), 5, "{told}");
    let told = operator.exec(&["/chancery", "export", &name, "signatures"]).await?.expect_code(0)?.stdout;
    assert_eq!(told.lines().count(), 200);
    operator.exec(&["/chancery", "delete", &name]).await?.expect_code(0)?;
    let told = operator.exec(&["/chancery", "status"]).await?.expect_code(0)?.stdout;
    assert!(!told.contains("demo"), "{told}");
    // Its name is free.
    run.apply().await?;
    run.completes(&ledger).await
}
