//! A service that takes batches and manifests over HTTP/1.1, and keeps nothing of them but how many lines they had.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Listens on loopback. Ends when dropped.
pub(crate) struct LinesReceiver {
    url: String,
    lines: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl LinesReceiver {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let lines = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lines);
        let accepting = tokio::spawn(async move {
            // A connection that breaks is the client's affair: it asks again, and what is missing in the end shows.
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&counted)));
            }
        });
        Ok(Self { url, lines, accepting })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Lines that came since this was asked last.
    pub(crate) fn take_lines(&self) -> u64 {
        self.lines.swap(0, Ordering::Relaxed)
    }
}

impl Drop for LinesReceiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(connection: TcpStream, lines: Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let (mut length, mut are_lines) = (None, false);
        loop {
            let mut header = String::new();
            if connection.read_line(&mut header).await? == 0 {
                return Ok(());
            }
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(bytes) = header.strip_prefix("content-length:") {
                length = Some(bytes.trim().parse::<usize>()?);
            }
            are_lines |= header == "content-type: application/x-ndjson";
        }
        let mut left = length.context("a request without a length")?;
        while left > 0 {
            let most = left.min(chunk.len());
            let read = connection.read(&mut chunk[..most]).await?;
            anyhow::ensure!(read > 0, "a body that is cut off");
            left -= read;
            if are_lines {
                let ends = chunk[..read].iter().filter(|byte| **byte == b'\n').count();
                lines.fetch_add(u64::try_from(ends)?, Ordering::Relaxed);
            }
        }
        connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
    }
}
