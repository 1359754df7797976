//! A real S3 server, moto, on the loopback.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::helm::project;

/// Wanted, and not checked.
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

static SAID: Once = Once::new();

/// An S3 server that keeps its objects in memory; ended when dropped.
#[derive(Debug)]
pub struct S3Server {
    process: Child,
    port: u16,
    buckets: AtomicUsize,
}

impl S3Server {
    /// Starts one. Where it is not installed, says so in one line, once a process.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start() -> anyhow::Result<Option<Self>> {
        let python = project().join(".tools/object-store/bin/python");
        if !python.exists() {
            SAID.call_once(|| {
                // Past the capture of the test harness, which would hide it.
                let _ = writeln!(
                    std::io::stdout(),
                    "skipped: the S3 part, as moto is not there (scripts/setup.sh --object-store)"
                );
            });
            return Ok(None);
        }
        let mut process = Command::new(python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse().context("moto does not say its port")?;
        Ok(Some(Self { process, port, buckets: AtomicUsize::new(0) }))
    }

    /// Its port on the loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A new bucket, which everybody may read.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn new_bucket(&self) -> anyhow::Result<String> {
        let bucket = format!("bucket{}", self.buckets.fetch_add(1, Ordering::Relaxed));
        self.put(&bucket, b"").await?;
        Ok(bucket)
    }

    /// The object under `BUCKET/KEY`, if there is one.
    ///
    /// # Errors
    ///
    /// A server that does not answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let head = format!(
            "GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {SIGNATURE}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Ok(None);
        }
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n").context("a head")?;
        Ok(Some(answer.split_off(head + 4)))
    }

    /// Stores an object under `BUCKET/KEY`.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn put(&self, path: &str, body: &[u8]) -> anyhow::Result<()> {
        self.ask("PUT", path, body).await?;
        Ok(())
    }

    /// All objects of a bucket, by key.
    ///
    /// # Errors
    ///
    /// A server that refuses, or more objects than it lists at once.
    pub async fn objects(&self, bucket: &str) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        let list = String::from_utf8(self.ask("GET", &format!("{bucket}?list-type=2"), b"").await?)?;
        anyhow::ensure!(list.contains("<IsTruncated>false</IsTruncated>"), "not all are listed: {list}");
        let mut objects = BTreeMap::new();
        for key in list.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
            objects.insert(key.to_owned(), self.ask("GET", &format!("{bucket}/{key}"), b"").await?);
        }
        Ok(objects)
    }

    /// Removes all objects of a bucket.
    ///
    /// # Errors
    ///
    /// A server that refuses, or more objects than it lists at once.
    pub async fn empty(&self, bucket: &str) -> anyhow::Result<()> {
        for key in self.objects(bucket).await?.into_keys() {
            self.ask("DELETE", &format!("{bucket}/{key}"), b"").await?;
        }
        Ok(())
    }

    /// The body of the answer.
    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {SIGNATURE}\r\nx-amz-acl: public-read\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        anyhow::ensure!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        let end = answer
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .context("an answer without an end of its head")?;
        Ok(answer.split_off(end + 4))
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
