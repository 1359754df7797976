//! The database: what each function of `migrations/0006_lease_protocol.sql` does, as one step.

use crate::few::Few;
use crate::moments::OVER;

/// An open lease: a row of `leases` whose `released_at` is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lease {
    pub(crate) key: u8,
    pub(crate) id: u8,
    pub(crate) batch: u8,
    /// Ticks of the database's clock since it was granted or renewed.
    pub(crate) age: u8,
    /// `outcome = 'signed'`: waits for the next turn.
    pub(crate) signed: bool,
    /// The holder's process has ended, and somebody saw it end.
    pub(crate) holder_dead: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum BatchState {
    #[default]
    Unsigned,
    Leased,
    Signed,
}

/// A batch, and how many signatures each of its records has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Batch {
    pub(crate) state: BatchState,
    pub(crate) signatures: u8,
}

/// What is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ledger {
    /// The keys, the least recently used first: `keys.last_use`.
    pub(crate) order: Few<u8>,
    pub(crate) leases: Few<Lease>,
    pub(crate) batches: Few<Batch>,
}

impl Ledger {
    pub(crate) fn new(keys: u8, batches: u8) -> Self {
        Self {
            order: Few::of(keys, |key| key),
            leases: Few::new(),
            batches: Few::of(batches, |_| Batch::default()),
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.batches.iter().all(|batch| batch.state == BatchState::Signed)
    }

    pub(crate) fn row(&self, id: u8) -> Option<usize> {
        self.leases.iter().position(|lease| lease.id == id)
    }

    /// The row of a lease without an outcome.
    fn open_row(&self, id: u8) -> Option<usize> {
        self.row(id).filter(|row| !self.leases[*row].signed)
    }

    pub(crate) fn is_leased(&self, key: u8) -> bool {
        self.leases.iter().any(|lease| lease.key == key)
    }

    /// `keyring_collect`: returns the keys of leases that are stored or have run out.
    pub(crate) fn collect(&mut self) {
        let mut row = 0;
        while row < self.leases.len() {
            let lease = self.leases[row];
            if lease.signed || lease.age >= OVER {
                self.close(row);
            } else {
                row += 1;
            }
        }
    }

    /// The choice of `lease_acquire`: the free key of the lowest `last_use`.
    pub(crate) fn choice(&self) -> Option<u8> {
        self.order.iter().copied().find(|key| !self.is_leased(*key))
    }

    pub(crate) fn unsigned_batch(&self) -> Option<u8> {
        (0_u8..)
            .zip(self.batches.iter())
            .find(|(_, batch)| batch.state == BatchState::Unsigned)
            .map(|(number, _)| number)
    }

    /// The writes of `lease_acquire`.
    pub(crate) fn lease(&mut self, id: u8, key: u8, batch: u8) {
        self.leases.push(Lease { key, id, batch, age: 0, signed: false, holder_dead: false });
        if let Some(place) = self.order.iter().position(|other| *other == key) {
            self.order.remove(place);
            self.order.push(key);
        }
        self.batches[usize::from(batch)].state = BatchState::Leased;
    }

    /// `lease_renew`. False when the lease has an outcome or has run out.
    pub(crate) fn renew(&mut self, id: u8) -> bool {
        let row = self.open_row(id).filter(|row| self.leases[*row].age < OVER);
        if let Some(row) = row {
            self.leases[row].age = 0;
        }
        row.is_some()
    }

    /// `batch_store` under a lease that is open. False (`CH001`) when it is not.
    pub(crate) fn store(&mut self, id: u8) -> bool {
        let row = self.open_row(id);
        if let Some(row) = row {
            // From now on only its outcome counts, not its age.
            let lease = &mut self.leases[row];
            (lease.signed, lease.age, lease.holder_dead) = (true, 0, false);
            let batch = &mut self.batches[usize::from(lease.batch)];
            batch.state = BatchState::Signed;
            batch.signatures += 1;
        }
        row.is_some()
    }

    /// `batch_store` without its guard: whatever the lease, the signatures go in. The primary key
    /// of `signatures`, where there is one, refuses a second one a record.
    pub(crate) fn store_unguarded(&mut self, id: u8, batch: u8, signature_key: bool) {
        if signature_key && self.batches[usize::from(batch)].signatures > 0 {
            return;
        }
        if !self.store(id) {
            let batch = &mut self.batches[usize::from(batch)];
            batch.signatures = batch.signatures.saturating_add(1).min(3);
        }
    }

    /// `lease_abandon`, also as called by `holders_release`. False when the lease has ended.
    pub(crate) fn abandon(&mut self, id: u8) -> bool {
        let row = self.open_row(id);
        if let Some(row) = row {
            self.close(row);
        }
        row.is_some()
    }

    /// The database's clock moves on.
    pub(crate) fn tick(&mut self) {
        for lease in self.leases.iter_mut().filter(|lease| !lease.signed) {
            lease.age = (lease.age + 1).min(OVER);
        }
    }

    fn close(&mut self, row: usize) {
        let lease = self.leases.remove(row);
        if !lease.signed {
            self.batches[usize::from(lease.batch)].state = BatchState::Unsigned;
        }
    }
}
