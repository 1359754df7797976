//! One name for all states that differ in names only.

use crate::few::Few;
use crate::ledger::Ledger;
use crate::state::{Phase, Signer, State};

impl State {
    /// The same state under the names that all its equals get: keys are called by their place in the
    /// order of use, batches, leases and signers by what they are up to.
    ///
    /// What can make no difference any more is put aside first: once the database will not crash,
    /// what is on disk; a give-back that no guard lets pass; and a signer's way from its last batch to the news
    /// that its run is deleted.
    pub(crate) fn canonical(mut self) -> Self {
        /// What a signer calls a lease that has ended: no guard lets it pass, so its name is nothing.
        const ENDED: u8 = 15;
        if self.faults.restarts == 0 {
            self.flush();
        }
        let mut key_names = [0; 6];
        for (name, key) in (0_u8..).zip(self.ledger.ring.keys.iter()) {
            key_names[usize::from(key.name)] = name;
        }
        let rename_keys = |ledger: &mut Ledger| {
            ledger.ring.keys.iter_mut().for_each(|key| key.name = key_names[usize::from(key.name)]);
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

        for signer in self.signers.iter_mut().filter(|signer| signer.is_holder()) {
            signer.lease = id_names[usize::from(signer.lease)];
            signer.key = key_names[usize::from(signer.key)];
            signer.batch = batch_names[usize::from(signer.batch)];
            if self.faults.restarts == 0 && signer.phase == Phase::Leased {
                signer.phase = Phase::Fetched;
            }
            if signer.lease == ENDED {
                if signer.phase == Phase::GivingBack {
                    *signer = Signer::idle(signer.run);
                    continue;
                }
                signer.batch = 0;
                if !signer.has_key_in_hand() {
                    signer.key = 0;
                }
            }
        }
        for signer in self.signers.iter_mut().filter(|signer| !signer.is_holder()) {
            if self.ledger.run(signer.run).is_deleted() {
                signer.phase = Phase::Ended;
            }
        }
        self.signers.sort_unstable();
        self
    }
}
