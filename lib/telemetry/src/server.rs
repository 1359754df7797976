//! Health and metrics by HTTP, on one port.

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
use tokio::sync::Semaphore;

/// Connections that are served at the same time; more wait to be accepted.
const AT_ONCE: usize = 16;

/// How long a connection may last, from its first byte to its last: each carries one request.
const WHOLE_REQUEST: Duration = Duration::from_secs(10);

/// Pause after a connection could not be accepted, which is when file descriptors run out.
const AFTER_REFUSAL: Duration = Duration::from_millis(200);

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#text-format>
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers `GET` and `HEAD` for:
///
/// - `/healthz`: 200 for as long as the runtime turns;
/// - `/readyz`: 200 when `ready` says so, else 503 with what it says instead;
/// - `/metrics`: the registry, as OpenMetrics text.
///
/// Returns the address that it listens at once it does, and serves on until the runtime ends. `ready`
/// is called for every `/readyz`, on the runtime: it looks at what is known and waits for nothing.
///
/// # Errors
///
/// When nothing can listen at `listen`.
pub async fn serve(
    listen: SocketAddr,
    registry: Arc<Registry>,
    ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let pages = Arc::new(Pages { registry, ready: Box::new(ready) });
    tokio::spawn(accept(listener, pages, WHOLE_REQUEST));
    Ok(address)
}

struct Pages {
    registry: Arc<Registry>,
    ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

async fn accept(listener: TcpListener, pages: Arc<Pages>, limit: Duration) {
    let free = Arc::new(Semaphore::new(AT_ONCE));
    // Never closed: acquiring cannot fail.
    while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
        let stream = loop {
            match listener.accept().await {
                Ok((stream, _)) => break stream,
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(AFTER_REFUSAL).await;
                }
            }
        };
        let pages = Arc::clone(&pages);
        tokio::spawn(async move {
            answer(stream, &pages, limit).await;
            drop(permit);
        });
    }
}

async fn answer(stream: TcpStream, pages: &Pages, limit: Duration) {
    let service = service_fn(async |request| Ok::<_, Infallible>(pages.page(&request)));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(limit, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request could not be answered"),
        Err(_) => tracing::debug!("a request took too long"),
    }
}

impl Pages {
    fn page(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        match request.uri().path() {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => match (self.ready)() {
                Ok(()) => plain(StatusCode::OK, "ok\n"),
                Err(reason) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
            },
            "/metrics" => self.metrics(),
            _ => plain(StatusCode::NOT_FOUND, "here are /healthz, /readyz and /metrics\n"),
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let mut page = String::new();
        match text::encode(&mut page, &self.registry) {
            Ok(()) => content(StatusCode::OK, OPEN_METRICS, page),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
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
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use prometheus_client::metrics::counter::Counter;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("something listens");
        let request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut answer = String::new();
        // One that is cut off is told from a good one by what arrived.
        let _written = stream.write_all(request.as_bytes()).await;
        let _read = stream.read_to_string(&mut answer).await;
        answer
    }

    async fn served(ready: Arc<AtomicBool>) -> SocketAddr {
        let mut registry = Registry::default();
        let counter: Counter = Counter::default();
        registry.register("tested", "Tests", counter.clone());
        counter.inc_by(3);
        let ready = move || {
            let ready = ready.load(Ordering::Relaxed);
            if ready { Ok(()) } else { Err("the database does not answer".to_owned()) }
        };
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        serve(any_port, Arc::new(registry), ready).await.expect("a free port")
    }

    #[tokio::test]
    async fn metrics_are_served_as_open_metrics_text() {
        let address = served(Arc::default()).await;
        let answer = ask(address, "GET", "/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"), "{answer}");
        assert!(answer.contains("\r\n\r\n# HELP tested Tests.\n"), "{answer}");
        assert!(answer.ends_with("tested_total 3\n# EOF\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_ready_says_why_and_is_healthy_all_the_same() {
        let ready = Arc::new(AtomicBool::new(false));
        let address = served(Arc::clone(&ready)).await;
        assert!(ask(address, "GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
        let answer = ask(address, "GET", "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nthe database does not answer\n"), "{answer}");
        ready.store(true, Ordering::Relaxed);
        assert!(ask(address, "GET", "/readyz").await.starts_with("HTTP/1.1 200 "));
    }

    #[tokio::test]
    async fn other_paths_and_methods_are_refused() {
        let address = served(Arc::default()).await;
        assert!(ask(address, "GET", "/").await.starts_with("HTTP/1.1 404 "));
        assert!(ask(address, "GET", "/metrics/").await.starts_with("HTTP/1.1 404 "));
        let refusal = ask(address, "DELETE", "/metrics").await;
        assert!(refusal.starts_with("HTTP/1.1 405 ") && refusal.contains("allow: GET, HEAD"), "{refusal}");
        assert!(ask(address, "HEAD", "/metrics").await.ends_with("\r\n\r\n"), "a head and no body");
    }

    #[tokio::test]
    async fn clients_that_say_nothing_do_not_keep_others_out_for_good() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let pages = Pages { registry: Arc::default(), ready: Box::new(|| Ok(())) };
        tokio::spawn(accept(listener, Arc::new(pages), Duration::from_millis(50)));
        let mut silent = Vec::new();
        for _ in 0..AT_ONCE * 2 {
            silent.push(TcpStream::connect(address).await.expect("the kernel takes it"));
        }
        // On a slow machine the limit may meet this client too.
        while !ask(address, "GET", "/healthz").await.starts_with("HTTP/1.1 200 ") {}
    }

    #[tokio::test]
    async fn an_address_in_use_is_an_error() {
        let address = served(Arc::default()).await;
        let error = serve(address, Arc::default(), || Ok(())).await.expect_err("in use");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
