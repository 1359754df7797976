//! One peer with one setting, on a database that nobody has touched.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Serialize;
use sqlx::{Connection, PgConnection, Row};
use tokio::time::sleep;

use super::check::check;
use super::peer::{Peer, Setting};
use super::server::Server;
use super::work::{Template, Work};
use super::workers::{Launch, Workers};

/// Between two looks at how far it is: each costs the server a tenth of a millisecond.
const PAUSE: Duration = Duration::from_millis(50);

/// Without a batch stored, something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// When a trial is over.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// Every batch is stored; then all is checked.
    Stored,
    /// So many seconds have passed since the first key was taken, or every batch is stored.
    Seconds(f64),
}

/// What a trial came to.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// Who signed.
    pub peer: Peer,
    /// And how.
    pub setting: Setting,
    /// Signed and stored.
    pub records: u64,
    /// From the first key taken to the last signature stored.
    pub seconds: f64,
    /// From the start of the first process to the first key taken.
    pub start_seconds: f64,
    /// What the workers complained of, or what the check found: such a trial does not count.
    pub wrong: Option<String>,
}

impl Trial {
    /// Records per second, without the start.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.records as f64 / self.seconds
    }

    /// Has the peer sign the first records of a copy of the template.
    ///
    /// # Errors
    ///
    /// The peer is not installed, fails, or stores nothing for a minute.
    pub async fn of(
        server: &Server,
        template: &Template,
        work: Work,
        peer: Peer,
        setting: Setting,
        until: Until,
    ) -> anyhow::Result<Self> {
        const NAME: &str = "trial";
        let url = template.copy(server, NAME).await?;
        let trial = run(server, &Launch { peer, setting, work, url: &url }, until).await;
        let dropped = server.drop(NAME).await;
        let trial = trial.with_context(|| format!("{}: {}", peer.name(), peer.describe(setting)))?;
        dropped.map(|()| trial)
    }
}

async fn run(server: &Server, launch: &Launch<'_>, until: Until) -> anyhow::Result<Trial> {
    let &Launch { peer, setting, work, url } = launch;
    let mut connection = PgConnection::connect(url).await?;
    if peer.has_a_queue() {
        launch.prepare().await?;
    } else {
        let batches = "INSERT INTO work.batches (batch) SELECT generate_series(1, $1::bigint)";
        sqlx::query(batches).bind(i64::try_from(work.batches())?).execute(&mut connection).await?;
    }
    sqlx::raw_sql("ANALYZE").execute(&mut connection).await?;
    server.settle().await?;

    let began = Instant::now();
    let mut workers = launch.start()?;
    let (age, progress) = wait(&mut connection, &mut workers, work, until).await?;
    let total = began.elapsed().as_secs_f64();
    let complaints = workers.said();
    workers.end().await?;

    let wrong = match until {
        _ if !complaints.is_empty() => Some(format!("a worker complained: {complaints}")),
        Until::Stored => check(&mut connection, work).await?,
        Until::Seconds(_) => None,
    };
    connection.close().await?;
    let Progress { batches, seconds } = progress;
    Ok(Trial {
        peer,
        setting,
        records: (batches * work.batch).min(work.records),
        seconds,
        start_seconds: total - age,
        wrong,
    })
}

struct Progress {
    batches: u64,
    seconds: f64,
}

/// Waits until it is over. Also the seconds since the first key was taken.
async fn wait(
    connection: &mut PgConnection,
    workers: &mut Workers,
    work: Work,
    until: Until,
) -> anyhow::Result<(f64, Progress)> {
    let mut last = (0, Instant::now());
    loop {
        let row =
            sqlx::query(include_str!("../../peers/sql/progress.sql")).fetch_one(&mut *connection).await?;
        let (age, seconds) = (row.get::<Option<f64>, _>("age"), row.get::<Option<f64>, _>("seconds"));
        let batches = u64::try_from(row.get::<i64, _>("batches"))?;
        if let (Some(age), Some(seconds)) = (age, seconds) {
            let long_enough = matches!(until, Until::Seconds(wanted) if age >= wanted);
            if long_enough || batches >= work.batches() {
                return Ok((age, Progress { batches, seconds }));
            }
        }
        workers.all_run()?;
        if batches > last.0 {
            last = (batches, Instant::now());
        }
        ensure!(last.1.elapsed() < PATIENCE, "no batch stored for {PATIENCE:?}: {}", workers.said());
        sleep(PAUSE).await;
    }
}
