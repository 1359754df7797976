//! One state of the whole: the database, the signers, and what is left of the faults.

use crate::few::Few;
use crate::ledger::{Claim, Ledger};
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
    /// The same, and the connection is a new one: whether the ledger still has the lease, only a renewal tells.
    Unsure,
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
    pub(crate) claim: Claim,
    pub(crate) batch: u8,
    /// Halves of the lease's duration since before it asked.
    pub(crate) elapsed: u8,
    /// Its clock runs as slowly in this term as assumption 2 allows.
    pub(crate) slow: bool,
    pub(crate) assumptions: Assumptions,
}

/// Whether law 4 is promised for a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Assumptions {
    #[default]
    Hold,
    /// Only if it is renewed before half its duration has passed: the clock of the database was set forward.
    HoldIfRenewed,
    /// It was not renewed in time after the clock had been set forward; or the clock was set forward twice in a
    /// term; or the ledger went back to an earlier state while the signer lived.
    Broken,
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
        matches!(self.phase, Phase::Leased | Phase::Unsure | Phase::Fetched | Phase::Signing)
    }

    /// The same lease in another phase, in which the term no longer matters.
    pub(crate) fn beyond_term(self, phase: Phase) -> Self {
        Self { phase, elapsed: 0, slow: false, assumptions: Assumptions::Hold, ..self }
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
    /// A signer's clock runs more slowly than the database's for a term, by as much as assumption 2 allows.
    pub slow_clocks: u8,
    /// The database carries out a request for a lease, or for more of it, long after it was sent.
    pub late_requests: u8,
    /// The clock of the database is set back.
    pub set_backs: u8,
    /// The clock of the database is set forward.
    pub set_forwards: u8,
    /// The ledger goes back to its beginning, or to a copy that was made of it, while signers live.
    pub restores: u8,
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
    /// A copy of an earlier state, while the ledger may go back to it.
    pub(crate) backup: Option<Ledger>,
    pub(crate) signers: Few<Signer>,
    pub(crate) faults: Faults,
    pub(crate) changes: Changes,
    /// Ids of leases that were undone and that a signer remembers; only where no token is checked.
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
        let Size { runs, signers, .. } = size;
        Self {
            ledger: Ledger::of(size),
            on_disk: None,
            backup: None,
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
        for ledger in self.ledgers_mut() {
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

    /// The ledger, what is on disk of it where that is not all, and the copy where there is one.
    pub(crate) fn ledgers_mut(&mut self) -> impl Iterator<Item = &mut Ledger> {
        [Some(&mut self.ledger), self.on_disk.as_mut(), self.backup.as_mut()].into_iter().flatten()
    }

    /// A token, and an id, that no lease has.
    pub(crate) fn unused_name(&self) -> u8 {
        let is = |claim: Claim, name: u8| claim.token == name || claim.id == name;
        let used = |name: u8| {
            let ledgers = [Some(&self.ledger), self.on_disk.as_ref(), self.backup.as_ref()];
            ledgers
                .into_iter()
                .flatten()
                .any(|ledger| ledger.leases.iter().any(|lease| is(lease.claim, name)))
                || self.undone_ids & (1 << name) != 0
                || self.signers.iter().any(|signer| signer.is_holder() && is(signer.claim, name))
        };
        (0..15).find(|name| !used(*name)).expect("there are fewer leases than names")
    }
}
