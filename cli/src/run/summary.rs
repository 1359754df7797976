//! What a run came to: a short table, or one JSON object.

use std::time::Duration;

use chancery_audit::Report;
use chancery_process::grouped;
use chancery_stating::Heads;
use chancery_store::Run;
use chancery_store::run::ArrivalCounts;
use serde_json::json;

use crate::arguments::Output;
use crate::database::Database;
use crate::display::whole;
use crate::error::CliError;
use crate::output::{facts, line};
use crate::run::supervisor::SignedNow;
use crate::status::sinks::SinkStatus;
use crate::verify;

/// The end of a run, in numbers.
#[derive(Debug)]
pub(crate) struct Summary {
    run: String,
    algorithm: String,
    records: u64,
    signed: u64,
    keys: u64,
    batches: u64,
    signers: u32,
    seeding: Duration,
    signed_now: Option<SignedNow>,
    /// From the first lease to the last stored batch, by the ledger: covers earlier commands too.
    signing_seconds: Option<f64>,
    expired: i64,
    abandoned: i64,
    stated: Heads,
    audited: Option<Duration>,
    arrivals: Option<ArrivalCounts>,
    /// Whether a policy judges them.
    is_judged: bool,
    sinks: Vec<SinkStatus>,
    elapsed: Duration,
}

