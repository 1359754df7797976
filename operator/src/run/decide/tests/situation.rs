//! What is known of a run, said in a few words.

use chancery_api::Reason;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{
    AuditPolicy, BatchCounts, DeletionPolicy, KeyringStatus, RecordCounts, SigningRun, SigningRunSpec,
    SigningRunStatus, ValidatedRun,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::host::background::WorkState;
use crate::run::decide::decision::Decision;
use crate::run::decide::{decide, decide_deletion};
use crate::run::facts::{
    Background, Belongs, BesideView, Counts, JobEnd, JobView, LedgerRun, LedgerView, Object, Observed,
    PodState, PodView, SecretStanding, SecretView, StoredRun, WorkKind,
};
use crate::run::room::Room;

/// A pod of which nobody says since when it runs.
pub(crate) const RUNNING: PodState = PodState::Running { since: None };

/// A pod of which nobody says since when it is there.
pub(crate) const STARTING: PodState = PodState::Starting { since: None, waits: None };

/// Nobody else's.
pub(crate) const OURS: Belongs = Belongs::Ours { adopted_from: None };

/// Another object of the name.
pub(crate) const FORMER: uuid::Uuid = uuid::Uuid::from_u128(7);
/// The name of its signers' Secret.
pub(crate) const SECRET: &str = "demo-signer-0123456789";

pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// 1,000 records in 10 batches, 4 keys, 2 signers; not audited.
static DEMO: LazyLock<ValidatedRun> = LazyLock::new(|| {
    let spec = SigningRunSpec { audit: AuditPolicy::Never, ..SigningRunSpec::new(1_000, 4, 100) };
    chancery_api::validate(&SigningRun::new("demo", spec)).expect("a good run")
});

pub(crate) fn demo() -> ValidatedRun {
    DEMO.clone()
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[derive(Clone, Debug)]
pub(crate) struct Situation {
    pub(crate) run: ValidatedRun,
    pub(crate) observed: Observed,
}

impl Situation {
    /// Applied just now.
    pub(crate) fn fresh() -> Self {
        let object = Object {
            generation: 1,
            adopt: None,
            delete_adopted: None,
            deleted_at: None,
            has_finalizer: false,
            in_charge: false,
            deletion_policy: DeletionPolicy::Retain,
            abandon_ledger: false,
            retry: String::new(),
            queued: false,
            not_allowed: None,
            previous: SigningRunStatus::default(),
        };
        let observed = Observed {
            object,
            ledger: LedgerView::Absent,
            kek: Ok(vec!["kek".to_owned()]),
            background: Background::IDLE,
            room: Room::Enough,
            audited: None,
            job: None,
            pods: Vec::new(),
            trouble: None,
            intake: BesideView::default(),
            delivery: BesideView::default(),
        };
        Self { run: demo(), observed }
    }

    /// With the finalizer, and nothing in the ledger.
    pub(crate) fn adopted() -> Self {
        let mut fresh = Self::fresh();
        fresh.observed.object.has_finalizer = true;
        fresh.observed.object.in_charge = true;
        fresh
    }

    /// Made by a version that did not say so.
    pub(crate) fn of_no_installation(mut self) -> Self {
        self.observed.object.in_charge = false;
        self
    }

    /// In the ledger, with neither key nor record yet.
    pub(crate) fn created() -> Self {
        let mut adopted = Self::adopted();
        adopted.observed.ledger = LedgerView::Present(Box::new(LedgerRun {
            stored: stored_run(),
            belongs: OURS,
            conflict: None,
            keyring: KeyringStatus {
                name: None,
                algorithm: "RS256".to_owned(),
                key_size: Some(2048),
                key_count: 4,
                envelope: None,
                addresses: None,
                made_by: None,
            },
            kek_fingerprint: "kek".to_owned(),
            secret: Some(SecretView {
                name: SECRET.to_owned(),
                content: "what is right".to_owned(),
                standing: SecretStanding::Right,
            }),
            sources: None,
            sinks: None,
            suspended: false,
            lease_duration: adopted.run.lease_duration,
            filled: false,
            sealed: false,
            complete: false,
            created_at: NOW,
            completed_at: None,
            deleted: false,
            counts: Counts { records: 1_000, ..Counts::default() },
            rate: None,
            statements: None,
            open_holders: Vec::new(),
            still_for: Duration::ZERO,
            standing: None,
        }));
        adopted
    }

    /// With every key, and no record yet.
    pub(crate) fn filled() -> Self {
        Self::created().stored(|ledger| (ledger.filled, ledger.counts.keys_made) = (true, 4))
    }

    /// With every key, and so many of its 10 batches, while more are made.
    pub(crate) fn begun(batches: i64) -> Self {
        let situation = Self::filled().stored(|ledger| {
            (ledger.counts.records_admitted, ledger.counts.batches) = (batches * 100, batches);
        });
        situation.with_background(Background::GENERATING)
    }

    /// With every key and every record.
    pub(crate) fn seeded() -> Self {
        Self::filled().stored(|ledger| {
            ledger.sealed = true;
            (ledger.counts.records_admitted, ledger.counts.batches) = (1_000, 10);
        })
    }

    /// With every record signed.
    pub(crate) fn signed() -> Self {
        Self::seeded().stored(|ledger| {
            (ledger.complete, ledger.completed_at) = (true, Some(NOW));
            (ledger.counts.records_signed, ledger.counts.batches_signed) = (1_000, 10);
        })
    }

    /// With a database that is away.
    pub(crate) fn cut_off(mut self) -> Self {
        self.observed.ledger = LedgerView::Away("no route to host".to_owned());
        self
    }

    pub(crate) fn spec(mut self, change: impl FnOnce(&mut ValidatedRun)) -> Self {
        change(&mut self.run);
        self
    }

    pub(crate) fn object(mut self, change: impl FnOnce(&mut Object)) -> Self {
        change(&mut self.observed.object);
        self
    }

    pub(crate) fn stored(mut self, change: impl FnOnce(&mut LedgerRun)) -> Self {
        if let LedgerView::Present(ledger) = &mut self.observed.ledger {
            change(ledger);
        }
        self
    }

    /// The user wants no signer to work.
    pub(crate) fn suspended(self) -> Self {
        self.spec(|run| run.suspend = true)
    }

    /// The ledger lets no signer lease.
    pub(crate) fn held(self) -> Self {
        self.stored(|ledger| ledger.suspended = true)
    }

    pub(crate) fn queued(self) -> Self {
        self.object(|object| object.queued = true)
    }

    /// What the ledger holds was taken over from `FORMER`.
    pub(crate) fn taken_over(self) -> Self {
        self.stored(|ledger| ledger.belongs = Belongs::Ours { adopted_from: Some(FORMER) })
    }

    /// What the ledger holds was made for `FORMER`.
    pub(crate) fn anothers(self) -> Self {
        self.stored(|ledger| ledger.belongs = Belongs::Anothers { object: FORMER, since: ago(3_600) })
    }

    /// It takes over what was made for this object.
    pub(crate) fn adopting(self, object: uuid::Uuid) -> Self {
        self.object(|view| view.adopt = Some(object))
    }

    /// The database has no room for its records.
    pub(crate) fn short_of_room(mut self) -> Self {
        self.observed.room = Room::Short { why: "it is nearly full".to_owned() };
        self
    }

    /// Its template asks for what is not allowed.
    pub(crate) fn not_allowed(self) -> Self {
        self.object(|object| object.not_allowed = Some("priorityClassName \"high\"".to_owned()))
    }

    pub(crate) fn deleted(self, seconds_ago: i64) -> Self {
        self.object(|object| object.deleted_at = Some(ago(seconds_ago)))
    }

    pub(crate) fn with_policy_delete(self) -> Self {
        self.spec(|run| run.deletion_policy = DeletionPolicy::Delete).object(|object| {
            object.deletion_policy = DeletionPolicy::Delete;
            object.has_finalizer = true;
        })
    }

    pub(crate) fn with_job(mut self, job: JobView) -> Self {
        self.observed.job = Some(job);
        self
    }

    pub(crate) fn with_pod(mut self, state: PodState) -> Self {
        let number = self.observed.pods.len();
        let holder = format!("demo-signer-{number}/uid-{number}");
        self.observed.pods.push(PodView { holder, state, failed: false });
        self
    }

    pub(crate) fn with_background(mut self, background: Background) -> Self {
        self.observed.background = background;
        self
    }

    pub(crate) fn with_kek(mut self, kek: Result<&str, &str>) -> Self {
        self.observed.kek = kek.map(|kek| vec![kek.to_owned()]).map_err(str::to_owned);
        self
    }

    /// The Secret of its signers.
    pub(crate) fn with_secret(self, standing: Option<SecretStanding>) -> Self {
        self.stored(|ledger| {
            let secret = ledger.secret.take();
            ledger.secret = standing.and_then(|standing| Some(SecretView { standing, ..secret? }));
        })
    }

    /// A condition is said to hold since a time, in the status as it was last written.
    pub(crate) fn said(self, type_: ConditionType, reason: Reason, since: i64) -> Self {
        self.said_to_be(type_, true, reason, since)
    }

    pub(crate) fn said_to_be(self, type_: ConditionType, status: bool, reason: Reason, since: i64) -> Self {
        let finding =
            Finding { type_, status: Some(status), reason, message: format!("as said {since} s ago") };
        let said = condition::conditions(vec![finding], &[], Some(1), &Time(ago(since)));
        self.object(|object| object.previous.conditions.extend(said))
    }

    pub(crate) fn said_counts(self, batches_leased: i64, records_signed: i64) -> Self {
        self.object(|object| {
            object.previous.batches = Some(BatchCounts { total: 10, signed: 0, leased: batches_leased });
            object.previous.records = Some(RecordCounts {
                total: 1_000,
                seeded: 1_000,
                signed: records_signed,
                ..RecordCounts::default()
            });
        })
    }

    pub(crate) fn started(self, seconds_ago: i64) -> Self {
        self.stored(|ledger| ledger.created_at = ago(seconds_ago))
            .object(|object| object.previous.start_time = Some(Time(ago(seconds_ago))))
    }

    pub(crate) fn completed(self, seconds_ago: i64) -> Self {
        self.said(ConditionType::Complete, Reason::AllSigned, seconds_ago).object(|object| {
            object.previous.completion_time = Some(Time(ago(seconds_ago)));
            object.has_finalizer &= object.deletion_policy == DeletionPolicy::Delete;
        })
    }

    pub(crate) fn decide(&self) -> Decision {
        if self.observed.object.deleted_at.is_some() {
            decide_deletion(&self.observed, NOW)
        } else {
            decide(&self.run, &self.observed, NOW)
        }
    }
}

/// The run's row in the ledger.
pub(crate) fn stored_run() -> StoredRun {
    StoredRun(chancery_store::Run {
        id: 1,
        uid: uuid::Uuid::nil(),
        namespace: "default".to_owned(),
        name: "demo".to_owned(),
        owner: chancery_store::Owner {
            namespace_uid: Some(uuid::Uuid::from_u128(1)),
            object_uid: uuid::Uuid::from_u128(2),
            adopted_from: None,
        },
        made_at: 0,
        keyring: chancery_store::Keyring {
            id: 1,
            uid: uuid::Uuid::nil(),
            namespace: "default".to_owned(),
            name: None,
            algorithm: "RS256".to_owned(),
            key_size: Some(2048),
            key_count: 4,
            provider: "Local".to_owned(),
            envelope: "Raw".to_owned(),
            content_type: None,
            data_key_fingerprint: "data key".to_owned(),
            forgotten_use: 0,
            filled: false,
            owner: chancery_store::owner::KeyringOwner {
                namespace_uid: Some(uuid::Uuid::from_u128(1)),
                object_uid: uuid::Uuid::from_u128(2),
                adopted_from: None,
            },
        },
        policy: None,
        sinks: chancery_store::Sinks::default(),
        notifications: chancery_store::Notifications::default(),
        input: chancery_store::Input::Generated(chancery_store::generated::GeneratedSource {
            record_count: 1_000,
            record_size: 256,
            chunk_size: 1_000,
        }),
        batch_size: 100,
        sealed_records: None,
        suspended: false,
        sealed: false,
        complete: false,
        deleted: false,
    })
}

impl Background {
    pub(crate) const IDLE: Self =
        Self { generating: WorkState::Idle, auditing: WorkState::Idle, deleting: WorkState::Idle };
    pub(crate) const GENERATING: Self = Self { generating: WorkState::UnderWay, ..Self::IDLE };
    pub(crate) const AUDITING: Self = Self { auditing: WorkState::UnderWay, ..Self::IDLE };
    pub(crate) const DELETING: Self = Self { deleting: WorkState::UnderWay, ..Self::IDLE };

    pub(crate) fn failed(kind: WorkKind, message: &str, at: Timestamp) -> Self {
        let failed = WorkState::Failed { message: message.to_owned(), at };
        match kind {
            WorkKind::Generating => Self { generating: failed, ..Self::IDLE },
            WorkKind::Auditing => Self { auditing: failed, ..Self::IDLE },
            WorkKind::Deleting => Self { deleting: failed, ..Self::IDLE },
        }
    }
}

/// A Job with so many signers at work.
pub(crate) fn running(signers: u32) -> JobView {
    JobView {
        live: Arc::default(),
        ours: true,
        deleting: false,
        suspended: false,
        started_at: None,
        parallelism: signers,
        active: i64::from(signers),
        succeeded: 0,
        failed: 0,
        counted: 0,
        backoff_limit: 106 + signers,
        end: None,
        generation: Some(1),
        retry: String::new(),
        run_uid: Some(uuid::Uuid::nil()),
        secret: Some(SECRET.to_owned()),
    }
}

impl JobView {
    pub(crate) fn somebody_elses(self) -> Self {
        Self { ours: false, ..self }
    }

    pub(crate) fn going(self) -> Self {
        Self { deleting: true, ..self }
    }

    pub(crate) fn started(self, seconds_ago: i64) -> Self {
        Self { started_at: Some(ago(seconds_ago)), ..self }
    }

    pub(crate) fn stopped(self) -> Self {
        Self { suspended: true, active: 0, ..self }
    }

    pub(crate) fn with_successes(self, succeeded: i64) -> Self {
        Self { succeeded, active: self.active - succeeded, ..self }
    }

    pub(crate) fn done(self, seconds_ago: i64) -> Self {
        Self { active: 0, end: Some(JobEnd::Complete { at: ago(seconds_ago) }), ..self }
    }

    pub(crate) fn failed_by(self, reason: &str, seconds_ago: i64) -> Self {
        let (reason, message) = (reason.to_owned(), "the Job's own words".to_owned());
        Self {
            active: 0,
            failed: 1,
            counted: 1,
            end: Some(JobEnd::Failed { reason, message, at: ago(seconds_ago) }),
            ..self
        }
    }

    pub(crate) fn of_generation(self, generation: i64) -> Self {
        Self { generation: Some(generation), ..self }
    }
}

pub(crate) fn ended(exit: i32, message: &str, seconds_ago: i64) -> PodState {
    PodState::Ended { exit, message: Some(message.to_owned()), at: Some(ago(seconds_ago)) }
}

pub(crate) fn stuck() -> PodState {
    PodState::Stuck { reason: "ErrImagePull".to_owned(), message: "no such image".to_owned() }
}

pub(crate) fn work_failed(kind: WorkKind, seconds_ago: i64) -> Background {
    Background::failed(kind, "it went wrong", ago(seconds_ago))
}
