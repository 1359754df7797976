//! Sources of each kind that hold the same, so that one test goes for all of them.

use std::fmt::Write as _;
use std::time::Duration;

use chancery_kit::{Offered, S3Server, SeededRun, TestLedger, TestRun};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tables::execute;
use crate::{file, lines};

/// Where payloads come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A folder of files.
    Files,
    /// A bucket of a real S3 server.
    Bucket,
    /// Rows of a table.
    Table,
    /// Records and dead letters of another run.
    Replay,
}

/// All but files.
pub(crate) const OTHERS: &[Kind] = &[Kind::Bucket, Kind::Table, Kind::Replay];

/// What a source holds: lines of several files, objects or the like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) parts: Vec<Vec<String>>,
    /// Whether the last part ends with a payload that is too long.
    pub(crate) too_long: bool,
}

impl Held {
    /// These lines, in one part.
    pub(crate) fn lines(lines: impl IntoIterator<Item = String>) -> Self {
        Self { parts: vec![lines.into_iter().collect()], too_long: false }
    }

    /// A duplicate within a part, one across both, and a dead letter.
    pub(crate) fn mixed() -> Self {
        let parts = vec![lines(0, 7).chain(lines(2, 3)).collect(), lines(5, 12).collect()];
        Self { parts, too_long: true }
    }

    /// The same in one part.
    pub(crate) fn short() -> Self {
        Self { parts: vec![lines(0, 5).chain(lines(2, 3)).collect()], too_long: true }
    }

    fn texts(&self) -> Vec<Vec<String>> {
        let mut parts = self.parts.clone();
        if self.too_long
            && let Some(last) = parts.last_mut()
        {
            last.push("x".repeat((1 << 20) + 1));
        }
        parts
    }
}

/// A source that can be read by any number of runs.
pub(crate) struct Origin {
    kind: Kind,
    description: Value,
    offered: Offered,
    // What it is in, for as long as it is read.
    _folder: TempDir,
    _server: Option<S3Server>,
}

impl Origin {
    /// A source that holds this; none where the store that it needs is not installed.
    pub(crate) async fn holding(
        kind: Kind,
        ledger: &TestLedger,
        held: &Held,
    ) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let mut server = None;
        let description = match kind {
            Kind::Files => files(&folder, held)?,
            Kind::Bucket => match S3Server::start()? {
                Some(started) => bucket(server.insert(started), held).await?,
                None => return Ok(None),
            },
            Kind::Table => table(held).await?,
            Kind::Replay => replay(ledger, &folder, held).await?,
        };
        let offered = Offered::lines(held.parts.concat());
        let dead = match kind {
            _ if !held.too_long => Vec::new(),
            // Its first run has kept it, but not to its end.
            Kind::Replay => vec![String::new()],
            Kind::Files | Kind::Bucket | Kind::Table => vec!["x".repeat(1 << 20)],
        };
        Ok(Some(Self {
            kind,
            description,
            offered: offered.with_dead(dead),
            _folder: folder,
            _server: server,
        }))
    }

    /// Of several kinds, those that can be had here.
    pub(crate) async fn all_holding(
        kinds: &[Kind],
        ledger: &TestLedger,
        held: &Held,
    ) -> anyhow::Result<Vec<Self>> {
        let mut origins = Vec::new();
        for kind in kinds {
            origins.extend(Self::holding(*kind, ledger, held).await?);
        }
        Ok(origins)
    }
}

fn files(folder: &TempDir, held: &Held) -> anyhow::Result<Value> {
    for (number, lines) in held.texts().into_iter().enumerate() {
        file(folder.path(), &format!("{number}.txt"), lines)?;
    }
    let url = format!("file://{}", folder.path().display());
    Ok(json!({"objects": {"url": url}, "format": {"type": "Lines"}}))
}

async fn bucket(server: &S3Server, held: &Held) -> anyhow::Result<Value> {
    let bucket = server.new_bucket().await?;
    for (number, lines) in held.texts().into_iter().enumerate() {
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        server.put(&format!("{bucket}/{number}.txt"), text.as_bytes()).await?;
    }
    let endpoint = format!("http://127.0.0.1:{}", server.port());
    let objects = json!({"url": format!("s3://{bucket}"), "endpoint": endpoint});
    Ok(json!({"objects": objects, "format": {"type": "Lines"}}))
}

async fn table(held: &Held) -> anyhow::Result<Value> {
    let url = TestLedger::empty_database().await?;
    execute(&url, "CREATE TABLE payments (id bigserial PRIMARY KEY, payload text NOT NULL)").await?;
    for lines in held.texts().concat().chunks(10_000) {
        let mut insert = "INSERT INTO payments (payload) VALUES ".to_owned();
        for (number, line) in lines.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(insert, "{comma}('{}')", line.replace('\'', "''"))?;
        }
        execute(&url, &insert).await?;
    }
    let table = json!({"query": "TABLE payments", "orderBy": ["id"], "payload": "payload"});
    Ok(json!({"table": table, "url": url}))
}

/// A run that has taken all of it in, also what comes twice.
async fn replay(ledger: &TestLedger, folder: &TempDir, held: &Held) -> anyhow::Result<Value> {
    let first = TestRun::new().named("first").keys(1).batch_size(5_000).without_idempotency();
    let first = first.reads_described("files", files(folder, held)?).created(ledger).await?;
    first.take_in().await?;
    Ok(json!({"run": {"name": "first", "select": "All"}}))
}

/// A run that reads these sources, and what it is offered by them.
pub(crate) async fn reading<'l>(
    ledger: &'l TestLedger,
    origins: &[Origin],
    name: &str,
    lease: Duration,
) -> anyhow::Result<(SeededRun<'l>, Offered)> {
    let run = TestRun::new().named(name).batch_size(4).keys(1).lease_duration(lease);
    reading_as(ledger, run, origins).await
}

/// The same as a run that is otherwise like this.
pub(crate) async fn reading_as<'l>(
    ledger: &'l TestLedger,
    mut run: TestRun,
    origins: &[Origin],
) -> anyhow::Result<(SeededRun<'l>, Offered)> {
    let mut offered = Offered::default();
    for Origin { kind, description, offered: more, .. } in origins {
        run = run.reads_described(&format!("{kind:?}").to_lowercase(), description.clone());
        offered.payloads.extend(more.payloads.iter().cloned());
        offered.dead.extend(more.dead.iter().cloned());
    }
    Ok((run.created(ledger).await?.stocked().await?, offered))
}
