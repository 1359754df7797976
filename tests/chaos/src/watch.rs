//! What the ledger shows while a run goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the ledger is asked.
const INTERVAL: Duration = Duration::from_millis(20);

/// How long an answer may take: the server may be down, or have no connection left.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is signed at an instant.
#[derive(Debug, Default)]
struct Look {
    /// The runs there are.
    runs: BTreeSet<i32>,
    /// The lease under which each batch of each run is signed.
    signed: BTreeMap<(i32, i64), i64>,
    /// Batches of the first run that are signed.
    of_first: i64,
    /// Arrivals of the first run; none if its records are generated.
    received: i64,
    /// Batches of the first run that are at its sink.
    delivered: i64,
}

/// What has been seen.
#[derive(Debug, Default)]
struct Seen {
    last: Look,
    /// When batches were signed that had not been before.
    progress: Vec<Instant>,
    /// What was signed, and is no longer so.
    lost: Vec<String>,
}

/// Watches a ledger, past the proxy, until dropped.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    signed: watch::Receiver<i64>,
    received: watch::Receiver<i64>,
    delivered: watch::Receiver<i64>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins.
    #[must_use]
    pub fn start(url: String, first_run: &str) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let ((of_signed, signed), (of_received, received)) = (watch::channel(0), watch::channel(0));
        let (of_delivered, delivered) = watch::channel(0);
        let told = [of_signed, of_received, of_delivered];
        let task = tokio::spawn(look(url, first_run.to_owned(), Arc::clone(&seen), told));
        Self { seen, signed, received, delivered, task }
    }

    /// Waits until so many batches of the first run are signed.
    pub async fn until_signed(&self, batches: i64) {
        // The task ends only with this.
        let _ = self.signed.clone().wait_for(|signed| *signed >= batches).await;
    }

    /// Waits until the first run has so many arrivals.
    pub async fn until_received(&self, arrivals: i64) {
        // The task ends only with this.
        let _ = self.received.clone().wait_for(|received| *received >= arrivals).await;
    }

    /// Waits until so many batches of the first run are at its sink.
    pub async fn until_delivered(&self, batches: i64) {
        // The task ends only with this.
        let _ = self.delivered.clone().wait_for(|delivered| *delivered >= batches).await;
    }

    /// How many batches of the first run are signed.
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

async fn look(
    url: String,
    first_run: String,
    seen: Arc<Mutex<Seen>>,
    [signed, received, delivered]: [watch::Sender<i64>; 3],
) {
    let mut connection = None;
    loop {
        // What cannot be had now, because a fault is on, is seen later.
        match tokio::time::timeout(PATIENCE, ask(&mut connection, &url, &first_run)).await {
            Ok(Ok(now)) => {
                let (of_first, arrivals, there) = (now.of_first, now.received, now.delivered);
                lock(&seen).compare(now);
                signed.send_replace(of_first);
                received.send_replace(arrivals);
                delivered.send_replace(there);
            }
            _ => connection = None,
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn ask(connection: &mut Option<PgConnection>, url: &str, first_run: &str) -> sqlx::Result<Look> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(PgConnection::connect(url).await?),
    };
    // A run without a signed batch has a row, too: then it is known to be there.
    let signed = "SELECT r.id, r.name, l.batch, l.id FROM chancery.runs r
                    LEFT JOIN chancery.leases l ON l.run_id = r.id AND l.outcome = 'signed'
                   WHERE r.deleted_at IS NULL";
    let rows: Vec<(i32, String, Option<i64>, Option<i64>)> =
        sqlx::query_as(signed).fetch_all(&mut *connection).await?;
    let received = "SELECT coalesce(sum(i.received), 0)::bigint FROM chancery.runs r
                      JOIN chancery.intakes i ON i.run_id = r.id WHERE r.name = $1";
    let received = sqlx::query_scalar(received).bind(first_run).fetch_one(&mut *connection).await?;
    let delivered = "SELECT coalesce(sum(s.delivered), 0)::bigint FROM chancery.runs r
                       JOIN chancery.sinks s ON s.run_id = r.id WHERE r.name = $1";
    let delivered = sqlx::query_scalar(delivered).bind(first_run).fetch_one(connection).await?;
    let mut look = Look { received, delivered, ..Look::default() };
    for (run, name, batch, lease) in rows {
        look.runs.insert(run);
        if let (Some(batch), Some(lease)) = (batch, lease) {
            look.signed.insert((run, batch), lease);
            look.of_first += i64::from(name == first_run);
        }
    }
    Ok(look)
}

impl Seen {
    /// Signatures only ever come, but with their run they go.
    fn compare(&mut self, now: Look) {
        for ((run, batch), lease) in &self.last.signed {
            match now.signed.get(&(*run, *batch)) {
                Some(other) if other == lease => {}
                Some(other) => self.lost.push(format!(
                    "batch {batch} was signed under lease {lease}, and is now under lease {other}"
                )),
                None if now.runs.contains(run) => {
                    self.lost.push(format!("batch {batch} was signed under lease {lease}, and is not now"));
                }
                // Whether the run had to go is judged by name.
                None => {}
            }
        }
        if now.signed.keys().any(|batch| !self.last.signed.contains_key(batch)) {
            self.progress.push(Instant::now());
        }
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(batches: &[(i32, i64, i64)]) -> Look {
        let signed = batches.iter().map(|(run, batch, lease)| ((*run, *batch), *lease)).collect();
        Look { runs: batches.iter().map(|(run, ..)| *run).collect(), signed, ..Look::default() }
    }

    #[test]
    fn what_was_signed_and_is_not_any_more_is_told() {
        let mut seen = Seen::default();
        seen.compare(signed(&[(1, 1, 10), (1, 2, 11)]));
        seen.compare(signed(&[(1, 1, 10), (1, 2, 11), (1, 3, 12)]));
        assert_eq!(seen.lost, Vec::<String>::new());
        seen.compare(signed(&[(1, 1, 10), (1, 2, 15)]));
        assert_eq!(seen.lost.len(), 2, "{:?}", seen.lost);
        assert_eq!(seen.progress.len(), 2);
    }

    #[test]
    fn what_goes_with_its_run_is_not_lost() {
        let mut seen = Seen::default();
        seen.compare(signed(&[(1, 1, 10), (2, 1, 11)]));
        seen.compare(signed(&[(1, 1, 10)]));
        assert_eq!(seen.lost, Vec::<String>::new());
    }
}
