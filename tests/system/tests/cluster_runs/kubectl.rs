//! What `kubectl` shows of a run, and does with it.

use chancery_kit::cluster::schema_walk::fields;
use chancery_kit::cluster::{Cluster, Namespace};
use serde_json::{Value, json};

fn run(name: &str) -> String {
    json!({
        "apiVersion": "chancery.dev/v1alpha1",
        "kind": "SigningRun",
        "metadata": {"name": name},
        "spec": {"recordCount": 200, "keyCount": 4, "batchSize": 10, "algorithm": "EdDSA"},
    })
    .to_string()
}

async fn set_status(namespace: &Namespace<'_>, name: &str, status: Value) -> anyhow::Result<()> {
    let patch = json!({"status": status}).to_string();
    let name = format!("signingrun/{name}");
    namespace
        .kubectl()
        .run(&["patch", &name, "--subresource=status", "--type=merge", "--patch", &patch])
        .await?;
    Ok(())
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": "words",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn columns(table: &str) -> Vec<&str> {
    table.lines().next().unwrap_or_default().split_whitespace().collect()
}

#[tokio::test]
async fn explain_has_a_sentence_for_every_field() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let kubectl = cluster.kubectl("default");
    let crd: Value = serde_json::from_str(
        &kubectl.run(&["get", "crd", "signingruns.chancery.dev", "--output=json"]).await?,
    )?;
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut seen = 0;
    for part in ["spec", "status"] {
        let part_schema = &schema["properties"][part];
        assert!(part_schema["description"].is_string(), "{part}");
        for field in fields(part_schema) {
            let Some(path) = field.explained() else { continue };
            let description = field.schema["description"].as_str().unwrap_or_default();
            assert!(description.len() > 10, "{part}.{path} has no description: {description:?}");
            // Paragraphs are Kubernetes' own. A line that ends within one would be ragged in a terminal of another width.
            let broken = field.is_top() && description.replace("\n\n", "").contains('\n');
            assert!(!broken, "{part}.{path} breaks lines by itself: {description:?}");
            seen += 1;
            if field.is_top() {
                let path = format!("signingruns.{part}.{path}");
                let explained = kubectl.run(&["explain", &path]).await?;
                let words = description.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
                let flat = explained.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(&words), "{path}: {explained}");
            }
        }
    }
    assert!(seen > 40, "fields were found: {seen}");
    let units = [
        ("spec.recordSize", "bytes"),
        ("spec.keySize", "bits"),
        ("spec.activeDeadlineSeconds", "Seconds"),
        ("spec.ttlSecondsAfterFinished", "Seconds"),
        ("spec.leaseDuration", "units: h, m, s, ms"),
        ("status.signaturesPerSecond", "per second"),
        ("status.progress", "percent"),
    ];
    for (path, unit) in units {
        let explained = kubectl.run(&["explain", &format!("signingrun.{path}")]).await?;
        let flat = explained.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(unit), "{path} says its unit: {explained}");
    }
    Ok(())
}

#[tokio::test]
async fn get_shows_the_columns_that_people_look_for() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("columns").await?;
    let kubectl = namespace.kubectl();
    kubectl.apply(&run("demo")).await?;
    set_status(
        &namespace,
        "demo",
        json!({
            "phase": "Signing",
            "records": {"total": 200, "seeded": 200, "signed": 84},
            "progress": "42%",
            "signaturesPerSecond": 1234,
            "signers": {"active": 2, "succeeded": 0, "failed": 1},
            "elapsed": "1m30s",
            "keyring": {"keyCount": 4, "algorithm": "EdDSA"},
            "conditions": [
                condition("Progressing", "False", "SignersNotStarting"),
                condition("Verified", "Unknown", "AuditPending"),
            ],
        }),
    )
    .await?;
    let narrow = kubectl.run(&["get", "signingruns"]).await?;
    assert_eq!(
        columns(&narrow),
        ["NAME", "PHASE", "STATUS", "SIGNED", "TOTAL", "PROGRESS", "RATE", "SIGNERS", "VERIFIED", "AGE"],
        "{narrow}"
    );
    let row: Vec<&str> = narrow.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!(
        row[..9],
        ["demo", "Signing", "SignersNotStarting", "84", "200", "42%", "1234", "2", "Unknown"],
        "{narrow}"
    );
    let wide = kubectl.run(&["get", "signingruns", "--output=wide"]).await?;
    let right = [
        "FAILED",
        "KEYS",
        "ALGORITHM",
        "RECEIVED",
        "ADMITTED",
        "DUPLICATE",
        "REJECTED",
        "DEAD",
        "PENDING",
        "SEALED",
        "DELIVERED",
        "ELAPSED",
    ];
    assert_eq!(columns(&wide)[10..], right, "{wide}");
    let row: Vec<&str> = wide.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    // What only runs with sources or sinks have is empty.
    assert_eq!(row[10..], ["1", "4", "EdDSA", "1m30s"], "{wide}");
    Ok(())
}

