//! `chancery run`, started again when it ends early, as a service manager does.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use chancery_kit::program;
use chancery_process::Exit;
use futures::future::BoxFuture;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::{Errand, ended_well, exit_code};
use crate::inject::Keep;
use crate::signers::RunningSigner;

/// Before a supervisor that ended is started again.
const PAUSE: Duration = Duration::from_millis(250);

/// Schedules that last longer than this would need longer outages.
const MOST_RESTARTS: u32 = 60;

/// One supervisor, or two by mistake, until each has seen the run complete and its audit passed.
pub struct Supervised {
    errand: Errand,
    pid: Arc<AtomicI32>,
    restarts: Arc<AtomicU32>,
    supervisors: JoinSet<anyhow::Result<()>>,
}

impl Supervised {
    /// Starts the first.
    #[must_use]
    pub fn start(errand: Errand) -> Self {
        let mut supervised =
            Self { errand, pid: Arc::default(), restarts: Arc::default(), supervisors: JoinSet::new() };
        supervised.another("supervisor.log");
        supervised
    }

    fn another(&mut self, log: &'static str) {
        let (errand, restarts) = (self.errand.clone(), Arc::clone(&self.restarts));
        let pid = if log == "second.log" { Arc::default() } else { Arc::clone(&self.pid) };
        self.supervisors.spawn(keep(errand, log, pid, restarts));
    }
}

impl Keep for Supervised {
    fn pid(&self) -> Option<i32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid > 0)
    }

    fn second<'k>(&'k mut self, _signer: Option<&'k RunningSigner>) -> BoxFuture<'k, anyhow::Result<()>> {
        self.another("second.log");
        Box::pin(async { Ok(()) })
    }

    fn finished(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(super::all(&mut self.supervisors))
    }

    fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }
}

async fn keep(
    errand: Errand,
    log: &'static str,
    pid: Arc<AtomicI32>,
    restarts: Arc<AtomicU32>,
) -> anyhow::Result<()> {
    loop {
        let mut supervisor = start(&errand, log)?;
        pid.store(supervisor.id().and_then(|id| id.try_into().ok()).unwrap_or_default(), Ordering::Relaxed);
        let code = supervisor.wait().await?.code();
        pid.store(0, Ordering::Relaxed);
        // "A database that can not be used as it is; run again once it can", and "run again to go on".
        if ended_well("`chancery run`", code, &[Exit::BadInput, Exit::TryAgain].map(exit_code))? {
            return Ok(());
        }
        let restarts = restarts.fetch_add(1, Ordering::Relaxed);
        anyhow::ensure!(
            restarts < MOST_RESTARTS,
            "`chancery run` ended {restarts} times, the last time with {code:?}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

fn start(errand: &Errand, log: &str) -> anyhow::Result<Child> {
    Ok(Command::new(program("chancery"))
        .args(["run", "--output", "json", "--signers", &errand.signers.to_string(), "--file"])
        .arg(errand.folder.join("manifest.yaml"))
        .envs(errand.environment())
        .env("CHANCERY_DATA_DIR", errand.folder.join("data"))
        .stdin(Stdio::null())
        .stdout(errand.log(log)?)
        .stderr(errand.log(log)?)
        .kill_on_drop(true)
        .spawn()?)
}
