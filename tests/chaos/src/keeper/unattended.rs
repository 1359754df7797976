//! Starts signers again and tells nobody that one has died.

use std::process::Stdio;
use std::time::Duration;

use chancery_kit::program;
use chancery_process::Exit;
use futures::future::BoxFuture;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::{Errand, exit_code};
use crate::inject::Keep;
use crate::signers::RunningSigner;

/// What a signer ends with that was stopped before the run was complete.
const STOPPED: i32 = 130;

/// Before a signer that ended is started again.
const PAUSE: Duration = Duration::from_millis(100);

/// So many signers, until each of them has seen the run complete.
pub struct Unattended {
    errand: Errand,
    slots: JoinSet<anyhow::Result<()>>,
}

impl Unattended {
    /// Starts them.
    #[must_use]
    pub fn start(errand: Errand) -> Self {
        let mut slots = JoinSet::new();
        for number in 0..errand.signers {
            slots.spawn(keep(errand.clone(), format!("signer-{number}")));
        }
        Self { errand, slots }
    }
}

impl Keep for Unattended {
    fn pid(&self) -> Option<i32> {
        None
    }

    /// One more with the name of another, as when a Job starts a pod twice.
    fn second<'k>(&'k mut self, signer: Option<&'k RunningSigner>) -> BoxFuture<'k, anyhow::Result<()>> {
        if let Some(RunningSigner { holder, .. }) = signer {
            let (errand, holder) = (self.errand.clone(), holder.clone());
            self.slots.spawn(async move {
                let code = start(&errand, &holder)?.wait().await?.code();
                if ended_well(code, &holder)? {
                    return Ok(());
                }
                keep(errand, format!("{holder}-twin")).await
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
async fn keep(errand: Errand, name: String) -> anyhow::Result<()> {
    for number in 0.. {
        let holder = format!("{name}.{number}");
        let code = start(&errand, &holder)?.wait().await?.code();
        if ended_well(code, &holder)? {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn start(errand: &Errand, holder: &str) -> anyhow::Result<Child> {
    let log = errand.log("signers.log")?;
    Ok(Command::new(program("chancery-signer"))
        .args(["--run", "demo", "--holder", holder, "--assume-signer-role"])
        .args(["--stopped-exit", &STOPPED.to_string()])
        .envs(errand.environment())
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
