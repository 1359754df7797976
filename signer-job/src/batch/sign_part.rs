//! Signing the records of one part, under the lease's term and fence.

use std::sync::Arc;

use chancery_keyring::{BatchOutcome, Signatures, SigningKey};

use super::Batch;
use crate::error::SignerError;
use crate::fence::Fence;

impl Batch<'_> {
    /// Signs the payloads in hand on a thread of their own, and renews the lease meanwhile.
    pub(super) async fn sign_part(&mut self, key: &Arc<SigningKey>) -> Result<BatchOutcome, SignerError> {
        if !self.term.may_sign() {
            return Ok(BatchOutcome::Stopped { signed: 0 });
        }
        let mut fence = Fence::put_up(self.term.fence())?;
        let (key, payloads) = (Arc::clone(key), std::mem::take(&mut self.hands.payloads));
        let mut signatures = std::mem::replace(&mut self.hands.signatures, Signatures::new(1));
        let (stop, term) = (self.signer.stop.clone(), Arc::clone(&self.term));
        let in_use = self.signer.journal.as_ref().map(|journal| journal.start(&self.lease)).transpose();
        let in_use = in_use.map_err(SignerError::UseJournal)?;
        let mut signing = tokio::task::spawn_blocking(move || {
            let before = signatures.len();
            let outcome =
                key.sign_batch(payloads.iter(), || term.may_sign() && !stop.is_overdue(), &mut signatures);
            let stopped = in_use.map_or(Ok(()), |in_use| in_use.stop(signatures.len() - before));
            (outcome, stopped, payloads, signatures)
        });
        let (outcome, stopped, payloads, signatures) = loop {
            tokio::select! {
                done = &mut signing => break done?,
                () = tokio::time::sleep(self.term.until_renewal()) => {
                    if let Err(error) = self.renew(Some(&mut fence)).await {
                        // The thread must be over before this lease is let go of.
                        self.term.lost();
                        let _stopped = signing.await?.0?;
                        return Err(error);
                    }
                }
            }
        };
        drop(fence);
        (self.hands.payloads, self.hands.signatures) = (payloads, signatures);
        stopped.map_err(SignerError::UseJournal)?;
        Ok(outcome?)
    }
}
