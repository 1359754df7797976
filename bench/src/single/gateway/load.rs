//! Load: so many requests per second, or as many as are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::future::try_join_all;
use tokio::task::JoinSet;

use super::client::{Client, Way};
use super::served::Served;
use crate::taken::line;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) clients: usize,
    /// Records of a request.
    pub(super) in_one: u64,
    /// Seconds for which one waits for signatures.
    pub(super) wait: u32,
    /// For how long requests are begun.
    pub(super) time: Duration,
}

/// What came of it.
pub(super) struct Done {
    pub(super) records: u64,
    /// How long each request took, in order.
    took: Vec<Duration>,
    /// From the first request to the last answer.
    elapsed: Duration,
}

impl Done {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub(super) fn requests_per_second(&self) -> f64 {
        self.took.len() as f64 / self.elapsed.as_secs_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub(super) fn records_per_second(&self) -> f64 {
        self.records as f64 / self.elapsed.as_secs_f64()
    }

    /// How long this share of the requests took at the most.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    pub(super) fn percentile(&self, share: f64) -> Duration {
        let place = (self.took.len() as f64 * share) as usize;
        self.took.get(place.min(self.took.len().saturating_sub(1))).copied().unwrap_or(Duration::MAX)
    }
}

/// So many requests per second, whatever becomes of those before. A request takes from when it was due, so that one that could not
/// even be sent in time counts as slow.
pub(super) async fn paced(way: &Way, load: Load, per_second: u32) -> anyhow::Result<Done> {
    let interval = Duration::from_secs(1) / per_second;
    let due = move |number: u64| interval.mul_f64(number as f64);
    pushed(way, load, Some(Arc::new(due))).await
}

/// As many as are answered.
pub(super) async fn unpaced(way: &Way, load: Load) -> anyhow::Result<Done> {
    pushed(way, load, None).await
}

type Due = Arc<dyn Fn(u64) -> Duration + Send + Sync>;

async fn pushed(way: &Way, load: Load, due: Option<Due>) -> anyhow::Result<Done> {
    let clients = try_join_all((0..load.clients).map(|_| Client::connect(way, load.wait))).await?;
    let (next, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut pushing = JoinSet::new();
    for mut client in clients {
        let (next, due) = (Arc::clone(&next), due.clone());
        pushing.spawn(async move {
            let mut took = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let at = due.as_ref().map_or_else(|| began.elapsed(), |due| due(number));
                if at >= load.time {
                    return anyhow::Ok(took);
                }
                let lines =
                    (number * load.in_one..(number + 1) * load.in_one).map(|number| line(number) + "\n");
                let lines: String = lines.collect();
                tokio::time::sleep_until((began + at).into()).await;
                client.push(&lines).await?;
                took.push(began.elapsed().saturating_sub(at));
            }
        });
    }
    let mut took = Vec::new();
    while let Some(done) = pushing.join_next().await {
        took.extend(done??);
    }
    let elapsed = began.elapsed();
    took.sort_unstable();
    ensure!(!took.is_empty(), "nothing was answered");
    Ok(Done { records: took.len() as u64 * load.in_one, took, elapsed })
}

/// KB of the gateway for each connection that has sent a request and says nothing more.
pub(super) async fn idle_kb(served: &Served, connections: usize) -> anyhow::Result<f64> {
    let before = served.resident_kib()?;
    let mut idle = Vec::new();
    for _ in 0..connections {
        idle.push(served.idle().await?);
    }
    let after = served.resident_kib()?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let kb = after.saturating_sub(before) as f64 * 1.024 / idle.len() as f64;
    Ok(kb)
}
