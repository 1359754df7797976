//! The real `kubectl`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::chancery::Ended;

/// `kubectl` with one user's kubeconfig, in one namespace.
#[derive(Clone, Debug)]
pub struct Kubectl {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) namespace: String,
    /// Where it may keep what it has discovered.
    pub(crate) cache: PathBuf,
    /// Where it runs: that of the test, unless another is named.
    pub(crate) folder: Option<PathBuf>,
}

impl Kubectl {
    /// The same as another user.
    #[must_use]
    pub fn with_kubeconfig(&self, kubeconfig: PathBuf) -> Self {
        Self { kubeconfig, ..self.clone() }
    }

    /// The same in a folder, from which it reads the files that it is told of.
    #[must_use]
    pub fn in_folder(&self, folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), ..self.clone() }
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When there is no `kubectl`.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        let here = self.folder.as_deref().unwrap_or(Path::new("."));
        let child = Command::new("kubectl")
            .current_dir(here)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--cache-dir")
            .arg(&self.cache)
            .args(["--namespace", &self.namespace])
            .args(arguments)
            .env("HOME", &self.cache)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        child.map_err(|error| anyhow::anyhow!("kubectl cannot be started: {error}"))
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Errors
    ///
    /// When there is no `kubectl`.
    pub async fn try_run(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        self.feed(arguments, "").await
    }

    /// Runs it to its end: what it wrote to standard output.
    ///
    /// # Errors
    ///
    /// When it fails; with what it wrote.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        Ok(self.try_run(arguments).await?.expect_code(0)?.stdout)
    }

    /// `kubectl apply` of a manifest.
    ///
    /// # Errors
    ///
    /// When it is refused; with the sentence.
    pub async fn apply(&self, manifest: &str) -> anyhow::Result<String> {
        Ok(self.try_apply(manifest).await?.expect_code(0)?.stdout)
    }

    /// `kubectl apply` of a manifest, which may be refused.
    ///
    /// # Errors
    ///
    /// When there is no `kubectl`.
    pub async fn try_apply(&self, manifest: &str) -> anyhow::Result<Ended> {
        self.feed(&["apply", "--filename", "-"], manifest).await
    }

    /// Runs it to its end with something on standard input.
    ///
    /// # Errors
    ///
    /// When there is no `kubectl`.
    pub async fn feed(&self, arguments: &[&str], input: &str) -> anyhow::Result<Ended> {
        let mut child = self.start(arguments)?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that refuses its arguments does not read.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        Ended::of(child).await
    }

    /// An object as JSON, or none.
    ///
    /// # Errors
    ///
    /// When `kubectl` fails for another reason than that there is none.
    pub async fn get(&self, kind: &str, name: &str) -> anyhow::Result<Option<serde_json::Value>> {
        let text = self.run(&["get", kind, name, "--ignore-not-found", "--output=json"]).await?;
        Ok(if text.is_empty() { None } else { Some(serde_json::from_str(&text)?) })
    }

    /// What a JSON path yields of an object; empty where there is nothing.
    ///
    /// # Errors
    ///
    /// When there is no such object.
    pub async fn jsonpath(&self, object: &str, path: &str) -> anyhow::Result<String> {
        self.run(&["get", object, &format!("--output=jsonpath={{{path}}}")]).await
    }
}
