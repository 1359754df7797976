//! The gateway as a process, with the settings and the rights that the chart gives it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::operator::{address, settings};
use super::release::Release;
use super::stand_in::container::{self, Running};
use super::stand_in::processes::Processes;
use crate::wait::eventually;

/// A gateway that was started; killed when dropped.
#[derive(Debug)]
pub struct GatewayProcess {
    name: String,
    folder: PathBuf,
    running: Running,
}

impl GatewayProcess {
    /// Starts a gateway of a release, and waits until it serves the API.
    ///
    /// # Errors
    ///
    /// When its settings cannot be had.
    pub async fn start(release: &Release<'_>) -> anyhow::Result<Self> {
        let gateway = Self::begin(release).await?;
        gateway.url().await;
        Ok(gateway)
    }

    /// Starts a gateway of a release.
    ///
    /// # Errors
    ///
    /// When its settings cannot be had.
    pub async fn begin(release: &Release<'_>) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("gateway-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let pod = release.pod_of("gateway", &name).await?;
        let spec = pod.spec.as_ref().context("a pod without a spec")?;
        let kubeconfig = release.kubeconfig_of(spec).await?;
        let container = spec.containers.first().context("a pod without containers")?.clone();
        let folder = release.namespace.cluster.folder().join(format!("{}-{name}", release.namespace.name));
        let (mut environment, mounts) = settings(release, &pod, &container, &folder).await?;
        environment.push(("KUBECONFIG".to_owned(), kubeconfig.display().to_string()));
        environment.push(("CHANCERY_LOG_FORMAT".to_owned(), "text".to_owned()));
        let running = container::start(&container, environment, &mounts, &[], &folder)?;
        Ok(Self { name, folder, running })
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(Processes::log(&self.folder)).unwrap_or_default()
    }

    /// Where it serves the API, once it does: `https://127.0.0.1:PORT`.
    pub async fn url(&self) -> String {
        let mut found = None;
        eventually("the gateway serves the API", async || {
            let log = self.log();
            let at = log.lines().find(|line| line.contains("the API is served"));
            found = at.and_then(|line| Some(line[line.find("https://")?..].trim_end_matches('"').to_owned()));
            found.is_some()
        })
        .await;
        found.expect("it was waited for")
    }

    /// The folder with its certificate and its key: a kubelet writes there what has changed of their Secret.
    #[must_use]
    pub fn tls_folder(&self) -> PathBuf {
        self.folder.join("root/etc/chancery/tls")
    }

    /// The status code and the body of `GET path`, of its metrics or its probes.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let pages = if path == "/metrics" { "metrics" } else { "probes" };
        let mut found = None;
        eventually("the gateway listens", async || {
            found = self.log().lines().filter(|line| line.contains(pages)).find_map(address);
            found.is_some()
        })
        .await;
        let mut stream = TcpStream::connect(found.context("it was waited for")?).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let code = answer.split_whitespace().nth(1).and_then(|code| code.parse().ok());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Ok((code.context("no HTTP answer")?, body.to_owned()))
    }

    /// Asks it to end, and waits for it.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub async fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        kill(Pid::from_raw(self.running.pid()), Signal::SIGTERM)?;
        Ok(self.running.child.wait().await?)
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
}

impl Drop for GatewayProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = format!("--- {}\n{}", self.name, self.log());
            let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        }
    }
}
