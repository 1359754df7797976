//! Dead letters that a client of the API asks to be signed: `chancery dead-letters redrive`, as a program of its own for each run.

use std::collections::HashMap;
use std::env;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_gateway::{Redrive, Redriving};
use chancery_process::{Stop, say};
use chancery_store::Ledger;
use tokio::process::Command;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinSet;

use crate::arguments::DatabaseArguments;
use crate::run::child::ChildProcess;

/// How often the ledger is asked whether the run is made.
const LOOK: Duration = Duration::from_millis(100);

/// How long a command may take to end once it has been asked to: longer than the grace that it has by itself.
const END_GRACE: Duration = Duration::from_secs(30);

/// How a command ended: the last that it said, if it failed.
type End = Result<(), String>;

/// The commands that are at work.
#[derive(Clone)]
pub(super) struct Commands(Arc<Shared>);

struct Shared {
    ledger: Ledger,
    database_url: Option<String>,
    data_dir: std::path::PathBuf,
    stop: Stop,
    /// How those that were started end.
    ends: Mutex<HashMap<Redriving, watch::Receiver<Option<End>>>>,
    tasks: AsyncMutex<JoinSet<()>>,
}

impl Commands {
    pub(super) fn new(ledger: Ledger, database: &DatabaseArguments, stop: &Stop) -> Self {
        Self(Arc::new(Shared {
            ledger,
            database_url: database.database_url.as_ref().map(|url| url.text().to_owned()),
            data_dir: database.data_dir.clone(),
            stop: stop.clone(),
            ends: Mutex::default(),
            tasks: AsyncMutex::default(),
        }))
    }

    /// Waits for the end of those that are at work, which are asked to stop as this program is.
    pub(super) async fn ended(&self) {
        let mut tasks = self.0.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }

    /// How the command ends that does this; it is started unless it is at work.
    async fn end_of(&self, redriving: &Redriving) -> Result<watch::Receiver<Option<End>>, String> {
        // Held until it is known: of two that ask at once, one starts it.
        let mut tasks = self.0.tasks.lock().await;
        if let Some(end) = self.0.at_work(redriving) {
            return Ok(end);
        }
        if self.0.stop.is_asked() {
            return Err("the API is being stopped; ask again once it is served".to_owned());
        }
        let child =
            self.0.start(redriving).map_err(|reason| format!("the command cannot be started: {reason}"))?;
        let (sender, end) = watch::channel(None);
        self.0.ends.lock().unwrap_or_else(PoisonError::into_inner).insert(redriving.clone(), end.clone());
        let (stop, into) = (self.0.stop.clone(), format!("{}/{}", redriving.namespace, redriving.into));
        tasks.spawn(async move {
            sender.send_replace(Some(watched(child, &into, &stop).await));
        });
        while tasks.try_join_next().is_some() {}
        Ok(end)
    }
}

impl Shared {
    fn at_work(&self, redriving: &Redriving) -> Option<watch::Receiver<Option<End>>> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|_, end| end.borrow().is_none());
        ends.get(redriving).cloned()
    }

    fn start(&self, Redriving { namespace, of, into }: &Redriving) -> std::io::Result<ChildProcess> {
        let mut command = Command::new(env::current_exe()?);
        command
            .args([
                "dead-letters",
                "redrive",
                &format!("{namespace}/{of}"),
                "--into",
                into,
                "--output",
                "json",
            ])
            .env("CHANCERY_DATA_DIR", &self.data_dir)
            // Not on the command line, where everybody could read a password.
            .envs(self.database_url.iter().map(|url| ("DATABASE_URL", url)));
        ChildProcess::start(command, into.clone())
    }
}

impl Redrive for Commands {
    fn redrive(&self, redriving: Redriving) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async move {
            let mut end = self.end_of(&redriving).await?;
            loop {
                let Redriving { namespace, of: _, into } = &redriving;
                if self.0.ledger.find_run(namespace, into).await.is_ok() {
                    return Ok(());
                }
                tokio::select! {
                    ended = end.wait_for(Option::is_some) => {
                        let ended = ended.map(|end| end.clone()).ok().flatten();
                        return ended.unwrap_or_else(|| Err("the command was lost".to_owned()));
                    }
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        })
    }
}

/// Passes on what it says until it ends.
async fn watched(mut child: ChildProcess, into: &str, stop: &Stop) -> End {
    let mut last = String::new();
    let mut is_asked = false;
    let overdue = async {
        stop.asked().await;
        tokio::time::sleep(END_GRACE).await;
    };
    tokio::pin!(overdue);
    loop {
        tokio::select! {
            line = child.next_line() => match line {
                Some(line) => {
                    say(&format!("{into}: {line}"));
                    last = line;
                }
                None => break,
            },
            () = stop.asked(), if !is_asked => {
                is_asked = true;
                child.ask_to_stop();
            }
            () = &mut overdue => {
                child.kill();
                break;
            }
        }
    }
    match child.ended().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) if last.is_empty() => Err(format!("the command ended with {status}")),
        Ok(_) => Err(last.strip_prefix("error: ").unwrap_or(&last).to_owned()),
        Err(error) => Err(format!("the command is lost: {error}")),
    }
}
