//! Starts intakes and deliveries again and tells nobody that one has died.

use std::process::Stdio;
use std::time::Duration;

use chancery_kit::program;
use chancery_process::Exit;
use tokio::process::{Child, Command};

use super::{Task, ended_well, exit_code};

/// What one ends with that was stopped, or whose run was suspended, before nothing was left for it.
const STOPPED: i32 = 130;

/// Before one that ended is started again.
const PAUSE: Duration = Duration::from_millis(100);

/// A kind of program that a run has besides signers.
pub(super) struct Helper {
    program: &'static str,
    log: &'static str,
    url: fn(&Task) -> Option<String>,
    more: &'static [&'static str],
}

pub(super) const INTAKE: Helper =
    Helper { program: "chancery-intake", log: "intakes.log", url: Task::intakes_url, more: &[] };

/// Nobody tells of one that dies: what it had is handed out again as soon as may be.
pub(super) const DELIVERY: Helper = Helper {
    program: "chancery-delivery",
    log: "deliveries.log",
    url: Task::deliveries_url,
    more: &["--hold", "5"],
};

/// One after the other, until one sees that nothing is left.
pub(super) async fn keep(task: Task, helper: &'static Helper, name: String) -> anyhow::Result<()> {
    for number in 0.. {
        let holder = format!("{name}.{number}");
        let code = start(&task, helper, &holder)?.wait().await?.code();
        let again = [STOPPED, exit_code(Exit::TryAgain), exit_code(Exit::NoRoom)];
        if task.is_given_up() || ended_well(&format!("{} {holder}", helper.program), code, &again)? {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn start(task: &Task, helper: &Helper, holder: &str) -> anyhow::Result<Child> {
    let mut environment = task.errand.environment();
    environment.retain(|(name, _)| !["DATABASE_URL", "CHANCERY_KEK_FILE"].contains(name));
    environment.extend((helper.url)(task).map(|url| ("DATABASE_URL", url)));
    Ok(Command::new(program(helper.program))
        .args(["--run", &task.run, "--holder", holder])
        .args(["--stopped-exit", &STOPPED.to_string()])
        .args(helper.more)
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(task.errand.log(helper.log)?)
        .kill_on_drop(true)
        .spawn()?)
}
