//! Gateways, which are killed as everything else is, and clients that push to them: each sends a request again, under its name, until it
//! is answered. So what a run was offered is what its client has, whatever died.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use chancery_kit::program;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::keeper::{Errand, Task};

/// At once, of one ledger.
const GATEWAYS: usize = 2;

/// Before a gateway that ended is started again, and before a request that failed is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// Between two requests, so that something can go wrong while they come.
const BETWEEN: Duration = Duration::from_millis(30);

/// How long an answer is waited for: a gateway may have been stopped.
const ANSWER: Duration = Duration::from_secs(5);

/// The gateways of a schedule; they end with it.
#[derive(Debug)]
pub struct Gateways {
    gateways: Vec<Arc<Gateway>>,
    answered: AtomicU32,
    again: AtomicU32,
    _keeping: JoinSet<()>,
}

#[derive(Debug)]
struct Gateway {
    /// What it says of itself is there.
    folder: PathBuf,
    pid: AtomicI32,
}

impl Gateways {
    /// Starts them, and each again that ends.
    ///
    /// # Errors
    ///
    /// When no folder can be made.
    pub fn start(errand: &Errand) -> anyhow::Result<Self> {
        let (mut gateways, mut keeping) = (Vec::new(), JoinSet::new());
        for number in 0..GATEWAYS {
            let folder = errand.folder.join(format!("gateway-{number}"));
            std::fs::create_dir(&folder)?;
            let gateway = Arc::new(Gateway { folder, pid: AtomicI32::default() });
            keeping.spawn(keep(errand.clone(), Arc::clone(&gateway)));
            gateways.push(gateway);
        }
        let (answered, again) = (AtomicU32::default(), AtomicU32::default());
        Ok(Self { gateways, answered, again, _keeping: keeping })
    }

    /// One of those that run.
    #[must_use]
    pub fn pid(&self, pick: usize) -> Option<i32> {
        let pids = self.gateways.iter().map(|gateway| gateway.pid.load(Ordering::Relaxed));
        let running: Vec<i32> = pids.filter(|pid| *pid > 0).collect();
        running.get(pick % running.len().max(1)).copied()
    }

    /// How many requests were answered, and how often one was sent again before.
    #[must_use]
    pub fn requests(&self) -> (u32, u32) {
        (self.answered.load(Ordering::Relaxed), self.again.load(Ordering::Relaxed))
    }

    fn nth(&self, number: usize) -> &Gateway {
        &self.gateways[number % self.gateways.len()]
    }
}

/// Whether a gateway does not come up is seen by the clients: their run is not sealed.
async fn keep(errand: Errand, gateway: Arc<Gateway>) {
    loop {
        if let Ok(mut child) = start(&errand, &gateway.folder) {
            let pid = child.id().and_then(|pid| pid.try_into().ok()).unwrap_or_default();
            gateway.pid.store(pid, Ordering::Relaxed);
            let _ended = child.wait().await;
            gateway.pid.store(0, Ordering::Relaxed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn start(errand: &Errand, folder: &Path) -> anyhow::Result<Child> {
    Ok(Command::new(program("chancery"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .envs(errand.environment())
        .env("CHANCERY_DATA_DIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errand.log("gateways.log")?)
        .kill_on_drop(true)
        .spawn()?)
}

/// Pushes these texts to a run, in order, and seals it.
///
/// # Errors
///
/// A refusal that no fault explains.
pub async fn push(gateways: Arc<Gateways>, task: Task, texts: Vec<String>) -> anyhow::Result<()> {
    let run = format!("/v1/namespaces/default/runs/{}", task.run);
    for (number, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        let headers = format!("content-type: application/x-ndjson\r\nidempotency-key: {number}\r\n");
        send(&gateways, &task, number, &format!("{run}/records"), &headers, text).await?;
        tokio::time::sleep(BETWEEN).await;
    }
    send(&gateways, &task, texts.len(), &format!("{run}/seal"), "", "").await
}

/// Sends a request, to one gateway after the other, until it is answered, or nobody is to answer it any more.
async fn send(
    gateways: &Gateways,
    task: &Task,
    number: usize,
    path: &str,
    headers: &str,
    body: &str,
) -> anyhow::Result<()> {
    for attempt in 0.. {
        let asked = ask(gateways.nth(number + attempt), path, headers, body);
        match tokio::time::timeout(ANSWER, asked).await {
            _ if task.is_given_up() => return Ok(()),
            Ok(Ok((200, _))) => {
                gateways.answered.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            // It is not there yet; a body was too slow; the run is suspended; too much is under way; or nobody knows.
            Ok(Ok((404 | 408 | 409 | 429 | 500.., _))) | Ok(Err(_)) | Err(_) => {
                gateways.again.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await
            }
            Ok(Ok((status, answer))) => {
                anyhow::bail!("{path} was answered with {status}, which no fault explains: {answer}")
            }
        }
    }
    Ok(())
}

async fn ask(gateway: &Gateway, path: &str, headers: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let read = |name: &str| std::fs::read_to_string(gateway.folder.join(name));
    let (address, token) = (read("api-address")?, read("api-token")?);
    let mut stream = TcpStream::connect(address.trim().trim_start_matches("http://")).await?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: chaos\r\nconnection: close\r\nauthorization: Bearer {}\r\n{headers}content-length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no answer")?;
    Ok((status, answer))
}
