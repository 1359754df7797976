//! Health and metrics by HTTP, on a port each: whoever keeps the one busy does not keep a kubelet from the other.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};

use crate::connections::accept;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(2);

/// How long a connection may last, from its first byte to its last: each carries one request.
const WHOLE_REQUEST: Duration = Duration::from_secs(10);

/// How long `/startupz` waits, and how often it looks.
const START: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(50);

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#text-format>
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers `GET` and `HEAD` for `/metrics` with the registry, as OpenMetrics text, and for `/healthz` with 200.
///
/// Returns the address that it listens at once it does, and serves on until the runtime ends.
///
/// # Errors
///
/// When nothing can listen at `listen`.
pub async fn serve_metrics(listen: SocketAddr, registry: Arc<Registry>) -> io::Result<SocketAddr> {
    serve(listen, Pages::Metrics(registry)).await
}

/// Answers `GET` and `HEAD` for:
///
/// - `/healthz`: 200 for as long as the runtime turns;
/// - `/readyz`: 200 when `ready` says so, else 503 with what it says instead;
/// - `/startupz`: 200 as soon as `ready` says so, and after eight seconds in any case: whoever asks for it first need not be
///   told that a program which has just been started is not ready.
///
/// Returns as [`serve_metrics`] does. `ready` is called for every `/readyz`, on the runtime: it looks at what is known
/// and waits for nothing.
///
/// # Errors
///
/// When nothing can listen at `listen`.
pub async fn serve_probes(
    listen: SocketAddr,
    ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> io::Result<SocketAddr> {
    serve(listen, Pages::Probes(Box::new(ready))).await
}

async fn serve(listen: SocketAddr, pages: Pages) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, pages = pages.name(), "listening");
    let pages = Arc::new(pages);
    tokio::spawn(accept(listener, move |stream| answer(stream, Arc::clone(&pages))));
    Ok(address)
}

enum Pages {
    Metrics(Arc<Registry>),
    Probes(Box<dyn Fn() -> Result<(), String> + Send + Sync>),
}

async fn answer(stream: TcpStream, pages: Arc<Pages>) {
    let service = service_fn(async |request: Request<Incoming>| {
        if let (Pages::Probes(ready), "/startupz") = (&*pages, request.uri().path()) {
            until(ready).await;
        }
        Ok::<_, Infallible>(pages.page(&request))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(WHOLE_REQUEST, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request could not be answered"),
        Err(_) => tracing::debug!("a request took too long"),
    }
}

/// Waits until the program is ready, or long enough.
async fn until(ready: &(dyn Fn() -> Result<(), String> + Send + Sync)) {
    let latest = tokio::time::Instant::now() + START;
    while ready().is_err() && tokio::time::Instant::now() < latest {
        tokio::time::sleep(LOOK).await;
    }
}

impl Pages {
    fn name(&self) -> &'static str {
        match self {
            Self::Metrics(_) => "metrics",
            Self::Probes(_) => "probes",
        }
    }

    fn page(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        match (request.uri().path(), self) {
            ("/healthz", _) | ("/startupz", Self::Probes(_)) => plain(StatusCode::OK, "ok\n"),
            ("/metrics", Self::Metrics(registry)) => metrics(registry),
            ("/readyz", Self::Probes(ready)) => match ready() {
                Ok(()) => plain(StatusCode::OK, "ok\n"),
                Err(reason) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
            },
            (_, Self::Metrics(_)) => plain(StatusCode::NOT_FOUND, "here are /metrics and /healthz\n"),
            (_, Self::Probes(_)) => {
                plain(StatusCode::NOT_FOUND, "here are /healthz, /readyz and /startupz\n")
            }
        }
    }
}

fn metrics(registry: &Registry) -> Response<Full<Bytes>> {
    let mut page = String::new();
    match text::encode(&mut page, registry) {
        Ok(()) => content(StatusCode::OK, OPEN_METRICS, page),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    content(status, PLAIN, text)
}

fn content(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
