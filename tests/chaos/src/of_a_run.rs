//! What happens to a whole run while others of its keyring go on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chancery_kit::program;
use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use crate::inject::Lift;
use crate::keeper::Task;
use crate::place::Stage;

/// How long a deletion, or a run that is to continue, may be in the way of other faults.
const MOST: Duration = Duration::from_secs(120);

/// Before it is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// Has `chancery delete --force` remove one of the runs beside the first, which is in the ledger and has signers at
/// work. None if there is none.
pub(crate) async fn delete(stage: &Stage, pick: usize) -> Option<Lift> {
    let beside: Vec<&Task> = stage.tasks.iter().skip(1).filter(|task| !task.is_given_up()).collect();
    let task = (*beside.get(pick % beside.len().max(1))?).clone();
    if count(&task, "SELECT count(*) FROM chancery.runs WHERE name = $1").await.ok()? == 0 {
        return None;
    }
    task.give_up();
    Some(Box::pin(async move {
        let began = Instant::now();
        loop {
            let log = task.errand.log("delete.log")?;
            let ended = Command::new(program("chancery"))
                .args(["delete", "--force", &task.run])
                .envs(task.errand.environment())
                .env("CHANCERY_DATA_DIR", task.errand.folder.join("data"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .kill_on_drop(true)
                .status()
                .await?;
            // An answer that was lost may have been that of a deletion.
            let left = count(&task, "SELECT count(*) FROM chancery.runs WHERE name = $1").await;
            match left {
                Ok(0) => return Ok(()),
                Ok(_) if ended.success() => anyhow::bail!("run {} was deleted, and is there", task.run),
                _ => anyhow::ensure!(began.elapsed() < MOST, "run {} cannot be deleted: {ended}", task.run),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }))
}

/// Suspends a run for this time. None if it is complete, or the server is down.
pub(crate) async fn suspend(stage: &Stage, pick: usize, time: Duration) -> Option<Lift> {
    const SUSPEND: &str = "WITH changed AS (UPDATE chancery.runs SET suspended = true
                            WHERE name = $1 AND completed_at IS NULL AND deleted_at IS NULL RETURNING id)
                           SELECT count(*) FROM changed";
    const CONTINUE: &str =
        "WITH changed AS (UPDATE chancery.runs SET suspended = false WHERE name = $1 RETURNING id)
                            SELECT count(*) FROM changed";
    let tasks: Vec<&Task> = stage.tasks.iter().filter(|task| !task.is_given_up()).collect();
    let task = (*tasks.get(pick % tasks.len().max(1))?).clone();
    if count(&task, SUSPEND).await.ok()? == 0 {
        return None;
    }
    Some(Box::pin(async move {
        tokio::time::sleep(time).await;
        let began = Instant::now();
        loop {
            match count(&task, CONTINUE).await {
                // None if it was deleted meanwhile.
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() > MOST => {
                    return Err(error).context(format!("run {} cannot be continued", task.run));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }))
}

async fn count(task: &Task, sql: &'static str) -> sqlx::Result<i64> {
    let mut connection = PgConnection::connect(&task.errand.direct).await?;
    sqlx::query_scalar(sql).bind(&task.run).fetch_one(&mut connection).await
}
