//! A client of the API that writes HTTP by hand, so that it can write it wrong.

use std::path::Path;

use anyhow::Context as _;
use chancery_kit::{ApiDocument, Chancery, Ended, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::sync::OnceCell;

pub(crate) const NDJSON: &str = "application/x-ndjson";

/// A `chancery serve`, and its client.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) api: Api,
}

/// Where an API is, and its token.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) address: String,
    pub(crate) token: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {self:?}"))
    }

    pub(crate) fn lines(&self) -> anyhow::Result<Vec<Value>> {
        self.body.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    pub(crate) fn expect(self, status: u16) -> anyhow::Result<Self> {
        anyhow::ensure!(self.status == status, "{status} is expected: {self:?}");
        Ok(self)
    }

    /// The states of the records.
    pub(crate) fn states(&self) -> anyhow::Result<Vec<String>> {
        let json = self.json()?;
        let records = json["records"].as_array().context("no records")?;
        Ok(records.iter().map(|record| record["state"].as_str().unwrap_or_default().to_owned()).collect())
    }
}

impl Served {
    /// Starts it with the data folder of a command line.
    pub(crate) async fn start(chancery: &Chancery) -> anyhow::Result<Self> {
        Self::start_by(chancery, None).await
    }

    /// Starts it on another way to the database.
    pub(crate) async fn start_by(chancery: &Chancery, url: Option<&str>) -> anyhow::Result<Self> {
        let data = chancery.folder().join("data");
        // One that was killed left it behind.
        let _gone = std::fs::remove_file(data.join("api-address"));
        let mut command = chancery.command(&["serve", "--listen", "127.0.0.1:0"]);
        let child = command.envs(url.map(|url| ("DATABASE_URL", url))).spawn()?;
        eventually("the API is served", async || data.join("api-address").exists()).await;
        Ok(Self { child, api: Api::of(&data)? })
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) async fn stop(self) -> anyhow::Result<Ended> {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).context("it has ended")?;
        kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        Ended::of(self.child).await
    }
}

impl Api {
    fn of(data: &Path) -> anyhow::Result<Self> {
        let url = std::fs::read_to_string(data.join("api-address"))?;
        let address = url.trim().strip_prefix("http://").context("no address")?.to_owned();
        let token = std::fs::read_to_string(data.join("api-token"))?.trim().to_owned();
        Ok(Self { address, token })
    }

    /// The head of a request, without its end.
    pub(crate) fn head(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: api\r\nconnection: close\r\nauthorization: Bearer {}\r\n",
            self.token
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head
    }

    pub(crate) async fn connect(&self) -> anyhow::Result<TcpStream> {
        Ok(TcpStream::connect(&self.address).await?)
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> anyhow::Result<Answer> {
        let (document, body) = (self.document().await?, body.as_ref());
        let mut stream = self.connect().await?;
        let head = self.head(method, path, headers) + &format!("content-length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat()).await?;
        let answer = answer(&mut stream).await?;
        let Answer { status, head, body } = &answer;
        document.names((method, path), (*status, Some(head.as_str()), body.as_str()))?;
        Ok(answer)
    }

    /// What the API says of itself: the same, whichever it is.
    pub(crate) async fn document(&self) -> anyhow::Result<&'static ApiDocument> {
        static DOCUMENT: OnceCell<ApiDocument> = OnceCell::const_new();
        let read = async || {
            let mut stream = self.connect().await?;
            let head = self.head("GET", "/openapi.json", &[]) + "\r\n";
            stream.write_all(head.as_bytes()).await?;
            ApiDocument::new(&answer(&mut stream).await?.expect(200)?.body)
        };
        DOCUMENT.get_or_try_init(read).await
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask("GET", path, &[], "").await
    }

    /// Pushes lines to the run `demo`.
    pub(crate) async fn push(&self, query: &str, body: impl AsRef<[u8]>) -> anyhow::Result<Answer> {
        self.ask("POST", &format!("{DEMO}/records{query}"), &[("content-type", NDJSON)], body).await
    }

    pub(crate) async fn seal(&self) -> anyhow::Result<Answer> {
        self.ask("POST", &format!("{DEMO}/seal"), &[], "").await
    }
}

/// Where the run `demo` is.
pub(crate) const DEMO: &str = "/v1/namespaces/default/runs/demo";

/// Reads an answer to the end of the connection.
pub(crate) async fn answer(stream: &mut TcpStream) -> anyhow::Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8(bytes)?;
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no answer: {text:?}"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let head = head.to_ascii_lowercase();
    let body = if head.contains("transfer-encoding: chunked") { whole(body)? } else { body.to_owned() };
    Ok(Answer { status: status.context("no status")?, head, body })
}

/// What chunks hold.
fn whole(mut chunks: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let (chunk, rest) =
            rest.split_at_checked(usize::from_str_radix(length, 16)?).context("half a chunk")?;
        text += chunk;
        chunks = rest.strip_prefix("\r\n").unwrap_or_default();
    }
    Ok(text)
}
