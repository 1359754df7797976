//! Sending spans by OTLP over HTTP (`http/protobuf`), as the standard environment variables say.
//!
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use std::env;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// How long one request may take, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says so.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a collector's answer that are read; the specification wants at least these.
const MOST_ANSWER: usize = 4 << 20;

/// Why settings for OTLP cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OtlpError {
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is {0}; only http/protobuf is spoken here")]
    Protocol(String),
    #[error("the certificates in {file} cannot be used: {reason}")]
    Certificate { file: String, reason: String },
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
    #[error("no TLS can be had: {0}")]
    Tls(rustls::Error),
}

/// What sends spans; none unless an endpoint is named, or when `OTEL_SDK_DISABLED` is true.
pub(crate) fn provider(service: &'static str) -> Result<Option<SdkTracerProvider>, OtlpError> {
    let disabled = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    if disabled || setting("ENDPOINT").is_none() {
        return Ok(None);
    }
    if let Some(protocol) = setting("PROTOCOL").filter(|protocol| protocol != "http/protobuf") {
        return Err(OtlpError::Protocol(protocol));
    }
    let exporter = SpanExporter::builder().with_http().with_http_client(Sender::new()?).build()?;
    Ok(Some(
        SdkTracerProvider::builder().with_resource(resource(service)).with_batch_exporter(exporter).build(),
    ))
}

/// `OTEL_EXPORTER_OTLP_TRACES_{name}`, or else `OTEL_EXPORTER_OTLP_{name}`; an empty one counts as none.
fn setting(name: &str) -> Option<String> {
    [format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Who sends. `OTEL_RESOURCE_ATTRIBUTES` adds to it.
fn resource(service: &'static str) -> Resource {
    let builder = Resource::builder();
    if env::var_os("OTEL_SERVICE_NAME").is_some() {
        return builder.build();
    }
    builder.with_service_name(service).build()
}

/// Sends one request, on a connection and a runtime of its own.
///
/// The thread that sends spans is none of tokio's, and nothing of the program's runtime is to be
/// needed when the last spans are sent: by then it is gone. Requests are seconds apart.
struct Sender {
    tls: rustls::ClientConfig,
    timeout: Duration,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl Sender {
    fn new() -> Result<Self, OtlpError> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(OtlpError::Tls)?;
        let tls = match setting("CERTIFICATE") {
            Some(file) => tls.with_root_certificates(certificates(&file)?),
            None => tls.with_webpki_roots(),
        };
        let timeout = setting("TIMEOUT").and_then(|millis| millis.parse().ok());
        Ok(Self {
            tls: tls.with_no_client_auth(),
            timeout: timeout.map_or(REQUEST_TIMEOUT, Duration::from_millis),
        })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let connector: HttpsConnector<HttpConnector> = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.clone())
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let answer = client.request(request.map(Full::new)).await?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MOST_ANSWER).collect().await?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer =
            runtime.block_on(async { tokio::time::timeout(self.timeout, self.exchange(request)).await });
        // Looking up a name cannot be cancelled: do not wait for it.
        runtime.shutdown_background();
        answer?
    }
}

/// The only authorities that are trusted when a file names some.
fn certificates(file: &str) -> Result<RootCertStore, OtlpError> {
    let bad = |reason: String| OtlpError::Certificate { file: file.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))? {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() { Err(bad("it holds none".to_owned())) } else { Ok(roots) }
}
