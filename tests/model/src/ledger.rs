//! The database: what each function of `migrations/functions` does, as one step.

use crate::expiry::Expiry;
use crate::few::Few;
use crate::model::Size;
use crate::protocol::Protocol;
use crate::ring::Ring;
use crate::run::{Run, Stage};

/// What a signer names to act on a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// The lease's id, which a sequence may give out again.
    pub(crate) id: u8,
    /// The random token of which the ledger keeps the hash. No two leases have the same.
    pub(crate) token: u8,
}

/// An open lease: a row of `leases` whose `released_at` is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lease {
    pub(crate) key: u8,
    pub(crate) claim: Claim,
    pub(crate) batch: u8,
    pub(crate) expiry: Expiry,
    /// `outcome = 'signed'`: waits for the next turn.
    pub(crate) signed: bool,
    /// The holder's process has ended, and the owner saw it end.
    pub(crate) holder_dead: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum BatchState {
    /// It has no row: it is not closed yet, or was dropped with its run.
    #[default]
    Absent,
    Unsigned,
    Leased,
    Signed,
}

/// A batch, and how many signatures each of its records has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Batch {
    pub(crate) run: u8,
    pub(crate) state: BatchState,
    pub(crate) signatures: u8,
}

/// What is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ledger {
    pub(crate) ring: Ring,
    pub(crate) leases: Few<Lease>,
    pub(crate) runs: Few<Run, 2>,
    pub(crate) batches: Few<Batch>,
}

impl Ledger {
    /// Runs with so many batches each, which are there and sealed, or are yet to come.
    pub(crate) fn of(size: Size) -> Self {
        let Size { runs, keys, batches, sealed, .. } = size;
        let state = if sealed { BatchState::Unsigned } else { BatchState::Absent };
        Self {
            ring: Ring::new(keys),
            leases: Few::new(),
            runs: Few::of(runs, |_| Run { sealed, ..Run::default() }),
            batches: Few::of(runs * batches, |index| Batch { run: index / batches, state, signatures: 0 }),
        }
    }

    pub(crate) fn run(&self, run: u8) -> Run {
        self.runs[usize::from(run)]
    }

    pub(crate) fn run_mut(&mut self, run: u8) -> &mut Run {
        &mut self.runs[usize::from(run)]
    }

    /// The row of the very lease that was granted with this token.
    pub(crate) fn row(&self, token: u8) -> Option<usize> {
        self.leases.iter().position(|lease| lease.claim.token == token)
    }

    /// The row, without an outcome, that a signer's claim is taken to name.
    fn open_row(&self, claim: Claim, protocol: &Protocol) -> Option<usize> {
        let named = |lease: &Lease| {
            if protocol.token_checked { lease.claim.token == claim.token } else { lease.claim.id == claim.id }
        };
        self.leases.iter().position(|lease| named(lease) && !lease.signed)
    }

    pub(crate) fn is_leased(&self, key: u8) -> bool {
        self.leases.iter().any(|lease| lease.key == key)
    }

    /// `keyring_collect`: returns the keys of leases that are stored or have run out, and doubts those that
    /// are not renewed any more.
    pub(crate) fn collect(&mut self, protocol: &Protocol) {
        let mut row = 0;
        while row < self.leases.len() {
            let lease = &mut self.leases[row];
            if lease.signed || lease.expiry.turn(protocol) {
                self.close(row);
            } else {
                row += 1;
            }
        }
    }

    /// The choice of `lease_acquire`: the free key of the lowest `last_use`.
    pub(crate) fn choice(&self, protocol: &Protocol) -> Option<u8> {
        let is_free = |key: u8, last_use: u8| {
            if protocol.free_asked_of_key {
                return !self.is_leased(key);
            }
            let mut open = self.leases.iter().filter_map(|lease| self.ring.key(lease.key));
            last_use == 0 || open.all(|held| held.last_use != last_use)
        };
        let may_be_chosen = |retired: bool| !retired || !protocol.retired_not_chosen;
        let keys = self.ring.keys.iter();
        keys.filter(|key| may_be_chosen(key.retired) && is_free(key.name, key.last_use))
            .map(|key| key.name)
            .next()
    }

    pub(crate) fn unsigned_batch(&self, run: u8) -> Option<u8> {
        (0_u8..)
            .zip(self.batches.iter())
            .find(|(_, batch)| batch.run == run && batch.state == BatchState::Unsigned)
            .map(|(number, _)| number)
    }

    /// Whether a batch of the run has a row and is not signed.
    pub(crate) fn has_pending(&self, run: u8) -> bool {
        self.batches
            .iter()
            .any(|batch| batch.run == run && matches!(batch.state, BatchState::Unsigned | BatchState::Leased))
    }

