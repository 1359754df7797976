//! What the ledger shows while a run goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the ledger is asked.
const INTERVAL: Duration = Duration::from_millis(20);

/// How long an answer may take: the server may be down, or have no connection left.
const PATIENCE: Duration = Duration::from_secs(2);

/// What has been seen.
#[derive(Debug, Default)]
struct Seen {
    /// The lease under which each batch is signed.
    signed: BTreeMap<i64, i64>,
    /// When more batches were signed than ever before.
    progress: Vec<Instant>,
    /// What was signed, and is no longer so.
    lost: Vec<String>,
}

/// Watches a ledger, past the proxy, until dropped.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    signed: watch::Receiver<i64>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins.
    #[must_use]
    pub fn start(url: String) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let (sender, signed) = watch::channel(0);
        let task = tokio::spawn(look(url, Arc::clone(&seen), sender));
        Self { seen, signed, task }
    }

    /// Waits until so many batches are signed.
    pub async fn until_signed(&self, batches: i64) {
        // The task ends only with this.
        let _ = self.signed.clone().wait_for(|signed| *signed >= batches).await;
    }

    /// How many batches are signed.
    #[must_use]
    pub fn signed(&self) -> i64 {
        *self.signed.borrow()
    }

    /// Signatures that were seen committed, and have gone or changed since.
    #[must_use]
    pub fn lost(&self) -> Vec<String> {
        self.seen().lost.clone()
    }

    /// How long after `moment` the next batch was signed; none if that was the last.
    #[must_use]
    pub fn stall_after(&self, moment: Instant) -> Option<Duration> {
        let seen = self.seen();
        let next = seen.progress.iter().find(|at| **at > moment)?;
        Some(next.duration_since(moment))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look(url: String, seen: Arc<Mutex<Seen>>, signed: watch::Sender<i64>) {
    let mut connection = None;
    loop {
        // What can not be had now, because a fault is on, is seen later.
        match tokio::time::timeout(PATIENCE, ask(&mut connection, &url)).await {
            Ok(Ok(now)) => {
                let mut seen = lock(&seen);
                let count = i64::try_from(now.len()).unwrap_or(i64::MAX);
                if count > *signed.borrow() {
                    seen.progress.push(Instant::now());
                }
                seen.compare(now);
                drop(seen);
                signed.send_replace(count);
            }
            _ => connection = None,
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn ask(connection: &mut Option<PgConnection>, url: &str) -> sqlx::Result<BTreeMap<i64, i64>> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(PgConnection::connect(url).await?),
    };
    let signed = "SELECT batch, id FROM chancery.leases WHERE outcome = 'signed'";
    Ok(sqlx::query_as(signed).fetch_all(connection).await?.into_iter().collect())
}

impl Seen {
    /// Signatures only ever come.
    fn compare(&mut self, now: BTreeMap<i64, i64>) {
        for (batch, lease) in &self.signed {
            match now.get(batch) {
                Some(other) if other == lease => {}
                Some(other) => self.lost.push(format!(
                    "batch {batch} was signed under lease {lease}, and is now under lease {other}"
                )),
                None => {
                    self.lost.push(format!("batch {batch} was signed under lease {lease}, and is not now"))
                }
            }
        }
        self.signed = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_and_is_not_any_more_is_told() {
        let mut seen = Seen::default();
        seen.compare(BTreeMap::from([(1, 10), (2, 11)]));
        seen.compare(BTreeMap::from([(1, 10), (2, 11), (3, 12)]));
        assert_eq!(seen.lost, Vec::<String>::new());
        seen.compare(BTreeMap::from([(1, 10), (2, 15)]));
        assert_eq!(seen.lost.len(), 2, "{:?}", seen.lost);
    }
}
