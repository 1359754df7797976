//! The trace in which a record is pushed comes out again: in its line, and in what is told of it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chancery_kit::{WebhookServer, eventually};
use serde_json::{Value, json};

use crate::client::{DEMO, NDJSON};
use crate::{Site, manifest};

/// The trace of a request, the others of events.
const REQUEST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const EVENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn event(id: &str, traceparent: &Value) -> Value {
    json!({"specversion": "1.0", "type": "t", "source": "s", "id": id, "traceparent": traceparent})
}

#[tokio::test]
async fn the_trace_of_a_push_is_in_the_line_and_in_the_events_of_its_records() -> anyhow::Result<()> {
    let (folder, server) = (tempfile::tempdir()?, WebhookServer::saying(|_| Value::Null).await?);
    let sinks = json!([{"name": "out", "objects": {"url": format!("file://{}", folder.path().display())}}]);
    let told = json!([{"name": "ops", "http": {"url": server.url()}, "events": ["record.signed", "record.dead", "run.completed"]}]);
    let manifest = manifest()
        .with("sources", "[{name: push, http: {}, confirm: true}]")
        .with("sinks", sinks)
        .with("notifications", told);
    let site = Site::with(&manifest).await?;
    let push = async |headers: &[(&str, &str)], body: String| {
        let path = format!("{DEMO}/records");
        site.served.api.ask("POST", &path, headers, body).await?.expect(200)
    };
    let malformed = REQUEST.to_ascii_uppercase();
    push(&[("content-type", NDJSON), ("traceparent", REQUEST)], "1\n2\n{oops\n".to_owned()).await?;
    push(&[("content-type", NDJSON), ("traceparent", &malformed)], "3\n".to_owned()).await?;
    let events = json!([event("a", &json!(EVENT)), event("b", &json!("not a trace")), event("c", &json!(7))]);
    let batch = [("content-type", "application/cloudevents-batch+json"), ("traceparent", REQUEST)];
    push(&batch, events.to_string()).await?;
    let mut binary = vec![("content-type", "text/plain"), ("ce-specversion", "1.0"), ("ce-type", "t")];
    binary.extend([("ce-source", "s"), ("ce-id", "d"), ("ce-traceparent", EVENT)]);
    push(&binary, "data".to_owned()).await?;
    let wanted: BTreeMap<i64, Option<&str>> = (1..)
        .zip([Some(REQUEST), Some(REQUEST), None, Some(EVENT), Some(REQUEST), Some(REQUEST), Some(EVENT)])
        .collect();
    site.served.api.ask("POST", &format!("{DEMO}/seal"), &[], "").await?.expect(200)?;
    let count = async |sql: &'static str| {
        sqlx::query_scalar::<_, i64>(sql).fetch_one(site.ledger.ledger.pool()).await
    };
    assert_eq!(
        count("SELECT count(*) FROM chancery.traces").await?,
        4,
        "what came together in one trace is one row"
    );
    eventually("all is signed", async || {
        count("SELECT count(*) FROM chancery.signatures").await.is_ok_and(|signed| signed == 7)
    })
    .await;
    let exported = site.chancery.run(&["export", "demo", "signed"]).await?.expect_code(0)?.stdout;
    site.end().await?;

    let lines: Vec<Value> = exported.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let of_lines: BTreeMap<_, _> = lines
        .iter()
        .map(|line| {
            (line["record"].as_i64().unwrap_or_default(), line.get("traceparent").and_then(Value::as_str))
        })
        .collect();
    assert_eq!(of_lines, wanted);
    let mut brought = String::new();
    for batch in 1..=9 {
        let there = folder.path().join(format!("demo/{batch:010}.ndjson"));
        brought += &std::fs::read_to_string(there).unwrap_or_default();
    }
    assert_eq!(brought, exported, "a sink has the same lines");

    let mut of_events = BTreeMap::new();
    for call in server.calls().iter().filter(|call| call.method == "POST") {
        let event: Value = serde_json::from_str(&call.body)?;
        let (kind, extension) =
            (event["type"].as_str().context("a type")?, event.get("traceparent").cloned());
        let header = call.headers.get("traceparent").map(|header| json!(header));
        assert_eq!(header, extension, "{event}");
        match kind {
            "dev.chancery.record.signed" => {
                let record = event["data"]["record"].as_i64().context("a record")?;
                of_events.insert(record, extension.and_then(|trace| trace.as_str().map(str::to_owned)));
            }
            "dev.chancery.record.dead" => assert_eq!(extension, Some(json!(REQUEST))),
            other => assert_eq!((other, extension), ("dev.chancery.run.completed", None)),
        }
    }
    let wanted: BTreeMap<_, _> =
        wanted.into_iter().map(|(record, trace)| (record, trace.map(str::to_owned))).collect();
    assert_eq!(of_events, wanted);
    Ok(())
}
