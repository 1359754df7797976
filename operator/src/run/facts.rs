//! What is known of a run at one instant: everything that decisions and effects need.

pub(crate) mod beside;
pub(crate) mod delivery;
pub(crate) mod intake;
pub(crate) mod job;
pub(crate) mod secret;

use std::time::Duration;
use uuid::Uuid;

use chancery_api::{DeletionPolicy, KeyringStatus, SigningRunStatus, StatementsStatus};
use chancery_store::Run;
use k8s_openapi::jiff::Timestamp;

use crate::host::background::{InLanes, WorkState};
pub(crate) use crate::run::facts::beside::{BesideView, Refusal};
pub(crate) use crate::run::facts::delivery::SinksRead;
pub(crate) use crate::run::facts::intake::SourcesRead;
pub(crate) use crate::run::facts::job::{JobEnd, JobView, PodState, PodView, Trouble};
pub(crate) use crate::run::facts::secret::{SecretStanding, SecretView};
use crate::run::room::Room;
use crate::run::standing::Standing;

/// What is known of a run. Plain data, so that decisions are tested without a cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observed {
    pub(crate) object: Object,
    pub(crate) ledger: LedgerView,
    /// Fingerprints of the operator's KEKs, or why they cannot be used.
    pub(crate) kek: Result<Vec<String>, String>,
    pub(crate) background: Background,
    /// Whether the database has room for the run's records.
    pub(crate) room: Room,
    /// What an audit of the run found, if this operator made one.
    pub(crate) audited: Option<Audited>,
    pub(crate) job: Option<JobView>,
    pub(crate) pods: Vec<PodView>,
    /// What the cluster says of signers that do not come to run.
    pub(crate) trouble: Option<Trouble>,
    /// What reads its sources, if it has any.
    pub(crate) intake: BesideView,
    /// What delivers to its sinks, if it has any.
    pub(crate) delivery: BesideView,
}

/// The SigningRun itself, apart from its spec.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub(crate) generation: i64,
    /// The object whose part of the ledger it takes over, if there is a good uid in its annotation.
    pub(crate) adopt: Option<Uuid>,
    /// The object whose part of the ledger may be deleted with it.
    pub(crate) delete_adopted: Option<Uuid>,
    /// When its deletion was asked for.
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) has_finalizer: bool,
    /// Whether it says that this installation operates it. One that says so of another is not looked at.
    pub(crate) in_charge: bool,
    pub(crate) deletion_policy: DeletionPolicy,
    /// Whether it may go without its part of the ledger.
    pub(crate) abandon_ledger: bool,
    /// Value of the annotation that asks for another try; empty if there is none.
    pub(crate) retry: String,
    /// Whether Kueue admits its Job.
    pub(crate) queued: bool,
    /// What of its template is not allowed, and who can allow it.
    pub(crate) not_allowed: Option<String>,
    /// The status as it was last written.
    pub(crate) previous: SigningRunStatus,
}

/// The run's part of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LedgerView {
    /// The database cannot be used; why.
    Away(String),
    /// The ledger has nothing of the run.
    Absent,
    Present(Box<LedgerRun>),
}

/// The run as it stands in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LedgerRun {
    pub(crate) stored: StoredRun,
    pub(crate) belongs: Belongs,
    /// In what it differs from the spec, if another run was stored under this name.
    pub(crate) conflict: Option<String>,
    /// The ring that it signs with.
    pub(crate) keyring: KeyringStatus,
    /// Tells which KEK has wrapped the ring's data key.
    pub(crate) kek_fingerprint: String,
    /// The Secret of its signers; none before one was named.
    pub(crate) secret: Option<SecretView>,
    /// Its sources; none of a run whose records are generated.
    pub(crate) sources: Option<SourcesRead>,
    /// Its sinks, and whoever is told of it; none of a run that has neither.
    pub(crate) sinks: Option<SinksRead>,
    pub(crate) suspended: bool,
    pub(crate) lease_duration: Duration,
    /// Whether every key is in the ring.
    pub(crate) filled: bool,
    /// Whether every record is in the ledger.
    pub(crate) sealed: bool,
    pub(crate) complete: bool,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it was complete.
    pub(crate) completed_at: Option<Timestamp>,
    /// Whether it is being deleted.
    pub(crate) deleted: bool,
    pub(crate) counts: Counts,
    /// Signatures stored per second, over the last ten seconds.
    pub(crate) rate: Option<f64>,
    /// What is stated of it, as far as it is; none if this operator states nothing.
    pub(crate) statements: Option<StatementsStatus>,
    /// Holders that have an open lease; read only when a signer has ended.
    pub(crate) open_holders: Vec<String>,
    /// For how long nothing has been signed, although something could be: at most since this operator first looked.
    pub(crate) still_for: Duration,
    /// What the ledger shows to hold the run up.
    pub(crate) standing: Option<Standing>,
}

