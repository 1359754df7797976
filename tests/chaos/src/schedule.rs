//! What a seed decides: the runs, who looks after their signers, and which faults come when.
//!
//! The same seed gives the same schedule. It does not give the same interleaving: processes, kernel and
//! server take their own time. A schedule that fails is therefore played again a few times.

mod of_sinks;
mod of_sources;

use std::fmt;
use std::time::Duration;

use chancery_kit::cluster::Cluster;
use chancery_kit::{S3Server, SmallDisk};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::fault::{Fault, Message, Way};
use crate::input::Input;
use crate::output::Output;

/// Who starts signers, and who learns of their deaths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// `chancery run`, which sees a child end.
    Supervisor,
    /// Something that starts signers again and tells nobody: leases of the dead run out.
    Nobody,
    /// The operator, with an API server; a stand-in kubelet tells of the dead.
    Operator,
}

/// One more run, which signs with the keyring of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Number of records, of 64 bytes each.
    pub records: i64,
    /// Records per batch.
    pub batch_size: i64,
    /// Signer processes.
    pub signers: u32,
}

/// The runs of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Who looks after the signers.
    pub keeper: Keeper,
    /// Where the records of all runs come from.
    pub input: Input,
    /// Where their signed batches are brought.
    pub output: Output,
    /// By its JOSE name.
    pub algorithm: &'static str,
    /// Number of records of the first run, of 64 bytes each if they are generated; of lines if they are read.
    pub records: i64,
    /// Number of keys.
    pub keys: i32,
    /// Records per batch of the first run.
    pub batch_size: i64,
    /// Signer processes of the first run.
    pub signers: u32,
    /// Signing threads of each.
    pub threads: u32,
    /// How long a lease lasts.
    pub lease: Duration,
    /// What every message takes on its way, one direction.
    pub latency: Duration,
    /// The other runs on the same keyring; none if the first run has a keyring of its own.
    pub beside: Vec<Beside>,
}

impl Shape {
    /// Number of batches of the first run: faults come as it goes on.
    #[must_use]
    pub fn batches(&self) -> i64 {
        (self.records + self.batch_size - 1) / self.batch_size
    }
}

/// When a fault comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// As soon as this share of the first run's batches is signed.
    Signed(f64),
    /// As soon as this share of what the first run reads has arrived.
    Received(f64),
    /// As soon as this share of the first run's batches is at its sink.
    Delivered(f64),
    /// So long after the one before it began.
    After(Duration),
}

/// A fault of a schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned {
    /// When it comes.
    pub when: When,
    /// What it is.
    pub fault: Fault,
    /// Chooses the victim: the remainder by the number of those there are.
    pub pick: usize,
}

/// All that happens to the runs of one ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What it was drawn from.
    pub seed: u64,
    /// The runs.
    pub shape: Shape,
    /// In the order in which they come.
    pub faults: Vec<Planned>,
}

/// What this machine has for schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// An API server for the operator.
    pub cluster: bool,
    /// The right to mount a small disk.
    pub disk: bool,
    /// An S3 server.
    pub store: bool,
}

impl Means {
    /// Finds out.
    ///
    /// # Errors
    ///
    /// When no folder can be made.
    pub fn of_this_machine() -> anyhow::Result<Self> {
        Ok(Self {
            cluster: Cluster::with_chart().is_some(),
            disk: SmallDisk::mount(1)?.is_some(),
            store: S3Server::start()?.is_some(),
        })
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_not = |has: bool, what: &str, why: &str| {
            if has { format!("with {what}") } else { format!("without {what} ({why})") }
        };
        let cluster =
            or_not(self.cluster, "an API server", "KUBEBUILDER_ASSETS names none, or there is no helm");
        let disk = or_not(self.disk, "full disks", "that needs root and mount");
        let store = or_not(self.store, "an S3 server", "scripts/setup.sh --object-store");
        write!(f, "{cluster}, {disk}, {store}")
    }
}

/// Long enough for renewals to be in time on a busy machine.
const CALM_LEASE: Duration = Duration::from_secs(5);

const RECORDS: std::ops::RangeInclusive<i64> = 20_000..=24_000;
const RECORDS_BESIDE: std::ops::RangeInclusive<i64> = 6_000..=12_000;

