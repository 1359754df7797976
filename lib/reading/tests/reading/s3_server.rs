//! A real S3 server, moto, on the loopback; without it, its part of the tests is skipped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Ends with its process's last test.
pub(crate) struct S3Server {
    process: Child,
    port: u16,
    buckets: AtomicUsize,
}

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/object-store/bin/python");

/// moto wants one, and does not check it.
const SIGNATURE: &str =
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// Binds a port that is free, and says which once it is listened at.
const PROGRAM: &str = "
import logging, sys, threading
logging.getLogger('werkzeug').setLevel(logging.ERROR)
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
server = make_server('127.0.0.1', 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
# Nobody is left without the one that asked.
threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
server.serve_forever()
";

impl S3Server {
    /// One for all tests that run at the same time.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<S3Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn start() -> Option<Self> {
        if !Path::new(PYTHON).exists() {
            eprintln!("skipped: the S3 part, as moto is not there (scripts/setup.sh --object-store)");
            return None;
        }
        let mut process = Command::new(PYTHON)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let port = line.trim().parse().expect("moto says its port");
        Some(Self { process, port, buckets: AtomicUsize::new(0) })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn new_bucket(&self) -> String {
        let number = self.buckets.fetch_add(1, Ordering::Relaxed);
        let bucket = format!("bucket{number}");
        self.put(&bucket, b"").await;
        bucket
    }

    pub(crate) async fn put(&self, path: &str, bytes: &[u8]) {
        self.request("PUT", path, bytes).await;
    }

    pub(crate) async fn delete(&self, path: &str) {
        self.request("DELETE", path, b"").await;
    }

    async fn request(&self, method: &str, path: &str, body: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("moto listens");
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {SIGNATURE}\r\nx-amz-acl: public-read\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
