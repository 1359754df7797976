//! A `chancery serve`, and runs that `chancery run` signs as records come.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chancery_kit::{Manifest, eventually, program};
use chancery_process::{allow_open_files, peak_memory_kib};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::client::Way;
use crate::site::Site;

/// More than there are connections.
const FILES: u64 = 16_384;

/// How long signing may take once all is pushed.
const SIGNING: Duration = Duration::from_secs(600);

/// The API.
pub(super) struct Served {
    process: Child,
    pid: u32,
    address: String,
    token: String,
}

/// A run that is signed.
pub(super) struct Signed {
    pub(super) way: Way,
    name: String,
    process: Child,
}

fn command(site: &Site, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("chancery"));
    command
        .args(arguments)
        .env("DATABASE_URL", &site.url)
        .env("CHANCERY_DATA_DIR", site.folder())
        .env("CHANCERY_KEK_FILE", &site.kek_file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    command
}

impl Served {
    pub(super) async fn start(site: &Site) -> anyhow::Result<Self> {
        let files = allow_open_files(FILES);
        ensure!(files >= 12_000, "this process may have {files} files open only: raise `ulimit -n`");
        let process = command(site, &["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()).spawn()?;
        let file = site.folder().join("api-address");
        eventually("the API is served", async || file.exists()).await;
        let address = fs::read_to_string(&file)?.trim().trim_start_matches("http://").to_owned();
        let token = fs::read_to_string(site.folder().join("api-token"))?.trim().to_owned();
        Ok(Self { pid: process.id().context("a process")?, process, address, token })
    }

    /// A run to which records are pushed, and which is signed meanwhile.
    pub(super) async fn run(&self, site: &Site, name: &str) -> anyhow::Result<Signed> {
        // As many may wait as come: what is measured is how many that are.
        let manifest = Manifest::new()
            .named(name)
            .without("recordCount")
            .without("recordSize")
            .with("sources", "[{name: push, http: {maxPending: 100000000}}]")
            .with("keyCount", 10)
            .with("batchSize", 1_000);
        let file = site.folder().join(format!("{name}.yaml"));
        fs::write(&file, manifest.to_string())?;
        let file = file.to_str().context("a path that is no text")?;
        let process = command(site, &["run", "--skip-audit", "--signers", "1", "--file", file])
            .stderr(Stdio::null())
            .spawn()?;
        let filled = async || site.ledger.find_run("default", name).await.is_ok_and(|run| run.keyring.filled);
        eventually("the run has its keys", filled).await;
        let path = format!("/v1/namespaces/default/runs/{name}");
        let way = Way { address: self.address.clone(), token: self.token.clone(), path };
        Ok(Signed { way, name: name.to_owned(), process })
    }

    /// A connection that has been answered, and says nothing more.
    pub(super) async fn idle(&self) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let request =
            format!("GET /nothing HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {}\r\n\r\n", self.token);
        stream.write_all(request.as_bytes()).await?;
        ensure!(stream.read(&mut [0; 1024]).await? > 0, "the connection ended");
        Ok(stream)
    }

    /// The most memory that it had.
    pub(super) fn peak_mib(&self) -> anyhow::Result<f64> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        Ok(peak_memory_kib(self.pid).context("the API has ended")? as f64 / 1024.0)
    }

    /// What it has now.
    pub(super) fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        kill(Pid::from_raw(i32::try_from(self.pid)?), Signal::SIGTERM)?;
        ensure!(self.process.wait().await?.success(), "the API failed");
        Ok(())
    }
}

impl Signed {
    /// Seals it, waits until all is signed, and takes it out of the ledger.
    pub(super) async fn end(mut self, site: &Site, records: u64) -> anyhow::Result<()> {
        let sealed = command(site, &["records", "seal", &self.name]).status().await?;
        ensure!(sealed.success(), "the run cannot be sealed");
        let began = Instant::now();
        let ended = tokio::time::timeout(SIGNING, self.process.wait()).await;
        let status = ended.with_context(|| format!("not signed after {:?}", began.elapsed()))??;
        ensure!(status.success(), "the run failed");
        let run = site.ledger.find_run("default", &self.name).await?;
        let found = run.sealed_records.map(i64::unsigned_abs);
        ensure!(found == Some(records), "{records} records were answered, and the run has {found:?}");
        site.delete(&run).await?;
        Ok(())
    }
}
