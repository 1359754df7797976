//! A bucket of an S3 store, as far as sources need one: it lists, gives ranges of objects, and knows one access key.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The one access key that is known.
pub const ACCESS_KEY_ID: &str = "AKIAOFTHETESTS";

/// The one bucket that there is.
pub const BUCKET: &str = "payments";

/// Served until it is dropped.
#[derive(Debug)]
pub struct Bucket {
    port: u16,
    store: Arc<Store>,
    held: watch::Sender<bool>,
    _server: JoinSet<()>,
}

/// What it has, and whether it gives it.
#[derive(Debug, Default)]
struct Store {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    denies: AtomicBool,
}

/// A request, as far as it matters.
#[derive(Debug, Default)]
struct Request {
    method: String,
    path: String,
    query: String,
    authorization: String,
    range: Option<(usize, usize)>,
}

impl Bucket {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn serve() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let store = Arc::new(Store::default());
        let (held, is_held) = watch::channel(false);
        let mut server = JoinSet::new();
        let shared = Arc::clone(&store);
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (store, held) = (Arc::clone(&shared), is_held.clone());
                connections.spawn(async move {
                    // Whoever hangs up has lost interest.
                    let _ended = answer(stream, &store, held).await;
                });
            }
        });
        Ok(Self { port, store, held, _server: server })
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Puts an object into it.
    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.store.objects().insert(key.to_owned(), bytes.into());
    }

    /// While it denies, nobody may do anything, whoever that is.
    pub fn deny(&self, denies: bool) {
        self.store.denies.store(denies, Ordering::SeqCst);
    }

    /// While it is held, it lists objects and gives none.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }
}

impl Store {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(stream: TcpStream, store: &Store, mut held: watch::Receiver<bool>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await? {
        let (code, headers, body) = if request.path.matches('/').count() > 1 {
            // The sender lives as long as the server.
            let _free = held.wait_for(|held| !held).await;
            object(&request, store)
        } else {
            listing(&request, store)
        };
        let mut head = format!("HTTP/1.1 {code}\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            let _written = write!(head, "{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).await?;
        if request.method != "HEAD" {
            stream.write_all(&body).await?;
        }
        stream.flush().await?;
    }
    Ok(())
}

/// The next request of a connection; none when it was closed.
async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut request = Request::default();
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    request.method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    (request.path, request.query) = (path.to_owned(), query.to_owned());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { return Ok(Some(request)) };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => value.clone_into(&mut request.authorization),
            "range" => {
                let range = value.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
                request.range = range.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
            }
            _ => {}
        }
    }
}

type Answer = (&'static str, Vec<(&'static str, String)>, Vec<u8>);

fn refusal(request: &Request, store: &Store) -> Option<Answer> {
    let error = |code, error: &str| {
        let body = format!("<Error><Code>{error}</Code><Message>no</Message></Error>");
        Some((code, vec![("Content-Type", "application/xml".to_owned())], body.into_bytes()))
    };
    if !request.authorization.contains(&format!("Credential={ACCESS_KEY_ID}/")) {
        return error("403 Forbidden", "InvalidAccessKeyId");
    }
    if store.denies.load(Ordering::SeqCst) {
        return error("403 Forbidden", "AccessDenied");
    }
    if request.path.split('/').nth(1) != Some(BUCKET) {
        return error("404 Not Found", "NoSuchBucket");
    }
    None
}

fn tag(bytes: &[u8]) -> String {
    let sum =
        bytes.iter().fold(bytes.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    format!("\"{sum:x}\"")
}

fn listing(request: &Request, store: &Store) -> Answer {
    if let Some(refusal) = refusal(request, store) {
        return refusal;
    }
    let asked = request.query.split('&').find_map(|part| part.strip_prefix("prefix=")).unwrap_or_default();
    let prefix = asked.replace("%2F", "/");
    let mut body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>".to_owned();
    for (key, bytes) in store.objects().iter() {
        if key.starts_with(&prefix) {
            let (size, tag) = (bytes.len(), tag(bytes).replace('"', "&quot;"));
            let _written = write!(
                body,
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{tag}</ETag><Size>{size}</Size></Contents>"
            );
        }
    }
    body.push_str("<IsTruncated>false</IsTruncated></ListBucketResult>");
    ("200 OK", vec![("Content-Type", "application/xml".to_owned())], body.into_bytes())
}

fn object(request: &Request, store: &Store) -> Answer {
    if let Some(refusal) = refusal(request, store) {
        return refusal;
    }
    let key = request.path.splitn(3, '/').nth(2).unwrap_or_default();
    let objects = store.objects();
    let Some(bytes) = objects.get(key) else {
        return ("404 Not Found", Vec::new(), b"<Error><Code>NoSuchKey</Code></Error>".to_vec());
    };
    let mut headers =
        vec![("ETag", tag(bytes)), ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT".to_owned())];
    match request.range {
        None => ("200 OK", headers, bytes.clone()),
        Some((from, to)) => {
            let end = (to + 1).min(bytes.len());
            headers.push(("Content-Range", format!("bytes {from}-{}/{}", end - 1, bytes.len())));
            ("206 Partial Content", headers, bytes[from.min(end)..end].to_vec())
        }
    }
}
