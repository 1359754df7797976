//! One state of the whole: the database, the signers, and what is left of the faults.

use crate::few::Few;
use crate::ledger::{BatchState, Ledger};

/// Where a signer stands in its loop. Each phase lasts as long as it likes: that is what a pause is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
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
    /// Only where nobody waits for the thread: given back, and the key still in hand.
    Careless,
}

/// A signer, which is one slot of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Signer {
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

/// The whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) ledger: Ledger,
    /// What a crash would leave, where that is not all: leases granted since are not on disk yet.
    pub(crate) on_disk: Option<Ledger>,
    pub(crate) signers: Few<Signer>,
    pub(crate) faults: Faults,
    /// Ids of leases that a crash undid; only where ids may be given out again.
    pub(crate) undone_ids: u16,
    pub(crate) misdeeds: Misdeeds,
}

/// What was done and ought not to have been. Never undone, for the properties to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Misdeeds {
    pub(crate) leased_not_the_least_recently_used: bool,
    pub(crate) stored_under_a_lost_lease: bool,
}

impl State {
    pub(crate) fn new(signers: u8, keys: u8, batches: u8, faults: Faults) -> Self {
        Self {
            ledger: Ledger::new(keys, batches),
            on_disk: None,
            signers: Few::of(signers, |_| Signer::default()),
            faults,
            undone_ids: 0,
            misdeeds: Misdeeds::default(),
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
                || self.signers.iter().any(|signer| signer.phase > Phase::Chosen && signer.lease == id)
        };
        (0..16).find(|id| !used(*id)).unwrap_or(15)
    }

    /// The same state under the names that all its equals get: keys are called by their place in the
    /// order of use, batches, leases and signers by what they are up to.
    ///
    /// What can make no difference any more is put aside first: once the database will not crash,
    /// what is on disk; and a give-back that no guard lets pass.
    pub(crate) fn canonical(mut self) -> Self {
        /// What a signer calls a lease that has ended: no guard lets it pass, so its name is nothing.
        const ENDED: u8 = 15;
        if self.faults.restarts == 0 {
            self.flush();
        }
        let mut key_names = [0; 6];
        for (name, key) in (0_u8..).zip(self.ledger.order.iter()) {
            key_names[usize::from(*key)] = name;
        }
        let rename_keys = |ledger: &mut Ledger| {
            ledger.order.iter_mut().for_each(|key| *key = key_names[usize::from(*key)]);
            for lease in ledger.leases.iter_mut() {
                lease.key = key_names[usize::from(lease.key)];
            }
            ledger.leases.sort_unstable();
        };
        rename_keys(&mut self.ledger);
        if let Some(on_disk) = &mut self.on_disk {
            rename_keys(on_disk);
        }

        let holder_of = |ledger: &Ledger, batch: u8| {
            ledger.leases.iter().find(|lease| lease.batch == batch && !lease.signed).map(|lease| lease.key)
        };
        let mut batches: Few<u8> =
            Few::of(u8::try_from(self.ledger.batches.len()).unwrap_or(0), |batch| batch);
        let on_disk = self.on_disk;
        batches.sort_by_key(|batch| {
            let index = usize::from(*batch);
            let later = on_disk.map(|disk| (disk.batches[index], holder_of(&disk, *batch)));
            (self.ledger.batches[index], holder_of(&self.ledger, *batch), later)
        });
        let mut batch_names = [0; 6];
        for (name, batch) in (0_u8..).zip(batches.iter()) {
            batch_names[usize::from(*batch)] = name;
        }
        let mut id_names = [ENDED; 16];
        let mut next_id = 0;
        let mut rename_rest = |ledger: &mut Ledger| {
            let old = ledger.batches;
            for (name, batch) in batches.iter().enumerate() {
                ledger.batches[name] = old[usize::from(*batch)];
            }
            for lease in ledger.leases.iter_mut() {
                if lease.signed {
                    // No more than a key that waits for the next turn.
                    (lease.id, lease.batch) = (ENDED, 0);
                    continue;
                }
                lease.batch = batch_names[usize::from(lease.batch)];
                let name = &mut id_names[usize::from(lease.id)];
                if *name == ENDED {
                    *name = next_id;
                    next_id += 1;
                }
                lease.id = *name;
            }
        };
        rename_rest(&mut self.ledger);
        if let Some(on_disk) = &mut self.on_disk {
            rename_rest(on_disk);
        }

        for signer in self.signers.iter_mut().filter(|signer| signer.phase != Phase::Idle) {
            signer.lease = id_names[usize::from(signer.lease)];
            signer.key = key_names[usize::from(signer.key)];
            signer.batch = batch_names[usize::from(signer.batch)];
            if self.faults.restarts == 0 && signer.phase == Phase::Leased {
                signer.phase = Phase::Fetched;
            }
            if signer.lease == ENDED {
                if signer.phase == Phase::GivingBack {
                    *signer = Signer::default();
                    continue;
                }
                signer.batch = 0;
                if !signer.has_key_in_hand() {
                    signer.key = 0;
                }
            }
        }
        self.signers.sort_unstable();
        self
    }

    /// Whether what the ledger holds makes sense in itself.
    pub(crate) fn is_coherent(&self) -> bool {
        (0_u8..).zip(self.ledger.batches.iter()).all(|(number, batch)| {
            let holders =
                self.ledger.leases.iter().filter(|lease| lease.batch == number && !lease.signed).count();
            (batch.state == BatchState::Leased) == (holders == 1) && holders <= 1
        })
    }
}
