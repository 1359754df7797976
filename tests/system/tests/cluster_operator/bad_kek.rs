//! Secrets that are wrong or missing: the run says so, and goes on once they are right.

use anyhow::Context as _;
use chancery_keyring::Kek;
use chancery_kit::cluster::{
    Cluster, ClusterRun, OperatorOptions, OperatorProcess, Release, StandIn, condition,
};
use chancery_kit::{TestLedger, eventually, stock};
use serde_json::Value;

fn says(run: &Value, kind: &str, words: &str) -> bool {
    let message = condition(run, kind).and_then(|condition| condition["message"].as_str());
    message.is_some_and(|message| message.contains(words))
}

/// Waits until the Job names another Secret than that.
async fn until_another_secret(run: &ClusterRun<'_>, before: &str) -> anyhow::Result<String> {
    eventually("there is another Secret", async || run.secret().await.is_ok_and(|(name, _)| name != before))
        .await;
    Ok(run.secret().await?.0)
}

#[tokio::test]
async fn signers_with_the_data_key_of_another_ring_fail_the_run_until_the_secret_is_removed()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("kek-signers").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let (other, run) = (ClusterRun::new(&namespace, "other"), ClusterRun::new(&namespace, "demo"));
    other.apply().await?;
    run.apply().await?;
    for run in [&other, &run] {
        eventually("it has its Secret", async || run.secret().await.is_ok()).await;
    }
    // Somebody who may write Secrets of the namespace hands one run what is another's.
    let (_, theirs) = other.secret().await?;
    let name =
        run.replace_secret(|secret| secret["data"]["data-key"] = theirs["data"]["data-key"].clone()).await?;
    let stand_in = StandIn::start(&namespace)?;
    let failed = run.until_phase("Failed").await;
    assert!(says(&failed, "Failed", "the data key is not that of the run's keyring"), "{failed}");
    other.completes(&ledger).await?;
    eventually("nobody goes on trying", async || stand_in.running().is_empty()).await;
    let events = run.events().await?;
    assert!(!events.contains(&"Completed".to_owned()), "{events:?}");
    namespace.kubectl().run(&["delete", "secret", &name]).await?;
    run.annotate("chancery.dev/retry", "the Secret is gone").await?;
    run.completes(&ledger).await?;
    let events = run.events().await?;
    assert!(events.contains(&"ReplacingSecret".to_owned()), "{events:?}");
    Ok(())
}

#[tokio::test]
async fn a_tampered_key_fails_the_run_by_name_and_the_right_one_lets_it_recover() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("tampered-key").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    // Nobody makes pods yet: the run has its records, and is not signed.
    eventually("it has its Secret", async || run.secret().await.is_ok()).await;
    let stored = ledger.ledger.find_run(&namespace.name, "demo").await?;
    stock(&ledger.ledger, &stored, &Kek::parse(&release.kek().await?)?).await?;
    let flip = "UPDATE chancery.key_material SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)
                 WHERE key_id = (SELECT id FROM chancery.keys WHERE number = 3) RETURNING key_id";
    let key: uuid::Uuid = sqlx::query_scalar(flip).fetch_one(ledger.ledger.pool()).await?;
    let stand_in = StandIn::start(&namespace)?;
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
async fn a_secret_that_is_deleted_or_lacks_a_key_is_replaced_and_the_job_with_it() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("no-secret").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    eventually("it has its Secret", async || run.secret().await.is_ok()).await;
    let (first, _) = run.secret().await?;
    namespace.kubectl().run(&["delete", "secret", &first]).await?;
    let stand_in = StandIn::start(&namespace)?;
    let second = until_another_secret(&run, &first).await?;
    run.completes(&ledger).await?;
    let events = run.events().await?;
    assert!(events.contains(&"ReplacingSecret".to_owned()), "{events:?}");
    drop(stand_in);

    let other = ClusterRun::new(&namespace, "other");
    other.apply().await?;
    eventually("it has its Secret", async || other.secret().await.is_ok()).await;
    // Emptied by `null`, it would be there for the kubelet.
    let lacking = other
        .replace_secret(|secret| drop(secret["data"].as_object_mut().map(|data| data.remove("database-url"))))
        .await?;
    let _stand_in = StandIn::start(&namespace)?;
    until_another_secret(&other, &lacking).await?;
    other.completes(&ledger).await?;
    assert_ne!(first, second);
    Ok(())
}

#[tokio::test]
async fn the_secret_of_a_run_goes_with_it() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("secret-goes").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.completes(&ledger).await?;
    let (name, _) = run.secret().await?;
    let former = run.get().await?["metadata"]["uid"].as_str().context("a uid")?.to_owned();
    run.delete().await?;
    let kubectl = namespace.kubectl();
    eventually("its Secret is gone", async || {
        kubectl.get("secret", &name).await.is_ok_and(|it| it.is_none())
    })
    .await;
    // The run is still in the ledger. Another SigningRun of its name has another Secret.
    assert!(run.is_in(&ledger).await?);
    let again = ClusterRun::new(&namespace, "demo").annotated("chancery.dev/adopt", &former);
    again.apply().await?;
    again.completes(&ledger).await
}
