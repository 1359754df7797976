//! A run from `kubectl apply` to its end, by the operator with the rights that the chart grants it.

use chancery_kit::cluster::{
    Cluster, ClusterRun, OperatorProcess, Release, StandIn, condition, condition_is,
};
use chancery_kit::{TestLedger, eventually};
use serde_json::{Value, json};

#[tokio::test]
async fn ten_thousand_records_are_signed_from_apply_to_complete() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("complete").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").of(10_000, 100, 100);
    run.apply().await?;
    run.completes(&ledger).await?;

    let object = run.get().await?;
    let status = &object["status"];
    assert_eq!(status["phase"], "Complete", "{status}");
    assert_eq!(status["records"], json!({"total": 10_000, "seeded": 10_000, "signed": 10_000}), "{status}");
    assert_eq!(status["batches"]["signed"], 100, "{status}");
    assert_eq!(status["batches"]["leased"], 0, "{status}");
    assert_eq!(status["keys"], json!({"total": 100, "made": 100, "leased": 0}), "{status}");
    assert_eq!(status["progress"], "100%", "{status}");
    assert_eq!(status["observedGeneration"], object["metadata"]["generation"], "{status}");
    for (kind, wanted) in [
        ("KeyringReady", "True"),
        ("Sealed", "True"),
        ("Suspended", "False"),
        ("Complete", "True"),
        ("Failed", "False"),
        ("Progressing", "False"),
    ] {
        assert!(condition_is(&object, kind, wanted), "{kind} is {wanted}: {status}");
        let condition = condition(&object, kind).cloned().unwrap_or_default();
        for field in ["reason", "message", "lastTransitionTime"] {
            assert!(
                condition[field].as_str().is_some_and(|text| !text.is_empty()),
                "{kind} has a {field}: {status}"
            );
        }
        assert_eq!(condition["observedGeneration"], object["metadata"]["generation"], "{kind}: {status}");
    }
    for field in ["startTime", "completionTime", "job"] {
        assert!(status[field].is_string(), "{field}: {status}");
    }
    assert!(status.to_string().len() < 4_096, "it stays small: {status}");
    Ok(())
}

#[tokio::test]
async fn what_a_run_was_is_stated_in_its_status() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("stated").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.completes(&ledger).await?;
    let stated = async || run.get().await.unwrap_or_default()["status"]["statements"].clone();
    eventually("both statements are in the status", async || stated().await["signed"].is_object()).await;
    let stated = stated().await;
    assert_eq!(
        (&stated["sealed"]["number"], &stated["signed"]["number"]),
        (&json!(1), &json!(2)),
        "{stated}"
    );
    let hash: Vec<u8> = sqlx::query_scalar("SELECT hash FROM chancery.statements WHERE number = 2")
        .fetch_one(ledger.ledger.pool())
        .await?;
    let hash = chancery_statement::Digest::try_from(hash.as_slice())?.to_string();
    assert_eq!(stated["signed"]["sha256"], hash);
    Ok(())
}

#[tokio::test]
async fn describe_reads_like_a_story() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("story").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.completes(&ledger).await?;
    // Events are written after the status that they tell of.
    let told = ["Seeding", "KeyringReady", "Sealed", "SignersStarted", "Completed"];
    eventually("all Events are there", async || {
        let events = run.events().await.unwrap_or_default();
        told.iter().all(|wanted| events.iter().any(|event| event == wanted))
    })
    .await;
    let story = namespace.kubectl().run(&["describe", "signingrun", "demo"]).await?;
    for word in told.iter().chain(&["Conditions:", "Records:", "Batches:", "Keys:", "Complete"]) {
        assert!(story.contains(word), "{word} is in the description:\n{story}");
    }
    Ok(())
}

#[tokio::test]
async fn a_watch_sees_every_phase_in_order() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("phases").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").of(50_000, 20, 100);
    run.apply().await?;
    let mut seen: Vec<Value> = Vec::new();
    run.until("it is complete", |object| {
        let phase = &object["status"]["phase"];
        if phase.is_string() && seen.last() != Some(phase) {
            seen.push(phase.clone());
        }
        phase == "Complete"
    })
    .await;
    let order = ["Pending", "Seeding", "Signing", "Complete"];
    let places: Vec<Option<usize>> =
        seen.iter().map(|phase| order.iter().position(|known| phase == known)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{seen:?}");
    assert!(seen.contains(&json!("Signing")), "{seen:?}");
    run.assert_audit_holds(&ledger).await
}
