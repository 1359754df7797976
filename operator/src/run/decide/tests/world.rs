//! All there is outside of the operator: the SigningRun, its Job and pods, and the ledger.

use chancery_api::{DeletionPolicy, SigningRunStatus, ValidatedRun};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::run::facts::{
    Belongs, Counts, JobView, LedgerRun, LedgerView, Object, PodState, PodView, SecretStanding, SecretView,
};

/// Records of a batch; every run of these worlds has full batches.
const BATCH: i64 = 100;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) object: Option<TheObject>,
    /// Whether the database answers.
    pub(super) up: bool,
    /// Whether it has room.
    pub(super) roomy: bool,
    pub(super) stored: Option<Stored>,
    pub(super) kek: Result<String, String>,
    pub(super) signers: Signers,
    pub(super) job: Option<JobView>,
    /// How many Jobs there have been: tells one of them from another.
    pub(super) jobs: u32,
    pub(super) pods: Vec<PodView>,
    /// How many pods there have been.
    pub(super) born: u32,
    /// How many Secrets there have been, and the one that is there.
    pub(super) secrets: u32,
    pub(super) secret: Option<u32>,
    /// Whether anybody, or a time to live, asked for the object's deletion.
    pub(super) unwanted: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct TheObject {
    pub(super) spec: ValidatedRun,
    /// Its resourceVersion.
    pub(super) version: u64,
    pub(super) generation: i64,
    pub(super) adopt: Option<uuid::Uuid>,
    pub(super) delete_adopted: Option<uuid::Uuid>,
    pub(super) deleted_at: Option<Timestamp>,
    pub(super) finalizer: bool,
    pub(super) abandon: bool,
    pub(super) retry: u32,
    pub(super) queued: bool,
    pub(super) status: SigningRunStatus,
}

/// The run in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) belongs: Belongs,
    /// Whether it is another run of the same name.
    pub(super) conflict: bool,
    pub(super) kek: String,
    /// The Secret of its signers, as it is named.
    pub(super) secret: Option<u32>,
    pub(super) suspended: bool,
    pub(super) lease_duration: std::time::Duration,
    /// Keys that are in the ring.
    pub(super) joined: usize,
    pub(super) filled: bool,
    /// Batches that are there.
    pub(super) made: i64,
    pub(super) sealed: bool,
    pub(super) signed: i64,
    pub(super) complete: bool,
    pub(super) settled: bool,
    pub(super) deleted: bool,
    pub(super) leases: Vec<Lease>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) holder: String,
    pub(super) expires: Timestamp,
}

/// What becomes of signers that start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signers {
    Good,
    Misconfigured,
    Crashing,
}

impl Stored {
    pub(super) fn new(spec: &ValidatedRun, kek: String) -> Self {
        Self {
            belongs: super::situation::OURS,
            conflict: false,
            kek,
            secret: None,
            suspended: spec.suspend,
            lease_duration: spec.lease_duration,
            joined: 0,
            filled: false,
            made: 0,
            sealed: false,
            signed: 0,
            complete: false,
            settled: false,
            deleted: false,
            leases: Vec::new(),
        }
    }

    /// Whether `holder` gets a batch to sign: a free one with a free key, or that of a signer whose
    /// lease has run out.
    pub(super) fn lease(&mut self, holder: &str, now: Timestamp) -> bool {
        let expires = now + SignedDuration::try_from(self.lease_duration).expect("a short time");
        let open = self.leases.len();
        if (self.made - self.signed) > i64::try_from(open).expect("few") && open < self.joined {
            self.leases.push(Lease { holder: holder.to_owned(), expires });
            return true;
        }
        match self.leases.iter_mut().find(|lease| lease.expires <= now) {
            Some(lease) => {
                *lease = Lease { holder: holder.to_owned(), expires };
                true
            }
            None => false,
        }
    }

    /// A signer has made a key of a ring that is to have so many.
    pub(super) fn join(&mut self, keys: usize) {
        self.joined += 1;
        self.filled = self.joined >= keys;
    }

    /// Whether `holder` has a batch in hand.
    pub(super) fn has(&self, holder: &str) -> bool {
        self.leases.iter().any(|lease| lease.holder == holder)
    }

    /// What `holder` has in hand is signed.
    pub(super) fn sign(&mut self, holder: &str) {
        self.leases.retain(|lease| lease.holder != holder);
        self.signed += 1;
    }

    pub(super) fn release(&mut self, holders: &[String]) {
        self.leases.retain(|lease| !holders.contains(&lease.holder));
    }
}

impl TheObject {
    pub(super) fn view(&self, remembered: Option<&SigningRunStatus>) -> Object {
        Object {
            generation: self.generation,
            adopt: self.adopt,
            delete_adopted: self.delete_adopted,
            deleted_at: self.deleted_at,
            has_finalizer: self.finalizer,
            in_charge: self.finalizer,
            deletion_policy: self.spec.deletion_policy,
            abandon_ledger: self.abandon,
            retry: self.retry.to_string(),
            queued: self.queued,
            not_allowed: self
                .spec
                .signer_template
                .priority_class_name
                .as_ref()
                .map(|_| "it is not".to_owned()),
            previous: remembered.unwrap_or(&self.status).clone(),
        }
    }