impl Schedule {
    /// The schedule of a seed on a machine with these means.
    #[must_use]
    pub fn draw(seed: u64, means: Means) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let shape = draw_shape(&mut rng, means);
        let mut faults: Vec<Planned> = Vec::new();
        let count = rng.random_range(3..=7);
        // A clock that is set forward takes the key of a signer that is cut off meanwhile: see assumption 2.
        let is_calm = rng.random_bool(0.15);
        let shape = if is_calm { Shape { lease: CALM_LEASE, ..shape } } else { shape };
        let mut signed = 0.0;
        for number in 0..count {
            let fault =
                if is_calm { draw_calm(&mut rng, &shape) } else { draw_fault(&mut rng, &shape, means) };
            // Some come while the one before has not been got over.
            let when = if number > 0 && rng.random_bool(0.3) {
                When::After(Duration::from_millis(rng.random_range(0..1_500)))
            } else {
                signed += rng.random_range(0.01..0.9 / f64::from(count));
                When::Signed(signed)
            };
            faults.push(Planned { when, fault, pick: rng.random_range(0..1_000) });
        }
        let input = of_sources::draw_input(&mut rng, shape.keeper, means);
        let mut shape = Shape { input, ..shape };
        if input != Input::Generated {
            of_sources::draw_sizes(&mut rng, &mut shape);
            faults.splice(0..0, of_sources::draw_faults(&mut rng, &shape, means, is_calm));
        }
        shape.output = of_sinks::draw_output(&mut rng, shape.keeper, means);
        if shape.output != Output::Nowhere {
            of_sinks::draw_faults(&mut rng, shape.output, &mut faults);
        }
        Self { seed, shape, faults }
    }

    /// Whether a fault of it needs a disk of its own.
    #[must_use]
    pub fn needs_disk(&self) -> bool {
        self.faults.iter().any(|planned| matches!(planned.fault, Fault::FillDisk(_)))
    }
}

fn draw_shape(rng: &mut ChaCha8Rng, means: Means) -> Shape {
    let keeper = match rng.random_range(0..10) {
        0..4 => Keeper::Supervisor,
        8.. if means.cluster => Keeper::Operator,
        _ => Keeper::Nobody,
    };
    let algorithm = match rng.random_range(0..10) {
        0 => "RS256",
        1..3 => "ES256",
        _ => "EdDSA",
    };
    // The shortest lease that a manifest may have; without a manifest, shorter ones.
    let lease = match keeper {
        Keeper::Nobody => Duration::from_millis(rng.random_range(1_500..4_000)),
        Keeper::Supervisor | Keeper::Operator => Duration::from_secs(5),
    };
    Shape {
        keeper,
        input: Input::Generated,
        output: Output::Nowhere,
        algorithm,
        records: rng.random_range(RECORDS),
        keys: rng.random_range(1..=10),
        batch_size: rng.random_range(30..=150),
        signers: rng.random_range(2..=4),
        threads: rng.random_range(1..=2),
        lease,
        latency: Duration::from_micros(rng.random_range(200..3_000)),
        beside: draw_beside(rng, keeper),
    }
}

fn draw_beside(rng: &mut ChaCha8Rng, keeper: Keeper) -> Vec<Beside> {
    let count = match rng.random_range(0..10) {
        // The run that is applied to the API server has its keyring to itself.
        _ if keeper == Keeper::Operator => 0,
        0..3 => 1,
        3..5 => 2,
        _ => 0,
    };
    let beside = |_| Beside {
        records: rng.random_range(RECORDS_BESIDE),
        batch_size: rng.random_range(10..=200),
        signers: rng.random_range(1..=2),
    };
    (0..count).map(beside).collect()
}

fn draw_fault(rng: &mut ChaCha8Rng, shape: &Shape, means: Means) -> Fault {
    let mut seconds = |from: f64, to: f64| Duration::from_secs_f64(rng.random_range(from..to));
    let beyond_lease = shape.lease + seconds(0.2, 2.0);
    let (brief, outage) = (seconds(0.2, 2.0), seconds(0.5, 4.0));
    let delay = seconds(0.005, 0.1);
    let way = *[Way::Up, Way::Down, Way::Both].choose(rng).unwrap_or(&Way::Both);
    let message = *[Message::Any, Message::Store].choose(rng).unwrap_or(&Message::Any);
    let some = rng.random_range(1..=4);
    let kept = shape.keeper != Keeper::Nobody;
    let (back, often, rate) = (
        -rng.random_range(1..100_000),
        Duration::from_millis(rng.random_range(300..1_000)),
        rng.random_range(20_000..200_000),
    );
    // What happens to a whole run is a matter of those that share a keyring.
    match rng.random_range(0..if shape.beside.is_empty() { 36 } else { 43 }) {
        0..4 => Fault::KillSigner,
        4..7 => Fault::PauseSigner(beyond_lease),
        7..9 => Fault::StopSigner,
        9..11 if kept => Fault::KillKeeper,
        11 if kept => Fault::PauseKeeper(outage),
        12 => Fault::SecondKeeper,
        13 => Fault::TerminateSession,
        14 => Fault::TerminateSessions,
        15..18 => Fault::CrashServer(brief),
        18 => Fault::Freeze(way, beyond_lease),
        19..21 => Fault::Freeze(way, brief),
        21 => Fault::Slow(delay, outage),
        22 => Fault::CutOne,
        23 => Fault::CutAll,
        24 => Fault::ResetAll,
        25..27 => Fault::LoseAnswers(message, some),
        27 => Fault::LoseRequests(message, some),
        28 => Fault::UseUpConnections(outage),
        30..32 => Fault::SetClock(back),
        32..34 => Fault::CutOften(often, outage),
        34..36 => Fault::Trickle(rate, outage),
        36..40 => Fault::DeleteRun,
        40.. => Fault::SuspendRun(outage),
        _ if means.disk => Fault::FillDisk(outage),
        _ => Fault::KillSigner,
    }
}