/// Whose the run is that the ledger holds under a SigningRun's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belongs {
    /// This very object's.
    Ours {
        /// The object that it was taken over from.
        adopted_from: Option<Uuid>,
    },
    /// Nobody's in so many words: it was made before that was kept, and this object was there already.
    Unclaimed,
    /// Another object's.
    Anothers {
        /// The uid of that object, which this one's author may not know: no message has it.
        object: Uuid,
        /// When the run was made.
        since: Timestamp,
    },
}

/// The run's row, by which its part of the ledger is changed.
#[derive(Clone, Debug)]
pub(crate) struct StoredRun(pub(crate) Run);

/// The ledger's number of a run tells it from every other, and what else a row says is said beside it.
impl PartialEq for StoredRun {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

/// The ledger's own counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records that the run is to have.
    pub(crate) records: i64,
    /// Records that are there.
    pub(crate) records_admitted: i64,
    pub(crate) records_signed: i64,
    /// Batches that are there. More may come until the run is sealed.
    pub(crate) batches: i64,
    pub(crate) batches_signed: i64,
    pub(crate) batches_leased: i64,
    /// Keys that are in the ring.
    pub(crate) keys_made: i64,
    /// Keys in a signer's hands, in any run of the ring.
    pub(crate) keys_leased: i64,
}

impl LedgerRun {
    /// Whether what the ledger holds is this run's, and for long.
    pub(crate) fn is_its_own(&self) -> bool {
        let of_another = matches!(self.belongs, Belongs::Anothers { .. });
        !of_another && self.conflict.is_none() && !self.deleted
    }

    /// Whether every record of it is signed, every key is in its ring, and it has sinks: signers find nothing to do.
    pub(crate) fn is_only_delivered(&self) -> bool {
        self.sinks.as_ref().is_some_and(|sinks| !sinks.sinks.is_empty())
            && !self.complete
            && self.sealed
            && self.unsigned_batches() == 0
            && self.missing_keys() == 0
    }

    /// Whether some sink has not all batches of it yet that are signed so far.
    pub(crate) fn is_behind(&self) -> bool {
        self.sinks.as_ref().is_some_and(|sinks| sinks.is_behind(self.counts.batches_signed))
    }

    /// Batches that are there and not signed.
    pub(crate) fn unsigned_batches(&self) -> u64 {
        u64::try_from(self.counts.batches - self.counts.batches_signed).unwrap_or(0)
    }

    /// Keys that the ring is to have and has not.
    pub(crate) fn missing_keys(&self) -> u64 {
        let missing = i64::from(self.keyring.key_count) - self.counts.keys_made;
        if self.filled { 0 } else { u64::try_from(missing).unwrap_or(0).max(1) }
    }
}

/// The kinds of background work for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WorkKind {
    /// Its records are being made.
    Generating,
    /// It is being audited.
    Auditing,
    /// It is being removed from the ledger.
    Deleting,
}

impl InLanes for WorkKind {
    /// More would only wait for the same database. An audit takes a whole processor.
    const LANES: &'static [usize] = &[4, 2, 1];

    fn lane(self) -> usize {
        match self {
            Self::Generating => 0,
            Self::Deleting => 1,
            Self::Auditing => 2,
        }
    }
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Audited {
    /// Whether every law holds.
    pub(crate) holds: bool,
    /// What was looked at, or which laws are broken, for people.
    pub(crate) message: String,
}

/// The background work for a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Background {
    /// Making its records.
    pub generating: WorkState,
    /// Auditing it.
    pub auditing: WorkState,
    /// Removing it from the ledger.
    pub deleting: WorkState,
}

impl Background {
    /// Whether records are being made.
    pub(crate) fn is_generating(&self) -> bool {
        self.generating == WorkState::UnderWay
    }
}
