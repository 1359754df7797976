//! A client that writes and reads HTTP by itself, so that it takes as little as can be of the processors.

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where records are pushed to.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) address: String,
    pub(super) token: String,
    /// Path of the run.
    pub(super) path: String,
}

/// A connection that stays.
pub(super) struct Client {
    stream: TcpStream,
    head: String,
    sent: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// One that pushes to a run, and waits for signatures for so many seconds.
    pub(super) async fn connect(way: &Way, wait: u32) -> anyhow::Result<Self> {
        let Way { address, token, path } = way;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST {path}/records?wait={wait} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/x-ndjson\r\ncontent-length: "
        );
        Ok(Self { stream, head, sent: Vec::new(), answer: Vec::new() })
    }

    /// Pushes lines, each of which is a new record.
    pub(super) async fn push(&mut self, lines: &str) -> anyhow::Result<()> {
        self.sent.clear();
        self.sent.extend_from_slice(self.head.as_bytes());
        self.sent.extend_from_slice(format!("{}\r\n\r\n", lines.len()).as_bytes());
        self.sent.extend_from_slice(lines.as_bytes());
        self.stream.write_all(&self.sent).await?;
        self.read().await
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        self.answer.clear();
        let end_of_head = loop {
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the connection ended");
            if let Some(at) = self.answer.windows(4).position(|end| end == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = std::str::from_utf8(&self.answer[..end_of_head])?;
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
        let whole = end_of_head + length.parse::<usize>()?;
        let is_done = head.starts_with("HTTP/1.1 200 ");
        while self.answer.len() < whole {
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the answer ended");
        }
        let said = || String::from_utf8_lossy(&self.answer);
        ensure!(is_done && !said().contains("\"pending\""), "{}", said());
        Ok(())
    }
}
