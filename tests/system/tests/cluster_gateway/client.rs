//! `curl`, as whoever pushes uses it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use chancery_kit::ApiDocument;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;

/// A client of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Where the gateway is.
    pub(crate) url: String,
    /// The authority that vouches for it.
    pub(crate) authority: PathBuf,
    /// The token that is shown; empty for none.
    pub(crate) token: String,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {self:?}"))
    }

    pub(crate) fn expect(self, status: u16) -> anyhow::Result<Self> {
        anyhow::ensure!(self.status == status, "{status} is expected: {self:?}");
        Ok(self)
    }
}

impl Client {
    pub(crate) fn new(url: &str, authority: &Path, token: &str) -> Self {
        Self { url: url.to_owned(), authority: authority.to_owned(), token: token.to_owned() }
    }

    /// The same with another token.
    pub(crate) fn with(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask(path, &[]).await
    }

    /// Pushes lines of JSON to a run.
    pub(crate) async fn push(&self, run: &str, lines: &str) -> anyhow::Result<Answer> {
        let body = ["--data-binary", lines, "--header", "content-type: application/x-ndjson"];
        self.ask(&format!("{run}/records?wait=60"), &body).await
    }

    pub(crate) async fn seal(&self, run: &str) -> anyhow::Result<Answer> {
        self.ask(&format!("{run}/seal"), &["--request", "POST"]).await
    }

    /// Asks for it. Where there is no answer, or one that the document of the API does not name, it fails.
    pub(crate) async fn ask(&self, path: &str, more: &[&str]) -> anyhow::Result<Answer> {
        static DOCUMENT: OnceCell<ApiDocument> = OnceCell::const_new();
        let read =
            async || ApiDocument::new(&self.with("").curl("/openapi.json", &[]).await?.expect(200)?.body);
        let document = DOCUMENT.get_or_try_init(read).await?;
        let is_post = more.iter().any(|argument| ["POST", "--data-binary"].contains(argument));
        let method = if is_post { "POST" } else { "GET" };
        let answer = self.curl(path, more).await?;
        document.names((method, path), (answer.status, None, answer.body.as_str()))?;
        Ok(answer)
    }

    async fn curl(&self, path: &str, more: &[&str]) -> anyhow::Result<Answer> {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "90", "--write-out", "\n%{http_code}"]);
        command.arg("--cacert").arg(&self.authority).args(more).arg(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            command.args(["--header", &format!("authorization: Bearer {}", self.token)]);
        }
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.context("curl")?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "curl: {}: {said}", output.status);
        let text = String::from_utf8(output.stdout)?;
        let (body, status) = text.rsplit_once('\n').context("no status")?;
        Ok(Answer { status: status.parse()?, body: body.to_owned() })
    }
}

/// The path of the run `demo` of a namespace.
pub(crate) fn run(namespace: &str) -> String {
    format!("/v1/namespaces/{namespace}/runs/demo")
}
