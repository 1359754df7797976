//! What is pushed to a run whose policy asks a webhook waits until that has answered, and can be waited for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use chancery_kit::{Conduct, Manifest, WebhookServer, children_of, eventually};
use futures::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::client::{DEMO, Served};
use crate::killed::push_all;
use crate::{Site, manifest};

/// A record has as many points as its number: eight and more flag it, ten and more reject it.
fn asking(webhook: &WebhookServer) -> Manifest {
    let policy = json!({
        "webhooks": [{"name": "model", "url": webhook.url(), "adds": "score", "timeout": "1m"}],
        "thresholds": {"flag": 8, "reject": 10},
        "retryStrategy": {"limit": 3, "backoff": {"duration": "1ms", "maxDuration": "1ms"}},
    });
    manifest().judged_by("scored", &policy)
}

fn of(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| format!("{{\"number\": {number}}}\n")).collect()
}

fn field(answer: &Value, name: &str) -> Vec<Value> {
    let records = answer["records"].as_array().map_or(&[][..], Vec::as_slice);
    records.iter().map(|record| record[name].clone()).collect()
}

#[tokio::test]
async fn what_is_pushed_waits_for_a_webhook_and_is_answered_with_what_it_became() -> anyhow::Result<()> {
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Silent);
    let site = Site::with(&asking(&webhook)).await?;
    let api = &site.served.api;
    let path = format!("{DEMO}/records");
    let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "one")];
    let push =
        async |wait: &str| api.ask("POST", &format!("{path}{wait}"), &headers, of([1, 9, 12, 1])).await;
    let waiting = push("").await?.expect(200)?;
    assert_eq!(waiting.states()?, ["waiting"; 4]);
    assert_eq!(waiting.json()?["records"][0], json!({"state": "waiting"}));
    assert_eq!(push("?wait=1").await?.expect(200)?.states()?, ["waiting"; 4], "the time is over");
    webhook.called(1).await;

    webhook.conduct(Conduct::Answers);
    let answered = push("?wait=60").await?.expect(200)?;
    assert_eq!(answered.states()?, ["admitted", "admitted", "rejected", "duplicate"]);
    let answered = answered.json()?;
    assert_eq!(answered["repeated"], true);
    assert_eq!(field(&answered, "record"), [json!(1), json!(2), json!(null), json!(null)]);
    assert_eq!(field(&answered, "rule")[2], "thresholds");
    assert_eq!(answered["records"][1]["flags"][1]["rule"], "thresholds", "{answered}");
    assert_eq!(answered["records"][3]["ofRecord"], 1);
    for record in [0, 1, 3] {
        assert!(answered["records"][record]["signed"]["signature"].is_string(), "{answered}");
    }
    let repeated = push("").await?.expect(200)?.json()?;
    assert_eq!(field(&repeated, "record"), field(&answered, "record"), "{repeated}");
    let fresh = api.push("?wait=60", of([2, 11])).await?.expect(200)?;
    assert_eq!(fresh.states()?, ["admitted", "rejected"]);

    webhook.conduct(Conduct::Silent);
    assert_eq!(api.push("", of([3])).await?.expect(200)?.states()?, ["waiting"]);
    assert_eq!(api.seal().await?.expect(202)?.json()?, json!({"run": "default/demo"}));
    assert_eq!(api.push("", of([4])).await?.expect(409)?.json()?["type"], "tag:chancery.dev,2026:sealed");
    webhook.conduct(Conduct::Answers);
    let summary = site.end().await?;
    let wanted = json!({"received": 7, "admitted": 4, "duplicates": 1, "dead": 0, "rejected": 2, "flagged": 1, "alerts": 0});
    assert_eq!(summary["arrivals"], wanted);
    Ok(())
}

