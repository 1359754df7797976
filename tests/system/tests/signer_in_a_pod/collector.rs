//! A collector of traces: takes OTLP requests over HTTP, and keeps the spans.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) request: ExportTraceServiceRequest,
}

/// One that listens; stops when dropped.
pub(crate) struct Collector {
    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) endpoint: String,
    exports: Arc<Mutex<Vec<Export>>>,
    serving: JoinHandle<()>,
}

impl Collector {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let exports: Arc<Mutex<Vec<Export>>> = Arc::default();
        let kept = Arc::clone(&exports);
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // A request that cannot be read is missed by the assertions.
                if let Ok(export) = receive(&mut stream).await {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(export);
                }
            }
        });
        Ok(Self { endpoint, exports, serving })
    }

    pub(crate) fn exports(&self) -> Vec<Export> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All spans so far, in the order in which they ended.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let resources = self.exports().into_iter().flat_map(|export| export.request.resource_spans);
        resources.flat_map(|spans| spans.scope_spans).flat_map(|spans| spans.spans).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(stream: &mut TcpStream) -> anyhow::Result<Export> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8(bytes[..end].to_vec())?, bytes.split_off(end + 4));
        }
        anyhow::ensure!(stream.read_buf(&mut bytes).await? > 0, "the request is cut off");
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("a length")?.parse()?;
    let mut body = body;
    while body.len() < length {
        anyhow::ensure!(stream.read_buf(&mut body).await? > 0, "the body is cut off");
    }
    let request = ExportTraceServiceRequest::decode(body.as_slice())?;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
        .await?;
    Ok(Export { head, request })
}

/// The text of an attribute.
pub(crate) fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?;
    match value.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}
