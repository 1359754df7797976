//! What a signer tells a collector of traces.

use chancery_kit::{TestLedger, TestRun};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::collector::{Collector, text};
use crate::pod::PodSpec;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test]
async fn a_trace_goes_from_the_operator_through_the_signer_to_sql() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).batch_size(10).seeded(&ledger).await?;
    let collector = Collector::start().await?;
    let mut pod = PodSpec::of(&run)?
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .with("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=chancery")
        .with("TRACEPARENT", format!("00-{TRACE}-{PARENT}-01"))
        // Which lines are logged is another question.
        .with("RUST_LOG", "error")
        .start()?;
    let (code, log) = pod.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log, "", "nothing went wrong");

    let exports = collector.exports();
    let export = exports.first().expect("something was sent before the signer ended");
    assert!(export.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", export.head);
    assert!(export.head.contains("\r\nx-tenant: chancery"), "{}", export.head);
    let resource = export.request.resource_spans[0].resource.as_ref().expect("who sends");
    assert_eq!(text(&resource.attributes, "service.name"), Some("chancery-signer"));

    let spans = collector.spans();
    for span in &spans {
        assert_eq!(hex(&span.trace_id), TRACE, "{}", span.name);
    }
    let signers = named(&spans, "signer");
    assert_eq!(signers.len(), 1);
    assert_eq!(hex(&signers[0].parent_span_id), PARENT);
    assert_eq!(text(&signers[0].attributes, "run"), Some("default/demo"));

    let batches = named(&spans, "batch");
    assert_eq!(batches.len(), 3);
    let within = |batch: &Span, names: &[&str]| {
        let spans = names.iter().flat_map(|name| named(&spans, name));
        spans.filter(|span| span.parent_span_id == batch.span_id).count()
    };
    for batch in &batches {
        assert_eq!(batch.parent_span_id, signers[0].span_id);
        assert_eq!(text(&batch.attributes, "outcome"), Some("stored"));
        assert_eq!(within(batch, &["sign"]), 1);
        assert_eq!(within(batch, &["batch_store", "batch_store_fetch"]), 1, "each is stored once");
    }
    let fetched = [named(&spans, "records_fetch"), named(&spans, "batch_store_fetch")].concat();
    assert_eq!(fetched.len(), 3, "the payloads of each come once");
    let queries = ["signer_run", "lease_acquire", "records_fetch", "batch_store", "batch_store_fetch"];
    for query in queries.iter().flat_map(|query| named(&spans, query)) {
        assert_eq!(text(&query.attributes, "db.system.name"), Some("postgresql"));
        assert_eq!(text(&query.attributes, "db.operation.name"), Some(query.name.as_str()));
        assert_eq!(query.kind(), SpanKind::Client);
    }
    assert!(!named(&spans, "signer_run").is_empty());
    // The next lease is asked for while a batch is in hand.
    let parents: Vec<_> = batches.iter().map(|batch| &batch.span_id).chain([&signers[0].span_id]).collect();
    assert!(named(&spans, "lease_acquire").iter().all(|span| parents.contains(&&span.parent_span_id)));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_signer_without_a_parent_begins_a_trace() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(10).seeded(&ledger).await?;
    let collector = Collector::start().await?;
    let mut pod = PodSpec::of(&run)?
        .with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/v1/traces", collector.endpoint))
        .with("OTEL_SERVICE_NAME", "sealing")
        .with("TRACEPARENT", "not a traceparent")
        .start()?;
    let (code, log) = pod.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("TRACEPARENT is ignored"), "{log}");
    let exports = collector.exports();
    let resource = exports[0].request.resource_spans[0].resource.as_ref().expect("who sends");
    assert_eq!(text(&resource.attributes, "service.name"), Some("sealing"));
    let spans = collector.spans();
    assert_eq!(named(&spans, "signer")[0].parent_span_id, Vec::<u8>::new());
    Ok(())
}

#[tokio::test]
async fn a_collector_that_is_away_and_settings_that_can_not_be_used_keep_nothing_from_being_signed()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let away = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        format!("http://{}", listener.local_addr()?)
    };
    let settings: [&[(&str, &str)]; 3] = [
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &away), ("OTEL_EXPORTER_OTLP_TIMEOUT", "100")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &away), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &away), ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/missing")],
    ];
    let told = ["", "no traces are sent: OTEL_EXPORTER_OTLP_PROTOCOL is grpc", "/missing cannot be used"];
    for (number, (setting, told)) in settings.into_iter().zip(told).enumerate() {
        let run = TestRun::new().named(&format!("run-{number}")).seeded(&ledger).await?;
        let pod = setting.iter().fold(PodSpec::of(&run)?, |pod, (name, value)| pod.with(name, value));
        let (code, log) = pod.start()?.ended().await?;
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains(told), "{log}");
        assert_eq!(run.signed().await?, 200);
    }
    Ok(())
}
