//! From a request to a signature.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chancery_kit::eventually;
use serde_json::json;

use crate::client::DEMO;
use crate::{Site, manifest};

#[tokio::test]
async fn what_is_pushed_is_signed_as_it_comes_and_the_run_is_complete_once_it_is_sealed() -> anyhow::Result<()>
{
    // A batch is never full here: its period closes it.
    let site = Site::with(&manifest().with("batchSize", 1_000)).await?;
    let api = &site.served.api;
    let pushed =
        api.push("?wait=60", "{\"id\": 1}\n{oops\n\n{\"id\": 2}\n{\"id\": 1}\n").await?.expect(200)?;
    assert_eq!(pushed.states()?, ["admitted", "dead", "admitted", "duplicate"]);
    let records = pushed.json()?["records"].clone();
    assert_eq!((&records[0]["record"], &records[2]["record"]), (&json!(1), &json!(2)));
    assert_eq!((&records[3]["ofRun"], &records[3]["ofRecord"]), (&json!("demo"), &json!(1)));
    assert_eq!(records[1]["stage"], "Parse");
    assert_eq!(records[3]["signed"], records[0]["signed"], "a duplicate has the signature of its record");
    let signed = &records[0]["signed"];
    assert_eq!(signed["algorithm"], "EdDSA");
    assert_eq!(signed["signature"].as_str().map(str::len), Some(86), "64 bytes in base64url: {signed}");

    let record = api.get(&format!("{DEMO}/records/2")).await?.expect(200)?.json()?;
    assert_eq!(record["payload"], "eyJpZCI6IDJ9");
    assert_eq!(record["signed"], records[2]["signed"]);
    let digest = record["payloadDigest"].as_str().unwrap_or_default();
    let found = api.get(&format!("{DEMO}/records?digest={digest}")).await?.expect(200)?.json()?;
    assert_eq!(found, record);
    let keys = api.get(&format!("{DEMO}/jwks.json")).await?.expect(200)?.json()?;
    let keys = keys["keys"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(keys.iter().any(|key| key["kid"] == signed["keyId"]), "{keys:?}");

    assert_eq!(api.push("?wait=60", "{\"id\": 3}").await?.expect(200)?.json()?["records"][0]["record"], 3);
    let results = api.get(&format!("{DEMO}/results?limit=2")).await?.expect(200)?;
    assert!(results.head.contains("link: <?after=2>; rel=\"next\""), "{}", results.head);
    assert_eq!(
        results.lines()?.iter().map(|line| line["record"].as_i64()).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
    let rest = api.get(&format!("{DEMO}/results?after=2")).await?.expect(200)?.lines()?;
    assert_eq!(rest.iter().map(|line| line["record"].as_i64()).collect::<Vec<_>>(), [Some(3)]);
    let dead = api.get(&format!("{DEMO}/dead-letters")).await?.expect(200)?.lines()?;
    assert_eq!((dead.len(), &dead[0]["cursor"], &dead[0]["source"]), (1, &json!("1.1.1"), &json!("push")));
    assert!(api.get(&format!("{DEMO}/dead-letters?after=1.1.1")).await?.expect(200)?.lines()?.is_empty());

    assert_eq!(api.seal().await?.expect(200)?.json()?["records"], 3);
    assert_eq!(api.seal().await?.expect(200)?.json()?["records"], 3, "it may be called again");
    let refused = api.push("", "{\"id\": 4}").await?.expect(409)?.json()?;
    assert_eq!(refused["type"], "tag:chancery.dev,2026:sealed");
    let summary = site.end().await?;
    assert_eq!((&summary["signed"], &summary["arrivals"]["received"]), (&json!(3), &json!(5)), "{summary}");
    Ok(())
}

#[tokio::test]
async fn what_is_signed_in_an_envelope_is_given_in_it() -> anyhow::Result<()> {
    for (envelope, in_it) in [("JWS", true), ("JWSDetached", false)] {
        let manifest = manifest().with("envelope", envelope).with("contentType", "JWT");
        let site = Site::with(&manifest).await?;
        let api = &site.served.api;
        let pushed = api.push("?wait=60", "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3}\n").await?.expect(200)?;
        let pushed = pushed.json()?["records"].clone();
        let lines = api.get(&format!("{DEMO}/results")).await?.expect(200)?.lines()?;
        assert_eq!(lines.len(), 3);
        for (line, pushed) in lines.iter().zip(pushed.as_array().into_iter().flatten()) {
            let record = api.get(&format!("{DEMO}/records/{}", line["record"])).await?.expect(200)?.json()?;
            assert_eq!(record["signed"], line["signed"]);
            let text = record["signed"]["envelope"].as_str().unwrap_or_default();
            let parts: Vec<_> = text.split('.').collect();
            let [header, payload, signature] = parts[..] else { anyhow::bail!("{text}") };
            let header: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
            assert_eq!((&header["typ"], &header["kid"]), (&json!("JWT"), &record["signed"]["keyId"]));
            assert_eq!(record["signed"]["signature"], signature);
            let expected =
                if in_it { STANDARD.decode(record["payload"].as_str().unwrap_or_default())? } else { vec![] };
            assert_eq!(URL_SAFE_NO_PAD.decode(payload)?, expected);
            assert_eq!(pushed["signed"], record["signed"]);
        }
        let path = format!("{DEMO}/records?wait=60");
        let empty =
            api.ask("POST", &path, &[("content-type", "text/plain")], "").await?.expect(200)?.json()?;
        assert!(empty["records"][0]["signed"]["envelope"].is_string(), "{empty}");
        // An answer has a MiB of payloads in envelopes, and their signatures all the same.
        let long = format!("\"{}\"\n\"{}\"\n", "a".repeat(700_000), "b".repeat(700_000));
        let long = api.push("?wait=60", long).await?.expect(200)?.json()?["records"].clone();
        assert!(long[1]["signed"]["signature"].is_string());
        let given = [0, 1].map(|place: usize| long[place]["signed"]["envelope"].is_string());
        assert_eq!(given, [true, !in_it]);
        api.seal().await?.expect(200)?;
        site.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_keys_of_a_keyring_that_has_a_name_are_those_of_its_runs() -> anyhow::Result<()> {
    let site = Site::with(&manifest().with("keyringRef", "{name: ring}")).await?;
    let api = &site.served.api;
    let mut of_ring = json!(null);
    eventually("its keys are made", async || {
        let Ok(answer) = api.get("/v1/namespaces/default/keyrings/ring/jwks.json").await else {
            return false;
        };
        of_ring = answer.json().unwrap_or_default();
        of_ring["keys"].as_array().map(Vec::len) == Some(4)
    })
    .await;
    assert_eq!(api.get(&format!("{DEMO}/jwks.json")).await?.expect(200)?.json()?, of_ring);
    api.get("/v1/namespaces/default/keyrings/other/jwks.json").await?.expect(404)?;
    api.seal().await?.expect(200)?;
    site.end().await?;
    Ok(())
}

/// What proc(5) says of a process or a thread: its name, its parent, and its niceness.
fn stat(path: &Path) -> Option<(String, i64, i64)> {
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    let (name, fields) = stat.rsplit_once(") ")?;
    let field = |number: usize| fields.split(' ').nth(number - 3)?.parse().ok();
    Some((name.to_owned(), field(4)?, field(19)?))
}

/// The niceness of each thread of the signers that a process has started.
fn niceness_of_signers(parent: u32) -> Vec<i64> {
    let folders = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_signer = |path: &Path| {
        stat(path).is_some_and(|(name, of, _)| name.contains("chancery-signer") && of == i64::from(parent))
    };
    let signers = folders(Path::new("/proc")).filter(|path| is_signer(path));
    let threads = signers.flat_map(|path| folders(&path.join("task")));
    threads.filter_map(|thread| Some(stat(&thread)?.2)).collect()
}

#[tokio::test]
async fn signers_let_those_go_first_that_take_records_in() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    site.served.api.push("?wait=60", "1\n").await?.expect(200)?;
    let (_, _, own) = stat(Path::new("/proc/self")).expect("this process");
    let niceness = niceness_of_signers(site.run.id().unwrap_or_default());
    assert!(!niceness.is_empty() && niceness.iter().all(|nice| *nice == own + 5), "{own}: {niceness:?}");
    site.served.api.seal().await?.expect(200)?;
    assert_eq!(site.end().await?["signed"], 1);
    Ok(())
}

#[tokio::test]
async fn a_run_is_sealed_once_it_has_as_many_records_as_it_may_have() -> anyhow::Result<()> {
    let site = Site::with(&manifest().with("recordCount", 3)).await?;
    let api = &site.served.api;
    assert_eq!(
        api.push("", "1\n1\n2\n").await?.expect(200)?.states()?,
        ["admitted", "duplicate", "admitted"]
    );
    let pushed = api.push("", "2\n3\n4\nno\n").await?.expect(200)?;
    assert_eq!(pushed.states()?, ["duplicate", "admitted", "rejected", "rejected"]);
    api.push("", "5\n").await?.expect(409)?;
    let summary = site.end().await?;
    assert_eq!((&summary["signed"], &summary["arrivals"]["received"]), (&3.into(), &5.into()), "{summary}");
    Ok(())
}

#[tokio::test]
async fn more_is_refused_for_as_long_as_too_much_is_unsigned() -> anyhow::Result<()> {
    // A batch waits for an hour: so nothing is signed before the run is sealed.
    let sources = "[{name: push, http: {maxPending: 2}}]";
    let site = Site::with(&manifest().with("sources", sources).with("batching", "{period: 1h}")).await?;
    let api = &site.served.api;
    let named = async || {
        let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "one")];
        api.ask("POST", &format!("{DEMO}/records"), &headers, "1\n2\n3\n").await?.expect(200)
    };
    named().await?;
    let refused = api.push("", "4\n").await?.expect(429)?;
    // What was taken in before is answered as it was.
    assert_eq!(named().await?.json()?["repeated"], true);
    assert!(refused.head.contains("retry-after: 1"), "{}", refused.head);
    assert!(refused.head.contains("content-type: application/problem+json"), "{}", refused.head);
    api.seal().await?.expect(200)?;
    assert_eq!(site.end().await?["signed"], 3);
    Ok(())
}
