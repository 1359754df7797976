//! Events on their way: real deliveries, and a receiver that takes them, or does not.

use std::collections::BTreeSet;

use chancery_kit::{
    Chancery, Conduct, DeliveryProcess, Manifest, SeededRun, TestLedger, TestRun, WebhookServer, eventually,
};
use chancery_reading::WebhookKeys;
use serde_json::{Value, json};

use crate::{is_complete, sign};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn receiver() -> anyhow::Result<WebhookServer> {
    WebhookServer::saying(|_| Value::Null).await
}

async fn start(run: &SeededRun<'_>, holder: &str, more: &[&str]) -> anyhow::Result<DeliveryProcess> {
    let environment = [("CHANCERY_WEBHOOK_SECRET", KEY), ("TRACEPARENT", TRACE)];
    DeliveryProcess::start(&run.delivery_url().await?, &run.run.name, holder, more, &environment)
}

async fn ends(mut delivery: DeliveryProcess) -> anyhow::Result<String> {
    let (code, log) = delivery.ended().await?;
    anyhow::ensure!(code == Some(0), "the delivery ended with {code:?}: {log}");
    Ok(log)
}

/// Of the one notification, of how many events it was told, and how many were given up.
async fn told(run: &SeededRun<'_>) -> anyhow::Result<(i64, i64)> {
    let at = run.ledger.ledger.notifications_progress(&[run.run.id]).await?;
    Ok((at[0].told, at[0].dead))
}

#[tokio::test]
async fn each_event_comes_once_signed_as_a_cloud_event_after_a_handshake() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let server = receiver().await?;
    let run = TestRun::new().records(300).telling(
        "ops",
        &server.url(),
        &["run.started", "batch.signed", "run.completed"],
    );
    let run = run.signing_events().seeded(&ledger).await?;
    let delivery = start(&run, "one", &[]).await?;
    sign(&run).await?;
    ends(delivery).await?;
    assert_eq!(told(&run).await?, (32, 0));

    let calls = server.calls();
    assert_eq!(calls[0].method, "OPTIONS", "it asks first");
    assert_eq!(calls[0].headers["webhook-request-origin"], "chancery.dev");
    let posted = &calls[1..];
    assert!(posted.iter().all(|call| call.method == "POST"), "it asks once");
    let keys = WebhookKeys::read(KEY)?;
    for call in posted {
        let header = |name: &str| call.headers[name].clone();
        assert_eq!(header("content-type"), "application/cloudevents+json");
        let signature =
            keys.sign(&header("webhook-id"), header("webhook-timestamp").parse()?, call.body.as_bytes());
        assert_eq!(header("webhook-signature"), signature);
    }
    let messages: BTreeSet<_> = posted.iter().map(|call| &call.headers["webhook-id"]).collect();
    let events = server.events();
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!((events.len(), ids.len(), messages.len()), (32, 32, 32));
    for event in &events {
        assert_eq!(
            (&event["specversion"], &event["source"]),
            (&json!("1.0"), &json!("/namespaces/default/signingruns/demo"))
        );
        assert_eq!(event["traceparent"], TRACE);
        assert!(event["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{event}");
    }
    let of = |id: &str| events.iter().find(|event| event["id"] == format!("{}/{id}", run.run.uid));
    let signed = of("batch.signed/7")
        .map(|event| (event["type"].clone(), event["subject"].clone(), event["data"]["lastRecord"].clone()));
    assert_eq!(signed, Some((json!("dev.chancery.batch.signed"), json!("batches/7"), json!(70))));
    let ended = of("run.completed").map(|event| event["data"].clone());
    assert_eq!(ended, Some(json!({"records": 300, "batches": 30})));
    run.assert_audit_holds().await
}

