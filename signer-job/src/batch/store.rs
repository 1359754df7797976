//! Storing a batch, and having the next one in hand by then.

use chancery_store::StoreError;
use chancery_store::lease::{Acquired, EndToEnd, Library};

use super::Batch;
use crate::boot_instant::BootInstant;
use crate::error::SignerError;
use crate::hands::{Hands, LeaseState, Next};

impl Batch<'_> {
    /// Stores the signatures, which `library` made. While the database is away they are kept, for as long as the lease can be renewed; once
    /// it is back, the ledger tells whether they are still wanted.
    pub(super) async fn store(&mut self, library: Library) -> Result<(), SignerError> {
        self.acquire_next().await?;
        loop {
            let began = BootInstant::now();
            match self.store_once(library).await {
                Ok(bytes) => {
                    let took = began.saturating_until(BootInstant::now());
                    self.hands.link.carried(bytes, took, self.lease.duration);
                    break;
                }
                Err(error) if error.is_transient() => {
                    self.hands.doubt_next();
                    self.regain(&error, "the batch could not be stored").await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.signer.progressed();
        tracing::debug!(
            records = self.lease.records(),
            use_sequence = self.lease.use_sequence,
            library = library.name(),
            "signed"
        );
        Ok(())
    }

    /// Leases the next batch before this one is stored: one wait for the disk then does for both. Not where that could be in
    /// anybody's way: while keys are missing or [scarce](crate::ahead), when the signer is to stop, or where a store takes long.
    async fn acquire_next(&mut self) -> Result<(), SignerError> {
        let (signer, hands) = (self.signer, &mut *self.hands);
        if signer.stop.is_asked()
            || !signer.making.is_over()
            || hands.signatures.as_bytes().len() > hands.link.part()
            || !hands.ahead.is_due()
        {
            return Ok(());
        }
        let asked = BootInstant::now();
        match hands.session.acquire().await {
            Ok((acquired, taken_over)) => {
                signer.metrics.took_over(taken_over);
                match acquired {
                    Acquired::Leased(lease) => {
                        hands.ahead.found_a_key();
                        hands.next = Some(Next { lease, asked, state: LeaseState::Granted });
                    }
                    Acquired::NoKey => hands.ahead.found_no_key(),
                    // The next round asks again, and says so.
                    Acquired::NoBatch
                    | Acquired::KeysMissing
                    | Acquired::Complete
                    | Acquired::Suspended
                    | Acquired::Gone => {}
                }
                Ok(())
            }
            Err(error) if error.is_transient() => {
                self.regain(&error, "the next batch could not be leased").await
            }
            // What is signed may be stored all the same.
            Err(error) => {
                tracing::warn!(%error, "the next batch could not be leased");
                Ok(())
            }
        }
    }

    /// Stores the signatures, and fetches the payloads of the next batch with that if they fit. Returns how many bytes were
    /// transferred.
    async fn store_once(&mut self, library: Library) -> Result<usize, StoreError> {
        let Hands { session, signatures, link, payloads, next, .. } = &mut *self.hands;
        let signatures = EndToEnd { bytes: signatures.as_bytes(), each: signatures.signature_len(), library };
        let stored = signatures.bytes.len();
        let fits = |bytes: i64| usize::try_from(bytes).is_ok_and(|bytes| bytes <= link.part());
        match next {
            Some(next) if next.state == LeaseState::Granted && fits(next.lease.payload_bytes) => {
                session.store_and_fetch(&self.lease, signatures, &next.lease, payloads).await?;
                next.state = LeaseState::Fetched;
                Ok(stored + payloads.bytes())
            }
            _ => {
                session.store_in_parts(&self.lease, signatures, link.part()).await?;
                Ok(stored)
            }
        }
    }
}
