//! Dead letters that are signed after all, by way of the API.

use chancery_kit::{Manifest, independent_audit};
use serde_json::{Value, json};

use crate::client::{Answer, Api, DEMO};
use crate::{Site, manifest};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn redrive(api: &Api, run: &str, body: &Value) -> anyhow::Result<Answer> {
    let path = format!("/v1/namespaces/default/runs/{run}/dead-letters/redrive");
    api.ask("POST", &path, &[JSON], body.to_string()).await
}

/// The problem of an answer, by the end of its type.
async fn refused(answer: Answer, status: u16) -> anyhow::Result<String> {
    let problem = answer.expect(status)?.json()?;
    let kind = problem["type"].as_str().unwrap_or_default().to_owned();
    Ok(kind.trim_start_matches("tag:chancery.dev,2026:").to_owned())
}

#[tokio::test]
async fn dead_letters_are_signed_by_a_run_of_their_own_when_a_client_asks_for_it() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let api = site.served.api.clone();
    api.push("", "1\nno\nnor this\n").await?.expect(200)?;
    let into = json!({"into": "demo-2"});
    assert_eq!(refused(redrive(&api, "demo", &into).await?, 409).await?, "unsealed");
    api.seal().await?.expect(200)?;
    let taken = redrive(&api, "demo", &into).await?.expect(202)?.json()?;
    assert_eq!(taken, json!({"run": "default/demo-2"}));
    // While it is at work, it is the same one.
    assert_eq!(redrive(&api, "demo", &into).await?.expect(202)?.json()?, taken);
    let events = api.get("/v1/namespaces/default/runs/demo-2/events").await?.expect(200)?.body;
    let last = events.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    let last: Value = serde_json::from_str(last)?;
    assert_eq!((&last["signed"], &last["complete"]), (&json!(2), &json!(true)), "{events}");
    let payload = api.get("/v1/namespaces/default/runs/demo-2/records/1").await?.expect(200)?.json()?;
    assert_eq!(payload["payload"], "bm8=", "as it was kept");
    redrive(&api, "demo", &into).await?.expect(202)?;

    for (run, body, status, kind) in [
        ("other", into.clone(), 404, "no-run"),
        ("demo", json!({"into": "demo"}), 409, "name-taken"),
        ("demo", json!({"into": "Not a name"}), 400, "bad-request"),
        ("demo", json!({"into": "demo-3", "more": 1}), 400, "bad-request"),
        ("demo", json!({}), 409, "nothing-selected"),
        ("demo", json!({"select": {"selector": "verdict == 1"}}), 400, "bad-request"),
        ("demo", json!({"select": {"olderThan": "soon"}}), 400, "bad-request"),
    ] {
        assert_eq!(refused(redrive(&api, run, &body).await?, status).await?, kind, "{body}");
    }
    let path = format!("{DEMO}/dead-letters/redrive");
    api.ask("POST", &path, &[("content-type", "text/plain")], into.to_string()).await?.expect(415)?;
    let Site { ledger, chancery, served, run } = site;
    let ended = served.stop().await?.expect_code(0)?;
    assert!(!ended.stderr.contains("error"), "{}", ended.stderr);
    chancery.run(&["verify", "demo-2"]).await?.expect_code(0)?;
    let report = independent_audit(&ledger.url, "default", "demo-2").await?;
    assert!(report.is_none_or(|report| report.holds));
    drop(run);
    Ok(())
}

#[tokio::test]
async fn what_no_run_on_this_machine_can_read_again_is_refused() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let api = site.served.api.clone();
    let generated = Manifest::new().named("generated").of(10, 1, 10);
    site.chancery.sign(&generated, &[]).await?.expect_code(0)?;
    let answer = redrive(&api, "generated", &json!({"into": "again"})).await?;
    assert_eq!(refused(answer, 409).await?, "not-read-again");
    let problem = redrive(&api, "generated", &json!({})).await?.expect(404)?.json()?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("has no dead letters: its records are generated"), "{detail}");
    api.seal().await?.expect(200)?;
    assert_eq!(site.end().await?["signed"], 0);
    Ok(())
}

