//! Starts signers, intakes and deliveries again and tells nobody that one has died.

use std::process::Stdio;
use std::time::Duration;

use chancery_kit::program;
use chancery_process::Exit;
use futures::future::BoxFuture;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::{Task, exit_code, helpers};
use crate::inject::Keep;
use crate::signers::RunningSigner;

/// What a signer ends with that was stopped before the run was complete.
const STOPPED: i32 = 130;

/// Before a signer that ended is started again.
const PAUSE: Duration = Duration::from_millis(100);

/// Intakes of each run that reads: two, so that they meet.
const INTAKES: usize = 2;

/// Deliveries of each run that has a sink: two, for the same reason.
const DELIVERIES: usize = 2;

/// So many signers per run, intakes, and deliveries, until each of them has seen its run complete.
pub struct Unattended {
    tasks: Vec<Task>,
    slots: JoinSet<anyhow::Result<()>>,
}

impl Unattended {
    /// Starts them.
    #[must_use]
    pub fn start(tasks: Vec<Task>) -> Self {
        let mut slots = JoinSet::new();
        for task in &tasks {
            for number in 0..task.signers {
                slots.spawn(keep(task.clone(), format!("{}.signer-{number}", task.run)));
            }
            for number in 0..if task.intakes_url().is_some() { INTAKES } else { 0 } {
                let name = format!("{}.intake-{number}", task.run);
                slots.spawn(helpers::keep(task.clone(), &helpers::INTAKE, name));
            }
            for number in 0..if task.deliveries_url().is_some() { DELIVERIES } else { 0 } {
                let name = format!("{}.delivery-{number}", task.run);
                slots.spawn(helpers::keep(task.clone(), &helpers::DELIVERY, name));
            }
        }
        Self { tasks, slots }
    }
}

impl Keep for Unattended {
    fn pid(&self) -> Option<i32> {
        None
    }

    /// One more with the name of another, as when a Job starts a pod twice.
    fn second<'k>(&'k mut self, signer: Option<&'k RunningSigner>) -> BoxFuture<'k, anyhow::Result<()>> {
        let of_run = |holder: &str, task: &&Task| holder.split('.').next() == Some(task.run.as_str());
        if let Some(RunningSigner { holder, .. }) = signer
            && let Some(task) = self.tasks.iter().find(|task| of_run(holder, task))
        {
            let (task, holder) = (task.clone(), holder.clone());
            self.slots.spawn(async move {
                let code = start(&task, &holder)?.wait().await?.code();
                if task.is_given_up() || ended_well(code, &holder)? {
                    return Ok(());
                }
                keep(task, format!("{holder}-twin")).await
            });
        }
        Box::pin(async { Ok(()) })
    }

    fn finished(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(super::all(&mut self.slots))
    }

    fn restarts(&self) -> u32 {
        0
    }
}

/// One signer after the other, until one sees the run complete.
async fn keep(task: Task, name: String) -> anyhow::Result<()> {
    for number in 0.. {
        let holder = format!("{name}.{number}");
        let code = start(&task, &holder)?.wait().await?.code();
        if task.is_given_up() || ended_well(code, &holder)? {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn start(task: &Task, holder: &str) -> anyhow::Result<Child> {
    let log = task.errand.log("signers.log")?;
    Ok(Command::new(program("chancery-signer"))
        .args(["--run", &task.run, "--holder", holder])
        .args(["--stopped-exit", &STOPPED.to_string()])
        .envs(task.environment_of_signers())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?)
}

/// Whether the signer saw the run complete; else it is to be started again.
fn ended_well(code: Option<i32>, holder: &str) -> anyhow::Result<bool> {
    let again = [STOPPED, exit_code(Exit::TryAgain), exit_code(Exit::NoRoom)];
    super::ended_well(&format!("signer {holder}"), code, &again)
}
