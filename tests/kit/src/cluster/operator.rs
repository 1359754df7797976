//! The operator as a process, with the settings and the rights that the chart gives it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use k8s_openapi::api::core::v1::{Container, Pod};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::release::Release;
use super::stand_in::container::{self, Running};
use super::stand_in::environment::{self, Mounts};
use super::stand_in::processes::Processes;
use crate::chancery::Ended;
use crate::programs::program;
use crate::wait::eventually;

/// What is different from what the Deployment says.
#[derive(Clone, Debug, Default)]
pub struct OperatorOptions {
    /// Variables that are set besides, or instead.
    pub environment: Vec<(String, String)>,
}

/// An operator that was started; killed when dropped.
#[derive(Debug)]
pub struct OperatorProcess {
    /// The name of its pod.
    pub name: String,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    running: Running,
}

impl OperatorProcess {
    /// Starts the operator of a release.
    ///
    /// # Errors
    ///
    /// When its settings cannot be had.
    pub async fn start(release: &Release<'_>) -> anyhow::Result<Self> {
        Self::start_with(release, &OperatorOptions::default()).await
    }

    /// Starts the operator of a release with other settings, once the containers before it have ended well.
    ///
    /// # Errors
    ///
    /// When its settings cannot be had, or when a container before it fails.
    pub async fn start_with(release: &Release<'_>, options: &OperatorOptions) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("operator-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let pod = release.pod_of("operator", &name).await?;
        let spec = pod.spec.as_ref().context("a pod without a spec")?;
        let kubeconfig = release.kubeconfig_of(spec).await?;
        let container = spec.containers.first().context("a pod without containers")?.clone();
        let folder = release.namespace.cluster.folder().join(format!("{}-{name}", release.namespace.name));
        for before in spec.init_containers.iter().flatten() {
            let folder = folder.join(&before.name);
            let (environment, mounts) = settings(release, &pod, before, &folder).await?;
            container::run_to_its_end(before, environment, &mounts, &folder).await?;
        }
        let (mut environment, mounts) = settings(release, &pod, &container, &folder).await?;
        environment.push(("KUBECONFIG".to_owned(), kubeconfig.display().to_string()));
        environment.push(("CHANCERY_LOG_FORMAT".to_owned(), "text".to_owned()));
        if let Ok(filter) = std::env::var("RUST_LOG") {
            environment.push(("RUST_LOG".to_owned(), filter));
        }
        environment.extend(options.environment.iter().cloned());
        let running = container::start(&container, environment.clone(), &mounts, &[], &folder)?;
        Ok(Self { name, folder, environment, running })
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(Processes::log(&self.folder)).unwrap_or_default()
    }

    /// Runs a command of its image with its environment, as `kubectl exec` does.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub async fn exec(&self, command: &[&str]) -> anyhow::Result<Ended> {
        let (path, arguments) = command.split_first().context("no command")?;
        let child = Command::new(program(path.trim_start_matches('/')))
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ended::of(child).await
    }

    /// Where it has these pages, `metrics` or `probes`, once it listens.
    pub async fn address(&self, pages: &str) -> SocketAddr {
        let mut found = None;
        eventually("the operator listens", async || {
            found = self.log().lines().filter(|line| line.contains(pages)).find_map(address);
            found.is_some()
        })
        .await;
        found.expect("it was waited for")
    }

    /// The status code and the body of `GET path`.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let pages = if path == "/metrics" { "metrics" } else { "probes" };
        let mut stream = TcpStream::connect(self.address(pages).await).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let code = answer.split_whitespace().nth(1).and_then(|code| code.parse().ok());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Ok((code.context("no HTTP answer")?, body.to_owned()))
    }

    /// The value of a metric, by its name and labels as they are written; none if it is not there.
    ///
    /// # Errors
    ///
    /// When the operator does not answer.
    pub async fn metric(&self, series: &str) -> anyhow::Result<Option<f64>> {
        let (_, text) = self.get("/metrics").await?;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        Ok(value.and_then(|value| value.trim().parse().ok()))
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&self) {
        let ready = async || self.get("/readyz").await.is_ok_and(|(code, _)| code == 200);
        eventually("the operator is ready", ready).await;
    }

    /// Its process; 0 once it has been waited for.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.running.pid()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill(Pid::from_raw(self.running.pid()), signal)?;
        Ok(())
    }

    /// Kills it, and waits for its end.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.running.child.kill().await?;
        Ok(())
    }

    /// Asks it to end, and waits for it.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub async fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        Ok(self.running.child.wait().await?)
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.running.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// Its resident memory, in KiB.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        self.status_kib("VmRSS:")
    }

    /// What of that is its own, and no page of its program's file: in a build that is not optimised, the program is most of it.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn allocated_kib(&self) -> anyhow::Result<u64> {
        self.status_kib("RssAnon:")
    }

    fn status_kib(&self, field: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
        Ok(line.split_whitespace().next().context("an empty field")?.parse()?)
    }
}

/// The variables and the mounts of a container of a release's pod, whose own folder is made.
pub(super) async fn settings(
    release: &Release<'_>,
    pod: &Pod,
    container: &Container,
    folder: &Path,
) -> anyhow::Result<(Vec<(String, String)>, Mounts)> {
    fs::create_dir_all(folder)?;
    let secrets = release.namespace.api();
    let not_yet = |why| anyhow::anyhow!("a pod of the release cannot be started: {why:?}");
    let mounts = environment::mount(&secrets, pod, container, folder).await.map_err(not_yet)?;
    let environment = environment::resolve(&secrets, pod, container).await.map_err(not_yet)?;
    Ok((environment, mounts))
}

/// `listening address=127.0.0.1:1234 pages="metrics"`, or the same in quotes or JSON.
pub(super) fn address(line: &str) -> Option<SocketAddr> {
    let at = line.find("listening").map(|at| &line[at..])?;
    let at = at.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'));
    at.filter_map(|word| word.parse().ok()).next()
}

impl Drop for OperatorProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = format!("--- {}\n{}", self.name, self.log());
            let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        }
    }
}
