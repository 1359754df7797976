//! Signed batches come to the sinks of a run, whatever happens to the delivery and to the sinks.

use std::fs;
use std::path::Path;

use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, StandIn};
use chancery_kit::{S3Server, TestLedger, eventually};
use serde_json::{Value, json};

use crate::{give_claim, give_credentials, install};

/// How many lines the files of a folder have, each by its name.
fn lines_of(folder: &Path) -> anyhow::Result<Vec<(String, usize)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?;
        found.push((entry.file_name().to_string_lossy().into_owned(), text.lines().count()));
    }
    found.sort();
    Ok(found)
}

async fn delivery_job(run: &ClusterRun<'_>) -> anyhow::Result<Value> {
    Ok(run.namespace.kubectl().get("job", "demo-delivery").await?.unwrap_or_default())
}

#[tokio::test]
async fn a_folder_that_is_away_is_waited_for_and_gets_each_batch_once_whatever_the_delivery_suffers()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("sinks").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let folder = tempfile::tempdir()?;
    give_claim(&namespace, "sink-outbox", folder.path()).await?;
    // The folder in the volume is not there yet: what is not mounted is not made.
    let outbox = json!({"url": "file:///volumes/sink-outbox/signed", "volumeClaim": "sink-outbox"});
    let sinks = json!([{"name": "outbox", "objects": outbox}]);
    let run = ClusterRun::new(&namespace, "demo").of(45, 2, 10).with("sinks", sinks);
    run.apply().await?;
    let away = run.until_condition("SinkUnavailable", "True").await;
    let said = away["message"].as_str().unwrap_or_default();
    assert!(said.starts_with("sink outbox cannot be reached since "), "{said}");
    let waits = |run: &Value| {
        let conditions = run["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let reason = |kind: &str| {
            let found = conditions.iter().find(|condition| condition["type"] == kind);
            found.map(|condition| condition["reason"].clone()).unwrap_or_default()
        };
        reason("Progressing") == "SinkUnavailable" && reason("Complete") == "NotAllDelivered"
    };
    let waiting = run.until("everything is signed, and the sink is waited for", waits).await;
    assert_eq!(waiting["status"]["records"]["signed"], 45);
    assert_eq!(waiting["status"]["sinks"][0]["pending"], 5);
    assert_eq!(waiting["status"]["deliveryJob"], "demo-delivery");

    let is_delivery = |pod: &&String| pod.starts_with("demo-delivery-");
    let first = stand_in.running().iter().find(is_delivery).cloned().expect("a delivery runs");
    stand_in.kill(&first)?;
    eventually("another one runs", async || {
        stand_in.running().iter().filter(is_delivery).any(|pod| *pod != first)
    })
    .await;
    let signers = run.job().await?["metadata"]["uid"].clone();
    let pod = delivery_job(&run).await?["spec"]["template"]["spec"].clone();
    assert_eq!(pod["serviceAccountName"], "chancery-delivery");
    let account = format!("--as=system:serviceaccount:{}:chancery-delivery", namespace.name);
    for (verb, what) in [("get", "secrets"), ("create", "pods"), ("get", "signingruns")] {
        let may = namespace.kubectl().try_run(&["auth", "can-i", verb, what, &account]).await?;
        assert_eq!(may.stdout.trim(), "no", "{verb} {what}");
    }

    fs::create_dir(folder.path().join("signed"))?;
    run.completes(&ledger).await?;
    let status = run.get().await?["status"].clone();
    assert_eq!(
        status["sinks"],
        json!([{"name": "outbox", "delivered": 5, "pending": 0, "dead": 0}]),
        "{status}"
    );
    assert!(status.to_string().len() < 4_096, "it stays small: {status}");
    assert_eq!(run.condition("Delivered").await?["reason"], "AllDelivered");
    assert_eq!(run.job().await?["metadata"]["uid"], signers, "no signer was started anew");
    let name = |batch: usize| format!("{batch:010}.ndjson");
    let expected: Vec<_> = (1..=5).map(|batch| (name(batch), if batch == 5 { 5 } else { 10 })).collect();
    let mut found = lines_of(&folder.path().join("signed/demo"))?;
    assert_eq!(
        found.pop().map(|(name, _)| name).as_deref(),
        Some("manifest.json"),
        "with what is stated of the run"
    );
    assert_eq!(found, expected);
    eventually("the delivery's Job is gone, and its Secret", async || {
        let secrets = namespace.kubectl().run(&["get", "secrets", "--output=name"]).await.unwrap_or_default();
        delivery_job(&run).await.is_ok_and(|job| job.is_null()) && !secrets.contains("demo-delivery-")
    })
    .await;
    let told = ["DeliveryStarted", "SinkUnavailable", "SinksAvailable", "Completed"];
    eventually("all Events are there", async || {
        let events = run.events().await.unwrap_or_default();
        told.iter().all(|wanted| events.iter().any(|event| event == wanted))
    })
    .await;
    assert!(!operator.log().to_lowercase().contains("forbidden"), "{}", operator.log());
    Ok(())
}

#[tokio::test]
async fn a_bucket_is_written_to_with_the_credentials_of_the_runs_own_namespace_once_they_are_there()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let Some(server) = S3Server::start()? else { return Ok(()) };
    let namespace = cluster.namespace("sink-bucket").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let bucket = server.new_bucket().await?;
    let sink = |secret: &str| {
        let endpoint = format!("http://127.0.0.1:{}", server.port());
        let secret = json!({"name": secret});
        json!([{"name": "archive", "objects": {
            "url": format!("s3://{bucket}/signed"), "endpoint": endpoint, "credentialsSecretRef": secret,
            "layout": "{run}/{batch}.ndjson.gz",
        }}])
    };
    let refused = ClusterRun::new(&namespace, "refused").of(20, 2, 10).with("sinks", sink("chancery-kek"));
    refused.apply().await?;
    assert_eq!(refused.until_condition("Failed", "True").await["reason"], "SinkNotAllowed");
    assert!(!refused.is_in(&ledger).await?, "nothing was made");

    let run = ClusterRun::new(&namespace, "demo").of(20, 2, 10).with("sinks", sink("sink-s3"));
    run.apply().await?;
    let away = run.until_condition("SinkUnavailable", "True").await;
    let said = away["message"].as_str().unwrap_or_default();
    assert!(said.contains("sink archive") && said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    give_credentials(&namespace, "sink-s3").await?;
    // A kubelet would bring the files into the pod that is there; the one of this test does it for the next pod.
    let is_delivery = |pod: &&String| pod.starts_with("demo-delivery-");
    let first = stand_in.running().iter().find(is_delivery).cloned().expect("a delivery runs");
    stand_in.kill(&first)?;
    run.completes(&ledger).await?;
    let status = run.get().await?["status"].clone();
    assert_eq!(status["sinks"][0]["delivered"], 2, "{status}");
    Ok(())
}