#[tokio::test]
async fn dead_letters_of_a_clusters_run_are_signed_by_a_signing_run() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let api = site.served.api.clone();
    api.push("", "no\n").await?.expect(200)?;
    api.seal().await?.expect(200)?;
    api.get(&format!("{DEMO}/events")).await?.expect(200)?;
    sqlx::query("UPDATE chancery.runs SET namespace_uid = uid").execute(site.ledger.ledger.pool()).await?;
    let problem = redrive(&api, "demo", &json!({"into": "demo-2"})).await?.expect(409)?.json()?;
    assert_eq!(problem["type"], "tag:chancery.dev,2026:of-cluster");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("`chancery dead-letters redrive default/demo --into demo-2 -o yaml`"),
        "{detail}"
    );
    assert!(site.ledger.ledger.find_run("default", "demo-2").await.is_err(), "nothing is made");
    Ok(())
}

/// What was answered is answered again, whatever became of it since.
#[tokio::test]
async fn dead_letters_of_an_open_run_are_taken_up_by_it_and_what_was_answered_stays() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let api = site.served.api.clone();
    let named = [("content-type", "application/x-ndjson"), ("idempotency-key", "one")];
    let records = format!("{DEMO}/records");
    let body = "1\nno\n2\nno\nnor this\n";
    let first = api.ask("POST", &records, &named, body).await?.expect(200)?;
    assert_eq!(first.states()?, ["admitted", "dead", "admitted", "dead", "dead"]);
    let first = first.json()?["records"].clone();
    let letters = api.get(&format!("{DEMO}/dead-letters")).await?.expect(200)?.lines()?;
    let cursor = letters[0]["cursor"].as_str().unwrap_or_default();

    let short = json!({"select": {"selector": "bytes == 2"}});
    let taken = redrive(&api, "demo", &short).await?.expect(200)?.json()?;
    let wanted = json!({"run": "default/demo", "act": 1, "admitted": 1, "duplicates": 1, "rejected": 0, "dead": 0, "leftOut": 0});
    assert_eq!(taken, wanted);
    assert_eq!(refused(redrive(&api, "demo", &short).await?, 409).await?, "nothing-selected");
    let again = api.ask("POST", &records, &named, body).await?.expect(200)?.json()?;
    assert_eq!((&again["repeated"], &again["records"]), (&json!(true), &first));

    let shown = api.get(&format!("{DEMO}/dead-letters/{cursor}")).await?.expect(200)?.json()?;
    assert_eq!(
        (&shown["state"], &shown["history"][0]["by"]),
        (&json!("admitted"), &json!("the API's token"))
    );
    let log = api.get(&format!("{DEMO}/dead-letters/log")).await?.expect(200)?.json()?;
    assert_eq!((&log["acts"][0]["letters"], &log["acts"][0]["admitted"]), (&json!(2), &json!(1)), "{log}");
    for (path, status) in [("1.1.99", 404), ("1.1", 400), ("x", 400)] {
        api.get(&format!("{DEMO}/dead-letters/{path}")).await?.expect(status)?;
    }
    let discard = async |body: Value| {
        api.ask("POST", &format!("{DEMO}/dead-letters/discard"), &[JSON], body.to_string()).await
    };
    for body in [
        json!({}),
        json!({"select": {}}),
        json!({"select": {"reason": ""}}),
        json!({"all": true, "select": {"stage": "Policy"}}),
    ] {
        assert_eq!(refused(discard(body.clone()).await?, 400).await?, "bad-request", "{body}");
    }
    let discarded = discard(json!({"all": true})).await?.expect(200)?.json()?;
    assert_eq!(discarded, json!({"run": "default/demo", "act": 2, "discarded": 1, "leftOut": 0}));
    assert_eq!(refused(discard(json!({"all": true})).await?, 409).await?, "nothing-selected");

    api.seal().await?.expect(200)?;
    assert_eq!(refused(redrive(&api, "demo", &json!({})).await?, 409).await?, "nothing-selected");
    let arrivals = site.end().await?["arrivals"].clone();
    assert_eq!(
        (&arrivals["received"], &arrivals["admitted"], &arrivals["dead"]),
        (&json!(5), &json!(3), &json!(1))
    );
    Ok(())
}