    /// Whether the run is sealed and every batch of it is signed.
    pub(crate) fn is_all_signed(&self, run: u8) -> bool {
        self.run(run).sealed && !self.has_pending(run)
    }

    /// The writes of `lease_acquire`.
    pub(crate) fn lease(&mut self, claim: Claim, key: u8, batch: u8) {
        self.leases.push(Lease { key, claim, batch, ..Lease::default() });
        let batch = &mut self.batches[usize::from(batch)];
        batch.state = BatchState::Leased;
        self.ring.take(key, batch.run);
    }

    /// `lease_renew`. False when the lease has an outcome.
    pub(crate) fn renew(&mut self, claim: Claim, protocol: &Protocol) -> bool {
        let row = self.open_row(claim, protocol);
        if let Some(row) = row {
            self.leases[row].expiry.renew(protocol);
        }
        row.is_some()
    }

    /// `batch_store` under a lease that is open. False (`CH001`) when it is not.
    pub(crate) fn store(&mut self, claim: Claim, protocol: &Protocol) -> bool {
        let row = self.open_row(claim, protocol);
        if let Some(row) = row {
            // From now on only its outcome counts, not when it runs out.
            let lease = &mut self.leases[row];
            (lease.signed, lease.expiry, lease.holder_dead) = (true, Expiry::default(), false);
            let batch = &mut self.batches[usize::from(lease.batch)];
            batch.state = BatchState::Signed;
            batch.signatures += 1;
        }
        row.is_some()
    }

    /// `batch_store` without its guard: whatever the lease, the signatures go in. The guards
    /// of `signature_blocks`, which has no record in two blocks, refuse a second one per record.
    pub(crate) fn store_unguarded(&mut self, claim: Claim, batch: u8, protocol: &Protocol) {
        if protocol.signature_key && self.batches[usize::from(batch)].signatures > 0 {
            return;
        }
        if !self.store(claim, protocol) {
            let batch = &mut self.batches[usize::from(batch)];
            batch.signatures = batch.signatures.saturating_add(1).min(3);
        }
    }

    /// `lease_abandon`. False when the lease has ended.
    pub(crate) fn abandon(&mut self, claim: Claim, protocol: &Protocol) -> bool {
        let row = self.open_row(claim, protocol);
        if let Some(row) = row {
            self.close(row);
        }
        row.is_some()
    }

    /// Moves the database's clock, as the leases see it that may run out.
    pub(crate) fn move_clock(&mut self, expiry: impl Fn(&mut Expiry)) {
        for lease in self.leases.iter_mut().filter(|lease| !lease.signed) {
            expiry(&mut lease.expiry);
        }
    }

    /// Drops the batches, records and signatures of a run. Its leases stay.
    pub(crate) fn drop_batches(&mut self, run: u8) {
        for batch in self.batches.iter_mut().filter(|batch| batch.run == run) {
            *batch = Batch { run, ..Batch::default() };
        }
        self.run_mut(run).stage = Stage::Dropped;
    }

    /// Removes a run's row, in a turn, and lets the ring forget. True when the ring forgot what is
    /// still needed.
    pub(crate) fn remove_run(&mut self, run: u8, protocol: &Protocol) -> bool {
        self.run_mut(run).stage = Stage::Removed;
        if !protocol.deletion_leaves_leases {
            let batches = self.batches;
            self.leases.retain(|lease| batches[usize::from(lease.batch)].run != run);
        }
        let Self { ring, leases, runs, .. } = self;
        let held = |key: u8| leases.iter().any(|lease| lease.key == key);
        let forgotten = ring.forget(protocol, held, |run| runs[usize::from(run)].is_in_ledger());
        let keys = ring.keys;
        let use_of =
            |lease: &Lease| keys.iter().find(|key| key.name == lease.key).map_or(0, |key| key.last_use);
        leases.retain(|lease| !forgotten.has(use_of(lease)));
        forgotten.needed
    }

    /// Returns the key, and the batch unless it is signed.
    pub(crate) fn close(&mut self, row: usize) {
        let lease = self.leases.remove(row);
        let batch = &mut self.batches[usize::from(lease.batch)];
        if !lease.signed && batch.state == BatchState::Leased {
            batch.state = BatchState::Unsigned;
        }
    }

    /// Whether batches and leases agree with each other.
    pub(crate) fn is_coherent(&self) -> bool {
        (0_u8..).zip(self.batches.iter()).all(|(number, batch)| {
            let holders = self.leases.iter().filter(|lease| lease.batch == number && !lease.signed).count();
            let dropped = self.run(batch.run).stage >= Stage::Dropped;
            holders <= 1 && (dropped || (batch.state == BatchState::Leased) == (holders == 1))
        })
    }
}
