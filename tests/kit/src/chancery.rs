//! The command line under test.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::manifest::Manifest;
use crate::programs::program;

/// `chancery` with a data folder of its own.
#[derive(Debug)]
pub struct Chancery {
    folder: TempDir,
    url: Option<String>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Chancery {
    /// On a private PostgreSQL.
    ///
    /// # Errors
    ///
    /// When no temporary folder can be made.
    pub fn private() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, url: None })
    }

    /// On the given database.
    ///
    /// # Errors
    ///
    /// When no temporary folder can be made.
    pub fn on(url: &str) -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, url: Some(url.to_owned()) })
    }

    /// A folder for the test's own files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into that folder.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder().join(name);
        std::fs::write(&path, content)?;
        Ok(path)
    }

    /// Starts `run` with the given manifest and more arguments.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start_signing(&self, manifest: &Manifest, more: &[&str]) -> anyhow::Result<Child> {
        let file = self.write("manifest.yaml", &manifest.to_string())?;
        let file = file.to_str().ok_or_else(|| anyhow::anyhow!("a path that is no text"))?;
        self.start(&[&["run", "--file", file], more].concat())
    }

    /// Runs `run` with the given manifest and more arguments to its end.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub async fn sign(&self, manifest: &Manifest, more: &[&str]) -> anyhow::Result<Ended> {
        Ended::of(self.start_signing(manifest, more)?).await
    }

    /// The command, ready for more to be set.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("chancery"));
        command
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env_remove("CHANCERY_KEK_FILE")
            .env_remove("CHANCERY_FORMER_KEK_FILES")
            .env_remove("RUST_LOG")
            .env("CHANCERY_DATA_DIR", self.folder().join("data"))
            .envs(self.url.iter().map(|url| ("DATABASE_URL", url)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        Ok(self.command(arguments).spawn()?)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        Ended::of(self.start(arguments)?).await
    }
}

impl Ended {
    /// Waits for a command that was started.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn of(mut child: Child) -> anyhow::Result<Self> {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let read_out = async {
            if let Some(mut out) = out {
                out.read_to_string(&mut stdout).await?;
            }
            anyhow::Ok(())
        };
        let read_err = async {
            if let Some(mut err) = err {
                err.read_to_string(&mut stderr).await?;
            }
            anyhow::Ok(())
        };
        tokio::try_join!(read_out, read_err)?;
        let code = child.wait().await?.code();
        Ok(Self { code, stdout, stderr })
    }

    /// The JSON object on the last line of standard output.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).with_context(|| format!("no JSON on the last line: {self:?}"))
    }

    /// Fails unless the command ended with this exit code; the error tells what it wrote.
    ///
    /// # Errors
    ///
    /// When it did not.
    pub fn expect_code(self, code: i32) -> anyhow::Result<Self> {
        let Self { code: found, stdout, stderr } = &self;
        anyhow::ensure!(
            *found == Some(code),
            "it ended with {found:?} instead of {code}\n{stdout}\n{stderr}"
        );
        Ok(self)
    }
}
