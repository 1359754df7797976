//! One name for all states that differ in names only.

use crate::few::Few;
use crate::ledger::Ledger;
use crate::state::{Phase, Signer, State};

impl State {
    /// The same state under the names that all its equals get: keys are called by their place in the
    /// order of use, batches, leases and signers by what they are up to.
    ///
    /// What can make no difference any more is put aside first: once the database will not crash,
    /// what is on disk; once the ledger will not go back, its copy; a request that no guard lets pass;
    /// and a signer's way from its last batch to the news that its run is deleted.
    pub(crate) fn canonical(mut self) -> Self {
        /// What a signer calls a lease that has ended: no guard lets it pass, so its name is nothing.
        const ENDED: u8 = 15;
        if self.faults.restarts == 0 {
            self.flush();
        }
        if self.faults.restores == 0 {
            self.backup = None;
        }
        let mut key_names = [0; 6];
        for (name, key) in (0_u8..).zip(self.ledger.ring.keys.iter()) {
            key_names[usize::from(key.name)] = name;
        }
        for ledger in self.ledgers_mut() {
            ledger.ring.keys.iter_mut().for_each(|key| key.name = key_names[usize::from(key.name)]);
            for lease in ledger.leases.iter_mut() {
                lease.key = key_names[usize::from(lease.key)];
            }
            ledger.leases.sort_unstable();
        }

        let holder_of = |ledger: &Ledger, batch: u8| {
            ledger.leases.iter().find(|lease| lease.batch == batch && !lease.signed).map(|lease| lease.key)
        };
        let mut batches: Few<u8> =
            Few::of(u8::try_from(self.ledger.batches.len()).unwrap_or(0), |batch| batch);
        let ledgers = [Some(self.ledger), self.on_disk, self.backup];
        batches.sort_by_key(|batch| {
            let is = |ledger: Ledger| (ledger.batches[usize::from(*batch)], holder_of(&ledger, *batch));
            ledgers.map(|ledger| ledger.map(is))
        });
        let mut batch_names = [0; 6];
        for (name, batch) in (0_u8..).zip(batches.iter()) {
            batch_names[usize::from(*batch)] = name;
        }
        let mut tokens = [ENDED; 16];
        let mut next_token = 0;
        for ledger in self.ledgers_mut() {
            let old = ledger.batches;
            for (name, batch) in batches.iter().enumerate() {
                ledger.batches[name] = old[usize::from(*batch)];
            }
            for lease in ledger.leases.iter_mut() {
                if lease.signed {
                    // No more than a key that waits for the next turn.
                    (lease.claim.token, lease.batch) = (ENDED, 0);
                    continue;
                }
                lease.batch = batch_names[usize::from(lease.batch)];
                let name = &mut tokens[usize::from(lease.claim.token)];
                if *name == ENDED {
                    *name = next_token;
                    next_token += 1;
                }
                lease.claim.token = *name;
            }
        }

        for signer in self.signers.iter_mut().filter(|signer| signer.is_holder()) {
            signer.claim.token = tokens[usize::from(signer.claim.token)];
            signer.key = key_names[usize::from(signer.key)];
            signer.batch = batch_names[usize::from(signer.batch)];
            let is_ended = signer.claim.token == ENDED;
            if is_ended && matches!(signer.phase, Phase::Unsure | Phase::GivingBack) {
                *signer = Signer::idle(signer.run);
                continue;
            }
            let is_sure = signer.phase == Phase::Leased
                || (signer.phase == Phase::Unsure && self.ledger.row(signer.claim.token).is_some());
            if self.faults.restarts == 0 && is_sure {
                signer.phase = Phase::Fetched;
            }
            if is_ended {
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
