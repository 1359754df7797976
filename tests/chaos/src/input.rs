//! What runs read that have sources, made from a seed so that the harness knows it without asking anybody.

use std::fmt;
use std::path::Path;

use chancery_kit::{Offered, S3Server, TestLedger, TestRun};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::proxy::Proxy;

/// Where the records of all runs of a schedule come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// They are generated.
    Generated,
    /// Files of a folder.
    Files,
    /// Objects of an S3 server, by way of a proxy.
    Bucket,
    /// Rows of a table, by way of a proxy.
    Table,
    /// All of another run, which has read files before.
    Replay,
    /// What clients push to gateways.
    Pushed,
}

impl Input {
    /// Whether there is a way to it, on which something may happen.
    #[must_use]
    pub const fn is_far(self) -> bool {
        matches!(self, Self::Bucket | Self::Table)
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generated => "generated",
            Self::Files => "read from files",
            Self::Bucket => "read from a bucket",
            Self::Table => "read from a table",
            Self::Replay => "read from another run",
            Self::Pushed => "pushed",
        })
    }
}

/// Lines of a file: few, so that there are many admissions to go wrong.
const LINES_OF_A_FILE: usize = 40;

/// Of so many lines, one repeats another of its run; of as many, one is no JSON.
const EVERY: usize = 50;

/// Of so many lines of a run, one is a line of the first run, too.
const SHARED_EVERY: usize = 10;

/// What a run reads.
#[derive(Clone, Debug)]
pub struct Read {
    /// What is offered, counted here.
    pub offered: Offered,
    /// The source, as a manifest has it.
    pub source: serde_json::Value,
    /// What a client is to push, if the source is that.
    pub pushed: Vec<String>,
}

/// The texts of the files of a run, and what they offer; `run` is its number.
fn files(seed: u64, run: usize, records: i64) -> (Vec<String>, Offered) {
    let line = |run: usize, number: usize| {
        format!(
            "{{\"seed\": {seed}, \"run\": {run}, \"number\": {number}, \"text\": \"{}\"}}",
            "x".repeat(number % 97)
        )
    };
    let (mut texts, mut offered) = (vec![String::new()], Offered::default());
    for number in 0..usize::try_from(records).unwrap_or_default() {
        let mut lines = vec![(line(if number % SHARED_EVERY == 7 { 0 } else { run }, number), true)];
        if number % EVERY == 11 {
            // Across files now and then.
            lines.push((line(run, number.saturating_sub(number % 1_000)), true));
        }
        if number % (EVERY * 10) == 13 {
            lines.push((format!("no json {run} {number}"), false));
        }
        if number % LINES_OF_A_FILE == 0 {
            texts.push(String::new());
        }
        for (line, good) in lines {
            if let Some(text) = texts.last_mut() {
                text.push_str(&line);
                text.push('\n');
            }
            let kind = if good { &mut offered.payloads } else { &mut offered.dead };
            kind.push(line.into_bytes());
        }
    }
    (texts, offered)
}

/// Writes what a run is to read from files.
///
/// # Errors
///
/// A disk that refuses.
pub fn of_files(folder: &Path, seed: u64, run: usize, records: i64) -> anyhow::Result<Read> {
    let (texts, offered) = files(seed, run, records);
    let place = folder.join(format!("source-{run}"));
    std::fs::create_dir(&place)?;
    for (number, text) in texts.iter().enumerate() {
        std::fs::write(place.join(format!("{number:04}.ndjson")), text)?;
    }
    let source = json!({"name": "files", "objects": {"url": format!("file://{}", place.display())}, "format": {"type": "NDJSON"}});
    Ok(Read { offered, source, pushed: Vec::new() })
}

/// What a client is to push to a run.
#[must_use]
pub fn of_pushed(seed: u64, run: usize, records: i64) -> Read {
    let (pushed, offered) = files(seed, run, records);
    Read { offered, source: json!({"name": "push", "http": {}}), pushed }
}

/// Stores what a run is to read from a bucket.
///
/// # Errors
///
/// A server that refuses.
pub async fn of_bucket(
    server: &S3Server,
    proxy: &Proxy,
    seed: u64,
    run: usize,
    records: i64,
) -> anyhow::Result<Read> {
    let (texts, offered) = files(seed, run, records);
    let bucket = server.new_bucket().await?;
    for (number, text) in texts.iter().enumerate() {
        server.put(&format!("{bucket}/{number:04}.ndjson"), text.as_bytes()).await?;
    }
    let objects = json!({"url": format!("s3://{bucket}"), "endpoint": proxy.endpoint()});
    let source = json!({"name": "bucket", "objects": objects, "format": {"type": "NDJSON"}});
    Ok(Read { offered, source, pushed: Vec::new() })
}

/// Stores what a run is to read from a table, in a database at this URL; nothing of it is dead, since a column of text is
/// a payload whatever is in it.
///
/// # Errors
///
/// A server that refuses.
pub async fn of_table(
    direct: &str,
    by_proxy: String,
    seed: u64,
    run: usize,
    records: i64,
) -> anyhow::Result<Read> {
    let (texts, offered) = files(seed, run, records);
    let mut database = PgConnection::connect(direct).await?;
    let table = format!("payments_{run}");
    let create = format!("CREATE TABLE {table} (id bigserial PRIMARY KEY, payload text NOT NULL)");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut database).await?;
    let insert = format!("INSERT INTO {table} (payload) SELECT unnest($1::text[])");
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
    sqlx::query(AssertSqlSafe(insert)).bind(lines).execute(&mut database).await?;
    let query =
        json!({"url": by_proxy, "query": format!("TABLE {table}"), "orderBy": ["id"], "payload": "payload"});
    let source = json!({"name": "table", "table": query});
    Ok(Read { offered: alive(offered), source, pushed: Vec::new() })
}

/// Has another run read what a run is to read from it. Its dead letters, which were kept whole, are payloads then.
///
/// # Errors
///
/// A ledger that refuses, or an intake that fails.
pub async fn of_replay(
    ledger: &TestLedger,
    folder: &Path,
    seed: u64,
    run: usize,
    records: i64,
) -> anyhow::Result<Read> {
    let Read { offered, source, pushed } = of_files(folder, seed, run, records)?;
    let name = format!("past-{run}");
    let past = TestRun::new().named(&name).keys(1).batch_size(100).without_idempotency();
    past.reads_source(&source).created(ledger).await?.take_in().await?;
    let source = json!({"name": "again", "run": {"name": name, "select": "All"}});
    Ok(Read { offered: alive(offered), source, pushed })
}

fn alive(offered: Offered) -> Offered {
    let Offered { mut payloads, dead, rejected } = offered;
    payloads.extend(dead);
    Offered { payloads, dead: Vec::new(), rejected }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn files_have_duplicates_within_a_run_and_across_runs_and_dead_lines() {
        let (texts, first) = files(1, 0, 2_000);
        let (_, beside) = files(1, 1, 2_000);
        let different = |offered: &Offered| offered.payloads.iter().cloned().collect::<HashSet<_>>();
        assert_eq!(texts.iter().map(|text| text.lines().count()).sum::<usize>(), 2_000 + 40 + 4);
        assert_eq!((first.payloads.len(), first.dead.len()), (2_040, 4));
        assert_eq!(different(&first).len(), 2_000);
        assert_eq!(different(&first).intersection(&different(&beside)).count(), 200);
    }
}
