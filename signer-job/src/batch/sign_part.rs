//! Signing the records of one part, under the lease's term and fence.

use std::cell::Cell;
use std::sync::Arc;

use chancery_keyring::{BatchOutcome, Signatures, SigningKey};

use super::Batch;
use super::keep::keep;
use crate::error::SignerError;
use crate::fence::Fence;

impl Batch<'_> {
    /// Signs the payloads in hand, from the one at `from` on, on a thread of their own, and renews the lease meanwhile.
    pub(super) async fn sign_part(
        &mut self,
        key: &Arc<SigningKey>,
        from: usize,
    ) -> Result<BatchOutcome, SignerError> {
        if !self.term.may_sign() {
            return Ok(BatchOutcome::Stopped { signed: 0 });
        }
        let mut fence = Fence::put_up(self.term.fence())?;
        let (key, payloads) = (Arc::clone(key), std::mem::take(&mut self.hands.payloads));
        let mut signatures = std::mem::replace(&mut self.hands.signatures, Signatures::new(1));
        let (stop, term) = (self.signer.stop.clone(), Arc::clone(&self.term));
        let in_use = self.signer.journal.as_ref().map(|journal| journal.start(&self.lease)).transpose();
        let in_use = in_use.map_err(SignerError::UseJournal)?;
        let records = self.lease.records();
        let mut signing = tokio::task::spawn_blocking(move || {
            let before = signatures.len();
            let still_ours = || term.may_sign() && !stop.is_overdue();
            let outcome = key.sign_batch(records, payloads.iter().skip(from), still_ours, &mut signatures);
            let stopped = in_use.map_or(Ok(()), |in_use| in_use.stop(signatures.len() - before));
            (outcome, stopped, payloads, signatures)
        });
        let is_asking = Cell::new(false);
        let signed = {
            let session = &mut self.hands.session;
            let keeping = keep(self.signer, session, &self.lease, &self.term, &mut fence, &is_asking);
            tokio::select! {
                done = &mut signing => Ok(done?),
                error = keeping => Err(error),
            }
        };
        let (outcome, stopped, payloads, signatures) = match signed {
            Ok(signed) => signed,
            Err(error) => {
                // The thread must be over before this lease is let go of.
                self.term.lost();
                let _stopped = signing.await?.0?;
                return Err(error);
            }
        };
        drop(fence);
        (self.hands.payloads, self.hands.signatures) = (payloads, signatures);
        stopped.map_err(SignerError::UseJournal)?;
        if is_asking.get() {
            self.hands.session = self.signer.connect().await?;
        }
        Ok(outcome?)
    }
}
