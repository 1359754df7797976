//! What the pages and the examples say works as it stands there.

use chancery_kit::TestLedger;
use chancery_kit::bucket::{ACCESS_KEY_ID, Bucket};
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, StandIn};
use serde_json::json;

use crate::{give_credentials, install, install_with, lines, source, spec};

const EXAMPLE: &str = include_str!("../../../../examples/object-store.yaml");
const PAGE: &str = include_str!("../../../../docs/operating/sources-on-a-cluster.md");

/// Nothing is added but where the store is, which is the tests' own.
#[tokio::test]
async fn the_example_of_an_object_store_is_signed_with_the_secret_that_it_says() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("example").await?;
    let ledger = TestLedger::new().await?;
    let release = install_with(&namespace, &ledger, json!({})).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let bucket = Bucket::serve().await?;
    bucket.put("2026/today.ndjson", lines(0, 250));
    bucket.put("2026/notes.txt", "not read");
    bucket.put("2025/before.ndjson", lines(500, 10));

    let comment: Vec<&str> = EXAMPLE.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let secret = comment.join(" ").replace('\\', " ");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let of_page =
        PAGE.split("```").find(|block| block.contains("create secret generic chancery-source-payments"));
    let of_page = words(&of_page.expect("a block").replace('\\', " "));
    assert!(of_page.windows(words(&secret).len()).any(|part| part == words(&secret)), "{secret}");
    let secret = secret.replacen('…', ACCESS_KEY_ID, 1).replacen('…', "secret", 1);
    let secret = words(secret.strip_prefix("kubectl ").expect("a command"));
    namespace.kubectl().run(&secret.iter().map(String::as_str).collect::<Vec<_>>()).await?;

    let region = "region: eu-central-1";
    let placed = EXAMPLE.replace(region, &format!("{region}\n        endpoint: {}", bucket.endpoint()));
    assert_ne!(placed, EXAMPLE);
    namespace.kubectl().apply(&placed).await?;
    let run = ClusterRun::new(&namespace, "payments");
    run.completes(&ledger).await?;
    assert_eq!(run.get().await?["status"]["records"]["signed"], 250);
    Ok(())
}

#[tokio::test]
async fn dead_letters_are_listed_and_redriven_by_the_commands_of_the_page() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("redrive").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let bucket = Bucket::serve().await?;
    bucket.put("one.ndjson", format!("{}this is not JSON\n", lines(0, 20)));
    give_credentials(&namespace, "source-s3").await?;
    let run = ClusterRun::new(&namespace, "payments").with_spec(spec(json!([source(&bucket, "source-s3")])));
    run.with("deadLetter", json!({"limit": 5, "retention": "2h"})).apply().await?;
    ClusterRun::new(&namespace, "payments").completes(&ledger).await?;

    // The commands of the page, by the parts of them that are run in the pod.
    for part in [
        "-- /chancery dead-letters list default/payments",
        "/chancery dead-letters redrive default/payments --into payments-2 -o yaml | kubectl apply -f -",
    ] {
        assert!(PAGE.contains(part), "{part}");
    }
    let name = format!("{}/payments", namespace.name);
    let list = ["/chancery", "dead-letters", "list", &name];
    let listed = operator.exec(&list).await?.expect_code(0)?.stdout;
    assert!(listed.contains("it is not one JSON value"), "{listed}");
    let redrive = ["/chancery", "dead-letters", "redrive", &name, "--into", "payments-2"];
    let refused = operator.exec(&redrive).await?.expect_code(2)?.stderr;
    assert!(refused.contains("-o yaml") && refused.contains("kubectl apply -f -"), "{refused}");
    let second = ClusterRun::new(&namespace, "payments-2");
    assert!(!second.is_in(&ledger).await?);
    let written = operator.exec(&[&redrive[..], &["-o", "yaml"]].concat()).await?.expect_code(0)?.stdout;
    namespace.kubectl().apply(&written).await?;
    second.completes(&ledger).await?;
    let object = second.get().await?;
    assert_eq!(object["spec"]["deadLetter"], json!({"limit": 5, "retention": "2h"}), "{object}");
    assert_eq!(object["status"]["records"]["signed"], 1, "{object}");
    Ok(())
}
