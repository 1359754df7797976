//! The command line of the operator's image, as `kubectl exec` runs it: what a person of the cluster gets at with it, also of
//! runs that have no SigningRun any more.

use std::collections::BTreeMap;
use std::path::Path;

use chancery_kit::TestLedger;
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn};

/// What the page gives `kubectl exec` to carry out in the operator's pod, of a run whose records were generated. Such a run has no
/// dead letters to be read again: that command is one of the tests of sources.
fn commands_of_the_page() -> anyhow::Result<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating/command-line.md");
    let begin = "kubectl exec --namespace chancery deployment/chancery-operator --container operator -- ";
    let text = std::fs::read_to_string(page)?;
    let commands = text.lines().filter_map(|line| line.strip_prefix(begin)?.split(" > ").next());
    let (again, commands): (Vec<&str>, Vec<&str>) =
        commands.partition(|command| command.starts_with("/chancery dead-letters redrive "));
    assert_eq!(again.len(), 1, "{again:?}");
    Ok(commands.into_iter().map(str::to_owned).collect())
}

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
    for counted in ["law 1: 200 records, 200 signatures", "law 3: 20 batches of 10 records", "law 5: "] {
        assert!(said.contains(counted), "{said}");
    }
    let uid = run.get().await?["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let table = namespace.kubectl().run(&["get", "signingrun", "demo"]).await?;
    assert!(table.contains("VERIFIED") && table.contains("True"), "{table}");
    run.delete().await?;
    run.until("it is gone", |run| run.is_null()).await;

    let name = format!("{}/demo", namespace.name);
    let told = operator.exec(&["/chancery", "status"]).await?.expect_code(0)?.stdout;
    assert!(told.contains("demo") && told.contains("Complete") && told.contains(&uid), "{told}");
    // What a pod is told to do by the page, in its order.
    let mut told = BTreeMap::new();
    for command in commands_of_the_page()? {
        let arguments: Vec<&str> =
            command.split(' ').map(|word| if word == "default/demo" { &name } else { word }).collect();
        told.insert(command.clone(), operator.exec(&arguments).await?.expect_code(0)?.stdout);
    }
    let of = |command: &str| told.get(command).map_or("", String::as_str);
    let held = of("/chancery verify default/demo").lines().filter(|line| line.starts_with("holds")).count();
    assert_eq!(held, 5, "{told:?}");
    assert_eq!(of("/chancery export default/demo signatures").lines().count(), 200, "{told:?}");
    assert!(told.contains_key("/chancery delete default/demo"), "{told:?}");
    let told = operator.exec(&["/chancery", "status"]).await?.expect_code(0)?.stdout;
    assert!(!told.contains("demo"), "{told}");
    // Its name is free.
    run.apply().await?;
    run.completes(&ledger).await
}