    /// Changes the spec, as a user does.
    pub(super) fn edit(&mut self, change: impl FnOnce(&mut ValidatedRun)) {
        let before = self.spec.clone();
        change(&mut self.spec);
        if self.spec != before {
            self.generation += 1;
            self.version += 1;
        }
    }
}

impl World {
    pub(super) fn batches(&self) -> i64 {
        let batches = |object: &TheObject| {
            object.spec.input.record_count().unwrap_or(0).div_ceil(u64::from(object.spec.batch_size))
        };
        self.object.as_ref().map_or(0, |object| i64::try_from(batches(object)).expect("few"))
    }

    /// Keys that the run's ring is to have.
    pub(super) fn keys(&self) -> u32 {
        self.object.as_ref().and_then(|object| object.spec.keyring.key_count).unwrap_or(0)
    }

    pub(super) fn job_view(&self) -> Option<JobView> {
        let active = i64::try_from(self.active().count()).expect("few");
        self.job.clone().map(|job| JobView { active: if job.ours { active } else { 0 }, ..job })
    }

    pub(super) fn active(&self) -> impl Iterator<Item = &PodView> {
        self.pods.iter().filter(|pod| is_active(pod))
    }

    pub(super) fn ledger_view(&self) -> LedgerView {
        if !self.up {
            return LedgerView::Away("the database is away".to_owned());
        }
        let Some(stored) = &self.stored else { return LedgerView::Absent };
        if self.object.is_none() {
            return LedgerView::Absent;
        }
        let leased = i64::try_from(stored.leases.len()).expect("few");
        let ended = self.pods.iter().any(|pod| matches!(pod.state, PodState::Ended { .. }));
        let holders = stored.leases.iter().map(|lease| lease.holder.clone());
        LedgerView::Present(Box::new(LedgerRun {
            stored: super::situation::stored_run(),
            belongs: stored.belongs,
            conflict: stored.conflict.then(|| "its keyCount is another".to_owned()),
            keyring: chancery_api::KeyringStatus {
                name: None,
                algorithm: "RS256".to_owned(),
                key_size: Some(2048),
                key_count: i32::try_from(self.keys()).expect("few"),
                envelope: None,
                addresses: None,
                made_by: None,
            },
            kek_fingerprint: stored.kek.clone(),
            secret: stored.secret.map(|number| SecretView {
                name: secret_name(number),
                content: "what is right".to_owned(),
                standing: SecretStanding::Unchecked,
            }),
            sources: None,
            sinks: None,
            suspended: stored.suspended,
            lease_duration: stored.lease_duration,
            filled: stored.filled,
            sealed: stored.sealed,
            complete: stored.complete,
            created_at: super::situation::NOW,
            completed_at: stored.complete.then_some(super::situation::NOW),
            deleted: stored.deleted,
            counts: Counts {
                records: self.batches() * BATCH,
                records_admitted: stored.made * BATCH,
                records_signed: stored.signed * BATCH,
                batches: stored.made,
                batches_signed: stored.signed,
                batches_leased: leased,
                keys_made: i64::try_from(stored.joined).expect("few"),
                keys_leased: leased,
            },
            rate: None,
            statements: None,
            open_holders: if ended { holders.collect() } else { Vec::new() },
            still_for: std::time::Duration::ZERO,
            standing: None,
        }))
    }

    /// Deletes the object, as a user or a time to live does.
    pub(super) fn ask_deletion(&mut self) {
        let now = self.now;
        let Some(object) = &mut self.object else { return };
        self.unwanted = true;
        if !object.finalizer {
            self.object = None;
        } else if object.deleted_at.is_none() {
            object.deleted_at = Some(now);
            object.version += 1;
        }
    }

    /// Whether the run's part of the ledger has to stay when the object goes.
    pub(super) fn is_kept(&self) -> bool {
        let conflict = self.stored.as_ref().is_some_and(|stored| stored.conflict);
        let of_another = self.stored.as_ref().is_some_and(|stored| match stored.belongs {
            Belongs::Anothers { .. } => true,
            Belongs::Unclaimed | Belongs::Ours { adopted_from: None } => false,
            Belongs::Ours { adopted_from } => {
                self.object.as_ref().is_some_and(|object| object.delete_adopted != adopted_from)
            }
        });
        conflict
            || of_another
            || self
                .object
                .as_ref()
                .is_some_and(|object| object.abandon || object.spec.deletion_policy == DeletionPolicy::Retain)
    }
}

/// The name of a Secret of signers.
pub(super) fn secret_name(number: u32) -> String {
    format!("demo-signer-secret{number:04}")
}

pub(super) fn is_active(pod: &PodView) -> bool {
    !matches!(pod.state, PodState::Ended { .. } | PodState::Lost)
}
