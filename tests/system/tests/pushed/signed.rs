//! From a request to a signature.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chancery_kit::eventually;
use serde_json::{Value, json};

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

/// A finished envelope of EdDSA names the type and the key, and holds the signature that is shown beside it.
fn check_finished(
    envelope: &str,
    content_type: &str,
    record: &Value,
    payload_in_it: &[u8],
) -> anyhow::Result<()> {
    let member = |name: &str| record["signed"][name].as_str().unwrap_or_default();
    let (text, key) = (member("envelope"), member("keyId"));
    let signature = URL_SAFE_NO_PAD.decode(member("signature"))?;
    match envelope {
        "COSESign1" => {
            // All lengths are known: of the header 67 bytes, of the thumbprint 43, of the signature 64.
            let length = u8::try_from(payload_in_it.len())?;
            assert_eq!((content_type.len(), length < 24), (16, true));
            let header = &b"\xd2\x84\x58\x43\xa3\x01\x27\x03\x70"[..];
            let expected = [
                header,
                content_type.as_bytes(),
                b"\x04\x58\x2b",
                key.as_bytes(),
                &[0xa0, 0x40 + length],
                payload_in_it,
                b"\x58\x40",
                &signature,
            ];
            assert_eq!(STANDARD.decode(text)?, expected.concat());
        }
        "DSSE" => {
            let expected = json!({
                "payload": STANDARD.encode(payload_in_it), "payloadType": content_type,
                "signatures": [{"keyid": key, "sig": STANDARD.encode(&signature)}],
            });
            assert_eq!(serde_json::from_str::<Value>(text)?, expected);
        }
        _ => {
            let parts: Vec<_> = text.split('.').collect();
            let [header, payload, last] = parts[..] else { anyhow::bail!("{text}") };
            let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
            assert_eq!((&header["typ"], &header["kid"]), (&json!(content_type), &json!(key)));
            assert_eq!(last, member("signature"));
            assert_eq!(URL_SAFE_NO_PAD.decode(payload)?, payload_in_it);
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_signed_in_an_envelope_is_given_in_it() -> anyhow::Result<()> {
    for (envelope, content_type, in_it) in [
        ("JWS", "JWT", true),
        ("JWSDetached", "application/json", false),
        ("COSESign1", "application/json", true),
        ("DSSE", "https://in-toto.io/Statement/v1", true),
    ] {
        let manifest = manifest().with("envelope", envelope).with("contentType", content_type);
        let site = Site::with(&manifest).await?;
        let api = &site.served.api;
        let pushed = api.push("?wait=60", "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3}\n").await?.expect(200)?;
        let pushed = pushed.json()?["records"].clone();
        let lines = api.get(&format!("{DEMO}/results")).await?.expect(200)?.lines()?;
        assert_eq!(lines.len(), 3);
        for (line, pushed) in lines.iter().zip(pushed.as_array().into_iter().flatten()) {
            let record = api.get(&format!("{DEMO}/records/{}", line["record"])).await?.expect(200)?.json()?;
            assert_eq!(record["signed"], line["signed"]);
            assert_eq!(pushed["signed"], record["signed"]);
            let payload = STANDARD.decode(record["payload"].as_str().unwrap_or_default())?;
            check_finished(envelope, content_type, &record, if in_it { &payload[..] } else { &[] })?;
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
async fn a_message_of_ethereum_and_its_key_are_given_as_they_are_exported() -> anyhow::Result<()> {
    let site = Site::with(&manifest().with("algorithm", "ES256K").with("envelope", "EIP191")).await?;
    let api = &site.served.api;
    let mut set = json!(null);
    eventually("all keys are made", async || {
        let Ok(answer) = api.get(&format!("{DEMO}/jwks.json")).await else { return false };
        set = answer.json().unwrap_or_default();
        set["keys"].as_array().map(Vec::len) == Some(4)
    })
    .await;
    let jwks = site.chancery.run(&["export", "demo", "jwks"]).await?.expect_code(0)?.json()?;
    assert_eq!(jwks, set);

    let pushed =
        api.push("?wait=60", "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3}\n").await?.expect(200)?.json()?;
    let results = api.get(&format!("{DEMO}/results")).await?.expect(200)?.lines()?;
    let exported = site.chancery.run(&["export", "demo", "signed"]).await?.expect_code(0)?.stdout;
    let exported: Vec<Value> = exported.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!((results.len(), exported.len()), (3, 3));
    for (place, line) in exported.iter().enumerate() {
        let record = api.get(&format!("{DEMO}/records/{}", line["record"])).await?.expect(200)?.json()?;
        let signed = &record["signed"];
        assert_eq!((&results[place]["signed"], &pushed["records"][place]["signed"]), (signed, signed));
        assert_eq!(record["payload"], line["payload"]);
        for (here, there) in [
            ("keyId", "key"),
            ("digest", "digest"),
            ("algorithm", "algorithm"),
            ("signedAt", "signedAt"),
            ("envelope", "envelope"),
            ("address", "address"),
        ] {
            assert!(line[there].is_string(), "{there}: {line}");
            assert_eq!(signed[here], line[there], "{here}");
        }
        let signature = URL_SAFE_NO_PAD.decode(signed["signature"].as_str().unwrap_or_default())?;
        assert_eq!(line["signature"], STANDARD.encode(&signature));
        let digits: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((signature.len(), &line["envelope"]), (65, &json!(format!("0x{digits}"))));
        let keys = set["keys"].as_array().into_iter().flatten();
        let named: Vec<_> = keys.filter(|key| key["kid"] == line["key"]).collect();
        assert_eq!(named.iter().map(|key| &key["address"]).collect::<Vec<_>>(), [&line["address"]]);
    }
    api.seal().await?.expect(200)?;
    assert_eq!(site.end().await?["signed"], 3);
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
