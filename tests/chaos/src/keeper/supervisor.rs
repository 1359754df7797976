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

use super::{Task, ended_well, exit_code};
use crate::inject::Keep;
use crate::signers::RunningSigner;

/// Before a supervisor that ended is started again.
const PAUSE: Duration = Duration::from_millis(250);

/// Schedules that last longer than this would need longer outages.
const MOST_RESTARTS: u32 = 60;

/// One supervisor per run, or two by mistake, until each has seen its run complete and its audit passed.
pub struct Supervised {
    first: Task,
    pid: Arc<AtomicI32>,
    restarts: Arc<AtomicU32>,
    supervisors: JoinSet<anyhow::Result<()>>,
}

impl Supervised {
    /// Starts one for the first run, which faults hit, and one for each that shares its keyring.
    #[must_use]
    pub fn start(first: Task, beside: &[Task]) -> Self {
        let (pid, restarts) = (Arc::<AtomicI32>::default(), Arc::default());
        let mut supervised =
            Self { first: first.clone(), pid: Arc::clone(&pid), restarts, supervisors: JoinSet::new() };
        supervised.another(first, "supervisor.log".to_owned(), pid);
        for task in beside {
            supervised.another(task.clone(), format!("supervisor-of-{}.log", task.run), Arc::default());
        }
        supervised
    }

    /// Something else that has to come to its end.
    pub fn also(&mut self, other: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        self.supervisors.spawn(other);
    }

    fn another(&mut self, task: Task, log: String, pid: Arc<AtomicI32>) {
        self.supervisors.spawn(keep(task, log, pid, Arc::clone(&self.restarts)));
    }
}

impl Keep for Supervised {
    fn pid(&self) -> Option<i32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid > 0)
    }

    fn second<'k>(&'k mut self, _signer: Option<&'k RunningSigner>) -> BoxFuture<'k, anyhow::Result<()>> {
        self.another(self.first.clone(), "second.log".to_owned(), Arc::default());
        Box::pin(async { Ok(()) })
    }

    fn finished(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(super::all(&mut self.supervisors))
    }

    fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }
}

async fn keep(task: Task, log: String, pid: Arc<AtomicI32>, restarts: Arc<AtomicU32>) -> anyhow::Result<()> {
    loop {
        let mut supervisor = start(&task, &log)?;
        pid.store(supervisor.id().and_then(|id| id.try_into().ok()).unwrap_or_default(), Ordering::Relaxed);
        let code = supervisor.wait().await?.code();
        pid.store(0, Ordering::Relaxed);
        if task.is_given_up() {
            return Ok(());
        }
        // "A database that cannot be used as it is; run again once it can", and "run again to go on".
        if ended_well("`chancery run`", code, &[Exit::BadInput, Exit::TryAgain].map(exit_code))? {
            // One whose run is suspended ends, too. The same command lets the run continue.
            if is_complete(&task).await {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let restarts = restarts.fetch_add(1, Ordering::Relaxed);
        anyhow::ensure!(
            restarts < MOST_RESTARTS,
            "`chancery run` ended {restarts} times, the last time with {code:?}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// As soon as the server can say so.
async fn is_complete(task: &Task) -> bool {
    loop {
        match task.is_complete().await {
            Ok(complete) => return complete || task.is_given_up(),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn start(task: &Task, log: &str) -> anyhow::Result<Child> {
    let errand = &task.errand;
    Ok(Command::new(program("chancery"))
        .args(["run", "--output", "json", "--signers", &task.signers.to_string(), "--file"])
        .arg(task.manifest())
        .envs(errand.environment())
        .env("CHANCERY_DATA_DIR", errand.folder.join("data"))
        .stdin(Stdio::null())
        .stdout(errand.log(log)?)
        .stderr(errand.log(log)?)
        .kill_on_drop(true)
        .spawn()?)
}