/// For far longer than one is that says nothing of it.
#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_is_left_alone_for_as_long() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let server = receiver().await?;
    let run = TestRun::new().records(10).telling("ops", &server.url(), &["batch.signed"]);
    let run = run.seeded(&ledger).await?;
    sign(&run).await?;
    server.conduct(Conduct::AsksToWait(1_800));
    let delivery = start(&run, "one", &[]).await?;
    let pause = "SELECT extract(epoch FROM not_before - tried_at)::bigint FROM chancery.notifications";
    eventually("it is left alone", async || {
        let pause = sqlx::query_scalar::<_, Option<i64>>(pause).fetch_one(ledger.ledger.pool()).await;
        pause.is_ok_and(|pause| pause == Some(1_800))
    })
    .await;
    assert_eq!(server.events().len(), 1);
    delivery.kill().await?;
    server.conduct(Conduct::Answers);
    ledger.execute("UPDATE chancery.notifications SET not_before = now()").await?;
    ends(start(&run, "other", &[]).await?).await?;
    assert_eq!(told(&run).await?, (1, 0));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_receiver_that_does_not_say_that_it_takes_events_is_waited_for_and_sent_none() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let server = receiver().await?;
    server.conduct(Conduct::TakesNoEvents);
    let run =
        TestRun::new().records(20).telling("ops", &server.url(), &["batch.signed"]).seeded(&ledger).await?;
    sign(&run).await?;
    assert!(is_complete(&run).await?, "the run does not wait for it");
    assert!(ledger.ledger.is_untold(&run.run).await?);
    let delivery = start(&run, "one", &[]).await?;
    server.called(2).await;
    assert!(server.events().is_empty());
    let said = &ledger.ledger.notifications_progress(&[run.run.id]).await?[0];
    assert!(said.failures >= 1, "{said:?}");
    assert!(
        said.last_error.as_deref().is_some_and(|why| why.contains("WebHook-Allowed-Origin: chancery.dev")),
        "{said:?}"
    );
    server.conduct(Conduct::Answers);
    ends(delivery).await?;
    assert_eq!((server.events().len(), told(&run).await?), (2, (2, 0)));
    assert!(!ledger.ledger.is_untold(&run.run).await?);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_receiver_that_is_down_holds_up_no_sink_and_no_run_and_its_delivery_for_a_time()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let folder = tempfile::tempdir()?;
    let run =
        TestRun::new().records(30).sink_to("out", &format!("file://{}", folder.path().display()), &json!({}));
    let run = run
        .telling("ops", "http://127.0.0.1:1/events", &["batch.signed", "run.completed"])
        .seeded(&ledger)
        .await?;
    sign(&run).await?;
    let log = ends(start(&run, "one", &["--tell-for", "0"]).await?).await?;
    assert!(log.contains("given up: they are dead letters"), "{log}");
    assert!(is_complete(&run).await?);
    assert_eq!(told(&run).await?, (0, 4));
    assert_eq!(crate::standing(&run).await?, [(3, 0, 0)]);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn without_its_key_nothing_is_sent() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let server = receiver().await?;
    let run = TestRun::new().records(20).telling("ops", &server.url(), &["run.completed"]).signing_events();
    let run = run.seeded(&ledger).await?;
    sign(&run).await?;
    let url = run.delivery_url().await?;
    ends(DeliveryProcess::start(&url, "demo", "one", &["--tell-for", "0"], &[])?).await?;
    assert!(server.calls().is_empty());
    let why = "SELECT last_error FROM chancery.events WHERE state = 'Dead'";
    let why: String = sqlx::query_scalar(why).fetch_one(ledger.ledger.pool()).await?;
    assert!(why.contains("there is no key; set CHANCERY_WEBHOOK_SECRET"), "{why}");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn an_event_whose_delivery_died_comes_again_as_the_same_event() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let server = receiver().await?;
    let run =
        TestRun::new().records(10).telling("ops", &server.url(), &["batch.signed"]).seeded(&ledger).await?;
    sign(&run).await?;
    let delivery = start(&run, "dead", &[]).await?;
    server.called(1).await;
    server.conduct(Conduct::Silent);
    // It may have been told before it could be silent.
    eventually("it is told of, or waits for an answer", async || {
        server.calls().len() > 1 || told(&run).await.is_ok_and(|told| told.0 > 0)
    })
    .await;
    delivery.kill().await?;
    server.conduct(Conduct::Answers);
    ledger.ledger.release_deliveries(&run.run, &["dead".to_owned()]).await?;
    ends(start(&run, "next", &[]).await?).await?;
    assert_eq!(told(&run).await?, (1, 0));
    let posted: BTreeSet<_> = server
        .calls()
        .into_iter()
        .filter(|call| call.method == "POST")
        .map(|call| (call.headers["webhook-id"].clone(), call.body))
        .collect();
    assert_eq!(posted.len(), 1, "{posted:?}");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn what_a_receiver_refuses_is_told_of_again_after_a_pause() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let server = receiver().await?;
    server.conduct(Conduct::Refuses(422));
    let run =
        TestRun::new().records(10).telling("ops", &server.url(), &["batch.signed"]).seeded(&ledger).await?;
    sign(&run).await?;
    let delivery = start(&run, "one", &[]).await?;
    let refused = "SELECT count(*) FROM chancery.events WHERE attempts = 1 AND last_error = 'it answered with status 422'";
    eventually("its refusal counts", async || {
        sqlx::query_scalar::<_, i64>(refused)
            .fetch_one(ledger.ledger.pool())
            .await
            .is_ok_and(|found| found == 1)
    })
    .await;
    server.conduct(Conduct::Answers);
    ledger
        .execute(
            "UPDATE chancery.events SET not_before = now() WHERE state = 'Pending' AND token_hash IS NULL",
        )
        .await?;
    ends(delivery).await?;
    let events = server.events();
    assert!(events.len() == 2 && events[0] == events[1], "{events:?}");
    assert_eq!(told(&run).await?, (1, 0));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn chancery_run_tells_of_a_run_that_has_no_sinks() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let server = receiver().await?;
    let events = ["run.started", "run.completed", "batch.signed"];
    let notifications = json!([{"name": "ops", "http": {"url": server.url()}, "events": events}]);
    let manifest = Manifest::new().of(20, 2, 10).with("notifications", notifications);
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    let told: BTreeSet<_> =
        server.events().iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect();
    let wanted = ["dev.chancery.batch.signed", "dev.chancery.run.completed", "dev.chancery.run.started"];
    assert_eq!((server.events().len(), told), (4, wanted.map(str::to_owned).into()));
    // It is the same run, and there is nothing to tell any more.
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    assert_eq!(server.events().len(), 4);
    let other = json!([{"name": "ops", "http": {"url": server.url()}, "events": ["run.completed"]}]);
    let refused = chancery.sign(&Manifest::new().of(20, 2, 10).with("notifications", other), &[]).await?;
    assert!(refused.stderr.contains("spec.notifications"), "{}", refused.stderr);
    Ok(())
}
