//! Where what runs sign is brought, and whether all of it is there afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use chancery_kit::S3Server;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::place::Stage;
use crate::proxy::Proxy;

/// Where the signed batches of all runs of a schedule are brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// They stay in the ledger.
    Nowhere,
    /// Files of a folder.
    Folder,
    /// Objects of an S3 server, by way of a proxy.
    Bucket,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nowhere => "kept",
            Self::Folder => "brought to a folder",
            Self::Bucket => "brought to a bucket",
        })
    }
}

/// Where a run's batches are brought, for the harness, which looks there without asking anybody.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The sink, as a manifest has it.
    pub sink: serde_json::Value,
    there: There,
}

#[derive(Clone, Debug)]
enum There {
    Folder(PathBuf),
    Bucket(Arc<S3Server>, String),
}

const SINK: &str = "out";

/// Violations of one run that are told.
const SHOWN: usize = 10;

/// A folder for a run; `run` is its number.
///
/// # Errors
///
/// A disk that refuses.
pub fn to_folder(folder: &Path, run: usize) -> anyhow::Result<Brought> {
    let place = folder.join(format!("sink-{run}"));
    std::fs::create_dir(&place)?;
    let sink = json!({"name": SINK, "objects": {"url": format!("file://{}", place.display())}});
    Ok(Brought { sink, there: There::Folder(place) })
}

/// A bucket for a run.
///
/// # Errors
///
/// A server that refuses.
pub async fn to_bucket(server: &Arc<S3Server>, proxy: &Proxy) -> anyhow::Result<Brought> {
    let bucket = server.new_bucket().await?;
    let objects = json!({"url": format!("s3://{bucket}"), "endpoint": proxy.endpoint()});
    let sink = json!({"name": SINK, "objects": objects});
    Ok(Brought { sink, there: There::Bucket(Arc::clone(server), bucket) })
}

impl Brought {
    /// The folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.there {
            There::Folder(folder) => Some(folder),
            There::Bucket(..) => None,
        }
    }

    /// The batches that are there, by name. What a delivery left that was killed while it wrote a file has a name that nobody takes for a
    /// batch.
    async fn found(&self) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        let mut found = match &self.there {
            There::Bucket(server, bucket) => server.objects(bucket).await?,
            There::Folder(folder) => files(folder)?,
        };
        found.retain(|name, _| name.ends_with(".ndjson"));
        Ok(found)
    }
}

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// What of the runs that are left is not where it was to be brought, or is there otherwise than the ledger has it.
pub(crate) async fn undelivered(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let mut violations = Vec::new();
    let mut connection = PgConnection::connect(&stage.direct).await?;
    for (task, brought) in stage.tasks.iter().zip(&stage.brings).filter(|(task, _)| !task.is_given_up()) {
        let settled = "SELECT d.batch, d.state::text, d.digest FROM chancery.deliveries d JOIN chancery.runs r ON r.id = d.run_id
                        WHERE r.name = $1";
        let settled: Vec<(i64, String, Option<Vec<u8>>)> =
            sqlx::query_as(settled).bind(&task.run).fetch_all(&mut connection).await?;
        let batches = "SELECT count(*) FROM chancery.batches b JOIN chancery.runs r ON r.id = b.run_id WHERE r.name = $1";
        let batches: i64 = sqlx::query_scalar(batches).bind(&task.run).fetch_one(&mut connection).await?;
        if i64::try_from(settled.len())? != batches {
            violations.push(format!("run {}: {batches} batches have {} deliveries", task.run, settled.len()));
        }
        let found = brought.found().await?;
        violations.extend(compare(&task.run, &settled, &found).into_iter().take(SHOWN));
    }
    Ok(violations)
}

fn compare(
    run: &str,
    settled: &[(i64, String, Option<Vec<u8>>)],
    found: &BTreeMap<String, Vec<u8>>,
) -> Vec<String> {
    let mut violations = Vec::new();
    let mut names = BTreeSet::new();
    for (batch, state, is) in settled {
        let name = format!("{run}/{batch:010}.ndjson");
        let there = found.get(&name).map(|content| digest(&SHA256, content).as_ref().to_vec());
        if state != "Delivered" || there.is_none() || there != *is {
            let there = if there.is_none() { "not there" } else { "there" };
            violations.push(format!(
                "run {run}: batch {batch} is {state}, and is {there} with its content: {name}"
            ));
        }
        names.insert(name);
    }
    let others = found.keys().filter(|name| !names.contains(*name));
    violations.extend(others.map(|name| format!("run {run}: {name} is there, and is no batch of it")));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(batch: i64, content: &[u8]) -> (i64, String, Option<Vec<u8>>) {
        (batch, "Delivered".to_owned(), Some(digest(&SHA256, content).as_ref().to_vec()))
    }

    #[test]
    fn what_is_missing_or_other_or_more_is_told() {
        let found = BTreeMap::from([
            ("demo/0000000001.ndjson".to_owned(), b"one".to_vec()),
            ("demo/0000000002.ndjson".to_owned(), b"two".to_vec()),
        ]);
        let both = [settled(1, b"one"), settled(2, b"two")];
        assert_eq!(compare("demo", &both, &found), Vec::<String>::new());
        assert_eq!(compare("demo", &both[..1], &found).len(), 1, "one more");
        assert_eq!(compare("demo", &[settled(1, b"one"), settled(2, b"other")], &found).len(), 1, "another");
        let three = [settled(1, b"one"), settled(2, b"two"), settled(3, b"three")];
        assert_eq!(compare("demo", &three, &found).len(), 1, "one is missing");
        let pending = [settled(1, b"one"), (2, "Pending".to_owned(), None)];
        assert_eq!(compare("demo", &pending, &found).len(), 1, "one is not settled");
    }
}
