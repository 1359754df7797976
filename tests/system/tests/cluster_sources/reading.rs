//! A bucket is read to its end, whatever happens to the intake.

use chancery_kit::bucket::Bucket;
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, StandIn};
use chancery_kit::{TestLedger, eventually};
use serde_json::{Value, json};

use crate::{give_credentials, install, lines, source, spec};

async fn job_of_intake(run: &ClusterRun<'_>) -> anyhow::Result<Value> {
    Ok(run.namespace.kubectl().get("job", "demo-intake").await?.unwrap_or_default())
}

#[tokio::test]
async fn a_bucket_is_read_with_the_credentials_of_the_runs_own_namespace_and_signed() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("sources").await?;
    let elsewhere = cluster.namespace("sources-elsewhere").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let bucket = Bucket::serve().await?;
    bucket.put("one.ndjson", lines(0, 300));
    bucket.put("two.ndjson", format!("{}this is not JSON\n", lines(290, 30)));
    give_credentials(&elsewhere, "source-s3").await?;
    let run = ClusterRun::new(&namespace, "demo").with_spec(spec(json!([source(&bucket, "source-s3")])));
    run.apply().await?;
    let failed = run.until_condition("Failed", "True").await;
    assert_eq!(failed["reason"], "IntakeMisconfigured", "{failed}");
    let said = failed["message"].as_str().unwrap_or_default();
    assert!(said.contains("source bucket") && said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    assert_eq!(run.get().await?["status"]["records"]["received"], 0);

    give_credentials(&namespace, "source-s3").await?;
    run.annotate("chancery.dev/retry", "1").await?;
    run.completes(&ledger).await?;
    let status = run.get().await?["status"].clone();
    assert_eq!(
        status["records"],
        json!({
            "total": 320, "seeded": 320, "signed": 320,
            "received": 331, "admitted": 320, "duplicate": 10, "rejected": 0, "dead": 1, "pending": 0,
        }),
        "{status}"
    );
    assert_eq!(status["sources"], json!([{"name": "bucket", "position": "end", "splits": 2, "lag": 0}]));
    assert!(status.to_string().len() < 4_096, "it stays small: {status}");
    eventually("the intake's Job is gone, and its Secret", async || {
        let secrets = namespace.kubectl().run(&["get", "secrets", "--output=name"]).await.unwrap_or_default();
        job_of_intake(&run).await.is_ok_and(|job| job.is_null()) && !secrets.contains("demo-intake-")
    })
    .await;
    let told = ["IntakeStarted", "DeadLetters", "Sealed", "Completed"];
    eventually("all Events are there", async || {
        let events = run.events().await.unwrap_or_default();
        told.iter().all(|wanted| events.iter().any(|event| event == wanted))
    })
    .await;
    let wide = namespace.kubectl().run(&["get", "signingruns", "--output=wide"]).await?;
    let shown = |line: &str| {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let table: Vec<Vec<String>> = wide.lines().map(shown).collect();
    let of = |column: &str| {
        let place =
            table[0].iter().position(|name| name == column).unwrap_or_else(|| panic!("{column}: {wide}"));
        table[1][place].as_str()
    };
    for (column, value) in [
        ("RECEIVED", "331"),
        ("ADMITTED", "320"),
        ("DUPLICATE", "10"),
        ("REJECTED", "0"),
        ("DEAD", "1"),
        ("PENDING", "0"),
        ("SEALED", "True"),
    ] {
        assert_eq!(of(column), value, "{column}: {wide}");
    }
    assert!(!operator.log().to_lowercase().contains("forbidden"), "{}", operator.log());
    Ok(())
}

#[tokio::test]
async fn an_intake_that_is_killed_is_replaced_and_its_pods_have_no_rights() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("intake").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let bucket = Bucket::serve().await?;
    bucket.put("one.ndjson", lines(0, 100));
    // What was listed is in its hands, and nothing comes of it.
    bucket.hold(true);
    give_credentials(&namespace, "source-s3").await?;
    let run = ClusterRun::new(&namespace, "demo").with_spec(spec(json!([source(&bucket, "source-s3")])));
    run.apply().await?;
    let listed = |run: &Value| run["status"]["sources"][0]["lag"] == 1;
    run.until("the bucket is listed", listed).await;
    let is_intake = |pod: &&String| pod.starts_with("demo-intake-");
    let first = stand_in.running().iter().find(is_intake).cloned().expect("an intake runs");
    stand_in.kill(&first)?;
    eventually("another one runs", async || {
        stand_in.running().iter().filter(is_intake).any(|pod| *pod != first)
    })
    .await;

    let job = job_of_intake(&run).await?;
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "chancery-intake");
    assert_eq!(pod["automountServiceAccountToken"], false);
    let account = format!("--as=system:serviceaccount:{}:chancery-intake", namespace.name);
    for (verb, what) in [("get", "secrets"), ("get", "pods"), ("create", "pods"), ("get", "signingruns")] {
        let may = namespace.kubectl().try_run(&["auth", "can-i", verb, what, &account]).await?;
        assert_eq!(may.stdout.trim(), "no", "{verb} {what}");
    }

    // What somebody with the operator's token would make of it.
    let account = format!("--as=system:serviceaccount:{}:chancery-operator", namespace.name);
    let mut hostile = job.clone();
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
        hostile["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
    }
    hostile.as_object_mut().map(|job| job.remove("status"));
    for field in ["selector", "manualSelector"] {
        hostile["spec"].as_object_mut().map(|spec| spec.remove(field));
    }
    hostile["spec"]["template"]["metadata"]["labels"]
        .as_object_mut()
        .expect("labels")
        .retain(|label, _| !label.contains("controller-uid") && !label.contains("job-name"));
    let secret = job["metadata"]["annotations"]["chancery.dev/signer-secret"].as_str().expect("a name");
    let text = hostile.to_string().replace(secret, "other-intake-0123456789");
    let mut hostile: Value = serde_json::from_str(&text)?;
    hostile["metadata"]["name"] = json!("other-intake");
    hostile["metadata"]["ownerReferences"][0]["name"] = json!("other");
    let create = ["create", "--dry-run=server", "--filename=-", &account];
    namespace.kubectl().feed(&create, &hostile.to_string()).await?.expect_code(0)?;
    hostile["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"] = json!("chancery-kek");
    eventually("the policy refuses it", async || {
        let refused = namespace.kubectl().feed(&create, &hostile.to_string()).await;
        refused.is_ok_and(|refused| refused.stderr.contains("that sources or sinks may name"))
    })
    .await;

    bucket.hold(false);
    run.completes(&ledger).await
}
