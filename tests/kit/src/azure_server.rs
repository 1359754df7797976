//! Azurite, an emulator of Azure's object store, on the loopback; without it, its part of the tests is skipped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PROGRAM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/azurite/node_modules/azurite/dist/src/blob/main.js");

/// Azurite, which keeps its blobs in memory. Ends with its process's last test.
#[derive(Debug)]
pub struct AzureServer {
    process: Child,
    port: u16,
    containers: AtomicUsize,
}

impl AzureServer {
    /// The account that every emulator has.
    pub const ACCOUNT: &str = "devstoreaccount1";
    /// The key of this account, which is no secret.
    pub const KEY: &str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// One for all tests that run at the same time. Where it is not installed, says so in one line.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<AzureServer>> = Mutex::new(Weak::new());
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
        if !Path::new(PROGRAM).exists() {
            eprintln!("skipped: the part of az://, as Azurite is not there (scripts/setup.sh --azurite)");
            return None;
        }
        let folder = std::env::temp_dir();
        let mut process = Command::new("node")
            .args([
                PROGRAM,
                "--inMemoryPersistence",
                "--silent",
                "--skipApiVersionCheck",
                "--disableTelemetry",
            ])
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut line = String::new();
        while !line.contains("successfully listen") {
            line.clear();
            assert!(output.read_line(&mut line).expect("a line") > 0, "Azurite says its port");
        }
        let port = line.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect(&line);
        Some(Self { process, port, containers: AtomicUsize::new(0) })
    }

    /// Its URL, with the account.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, Self::ACCOUNT)
    }

    /// A new container.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn new_container(&self) -> String {
        let number = self.containers.fetch_add(1, Ordering::Relaxed);
        let container = format!("container-{number}");
        self.request("PUT", &container, &[("restype", "container")], b"").await;
        container
    }

    /// Writes the blob at `CONTAINER/NAME`.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn put(&self, path: &str, bytes: &[u8]) {
        self.request("PUT", path, &[], bytes).await;
    }

    /// Deletes the blob at `CONTAINER/NAME`.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn delete(&self, path: &str) {
        self.request("DELETE", path, &[], b"").await;
    }

    /// Signed as "Authorize with Shared Key" of Azure's documentation has it. `query` is in the order of its names. Returns the body of the
    /// answer.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn request(&self, method: &str, path: &str, query: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let headers = format!("x-ms-blob-type:BlockBlob\nx-ms-date:{date}\nx-ms-version:2023-11-03");
        let length = if body.is_empty() { String::new() } else { body.len().to_string() };
        let account = Self::ACCOUNT;
        let mut resource = format!("/{account}/{account}/{path}");
        for (name, value) in query {
            resource.push_str(&format!("\n{name}:{value}"));
        }
        let signed = format!("{method}\n\n\n{length}\n\n\n\n\n\n\n\n\n{headers}\n{resource}");
        let key = STANDARD.decode(Self::KEY).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
        mac.update(signed.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("Azurite listens");
        let head = format!(
            "{method} /{account}/{path}?{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: SharedKey {account}:{signature}\r\n{}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            query.join("&"),
            self.port,
            headers.replace('\n', "\r\n"),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an end of its head");
        answer.split_off(head + 4)
    }
}

impl Drop for AzureServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
