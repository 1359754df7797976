//! Clients that are broken while TLS greets them, or behind that, are let go, and the others are answered.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::routing::{get, post};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::tls::Certificate;
use crate::tls::tests::{folder, name, path, trusting};

const CONNECTIONS: usize = 8;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n";

struct Server {
    at: SocketAddr,
    folder: TempDir,
}

impl Server {
    /// Tells by `GET /` that it is there, and by `POST /` how much was sent.
    async fn start() -> Self {
        let folder = folder();
        let pair = (path(&folder, "one.crt"), path(&folder, "one.key"));
        let certificate = Certificate::read(&pair.0, &pair.1).expect("a certificate");
        let listener =
            Listener::bind_tls(SocketAddr::from(([127, 0, 0, 1], 0)), certificate).await.expect("bound");
        let Listener::Tls(_, at, _) = &listener else { panic!("it is bound with TLS") };
        let at = *at;
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/", post(async |body: Bytes| body.len().to_string()));
        // Nobody is let go before it has had its turn on a machine that is busy.
        let limits =
            Limits { connections: CONNECTIONS, head_time: Duration::from_millis(500), ..Limits::default() };
        tokio::spawn(async move {
            serve(&listener, &router, limits, &Metrics::default(), &Stop::never(Duration::ZERO)).await;
        });
        Self { at, folder }
    }

    /// Says this, and nothing more for now.
    async fn say(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).await.expect("connected");
        stream.write_all(bytes).await.expect("sent");
        stream
    }

    /// Somebody who was greeted.
    async fn greeted(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.at).await?;
        trusting(&self.folder, "one.crt").connect(name(), stream).await
    }

    /// The same, once there is a place: on a machine that is busy, a greeting may take too long.
    async fn soon_greeted(&self) -> TlsStream<TcpStream> {
        loop {
            if let Ok(stream) = self.greeted().await {
                return stream;
            }
        }
    }

    /// As many as may be connected are answered, all at once.
    async fn goes_on(&self, after: &str) {
        let all = (0..CONNECTIONS).map(|_| async {
            let mut stream = self.soon_greeted().await;
            stream.write_all(GET).await?;
            rest(&mut stream).await
        });
        for said in futures::future::join_all(all).await {
            let said: std::io::Result<String> = said;
            assert!(
                said.as_ref().is_ok_and(|said| said.ends_with("\r\n\r\nhere")),
                "after {after}: {said:?}"
            );
        }
    }

    /// The first thing that a client says when it is greeted.
    async fn hello(&self) -> Vec<u8> {
        let (here, mut there) = tokio::io::duplex(16 * 1024);
        let connector = trusting(&self.folder, "one.crt");
        let greeting = tokio::spawn(async move { connector.connect(name(), here).await });
        let mut hello = vec![0; 16 * 1024];
        let count = there.read(&mut hello).await.expect("a hello");
        greeting.abort();
        hello.truncate(count);
        hello
    }
}

async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn who_does_not_come_to_the_point_is_let_go() {
    let server = Server::start().await;
    let hello = server.hello().await;
    // A record of 64 KiB that never comes, and a message of 16 MiB within one.
    let (long_record, long_message) = (b"\x16\x03\x01\xff\xff\x01", b"\x16\x03\x01\x00\x04\x01\xff\xff\xff");
    for (what, begins) in [
        ("nothing", &b""[..]),
        ("the first byte of a greeting", &hello[..1]),
        ("half of a greeting", &hello[..hello.len() / 2]),
        ("a greeting, and no more", &hello[..]),
        ("a record that is too long", &long_record[..]),
        ("a message that is too long", &long_message[..]),
    ] {
        // All places are taken by such as these.
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS {
            silent.push(server.say(begins).await);
        }
        server.goes_on(what).await;
        for mut stream in silent {
            // Also by a reset, where it had said more than was read.
            let _ended = rest(&mut stream).await;
        }
    }
    let mut greeted = Vec::new();
    for _ in 0..CONNECTIONS {
        greeted.push(server.soon_greeted().await);
    }
    server.goes_on("such as were greeted and say nothing").await;
}

#[tokio::test]
async fn what_is_no_tls_and_what_is_cut_off_ends_at_once() {
    let server = Server::start().await;
    let hello = server.hello().await;
    for (what, says) in [
        ("what is not TLS", GET),
        ("nothing but zeros", &[0; 4096][..]),
        ("a greeting of another kind of record", &[&b"\x17\x03\x03\x00\x05"[..], b"hello"].concat()[..]),
        ("a greeting, and rubbish", &[&hello[..], &[0xff; 64]].concat()[..]),
    ] {
        let mut stream = server.say(says).await;
        let said = rest(&mut stream).await.unwrap_or_default();
        assert!(!said.contains("HTTP/1.1 200"), "{what}: {said}");
        server.goes_on(what).await;
    }
    for at in [0, 1, 5, hello.len() / 2, hello.len() - 1, hello.len()] {
        // The end of what it says, as of one that means it; and a reset.
        let mut half = server.say(&hello[..at]).await;
        half.shutdown().await.expect("half closed");
        let said = rest(&mut half).await.unwrap_or_default();
        assert!(!said.contains("HTTP/1.1 200"), "cut off at {at}: {said}");
        let reset = server.say(&hello[..at]).await;
        reset.set_zero_linger().expect("it is to be reset");
        drop(reset);
        server.goes_on("what was cut off").await;
    }
}

#[tokio::test]
async fn what_is_cut_off_behind_the_greeting_is_not_taken_for_whole() {
    let server = Server::start().await;
    let post = |length: usize| {
        format!(
            "POST / HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n12345"
        )
    };
    // All of it, and the end of what it says: it is answered.
    let mut whole = server.soon_greeted().await;
    whole.write_all(post(5).as_bytes()).await.expect("sent");
    whole.shutdown().await.expect("half closed");
    assert!(rest(&mut whole).await.expect("an answer").ends_with("\r\n\r\n5"));
    // Less than it says, with the end that TLS has, and without.
    let mut short = server.soon_greeted().await;
    short.write_all(post(6).as_bytes()).await.expect("sent");
    short.shutdown().await.expect("half closed");
    assert!(!rest(&mut short).await.unwrap_or_default().contains(" 200 "));
    let mut cut = server.soon_greeted().await;
    cut.write_all(post(6).as_bytes()).await.expect("sent");
    cut.get_mut().0.shutdown().await.expect("half closed");
    assert!(!rest(&mut cut).await.unwrap_or_default().contains(" 200 "));
    // Below TLS: a record that says more than there is of it, and one that nobody has encrypted.
    for rubbish in
        [&b"\x17\x03\x03\x40\x00some"[..], b"\x17\x03\x03\x00\x20nobody has the key of this record"]
    {
        let mut stream = server.soon_greeted().await;
        stream.write_all(post(6).as_bytes()).await.expect("sent");
        let below = stream.get_mut().0;
        below.write_all(rubbish).await.expect("sent");
        below.shutdown().await.expect("half closed");
        assert!(!rest(&mut stream).await.unwrap_or_default().contains(" 200 "));
    }
    server.goes_on("what was cut off").await;
}
