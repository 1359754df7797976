//! Starts intakes again and tells nobody that one has died.

use std::process::Stdio;
use std::time::Duration;

use chancery_kit::program;
use chancery_process::Exit;
use tokio::process::{Child, Command};

use super::{Task, ended_well, exit_code};

/// What an intake ends with that was stopped, or whose run was suspended, before the run was sealed.
const STOPPED: i32 = 130;

/// Before one that ended is started again.
const PAUSE: Duration = Duration::from_millis(100);

/// One intake after the other, until one sees the run sealed.
pub(super) async fn keep(task: Task, name: String) -> anyhow::Result<()> {
    for number in 0.. {
        let holder = format!("{name}.{number}");
        let code = start(&task, &holder)?.wait().await?.code();
        let again = [STOPPED, exit_code(Exit::TryAgain), exit_code(Exit::NoRoom)];
        if task.is_given_up() || ended_well(&format!("intake {holder}"), code, &again)? {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn start(task: &Task, holder: &str) -> anyhow::Result<Child> {
    let mut environment = task.errand.environment();
    environment.retain(|(name, _)| !["DATABASE_URL", "CHANCERY_KEK_FILE"].contains(name));
    environment.extend(task.intakes_url().map(|url| ("DATABASE_URL", url)));
    Ok(Command::new(program("chancery-intake"))
        .args(["--run", &task.run, "--holder", holder])
        .args(["--stopped-exit", &STOPPED.to_string()])
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(task.errand.log("intakes.log")?)
        .kill_on_drop(true)
        .spawn()?)
}
