//! What is pushed to a run that has a policy is judged before it is taken in, and answered with rule and message.

use serde_json::json;

use crate::client::DEMO;
use crate::{Site, manifest};

#[tokio::test]
async fn what_is_pushed_is_judged_and_answered_with_rule_and_message() -> anyhow::Result<()> {
    let policy = json!({
        "validations": [
            {"name": "not-three", "expression": "record.number != 3", "message": "three is refused"},
            {"name": "small", "expression": "record.number < 8", "message": "a large number", "action": "Flag"},
            {"name": "of-six", "expression": "record.number != 6 || record.none == 1", "message": "six"},
        ],
        "enrichments": [{"field": "double", "expression": "record.number * 2"}],
    });
    let site = Site::with(&manifest().judged_by("numbers", &policy)).await?;
    let api = &site.served.api;
    let body = "{\"number\": 1}\n{\"number\": 3}\n{\"number\": 6}\n{\"number\": 9}\n{\"number\": 1}\n";
    let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "one")];
    let path = format!("{DEMO}/records");
    let first = api.ask("POST", &path, &headers, body).await?.expect(200)?;
    assert_eq!(first.states()?, ["admitted", "rejected", "dead", "admitted", "duplicate"]);
    let records = first.json()?["records"].clone();
    assert_eq!(records[1], json!({"state": "rejected", "rule": "not-three", "reason": "three is refused"}));
    assert_eq!((&records[2]["stage"], &records[2]["rule"]), (&json!("Policy"), &json!("of-six")));
    let flags = json!([{"rule": "small", "action": "Flag", "message": "a large number"}]);
    assert_eq!(records[3], json!({"state": "admitted", "record": 2, "flags": flags}));
    assert_eq!(records[0], json!({"state": "admitted", "record": 1}));
    // Sent again, it is answered as it was.
    let again = api.ask("POST", &path, &headers, body).await?.expect(200)?.json()?;
    assert_eq!((&again["repeated"], &again["records"]), (&json!(true), &records));

    let waited = api.push("?wait=60", "{\"number\": 10}").await?.expect(200)?.json()?;
    assert_eq!(waited["records"][0]["flags"], flags, "{waited}");
    let record = api.get(&format!("{DEMO}/records/2")).await?.expect(200)?.json()?;
    assert_eq!((&record["payload"], &record["flags"]), (&json!("eyJkb3VibGUiOjE4LCJudW1iZXIiOjl9"), &flags));
    // It is found by the digest that is shown, of what is signed.
    let digest = record["payloadDigest"].as_str().unwrap_or_default();
    let found = api.get(&format!("{DEMO}/records?digest={digest}")).await?.expect(200)?.json()?;
    assert_eq!(found["record"], 2, "{found}");
    let results = api.get(&format!("{DEMO}/results")).await?.expect(200)?.lines()?;
    assert_eq!(results.iter().map(|line| &line["flags"]).collect::<Vec<_>>(), [&json!(null), &flags, &flags]);
    let dead = api.get(&format!("{DEMO}/dead-letters")).await?.expect(200)?.lines()?;
    assert_eq!((dead.len(), &dead[0]["rule"]), (1, &json!("of-six")));

    api.seal().await?.expect(200)?;
    let arrivals = site.end().await?["arrivals"].clone();
    let wanted = json!({"received": 6, "admitted": 3, "duplicates": 1, "dead": 1, "rejected": 1, "flagged": 2, "alerts": 0});
    assert_eq!(arrivals, wanted);
    Ok(())
}
