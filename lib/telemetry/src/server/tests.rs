use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::*;
use crate::connections::{AT_ONCE, OF_ONE_PEER};

async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    let stream = TcpStream::connect(address).await.expect("something listens");
    ask_by(stream, method, path).await
}

async fn ask_by(mut stream: TcpStream, method: &str, path: &str) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut answer = String::new();
    // One that is cut off is told from a good one by what arrived.
    let _written = stream.write_all(request.as_bytes()).await;
    let _read = stream.read_to_string(&mut answer).await;
    answer
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn metrics_served() -> SocketAddr {
    let mut registry = Registry::default();
    let counter: Counter = Counter::default();
    registry.register("tested", "Tests", counter.clone());
    counter.inc_by(3);
    serve_metrics(any_port(), Arc::new(registry)).await.expect("a free port")
}

async fn probes_served(ready: Arc<AtomicBool>) -> SocketAddr {
    let ready = move || {
        let ready = ready.load(Ordering::Relaxed);
        if ready { Ok(()) } else { Err("the database does not answer".to_owned()) }
    };
    serve_probes(any_port(), ready).await.expect("a free port")
}

/// Connections of a client at this address that say nothing.
async fn silent(client: IpAddr, server: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..count {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(client, 0)).expect("an address of loopback");
        open.push(socket.connect(server).await.expect("the kernel takes it"));
    }
    open
}

/// Whether the server still has this connection.
async fn is_open(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::ZERO, stream.read(&mut byte)).await;
    read.is_err()
}

#[tokio::test]
async fn metrics_are_served_as_open_metrics_text() {
    let address = metrics_served().await;
    let answer = ask(address, "GET", "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"), "{answer}");
    assert!(answer.contains("\r\n\r\n# HELP tested Tests.\n"), "{answer}");
    assert!(answer.ends_with("tested_total 3\n# EOF\n"), "{answer}");
    assert!(ask(address, "GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn whoever_asks_whether_a_program_has_started_is_answered_once_it_is_ready() {
    let ready = Arc::new(AtomicBool::new(false));
    let address = probes_served(Arc::clone(&ready)).await;
    let asked = tokio::spawn(async move { ask(address, "GET", "/startupz").await });
    // Its answer comes after this one, which is asked for later.
    assert!(ask(address, "GET", "/readyz").await.starts_with("HTTP/1.1 503 "));
    assert!(!asked.is_finished());
    ready.store(true, Ordering::Relaxed);
    assert!(asked.await.expect("an answer").starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_program_that_is_not_ready_says_why_and_is_healthy_all_the_same() {
    let ready = Arc::new(AtomicBool::new(false));
    let address = probes_served(Arc::clone(&ready)).await;
    assert!(ask(address, "GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
    let answer = ask(address, "GET", "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nthe database does not answer\n"), "{answer}");
    ready.store(true, Ordering::Relaxed);
    assert!(ask(address, "GET", "/readyz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn each_port_has_its_own_pages_and_other_paths_and_methods_are_refused() {
    let (metrics, probes) = (metrics_served().await, probes_served(Arc::default()).await);
    for path in ["/", "/metrics/", "/readyz"] {
        assert!(ask(metrics, "GET", path).await.starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert!(ask(probes, "GET", "/metrics").await.starts_with("HTTP/1.1 404 "));
    let refusal = ask(metrics, "DELETE", "/metrics").await;
    assert!(refusal.starts_with("HTTP/1.1 405 ") && refusal.contains("allow: GET, HEAD"), "{refusal}");
    assert!(ask(metrics, "HEAD", "/metrics").await.ends_with("\r\n\r\n"), "a head and no body");
}

#[tokio::test]
async fn three_hundred_idle_connections_keep_neither_a_probe_nor_a_scrape_out() {
    let (metrics, probes) = (metrics_served().await, probes_served(Arc::default()).await);
    let here = any_port().ip();
    let mut idle = silent(here, metrics, 300).await;
    assert!(ask(probes, "GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
    assert!(ask(metrics, "GET", "/metrics").await.starts_with("HTTP/1.1 200 "));
    idle.extend(silent(here, probes, 300).await);
    assert!(ask(probes, "GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
    assert!(is_open(idle.last_mut().expect("some")).await, "the newest are still there");
}

#[tokio::test]
async fn a_peer_with_its_share_makes_room_by_its_own() {
    let address = probes_served(Arc::default()).await;
    let [greedy, modest] = [2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
    let mut before = silent(modest, address, 1).await.remove(0);
    let mut oldest = silent(greedy, address, OF_ONE_PEER * 3).await.remove(0);
    // Taken in the order in which they came.
    assert!(ask(address, "GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(oldest.read(&mut [0]).await.ok(), Some(0), "closed");
    assert!(is_open(&mut before).await);
    assert!(ask_by(before, "GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn many_peers_make_room_for_one_more() {
    let address = probes_served(Arc::default()).await;
    let mut idle = Vec::new();
    for peer in 0..AT_ONCE {
        let peer = u8::try_from(peer + 2).expect("a part of an address");
        idle.extend(silent(IpAddr::from([127, 0, 1, peer]), address, 2).await);
    }
    assert!(ask(address, "GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_address_in_use_is_an_error() {
    let address = metrics_served().await;
    let error = serve_metrics(address, Arc::default()).await.expect_err("in use");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}