/// The time of the request is over before the webhook has answered about one of them.
#[tokio::test]
async fn signatures_are_answered_whatever_one_record_of_the_request_waits_for() -> anyhow::Result<()> {
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Silent);
    let policy = json!({
        "matchConditions": [{"name": "some", "expression": "record.number > 5"}],
        "webhooks": [{"name": "model", "url": webhook.url(), "adds": "score", "timeout": "1m"}],
        "thresholds": {"flag": 8, "reject": 10},
    });
    let site = Site::with(&manifest().judged_by("scored", &policy)).await?;
    let api = &site.served.api;
    assert_eq!(api.push("?wait=60", of([1, 2])).await?.expect(200)?.states()?, ["admitted"; 2]);
    // The first two are duplicates of records that are signed; the third is signed while the fourth waits.
    let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "one")];
    let push = async |wait: &str| {
        api.ask("POST", &format!("{DEMO}/records{wait}"), &headers, of([1, 2, 3, 9])).await
    };
    let states = ["duplicate", "duplicate", "admitted", "waiting"];
    assert_eq!(push("").await?.expect(200)?.states()?, states);
    eventually("the third is signed", async || {
        let record = api.get(&format!("{DEMO}/records/3")).await;
        record.is_ok_and(|record| record.json().is_ok_and(|record| record["signed"].is_object()))
    })
    .await;
    let answered = push("?wait=1").await?.expect(200)?;
    assert_eq!(answered.states()?, states);
    let answered = answered.json()?;
    for record in 0..3 {
        assert!(answered["records"][record]["signed"]["signature"].is_string(), "{answered}");
    }
    webhook.conduct(Conduct::Answers);
    assert_eq!(push("?wait=60").await?.expect(200)?.states()?[3], "admitted");
    api.seal().await?;
    assert_eq!(site.end().await?["signed"], 4);
    Ok(())
}

#[tokio::test]
async fn a_request_that_asks_for_more_than_there_will_be_room_for_is_refused_for_good_and_the_run_is_filled()
-> anyhow::Result<()> {
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Silent);
    let site = Site::with(&asking(&webhook).with("recordCount", 4)).await?;
    let api = &site.served.api;
    let refused = async |numbers: std::ops::Range<u32>, status| {
        anyhow::Ok(api.push("", of(numbers)).await?.expect(status)?.json()?["type"].clone())
    };
    // Nothing waits, and nothing will leave room.
    assert_eq!(refused(1..6, 422).await?, "tag:chancery.dev,2026:too-many-records");
    assert_eq!(api.push("", of(1..4)).await?.expect(200)?.states()?, ["waiting"; 3]);
    assert_eq!(refused(4..6, 429).await?, "tag:chancery.dev,2026:waiting");
    assert_eq!(refused(4..9, 422).await?, "tag:chancery.dev,2026:too-many-records");
    assert_eq!(api.push("", "no JSON").await?.expect(200)?.states()?, ["dead"]);
    webhook.conduct(Conduct::Answers);
    assert_eq!(api.push("?wait=60", of([4])).await?.expect(200)?.states()?, ["admitted"]);
    let summary = site.end().await?;
    assert_eq!((&summary["signed"], &summary["arrivals"]["dead"]), (&4.into(), &1.into()), "{summary}");
    Ok(())
}

#[tokio::test]
async fn gateways_and_intakes_that_are_killed_lose_nothing_that_waits_and_judge_nothing_twice()
-> anyhow::Result<()> {
    let webhook = WebhookServer::saying(|_| json!({"score": 1})).await?;
    let mut site = Site::with(&asking(&webhook)).await?;
    let (api, answered) = (Mutex::new(site.served.api.clone()), Arc::new(Mutex::new(BTreeSet::new())));
    let pushing =
        join_all((0..4_u32).map(|client| push_all(&api, client * 50..(client + 1) * 50, &answered)));
    let count = || answered.lock().map_or(0, |answered| answered.len());
    let signing = site.run.id().and_then(|pid| i32::try_from(pid).ok()).context("it has ended")?;
    let intake = async || {
        let mut found = None;
        eventually("an intake runs", async || {
            let is_intake = |pid: &i32| {
                std::fs::read_to_string(format!("/proc/{pid}/comm"))
                    .is_ok_and(|name| name.trim() == "chancery-intake")
            };
            found = children_of(signing).into_iter().find(is_intake);
            found.is_some()
        })
        .await;
        found.context("an intake")
    };
    let killing = async {
        for round in 1..=2 {
            eventually("some more are answered", async || count() >= round * 60).await;
            kill(Pid::from_raw(intake().await?), Signal::SIGKILL)?;
            site.served.child.kill().await?;
            site.served = Served::start(&site.chancery).await?;
            if let Ok(mut api) = api.lock() {
                *api = site.served.api.clone();
            }
        }
        anyhow::Ok(())
    };
    let ((), killed) = tokio::join!(async { drop(pushing.await) }, killing);
    killed?;
    assert_eq!(count(), 200);
    let sealed = site.served.api.seal().await?;
    assert!([200, 202].contains(&sealed.status), "{sealed:?}");
    let summary = site.end().await?;
    assert_eq!((&summary["signed"], &summary["arrivals"]["dead"]), (&200.into(), &0.into()), "{summary}");
    Ok(())
}