/// A fault that cuts no living signer off from the database.
fn draw_calm(rng: &mut ChaCha8Rng, shape: &Shape) -> Fault {
    let seconds = rng.random_range(1..100_000);
    match rng.random_range(0..10) {
        0..4 => Fault::SetClock(seconds),
        4..6 => Fault::SetClock(-seconds),
        6..8 => Fault::KillSigner,
        8 if shape.keeper != Keeper::Nobody => Fault::KillKeeper,
        _ => Fault::StopSigner,
    }
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Supervisor => "supervised",
            Self::Nobody => "unattended",
            Self::Operator => "operated",
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            keeper,
            input,
            output,
            algorithm,
            records,
            keys,
            batch_size,
            signers,
            threads,
            lease,
            latency,
            beside,
        } = self;
        write!(
            f,
            "{keeper}, {algorithm}, {records} records {input} by {batch_size}, {output}, {keys} keys, {signers} signers with \
             {threads} threads, leases of {:.1} s, latency {:.1} ms",
            lease.as_secs_f64(),
            latency.as_secs_f64() * 1e3
        )?;
        beside.iter().try_for_each(|Beside { records, batch_size, signers }| {
            write!(f, "; beside it {records} records by {batch_size}, {signers} signers")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ALL: Means = Means { cluster: true, disk: true, store: true };

    #[test]
    fn a_seed_gives_the_same_schedule_again() {
        assert_eq!(Schedule::draw(7, ALL), Schedule::draw(7, ALL));
        assert_ne!(Schedule::draw(7, ALL).faults, Schedule::draw(8, ALL).faults);
    }

    #[test]
    fn two_hundred_schedules_have_every_kind_of_fault_and_every_keeper() {
        let schedules: Vec<Schedule> = (0..200).map(|seed| Schedule::draw(seed, ALL)).collect();
        let kinds: BTreeSet<&str> = schedules
            .iter()
            .flat_map(|schedule| &schedule.faults)
            .map(|planned| planned.fault.kind())
            .collect();
        assert_eq!(kinds.len(), 50, "{kinds:#?}");
        for input in
            [Input::Generated, Input::Files, Input::Bucket, Input::Table, Input::Replay, Input::Pushed]
        {
            assert!(schedules.iter().any(|schedule| schedule.shape.input == input), "{input}");
        }
        for output in [Output::Nowhere, Output::Folder, Output::Bucket] {
            assert!(schedules.iter().any(|schedule| schedule.shape.output == output), "{output}");
        }
        let operated = |schedule: &&Schedule| schedule.shape.keeper == Keeper::Operator;
        assert!(schedules.iter().filter(operated).any(|schedule| schedule.shape.input == Input::Bucket));
        for keeper in [Keeper::Supervisor, Keeper::Nobody, Keeper::Operator] {
            assert!(schedules.iter().any(|schedule| schedule.shape.keeper == keeper), "{keeper}");
        }
    }

    #[test]
    fn every_run_has_more_than_a_thousand_records_and_a_pause_outlasts_a_lease() {
        for seed in 0..500 {
            let Schedule { shape, faults, .. } = Schedule::draw(seed, ALL);
            assert!(shape.records >= if shape.input == Input::Generated { 20_000 } else { 1_500 });
            for Planned { fault, .. } in faults {
                if let Fault::PauseSigner(time) = fault {
                    assert!(time > shape.lease);
                }
            }
        }
    }

    #[test]
    fn two_hundred_schedules_have_one_two_and_three_runs_and_only_those_that_share_a_keyring_lose_one() {
        let schedules: Vec<Schedule> = (0..200).map(|seed| Schedule::draw(seed, ALL)).collect();
        let counts: BTreeSet<usize> = schedules.iter().map(|schedule| schedule.shape.beside.len()).collect();
        assert_eq!(counts, BTreeSet::from([0, 1, 2]));
        for Schedule { shape, faults, seed } in schedules {
            let of_runs =
                |planned: &Planned| matches!(planned.fault, Fault::DeleteRun | Fault::SuspendRun(_));
            assert!(!shape.beside.is_empty() || !faults.iter().any(of_runs), "seed {seed}");
        }
    }

    #[test]
    fn nothing_is_drawn_that_the_machine_has_no_means_for() {
        for seed in 0..500 {
            let schedule = Schedule::draw(seed, Means { cluster: false, disk: false, store: false });
            assert_ne!(schedule.shape.keeper, Keeper::Operator);
            assert!(!schedule.needs_disk());
            assert_ne!(schedule.shape.input, Input::Bucket);
            assert_ne!(schedule.shape.output, Output::Bucket);
        }
    }
}
