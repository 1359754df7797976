//! Law 7, from outside: what sources offered, counted by whoever made them, against what the ledger says of it.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use sqlx::{PgConnection, Row};

type Digest = [u8; 32];

/// How often something is there.
type Counts<T> = HashMap<T, i64>;

/// What the sources of a run hold.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    /// Payloads, in any order, as often as they are there.
    pub payloads: Vec<Vec<u8>>,
    /// What cannot be a record, with its bytes as far as they are kept.
    pub dead: Vec<Vec<u8>>,
    /// What the policy of the run rejects.
    pub rejected: Vec<Vec<u8>>,
}

impl Offered {
    /// These lines, none of which is dead.
    pub fn lines<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Self {
        let payloads = lines.into_iter().map(|line| line.as_ref().as_bytes().to_vec()).collect();
        Self { payloads, dead: Vec::new(), rejected: Vec::new() }
    }

    /// With these, which are dead.
    #[must_use]
    pub fn with_dead<L: AsRef<str>>(mut self, dead: impl IntoIterator<Item = L>) -> Self {
        self.dead.extend(dead.into_iter().map(|line| line.as_ref().as_bytes().to_vec()));
        self
    }

    /// With these, which are rejected.
    #[must_use]
    pub fn with_rejected<L: AsRef<str>>(mut self, rejected: impl IntoIterator<Item = L>) -> Self {
        self.rejected.extend(rejected.into_iter().map(|line| line.as_ref().as_bytes().to_vec()));
        self
    }

    /// Makes sure that each payload that a sealed run was offered is exactly one of: a record, a duplicate of a record
    /// with the same bytes, a dead letter or rejected with its bytes; that no payload is two records; and that all counts say so.
    ///
    /// # Errors
    ///
    /// What does not hold, or a database that refuses.
    pub async fn is_accounted_for(&self, database: &mut PgConnection, run: i32) -> anyhow::Result<()> {
        let mut records = Counts::<Digest>::new();
        let rows =
            sqlx::query("SELECT sha256(payload) AS computed, digest FROM chancery.records WHERE run_id = $1")
                .bind(run)
                .fetch_all(&mut *database)
                .await?;
        for row in &rows {
            let computed: Vec<u8> = row.get("computed");
            ensure!(row.get::<Vec<u8>, _>("digest") == computed, "a record's digest is not its own");
            *records.entry(digest(&computed)?).or_default() += 1;
        }
        ensure!(records.values().all(|times| *times == 1), "a payload is two records of one run");

        let rows =
            sqlx::query("SELECT digest FROM chancery.arrivals WHERE run_id = $1 AND state = 'Duplicate'")
                .bind(run)
                .fetch_all(&mut *database)
                .await?;
        let mut found = records.clone();
        for row in &rows {
            *found.entry(digest(&row.get::<Vec<u8>, _>("digest"))?).or_default() += 1;
        }
        let mut wanted = Counts::<Digest>::new();
        for payload in &self.payloads {
            *wanted.entry(sha256(payload)?).or_default() += 1;
        }
        compare("payloads", &wanted, &found)?;
        let repeats = "SELECT count(*) FROM chancery.arrivals a
                         JOIN chancery.runs o ON o.id = a.duplicate_run AND o.deleted_at IS NULL
                         LEFT JOIN chancery.records r ON r.run_id = o.id AND r.record = a.duplicate_record
                        WHERE a.run_id = $1 AND a.state = 'Duplicate' AND r.digest IS DISTINCT FROM a.digest";
        let wrong: i64 = sqlx::query_scalar(repeats).bind(run).fetch_one(&mut *database).await?;
        ensure!(wrong == 0, "{wrong} duplicates repeat a record with other bytes, or none");

        let (dead, rejected) = (raws(database, run, "Dead").await?, raws(database, run, "Rejected").await?);
        compare("dead letters", &count(&self.dead), &count(&dead))?;
        compare("rejected", &count(&self.rejected), &count(&rejected))?;

        let admitted = i64::try_from(records.len())?;
        let (dead, rejected) = (i64::try_from(dead.len())?, i64::try_from(rejected.len())?);
        let received = i64::try_from(self.payloads.len() + self.dead.len() + self.rejected.len())?;
        let wanted = [received, admitted, received - admitted - dead - rejected, dead, rejected];
        for (what, counts) in [
            (
                "the run",
                "SELECT received, admitted, duplicates, dead, rejected FROM chancery.intakes WHERE run_id = $1",
            ),
            (
                "its splits",
                "SELECT coalesce(sum(received), 0)::bigint, coalesce(sum(admitted), 0)::bigint,
                        coalesce(sum(duplicates), 0)::bigint, coalesce(sum(dead), 0)::bigint,
                        coalesce(sum(rejected), 0)::bigint
                   FROM chancery.splits WHERE run_id = $1",
            ),
        ] {
            let row = sqlx::query(counts).bind(run).fetch_one(&mut *database).await?;
            let counted: Vec<i64> = (0..5).map(|column| row.get(column)).collect();
            ensure!(counted == wanted, "{what} counts {counted:?}, and {wanted:?} are there");
        }
        let sealed = "SELECT record_count FROM chancery.runs WHERE id = $1 AND sealed_at IS NOT NULL";
        let sealed: Option<i64> = sqlx::query_scalar(sealed).bind(run).fetch_optional(database).await?;
        ensure!(sealed == Some(admitted), "sealed with {sealed:?} records, and {admitted} are there");
        Ok(())
    }
}

async fn raws(database: &mut PgConnection, run: i32, state: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let raws = "SELECT raw FROM chancery.arrivals WHERE run_id = $1 AND state::text = $2";
    Ok(sqlx::query_scalar(raws).bind(run).bind(state).fetch_all(database).await?)
}

fn count(all: &[Vec<u8>]) -> Counts<Vec<u8>> {
    let mut counts = Counts::new();
    for one in all {
        *counts.entry(one.clone()).or_default() += 1;
    }
    counts
}

/// The first few of which there is another number than there should be.
fn compare<T: Eq + std::hash::Hash + std::fmt::Debug>(
    what: &str,
    wanted: &Counts<T>,
    found: &Counts<T>,
) -> anyhow::Result<()> {
    let differ: Vec<_> = wanted
        .keys()
        .chain(found.keys().filter(|one| !wanted.contains_key(*one)))
        .map(|one| (one, wanted.get(one).copied().unwrap_or(0), found.get(one).copied().unwrap_or(0)))
        .filter(|(_, wanted, found)| wanted != found)
        .collect();
    ensure!(
        differ.is_empty(),
        "of {} {what} another number was offered than the ledger has: {:?}",
        differ.len(),
        &differ[..differ.len().min(5)]
    );
    Ok(())
}

fn digest(bytes: &[u8]) -> anyhow::Result<Digest> {
    bytes.try_into().context("a digest that is none")
}

fn sha256(payload: &[u8]) -> anyhow::Result<Digest> {
    digest(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, payload).as_ref())
}
