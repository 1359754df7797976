//! Whether runs that met with faults are what they would have been without.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::Context as _;
use chancery_kit::{IndependentReport, independent_audit, independent_keyring_audit, program};
use sqlx::{Connection, PgConnection, Row};
use tokio::process::Command;

use crate::fault::Fault;
use crate::inject::Injected;
use crate::journal::Journal;
use crate::output::undelivered;
use crate::place::Stage;
use crate::schedule::Schedule;
use crate::signers::{self, Killed};
use crate::watch::Watch;

/// More than the grace that a signer has by itself.
const LAST_PATIENCE: Duration = Duration::from_secs(30);

/// Violations of one kind that are told; where there is one, there are often thousands.
const SHOWN: usize = 10;

/// What was found out about the runs of a schedule.
#[derive(Debug, Default)]
pub struct Judged {
    /// What does not hold, in sentences; nothing, if all is well.
    pub violations: Vec<String>,
    /// Whether the independent audit was made: it needs packages that may not be installed.
    pub audited_independently: bool,
    /// Batches that were taken over because a lease had run out.
    pub takeovers: i64,
    /// Leases that were given back.
    pub given_back: i64,
    /// Batches that were signed to the end more than once, and stored once.
    pub signed_twice: usize,
    /// For each batch in the hands of a signer that was killed, with no other fault meanwhile: how long
    /// until another had leased it.
    pub recoveries: Vec<Duration>,
}

/// A line of the lease log.
struct Lease {
    id: i64,
    run: i32,
    batch: i64,
    key: String,
    holder: String,
    outcome: Option<String>,
    /// Of its batch; none once the run is deleted.
    records: Option<i64>,
    /// Seconds since 1970.
    acquired: f64,
    released: Option<f64>,
}

/// The lease log, which holds the leases of all runs of a ring, also of those that were deleted.
struct Log {
    leases: Vec<Lease>,
    /// Whether the beginning of it has been forgotten.
    forgotten: bool,
}

/// Judges the runs of a schedule that were not deleted, and the keyring of all.
///
/// # Errors
///
/// When it cannot be judged, because the server or a program fails.
pub async fn judge(
    stage: &Stage,
    schedule: &Schedule,
    injected: &[Injected],
    watch: &Watch,
    finished: anyhow::Result<()>,
) -> anyhow::Result<Judged> {
    let mut judged = Judged::default();
    let violations = &mut judged.violations;
    if let Err(error) = finished {
        violations.push(format!("{error:#}"));
    }
    violations.extend(left_running(stage).await);
    violations.extend(watch.lost());

    let journal = std::fs::read_to_string(stage.errand.journal.join("journal")).context("no key was used")?;
    let journal = Journal::parse(&journal)?;
    let log = log(stage).await?;
    // Over all runs: a key is the ring's.
    violations.extend(journal.shared_keys());
    violations.extend(compare(&journal, &log));
    audit(stage, schedule, &mut judged).await?;
    judged.violations.extend(unaccounted(stage).await?);
    judged.violations.extend(undelivered(stage).await?);
    let leases = log.leases;
    let with_outcome =
        |wanted: &str| leases.iter().filter(|lease| lease.outcome.as_deref() == Some(wanted)).count();
    judged.takeovers = i64::try_from(with_outcome("expired"))?;
    judged.given_back = i64::try_from(with_outcome("abandoned"))?;
    judged.signed_twice = signed_twice(&journal, &leases);
    judged.recoveries = injected.iter().flat_map(|one| undisturbed(one, injected, &leases)).collect();
    Ok(judged)
}

