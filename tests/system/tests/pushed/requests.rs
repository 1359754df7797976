//! What a request may be, and how one that is sent again is known.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::client::{Api, DEMO};
use crate::{Site, manifest};

#[tokio::test]
async fn nobody_without_a_token_learns_whether_a_run_exists() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let stranger = Api { token: "x".repeat(64), ..site.served.api.clone() };
    let mut said = Vec::new();
    for path in [&format!("{DEMO}/records/1"), "/v1/namespaces/default/runs/other/records/1", "/nothing"] {
        said.push(stranger.get(path).await?.expect(401)?.body);
    }
    said.dedup();
    assert_eq!(said.len(), 1, "the same is said of all: {said:?}");
    let refused = stranger.push("", "1\n").await?.expect(401)?;
    assert!(refused.head.contains("www-authenticate: bearer"), "{}", refused.head);
    let api = &site.served.api;
    let unknown = api.get("/v1/namespaces/default/runs/other/results").await?.expect(404)?.json()?;
    assert_eq!(unknown["type"], "tag:chancery.dev,2026:no-run");
    assert_eq!(stranger.get("/openapi.json").await?.expect(200)?.json()?["info"]["title"], "Chancery");
    api.seal().await?.expect(200)?;
    assert_eq!(site.end().await?["signed"], 0);
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_sent_again_under_its_name_is_answered_as_it_was() -> anyhow::Result<()> {
    // No payload is known again here: only the name of its request is.
    let site = Site::with(&manifest().with("idempotency", "{by: None}")).await?;
    let api = &site.served.api;
    let push = async |key, body: &'static str| {
        let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", key)];
        api.ask("POST", &format!("{DEMO}/records"), &headers, body).await
    };
    let first = push("one", "1\nno\n1\n").await?.expect(200)?.json()?;
    let other = push("two", "1\n").await?.expect(200)?.json()?;
    assert_eq!((&first["records"][2]["record"], &other["records"][0]["record"]), (&json!(2), &json!(3)));
    let again = push("one", "1\nno\n1\n").await?.expect(200)?.json()?;
    assert_eq!((&first["repeated"], &again["repeated"]), (&json!(false), &json!(true)));
    assert_eq!(first["records"], again["records"]);
    assert_eq!(push("one", "2\n").await?.expect(422)?.json()?["type"], "tag:chancery.dev,2026:other-content");
    // At once, one of them is the first.
    let twice = tokio::try_join!(
        push("three", "7\n"),
        push("three", "7\n"),
        push("three", "7\n"),
        push("three", "7\n")
    )?;
    let twice = [twice.0.json()?, twice.1.json()?, twice.2.json()?, twice.3.json()?];
    assert_eq!(twice.iter().filter(|answer| answer["repeated"] == false).count(), 1, "{twice:?}");
    assert!(twice.iter().all(|answer| answer["records"] == twice[0]["records"]), "{twice:?}");
    api.seal().await?.expect(200)?;
    assert_eq!(
        push("one", "1\nno\n1\n").await?.expect(200)?.json()?["records"],
        first["records"],
        "once it is sealed, too"
    );
    assert_eq!(site.end().await?["signed"], 4);
    Ok(())
}

#[tokio::test]
async fn payloads_are_known_by_an_expression_where_a_run_has_one() -> anyhow::Result<()> {
    let manifest = manifest().with("idempotency", "{by: Expression, expression: record.id}");
    let site = Site::with(&manifest).await?;
    let api = &site.served.api;
    let pushed = api.push("", "{\"id\": 1}\n{\"id\": 1, \"again\": true}\n{}\n").await?.expect(200)?;
    assert_eq!(pushed.states()?, ["admitted", "duplicate", "dead"]);
    assert_eq!(pushed.json()?["records"][2]["stage"], "Identity");
    api.seal().await?.expect(200)?;
    assert_eq!(site.end().await?["signed"], 1);
    Ok(())
}

#[tokio::test]
async fn the_type_of_a_body_says_what_its_records_are() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let api = &site.served.api;
    let path = format!("{DEMO}/records");
    let event = r#"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#;
    let binary = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "2"),
        ("ce-source", "s"),
        ("ce-type", "t"),
    ];
    for (headers, body, records) in [
        (&[("content-type", "application/json")][..], "[1,\n2]".to_owned(), 1),
        (&[("content-type", "text/csv")][..], "a,b\n1,2\n3,4\n".to_owned(), 2),
        (&[("content-type", "application/cloudevents+json")][..], event.to_owned(), 1),
        (&[("content-type", "application/cloudevents-batch+json")][..], format!("[{event}]"), 1),
        (&binary[..], "{\"a\":1}".to_owned(), 1),
        (&[("content-type", "text/plain")][..], "one\ntwo\n".to_owned(), 1),
    ] {
        let states = api.ask("POST", &path, headers, &body).await?.expect(200)?.states()?;
        assert_eq!(states.len(), records, "{headers:?}");
        let wanted = if headers[0].1.contains("batch") { "duplicate" } else { "admitted" };
        assert!(states.iter().all(|state| state == wanted), "{headers:?}: {states:?}");
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(b"\"packed\"\n\"one\"\n")?;
    let gzipped = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    let packed = api.ask("POST", &path, &gzipped, packed.finish()?).await?.expect(200)?;
    assert_eq!(packed.states()?, ["admitted", "admitted"], "it is taken in as it was before it was packed");
    let plain = api.push("", "\"one\"\n").await?.expect(200)?;
    assert_eq!(plain.states()?, ["duplicate"], "{plain:?}");
    let gzip: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03";
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    api.ask("POST", &path, &headers, gzip).await?.expect(400)?;
    api.ask("POST", &path, &[headers[0], ("content-encoding", "br")], "").await?.expect(415)?;
    api.ask("POST", &path, &[], "1").await?.expect(415)?;
    api.ask("POST", &path, &[headers[0]], "1\n".repeat(10_001)).await?.expect(413)?;
    api.ask("POST", &path, &[headers[0]], "no\n".repeat(1_001)).await?.expect(422)?;
    api.ask("POST", &format!("{path}?wait=61"), &[headers[0]], "1").await?.expect(400)?;
    api.ask("POST", &format!("{path}?wiat=1"), &[headers[0]], "1").await?.expect(400)?;
    api.ask("PUT", &path, &[headers[0]], "1").await?.expect(405)?;
    assert_eq!(api.seal().await?.expect(200)?.json()?["records"], 8, "nothing of what was refused is there");
    assert_eq!(site.end().await?["signed"], 8);
    Ok(())
}
