//! Secrets that are wrong or missing: the run says so, and goes on once they are right.

use chancery_kit::cluster::{
    Cluster, ClusterRun, OperatorOptions, OperatorProcess, Release, StandIn, condition,
};
use chancery_kit::{TestLedger, eventually};
use serde_json::Value;

fn says(run: &Value, kind: &str, words: &str) -> bool {
    let message = condition(run, kind).and_then(|condition| condition["message"].as_str());
    message.is_some_and(|message| message.contains(words))
}

#[tokio::test]
async fn signers_with_another_kek_fail_the_run_and_the_right_one_lets_it_recover() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("kek-signers").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    let kek = release.kek().await?;
    release.set_signers_kek(&[7; 32]).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    let failed = run.until_phase("Failed").await;
    assert!(says(&failed, "Failed", "KEK"), "the reason is clear: {failed}");
    eventually("nobody goes on trying", async || stand_in.running().is_empty()).await;
    let events = run.events().await?;
    assert!(!events.contains(&"Completed".to_owned()), "{events:?}");
    release.set_signers_kek(&kek).await?;
    run.annotate("chancery.dev/retry", "the KEK is right now").await?;
    run.completes(&ledger).await
}

#[tokio::test]
async fn a_tampered_key_fails_the_run_by_name_and_the_right_one_lets_it_recover() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("tampered-key").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    // Signers that can open no key leave a run that is seeded and not signed.
    let kek = release.kek().await?;
    release.set_signers_kek(&[7; 32]).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.until_phase("Failed").await;
    let flip = "UPDATE chancery.key_material SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)
                 WHERE key_id = (SELECT id FROM chancery.keys WHERE number = 3) RETURNING key_id";
    let key: uuid::Uuid = sqlx::query_scalar(flip).fetch_one(ledger.ledger.pool()).await?;
    release.set_signers_kek(&kek).await?;
    run.annotate("chancery.dev/retry", "the KEK is right now").await?;
    run.until("it names the key", |run| says(run, "Failed", &format!("key {key}"))).await;
    eventually("nobody goes on trying", async || stand_in.running().is_empty()).await;
    let by_key = "SELECT count(*) FROM chancery.signatures s JOIN chancery.leases l ON l.id = s.lease_id
                   WHERE l.key_id = $1";
    let by_key: i64 = sqlx::query_scalar(by_key).bind(key).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(by_key, 0);
    sqlx::query(flip).execute(ledger.ledger.pool()).await?;
    run.annotate("chancery.dev/retry", "the key is right now").await?;
    run.completes(&ledger).await
}

#[tokio::test]
async fn an_operator_without_a_good_kek_says_so_and_goes_on_when_it_has_one() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("kek-operator").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kek");
    let environment = vec![("CHANCERY_KEK_FILE".to_owned(), file.display().to_string())];
    let mut operator = OperatorProcess::start_with(&release, &OperatorOptions { environment }).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.until("it says that there is none", |run| says(run, "Failed", "be read")).await;
    std::fs::write(&file, "too short")?;
    run.until("it says what is wrong with it", |run| says(run, "Failed", "32")).await;
    assert!(operator.runs());
    std::fs::write(&file, release.kek().await?)?;
    run.completes(&ledger).await
}

#[tokio::test]
async fn a_run_whose_signers_have_no_secret_says_that_they_wait() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("no-secret").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let kubectl = namespace.kubectl();
    let secret = kubectl.run(&["get", "secret", "chancery-signer", "--output=json"]).await?;
    kubectl.run(&["delete", "secret", "chancery-signer"]).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.until("it says which Secret", |run| says(run, "Progressing", "secret \"chancery-signer\" not found"))
        .await;
    // The same Secret again, without what the API server has added.
    let mut again: Value = serde_json::from_str(&secret)?;
    for added in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        again["metadata"].as_object_mut().map(|metadata| metadata.remove(added));
    }
    kubectl.apply(&again.to_string()).await?;
    run.completes(&ledger).await
}

#[tokio::test]
async fn a_secret_that_lacks_a_key_is_named() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("no-key").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let kubectl = namespace.kubectl();
    let url = kubectl.jsonpath("secret/chancery-signer", ".data.database-url").await?;
    let patch = |value: Value| serde_json::json!({"data": {"database-url": value}}).to_string();
    kubectl.run(&["patch", "secret", "chancery-signer", "--patch", &patch(Value::Null)]).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.until("it says which key", |run| says(run, "Progressing", "database-url")).await;
    kubectl.run(&["patch", "secret", "chancery-signer", "--patch", &patch(Value::from(url))]).await?;
    run.completes(&ledger).await
}