/// Signers, intakes and deliveries that do not end, although the run is over. One that lost its supervisor takes its time.
async fn left_running(stage: &Stage) -> Vec<String> {
    let waited = Instant::now();
    loop {
        let mut left = signers::running(&stage.errand.journal);
        left.extend(signers::running_intakes(&stage.errand.journal));
        left.extend(signers::running_deliveries(&stage.errand.journal));
        if left.is_empty() || waited.elapsed() > LAST_PATIENCE {
            return left.iter().map(|program| format!("{} still runs", program.holder)).collect();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn log(stage: &Stage) -> anyhow::Result<Log> {
    let mut connection = PgConnection::connect(&stage.direct).await?;
    let forgotten = sqlx::query_scalar("SELECT bool_or(forgotten_use > 0) FROM chancery.keyrings")
        .fetch_one(&mut connection)
        .await?;
    let rows = sqlx::query(
        "SELECT l.id, l.run_id, l.batch, l.key_id::text AS key, l.holder, l.outcome::text AS outcome,
                b.last_record - b.first_record + 1 AS records,
                extract(epoch FROM l.acquired_at)::float8 AS acquired,
                extract(epoch FROM l.released_at)::float8 AS released
           FROM chancery.leases l LEFT JOIN chancery.batches b USING (run_id, batch) ORDER BY l.use_sequence",
    )
    .fetch_all(&mut connection)
    .await?;
    let lease = |row: sqlx::postgres::PgRow| Lease {
        id: row.get("id"),
        run: row.get("run_id"),
        batch: row.get("batch"),
        key: row.get("key"),
        holder: row.get("holder"),
        outcome: row.get("outcome"),
        records: row.get("records"),
        acquired: row.get("acquired"),
        released: row.get("released"),
    };
    Ok(Log { leases: rows.into_iter().map(lease).collect(), forgotten })
}

/// What signers did against what the ledger knows of it.
fn compare(journal: &Journal, log: &Log) -> Vec<String> {
    let Log { leases, forgotten } = log;
    // A log begins with the first lease that is still needed; ids grow as leases are granted.
    let first = leases.first().filter(|_| *forgotten).map_or(i64::MIN, |lease| lease.id);
    let by_id: HashMap<i64, &Lease> = leases.iter().map(|lease| (lease.id, lease)).collect();
    let mut violations = Vec::new();
    for one in journal.uses.iter().filter(|one| one.lease >= first) {
        let known = by_id.get(&one.lease).is_some_and(|lease| {
            (lease.batch, &lease.key, &lease.holder) == (one.batch, &one.key, &one.holder)
        });
        if !known {
            violations.push(format!(
                "{} signed batch {} with key {} under lease {}, of which the ledger knows nothing",
                one.holder, one.batch, one.key, one.lease
            ));
        }
    }
    let signed = journal.signed_by_lease();
    for lease in leases.iter().filter(|lease| lease.outcome.as_deref() == Some("signed")) {
        let found = signed.get(&lease.id).copied().unwrap_or_default();
        if let Some(records) = lease.records.filter(|records| *records != found) {
            violations.push(format!(
                "lease {} has stored {records} signatures, and {found} were made under it",
                lease.id
            ));
        }
    }
    violations
}

/// What the runs that are left were offered, which the harness has counted, and the ledger has otherwise.
async fn unaccounted(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let mut violations = Vec::new();
    let mut connection = PgConnection::connect(&stage.direct).await?;
    for (task, read) in stage.tasks.iter().zip(&stage.reads).filter(|(task, _)| !task.is_given_up()) {
        let id = sqlx::query_scalar("SELECT id FROM chancery.runs WHERE name = $1");
        let id: i32 = id.bind(&task.run).fetch_one(&mut connection).await?;
        if let Err(error) = read.offered.is_accounted_for(&mut connection, id).await {
            violations.push(format!("run {}: {error:#}", task.run));
        }
    }
    Ok(violations)
}

/// Both audits, of each run that is there and of the keyring that they share.
async fn audit(stage: &Stage, schedule: &Schedule, judged: &mut Judged) -> anyhow::Result<()> {
    let namespace = stage.namespace();
    for run in stage.surviving_runs() {
        judged.violations.extend(verify(stage, schedule, &[&format!("{namespace}/{run}")]).await?);
        judged.add(independent_audit(&stage.direct, namespace, run).await?);
    }
    if let Some(keyring) = stage.shared_keyring() {
        let named = format!("{namespace}/{keyring}");
        judged.violations.extend(verify(stage, schedule, &["--keyring", &named]).await?);
        judged.add(independent_keyring_audit(&stage.direct, namespace, keyring).await?);
    }
    Ok(())
}

impl Judged {
    fn add(&mut self, report: Option<IndependentReport>) {
        let Some(report) = report else { return };
        self.audited_independently = true;
        let sentences = report.violations.into_iter().take(SHOWN);
        self.violations
            .extend(sentences.map(|violation| format!("the independent audit: {}", violation.sentence)));
    }
}

/// The audit that users have.
async fn verify(stage: &Stage, schedule: &Schedule, what: &[&str]) -> anyhow::Result<Option<String>> {
    let output = Command::new(program("chancery"))
        .args(["verify", "--output", "json", "--database-url", &stage.direct])
        .args(what)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if output.status.success() {
        return Ok(None);
    }
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let (out, error) = (said(&output.stdout), said(&output.stderr));
    let what = what.join(" ");
    Ok(Some(format!(
        "chancery verify {what} ends with {} for seed {}: {out} {error}",
        output.status, schedule.seed
    )))
}

fn signed_twice(journal: &Journal, leases: &[Lease]) -> usize {
    let signed = journal.signed_by_lease();
    let mut times: BTreeMap<(i32, i64), u32> = BTreeMap::new();
    let to_the_end =
        |lease: &&Lease| lease.records.is_some() && signed.get(&lease.id).copied() == lease.records;
    for lease in leases.iter().filter(to_the_end) {
        *times.entry((lease.run, lease.batch)).or_default() += 1;
    }
    times.values().filter(|times| **times > 1).count()
}

/// The recoveries from a fault during which nothing else went wrong.
fn undisturbed(one: &Injected, all: &[Injected], leases: &[Lease]) -> Vec<Duration> {
    let Some(killed) = &one.killed else { return Vec::new() };
    let is_calm = |recovery: &Duration| {
        let until = one.began + *recovery;
        let others = all.iter().filter(|other| !std::ptr::eq(*other, one));
        others.into_iter().all(|other| other.ended < one.began || other.began > until)
            // The log does not say any more when something was by this machine's clock.
            && !all.iter().any(|other| matches!(other.fault, Fault::SetClock(_)))
    };
    recoveries(killed, leases).into_iter().filter(is_calm).collect()
}

/// How long the batches of a signer that was killed were in nobody's hands.
fn recoveries(killed: &Killed, leases: &[Lease]) -> Vec<Duration> {
    let at = killed.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let held = leases.iter().filter(|lease| {
        lease.holder == killed.holder
            && matches!(lease.outcome.as_deref(), Some("expired" | "abandoned"))
            && lease.acquired <= at
            && lease.released.is_some_and(|released| released > at)
    });
    let next_after = |lost: &Lease| {
        let next = leases.iter().filter(|lease| {
            (lease.run, lease.batch) == (lost.run, lost.batch) && lease.acquired > lost.acquired
        });
        next.map(|lease| lease.acquired - at).min_by(f64::total_cmp)
    };
    held.filter_map(next_after).map(|seconds| Duration::from_secs_f64(seconds.max(0.0))).collect()
}

/// Adds to the folder of a run that failed what the ledger has of it.
///
/// # Errors
///
/// When it cannot be written.
pub async fn keep_evidence(stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    for run in stage.surviving_runs() {
        for what in ["leases", "signatures"] {
            let file = std::fs::File::create(folder.join(format!("{run}-{what}.jsonl")))?;
            let name = format!("{}/{run}", stage.namespace());
            Command::new(program("chancery"))
                .args(["export", &name, what, "--database-url", &stage.direct])
                .stdin(Stdio::null())
                .stdout(file)
                .status()
                .await?;
        }
    }
    Ok(())
}