#[tokio::test]
async fn a_run_is_found_by_its_short_name_and_its_categories() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("names").await?;
    let kubectl = namespace.kubectl();
    kubectl.apply(&run("demo")).await?;
    for name in ["srun", "signingrun", "signingruns.chancery.dev", "chancery", "all"] {
        let found = kubectl.run(&["get", name, "--output=name"]).await?;
        assert_eq!(found.trim(), "signingrun.chancery.dev/demo", "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_can_be_scaled_and_the_bounds_hold_there_too() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("scale").await?;
    let kubectl = namespace.kubectl();
    kubectl.apply(&run("demo")).await?;
    kubectl.run(&["scale", "signingrun/demo", "--replicas=5"]).await?;
    assert_eq!(kubectl.jsonpath("signingrun/demo", ".spec.parallelism").await?, "5");
    kubectl.run(&["scale", "signingrun/demo", "--replicas=0"]).await?;
    assert_eq!(kubectl.jsonpath("signingrun/demo", ".spec.parallelism").await?, "0");
    let ended = kubectl.try_run(&["scale", "signingrun/demo", "--replicas=1001"]).await?;
    assert!(ended.code != Some(0) && ended.stderr.contains("spec.parallelism"), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn the_status_is_written_by_its_subresource_alone_and_may_not_be_anything() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("status").await?;
    let kubectl = namespace.kubectl();
    kubectl.apply(&run("demo")).await?;
    let patch = json!({"status": {"phase": "Complete"}}).to_string();
    kubectl.run(&["patch", "signingrun/demo", "--type=merge", "--patch", &patch]).await?;
    assert_eq!(kubectl.jsonpath("signingrun/demo", ".status.phase").await?, "");
    let refusal = set_status(&namespace, "demo", json!({"phase": "Dreaming"})).await.expect_err("no phase");
    assert!(refusal.to_string().contains("Unsupported value: \"Dreaming\""), "{refusal}");
    let generation = kubectl.jsonpath("signingrun/demo", ".metadata.generation").await?;
    set_status(&namespace, "demo", json!({"phase": "Pending"})).await?;
    assert_eq!(kubectl.jsonpath("signingrun/demo", ".metadata.generation").await?, generation);
    Ok(())
}

#[tokio::test]
async fn two_owners_of_a_field_are_told_of_their_conflict() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("conflict").await?;
    let kubectl = namespace.kubectl();
    let apply = async |manager: &str, parallelism: u32| {
        let mut object: Value = serde_json::from_str(&run("demo"))?;
        object["spec"]["parallelism"] = json!(parallelism);
        let manager = format!("--field-manager={manager}");
        kubectl.feed(&["apply", "--server-side", &manager, "--filename", "-"], &object.to_string()).await
    };
    apply("one", 2).await?.expect_code(0)?;
    let refused = apply("two", 3).await?.expect_code(1)?;
    assert!(refused.stderr.contains("conflict with \"one\": .spec.parallelism"), "{}", refused.stderr);
    apply("one", 4).await?.expect_code(0)?;
    Ok(())
}
