//! Clients that are broken while TLS greets them, or behind that, are let go, and the others are answered.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures::{StreamExt as _, stream};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::tls::Certificate;
use crate::tls::tests::{folder, name, path, trusting};

const CONNECTIONS: usize = 8;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n";

/// The same by one who stays.
const GET_AND_STAY: &str = "GET / HTTP/1.1\r\nhost: gateway\r\n\r\n";

const GET_LONG: &str = "GET /long HTTP/1.1\r\nhost: gateway\r\n\r\n";

struct Server {
    at: SocketAddr,
    folder: TempDir,
    /// Has the answers ended that are begun.
    release: watch::Sender<bool>,
}

impl Server {
    /// Lets nobody wait for long. Nobody is let go before it has had its turn on a machine that is busy.
    async fn start() -> Self {
        Self::with(Duration::from_millis(500)).await
    }

    /// Tells by `GET /` that it is there, and by `POST /` how much was sent. The answer to `GET /long` ends once it is released.
    async fn with(head_time: Duration) -> Self {
        let folder = folder();
        let pair = (path(&folder, "one.crt"), path(&folder, "one.key"));
        let certificate = Certificate::read(&pair.0, &pair.1).expect("a certificate");
        let listener =
            Listener::bind_tls(SocketAddr::from(([127, 0, 0, 1], 0)), certificate).await.expect("bound");
        let Listener::Tls(_, at, _) = &listener else { panic!("it is bound with TLS") };
        let at = *at;
        let (release, released) = watch::channel(false);
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/", post(async |body: Bytes| body.len().to_string()))
            .route("/long", get(async move || long(released)));
        let limits = Limits { connections: CONNECTIONS, head_time, ..Limits::default() };
        tokio::spawn(async move {
            serve(&listener, &router, limits, &Metrics::default(), &Stop::never(Duration::ZERO)).await;
        });
        Self { at, folder, release }
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

    /// Somebody who was greeted said this, and heard that.
    async fn heard(&self, says: &str, hears: &str) -> TlsStream<TcpStream> {
        let mut stream = self.greeted().await.expect("greeted");
        hear(&mut stream, says, hears).await;
        stream
    }

    /// One more comes, is answered, and leaves.
    async fn takes_one_more(&self) {
        let mut stream = self.greeted().await.expect("greeted");
        stream.write_all(GET).await.expect("sent");
        let said = rest(&mut stream).await.expect("an answer");
        assert!(said.ends_with("\r\n\r\nhere"), "{said}");
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

/// An answer that has begun, and ends once it is released.
fn long(mut released: watch::Receiver<bool>) -> Body {
    let end = async move {
        released.wait_for(|released| *released).await.expect("it will be");
        "the end"
    };
    let parts = stream::iter(["the beginning"]).chain(stream::once(end));
    Body::from_stream(parts.map(Ok::<_, std::io::Error>))
}

/// Says this, and reads until it has heard that.
async fn hear(stream: &mut TlsStream<TcpStream>, says: &str, hears: &str) {
    stream.write_all(says.as_bytes()).await.expect("sent");
    let mut said = String::new();
    while !said.contains(hears) {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).await.expect("an answer");
        assert!(count > 0, "it ended with {said}");
        said.push_str(&String::from_utf8_lossy(&bytes[..count]));
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
        for mut stream in silent {
            // Also by a reset, where it had said more than was read.
            let _ended = rest(&mut stream).await;
        }
        server.goes_on(what).await;
    }
    let mut greeted = Vec::new();
    for _ in 0..CONNECTIONS {
        greeted.push(server.soon_greeted().await);
    }
    for mut stream in greeted {
        let _ended = rest(&mut stream).await;
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

/// Whoever has to make room is never let go for its time here.
async fn with_places_for_long() -> Server {
    Server::with(Limits::default().head_time).await
}

#[tokio::test]
async fn such_as_were_never_greeted_make_room_for_whoever_comes() {
    for says_half in [false, true] {
        let server = with_places_for_long().await;
        let hello = server.hello().await;
        let begins = if says_half { &hello[..hello.len() / 2] } else { &[] };
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS {
            silent.push(server.say(begins).await);
        }
        server.takes_one_more().await;
        let _ended = rest(&mut silent[0]).await;
        for mut stream in silent.into_iter().skip(1) {
            // The others were not asked to.
            stream.write_all(&hello[begins.len()..]).await.expect("sent");
            let greeted = stream.read_u8().await;
            assert!(greeted.is_ok_and(|kind| kind == 0x16), "the first byte of the server's greeting");
        }
    }
}

#[tokio::test]
async fn such_as_have_no_request_in_hand_make_room_beginning_with_the_one_that_was_answered_first() {
    let server = with_places_for_long().await;
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        idle.push(server.heard(GET_AND_STAY, "here").await);
    }
    // The first is now the one that was answered last. Half of a head is no request.
    hear(&mut idle[0], GET_AND_STAY, "here").await;
    idle[1].write_all(b"GET / HTTP/1.1\r\n").await.expect("sent");
    server.takes_one_more().await;
    let _ended = rest(&mut idle.remove(1)).await;
    for stream in &mut idle {
        hear(stream, GET_AND_STAY, "here").await;
    }
}

#[tokio::test]
async fn a_connection_with_a_request_in_hand_makes_no_room() {
    let server = with_places_for_long().await;
    let (mut sent, mut answered) = (Vec::new(), Vec::new());
    while sent.len() + answered.len() < CONNECTIONS - 2 {
        // hyper asks for the body once the request is in hand.
        let post = "POST / HTTP/1.1\r\nhost: gateway\r\nexpect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\n";
        let mut half = server.heard(post, "100 Continue").await;
        half.write_all(b"123").await.expect("sent");
        sent.push(half);
        answered.push(server.heard(GET_LONG, "the beginning").await);
    }
    answered.push(server.heard(GET_LONG, "the beginning").await);
    // In the place that is left, each makes room for the next one.
    let mut last = server.heard(GET_AND_STAY, "here").await;
    for _ in 0..2 * CONNECTIONS {
        let next = server.heard(GET_AND_STAY, "here").await;
        let _ended = rest(&mut std::mem::replace(&mut last, next)).await;
    }
    hear(&mut last, GET_LONG, "the beginning").await;
    answered.push(last);
    // Whoever comes now waits until the first of them has been answered to its end.
    tokio::join!(server.takes_one_more(), async {
        server.release.send(true).expect("somebody waits");
        for stream in &mut answered {
            hear(stream, "", "the end\r\n0\r\n\r\n").await;
        }
    });
    for mut stream in sent {
        stream.write_all(b"45").await.expect("sent");
        assert!(rest(&mut stream).await.expect("an answer").ends_with("\r\n\r\n5"));
    }
}
