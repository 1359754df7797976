//! What all schedules together came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::input::Input;
use crate::output::Output;
use crate::play::Played;
use crate::schedule::{Keeper, Schedule};

/// What recovery may take where a death is known.
pub const KNOWN_DEATH: Duration = Duration::from_secs(3);

/// What it may take beyond the lease where it is not.
pub const BEYOND_LEASE: Duration = Duration::from_secs(5);

/// Sums over schedules.
#[derive(Debug, Default)]
pub struct Totals {
    schedules: u32,
    /// Of those, whose runs read files, a bucket, a table, and another run.
    reading: [u32; 5],
    /// Of those, whose batches are brought to folders, and to buckets.
    bringing: [u32; 2],
    failed: Vec<u64>,
    records: i64,
    faults: BTreeMap<&'static str, u32>,
    takeovers: i64,
    given_back: i64,
    signed_twice: usize,
    restarts: u32,
    answered: u32,
    sent_again: u32,
    audited_independently: u32,
    longest_stall: BTreeMap<&'static str, Duration>,
    known_deaths: Recoveries,
    /// By how much each outlasted its lease; less than nothing is nothing.
    unknown_deaths: Recoveries,
}

/// How long batches of dead signers were in nobody's hands.
#[derive(Debug, Default)]
struct Recoveries {
    count: usize,
    longest: Duration,
}

impl Recoveries {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.longest = self.longest.max(time);
    }
}

impl Totals {
    /// Adds a schedule.
    pub fn add(&mut self, schedule: &Schedule, played: &Played) {
        let Played { injected, restarts, requests: (answered, again), elapsed: _, stalls, judged } = played;
        self.schedules += 1;
        match schedule.shape.input {
            Input::Generated => {}
            Input::Files => self.reading[0] += 1,
            Input::Bucket => self.reading[1] += 1,
            Input::Table => self.reading[2] += 1,
            Input::Replay => self.reading[3] += 1,
            Input::Pushed => self.reading[4] += 1,
        }
        match schedule.shape.output {
            Output::Nowhere => {}
            Output::Folder => self.bringing[0] += 1,
            Output::Bucket => self.bringing[1] += 1,
        }
        let beside = schedule.shape.beside.iter().map(|run| run.records).sum::<i64>();
        self.records += schedule.shape.records + beside;
        if !judged.violations.is_empty() {
            self.failed.push(schedule.seed);
        }
        for one in injected {
            *self.faults.entry(one.fault.kind()).or_default() += 1;
        }
        self.takeovers += judged.takeovers;
        self.given_back += judged.given_back;
        self.signed_twice += judged.signed_twice;
        self.restarts += restarts;
        self.answered += answered;
        self.sent_again += again;
        self.audited_independently += u32::from(judged.audited_independently);
        for (kind, stall) in stalls {
            let longest = self.longest_stall.entry(kind).or_default();
            *longest = (*longest).max(*stall);
        }
        for time in &judged.recoveries {
            match schedule.shape.keeper {
                Keeper::Supervisor | Keeper::Operator => self.known_deaths.add(*time),
                Keeper::Nobody => self.unknown_deaths.add(time.saturating_sub(schedule.shape.lease)),
            }
        }
    }

    /// Seeds of schedules in which something did not hold.
    #[must_use]
    pub fn failed(&self) -> &[u64] {
        &self.failed
    }

    /// How many schedules were played.
    #[must_use]
    pub fn schedules(&self) -> u32 {
        self.schedules
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schedules, failed, records, faults, takeovers, given_back, signed_twice, .. } = self;
        let injected: u32 = faults.values().sum();
        let [files, bucket, table, replay, pushed] = self.reading;
        writeln!(f, "{schedules} schedules, {records} records, {injected} faults:")?;
        writeln!(
            f,
            "  {files} with records from files, {bucket} from a bucket, {table} from a table, {replay} from another run, {pushed} pushed"
        )?;
        let [folders, buckets] = self.bringing;
        writeln!(f, "  {folders} whose batches are brought to folders, {buckets} to buckets")?;
        for (kind, count) in faults {
            write!(f, "  {count:5}  {kind}")?;
            match self.longest_stall.get(kind) {
                Some(stall) => {
                    writeln!(f, "; at the longest {:.2} s until the next batch", stall.as_secs_f64())?
                }
                None => writeln!(f)?,
            }
        }
        writeln!(
            f,
            "takeovers of batches whose lease ran out: {takeovers}; leases given back: {given_back}"
        )?;
        writeln!(f, "batches signed twice in memory and stored once: {signed_twice}")?;
        writeln!(f, "supervisors and operators started again: {}", self.restarts)?;
        let Self { answered, sent_again, .. } = self;
        writeln!(f, "requests of clients that push: {answered} answered, sent again {sent_again} times")?;
        let Recoveries { count, longest } = &self.known_deaths;
        writeln!(
            f,
            "batches of killed signers, death known: {count}, leased anew within {:.2} s (wanted: {} s)",
            longest.as_secs_f64(),
            KNOWN_DEATH.as_secs()
        )?;
        let Recoveries { count, longest } = &self.unknown_deaths;
        writeln!(
            f,
            "batches of killed signers, death unknown: {count}, leased anew within the lease and {:.2} s (wanted: {} s)",
            longest.as_secs_f64(),
            BEYOND_LEASE.as_secs()
        )?;
        if self.audited_independently < *schedules {
            let without = schedules - self.audited_independently;
            writeln!(
                f,
                "skipped: the independent audit of {without} schedules; scripts/setup.sh --independent-audit"
            )?;
        }
        match failed.as_slice() {
            [] => write!(f, "verdict: nothing lost, doubled or shared"),
            seeds => write!(f, "verdict: FAILED with the seeds {seeds:?}"),
        }
    }
}
