//! One state of the whole: the database, the signers, and what is left of the faults.

use crate::few::Few;
use crate::ledger::Ledger;
use crate::model::Size;

/// Where a signer stands in its loop. Each phase lasts as long as it likes: that is what a pause is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Has learned that its run is deleted, and asks no more.
    Ended,
    /// Holds nothing. A new process in place of a dead one begins here too.
    #[default]
    Idle,
    /// Only without turns: has chosen a key, and not yet leased it.
    Chosen,
    /// The lease is granted; its payloads are not fetched.
    Leased,
    /// The payloads are there, hence the lease is on disk. Nothing is being signed.
    Fetched,
    /// **The key is in hand**: from the look at the clock before a signature to that signature's end.
    Signing,
    /// All is signed, the key no longer in use; the store is yet to be carried out.
    Signed,
    /// Not signing any more, and not finished: the lease is yet to be given back.
    GivingBack,
    /// Only where no one waits for the thread: given back, and the key still in hand.
    Careless,
}

/// A signer, which is one slot of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Signer {
    /// Whose batches it signs.
    pub(crate) run: u8,
    pub(crate) phase: Phase,
    pub(crate) key: u8,
    pub(crate) lease: u8,
    pub(crate) batch: u8,
    /// Ticks of its own clock since before it asked.
    pub(crate) elapsed: u8,
    /// Its clock has lost a tick against the database's in this term.
    pub(crate) lagged: bool,
}

impl Signer {
    /// A signer of this run that holds nothing.
    pub(crate) fn idle(run: u8) -> Self {
        Self { run, ..Self::default() }
    }

    /// Whether it has a lease, or thinks so.
    pub(crate) fn is_holder(&self) -> bool {
        self.phase > Phase::Chosen
    }

    pub(crate) fn has_key_in_hand(&self) -> bool {
        matches!(self.phase, Phase::Signing | Phase::Careless)
    }

    /// Whether the moment of its term matters.
    pub(crate) fn is_counting(&self) -> bool {
        matches!(self.phase, Phase::Leased | Phase::Fetched | Phase::Signing)
    }

    /// The same lease in another phase, in which the term no longer matters.
    pub(crate) fn beyond_term(self, phase: Phase) -> Self {
        Self { phase, elapsed: 0, lagged: false, ..self }
    }
}

/// How often each kind of fault may strike. A pause needs no budget: any signer may stand still at
/// any point, for any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Faults {
    /// A signer's process ends at once.
    pub crashes: u8,
    /// A signer loses its session while alive, before a statement's answer has come.
    pub lost_sessions: u8,
    /// The database crashes and comes back, with all that it acknowledged as durable, and no session.
    pub restarts: u8,
    /// One clock misses a tick against all others: a signer's (once a term), or the database's.
    pub slow_ticks: u8,
    /// The database carries out a request for a lease, or for more of it, long after it was sent.
    pub late_requests: u8,
}

/// What else may be done to runs and ring, at any moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Changes {
    /// How many runs may be deleted.
    pub deletions: u8,
    /// How many keys may join the ring.
    pub joins: u8,
    /// How many keys may be retired.
    pub retirements: u8,
}

/// The whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) ledger: Ledger,
    /// What a crash would leave, where that is not all: leases granted since are not on disk yet.
    pub(crate) on_disk: Option<Ledger>,
    pub(crate) signers: Few<Signer>,
    pub(crate) faults: Faults,
    pub(crate) changes: Changes,
    /// Ids of leases that a crash undid; only where ids may be given out again.
    pub(crate) undone_ids: u16,
    pub(crate) misdeeds: Misdeeds,
}

/// What was done and ought not to have been. Never undone, for the properties to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Misdeeds {
    pub(crate) leased_not_the_least_recently_used: bool,
    pub(crate) stored_under_a_lost_lease: bool,
    pub(crate) leased_or_stored_for_a_deleted_run: bool,
    pub(crate) completed_too_early: bool,
    pub(crate) forgot_what_is_needed: bool,
}

impl State {
    pub(crate) fn new(size: Size, faults: Faults, changes: Changes) -> Self {
        let Size { runs, signers, keys, batches, sealed } = size;
        Self {
            ledger: Ledger::new(keys, runs, batches, sealed),
            on_disk: None,
            signers: Few::of(runs * signers, |index| Signer::idle(index / signers)),
            faults,
            changes,
            undone_ids: 0,
            misdeeds: Misdeeds::default(),
        }
    }

    /// Whether a run is being deleted, or may be deleted yet.
    pub(crate) fn may_delete(&self) -> bool {
        self.changes.deletions > 0 || self.ledger.runs.iter().any(|run| run.is_being_deleted())
    }

    /// Puts aside what of the ring's log makes no difference any more: all of it, once the ring will forget
    /// nothing and no key joins it.
    pub(crate) fn condense(&mut self, joins: bool) {
        let log_matters = joins || self.may_delete();
        for ledger in [Some(&mut self.ledger), self.on_disk.as_mut()].into_iter().flatten() {
            if log_matters {
                ledger.ring.condense();
            } else {
                ledger.ring.put_log_aside();
            }
        }
    }

    /// Everything committed so far is on disk.
    pub(crate) fn flush(&mut self) {
        self.on_disk = None;
    }

    pub(crate) fn unused_id(&self) -> u8 {
        let used = |id: u8| {
            self.ledger.row(id).is_some()
                || self.on_disk.is_some_and(|on_disk| on_disk.row(id).is_some())
                || self.undone_ids & (1 << id) != 0
                || self.signers.iter().any(|signer| signer.is_holder() && signer.lease == id)
        };
        (0..16).find(|id| !used(*id)).unwrap_or(15)
    }
}