impl Summary {
    pub(crate) fn new(run: &Run) -> Self {
        Self {
            run: format!("{}/{}", run.namespace, run.name),
            algorithm: run.keyring.algorithm.clone(),
            records: run.records().unwrap_or_default().unsigned_abs(),
            signed: 0,
            keys: u64::from(run.keyring.key_count.unsigned_abs()),
            batches: 0,
            signers: 0,
            seeding: Duration::ZERO,
            signed_now: None,
            signing_seconds: None,
            expired: 0,
            abandoned: 0,
            stated: Heads::default(),
            audited: None,
            arrivals: None,
            is_judged: run.policy.is_some(),
            sinks: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    pub(crate) fn seeded_in(&mut self, elapsed: Duration) {
        self.seeding = elapsed;
    }

    pub(crate) fn signed_by(&mut self, signers: u32) {
        self.signers = signers;
    }

    pub(crate) fn signed_now(&mut self, signed: SignedNow) {
        self.signed_now = Some(signed);
    }

    pub(crate) fn stated(&mut self, heads: Heads) {
        self.stated = heads;
    }

    /// How long after the end of signing the audit ended.
    pub(crate) fn audited_in(&mut self, elapsed: Duration) {
        self.audited = Some(elapsed);
    }

    /// Adds what the ledger knows.
    pub(crate) async fn finish(
        &mut self,
        database: &Database,
        run: &Run,
        elapsed: Duration,
    ) -> Result<(), CliError> {
        let progress = database.ledger.progress(&[run.id]).await?;
        if let Some(progress) = progress.first() {
            self.records = progress.record_count.unsigned_abs();
            self.signed = progress.records_signed.unsigned_abs();
            self.batches = progress.batches_closed.unsigned_abs();
            self.arrivals = progress.arrivals;
            let sinks = database.ledger.sinks_progress(&[run.id]).await?;
            self.sinks = sinks.into_iter().map(|sink| SinkStatus::of(sink, progress)).collect();
        }
        let times = database.ledger.times(run).await?;
        self.signing_seconds = times.signing_seconds;
        (self.expired, self.abandoned) = (times.expired, times.abandoned);
        self.elapsed = elapsed;
        Ok(())
    }

    /// Signatures per second while signing: by this command if it signed anything, else by those before.
    fn rate(&self) -> Option<f64> {
        let (records, seconds) = match self.signed_now {
            Some(now) if now.records > 0 => (now.records, now.elapsed.as_secs_f64()),
            _ => (self.signed, self.signing_seconds?),
        };
        (records > 0 && seconds > 0.0).then(|| records as f64 / seconds)
    }

    pub(crate) fn print(&self, output: Output, report: Option<&Report>) -> Result<(), CliError> {
        match output {
            Output::Json => line(&self.json(report).to_string()),
            Output::Table => {
                line(&self.table(report))?;
                self.statement().map_or(Ok(()), |statement| line(&statement))?;
                match report.filter(|report| !report.holds()) {
                    Some(report) => line(&verify::text(report)),
                    None => Ok(()),
                }
            }
        }
    }

    /// The newest statement: whoever has it knows of the other one and of all before.
    fn statement(&self) -> Option<String> {
        let head = self.stated.signed.as_ref().or(self.stated.sealed.as_ref())?;
        Some(format!("statement {}, SHA-256 {}", head.number, head.hash))
    }

    fn json(&self, report: Option<&Report>) -> serde_json::Value {
        json!({
            "run": self.run,
            "algorithm": self.algorithm,
            "records": self.records,
            "signed": self.signed,
            "keys": self.keys,
            "batches": self.batches,
            "signers": self.signers,
            "elapsedSeconds": self.elapsed.as_secs_f64(),
            "seedingSeconds": self.seeding.as_secs_f64(),
            "signedNow": self.signed_now.map_or(0, |now| now.records),
            "signingSeconds": self.signed_now.map(|now| now.elapsed.as_secs_f64()),
            "signaturesPerSecond": self.rate(),
            "leasesExpired": self.expired,
            "leasesAbandoned": self.abandoned,
            "arrivals": self.arrivals.map(|counts| json!({
                "received": counts.received,
                "admitted": counts.admitted,
                "duplicates": counts.duplicates,
                "dead": counts.dead,
                "rejected": counts.rejected,
                "flagged": counts.flagged,
                "alerts": counts.alerts,
            })),
            "sinks": (!self.sinks.is_empty()).then_some(&self.sinks),
            "statements": { "sealed": self.stated.sealed, "signed": self.stated.signed },
            "audit": audit_result(report),
            "auditSeconds": self.audited.map(|elapsed| elapsed.as_secs_f64()),
            "laws": report.map(|report| &report.laws),
        })
    }

    fn table(&self, report: Option<&Report>) -> String {
        let mut lines = vec![("run", self.run.clone())];
        if let Some(counts) = self.arrivals {
            let ArrivalCounts {
                received,
                admitted: _,
                duplicates,
                dead,
                rejected,
                pending,
                flagged,
                alerts,
                dead_limit: _,
            } = counts;
            let grouped = |count: i64| grouped(count.unsigned_abs());
            lines.push(("received", grouped(received)));
            lines.push(("duplicates", grouped(duplicates)));
            lines.push(("dead letters", grouped(dead)));
            if pending > 0 {
                lines.push(("pending", grouped(pending)));
            }
            if self.is_judged {
                lines.push(("rejected", grouped(rejected)));
                lines.push(("flagged", grouped(flagged)));
                lines.push(("alerts", grouped(alerts)));
            }
        }
        lines.extend([
            ("records", grouped(self.records)),
            ("signed", grouped(self.signed)),
            ("keys", format!("{} {}", grouped(self.keys), self.algorithm)),
            ("batches", grouped(self.batches)),
            ("signers", self.signers.to_string()),
        ]);
        if !self.sinks.is_empty() {
            let sinks: Vec<_> = self.sinks.iter().map(delivered).collect();
            lines.push(("delivered", sinks.join(", ")));
        }
        lines.extend([
            ("elapsed", format!("{:.1} s", self.elapsed.as_secs_f64())),
            ("signatures/s", self.rate().map_or_else(|| "-".to_owned(), grouped_rate)),
            ("audit", audit_result(report).to_owned()),
        ]);
        facts(&lines)
    }
}

/// How many batches a sink has, and what it lacks.
fn delivered(sink: &SinkStatus) -> String {
    let grouped = |count: i64| grouped(count.unsigned_abs());
    let SinkStatus { name, delivered, pending, dead, .. } = sink;
    let mut said = format!("{} to {name}", grouped(*delivered));
    if *dead > 0 {
        said.push_str(&format!(" ({} given up)", grouped(*dead)));
    }
    if *pending > 0 {
        said.push_str(&format!(" ({} pending)", grouped(*pending)));
    }
    said
}

fn grouped_rate(rate: f64) -> String {
    grouped(whole(rate))
}

fn audit_result(report: Option<&Report>) -> &'static str {
    match report {
        None => "skipped",
        Some(report) if report.holds() => "passed",
        Some(_) => "failed",
    }
}
