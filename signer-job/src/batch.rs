//! One batch, from the lease that was granted for it to the end of that lease.

mod sign_part;

use std::sync::Arc;

use chancery_keyring::{BatchOutcome, SigningKey};
use chancery_store::StoreError;
use chancery_store::lease::Lease;
use tokio::sync::{AcquireError, SemaphorePermit};
use tracing::{Instrument, field};

use crate::boot_instant::BootInstant;
use crate::error::SignerError;
use crate::fence::Fence;
use crate::hands::Hands;
use crate::metrics::Outcome;
use crate::signer::Signer;
use crate::term::Term;

/// A leased batch, with all that works on it. [`Batch::run`] consumes it, so its lease ends once.
pub(crate) struct Batch<'a> {
    signer: &'a Signer,
    hands: &'a mut Hands,
    lease: Lease,
    /// Shared with the thread that signs.
    term: Arc<Term>,
    /// When the lease was asked for.
    asked: BootInstant,
    /// Whether the lease is known to be on disk: see [`Hands::left_open`].
    is_durable: bool,
}

impl<'a> Batch<'a> {
    /// The batch of a lease that was asked for at `asked` and has just been granted.
    pub(crate) fn new(signer: &'a Signer, hands: &'a mut Hands, lease: Lease, asked: BootInstant) -> Self {
        signer.metrics.leased(hands.free_since.elapsed());
        let term = Arc::new(Term::new(asked, lease.duration));
        Self { signer, hands, lease, term, asked, is_durable: false }
    }

    /// Signs the batch and stores it, or gives it back. The lease is over when this returns, unless the
    /// connection broke.
    ///
    /// # Errors
    ///
    /// What keeps the batch from being signed. After a transient error the connection is of no more use, and
    /// [`Hands::reconnect`] gives the lease back.
    pub(crate) async fn run(mut self) -> Result<Outcome, SignerError> {
        let Lease { id: lease, batch, ref key, .. } = self.lease;
        let span = tracing::debug_span!("batch", lease, batch, key = %key, outcome = field::Empty);
        let (signer, asked, records) = (self.signer, self.asked, self.lease.records());
        let result = async {
            let worked = self.sign_and_store().await;
            self.end(worked).await
        }
        .instrument(span.clone())
        .await;
        let outcome = *result.as_ref().unwrap_or(&Outcome::Failed);
        span.record("outcome", outcome.name());
        match outcome {
            Outcome::Stored => signer.metrics.stored(records, asked.saturating_until(BootInstant::now())),
            other => signer.metrics.ended(other),
        }
        result
    }

    /// Whether the batch was stored; if not, the signer has to give it back.
    async fn sign_and_store(&mut self) -> Result<bool, SignerError> {
        let key = self.key().await?;
        match self.sign(&key).await? {
            BatchOutcome::Complete => self.store().await.map(|()| true),
            BatchOutcome::Stopped { .. } => Ok(false),
        }
    }

    /// Ends the lease, whichever way the work on its batch went. Nothing else gives a lease back.
    async fn end(self, worked: Result<bool, SignerError>) -> Result<Outcome, SignerError> {
        let Self { hands, lease, is_durable, .. } = self;
        hands.free_since = std::time::Instant::now();
        let result = match worked {
            Ok(true) => Ok(Outcome::Stored),
            Ok(false) => hands.session.abandon(lease.id).await.map_err(SignerError::from).map(|given_back| {
                tracing::info!(signed = hands.signatures.len(), given_back, "the batch was not finished");
                Outcome::GivenBack
            }),
            Err(SignerError::Store(StoreError::LeaseLost(_))) => {
                tracing::warn!(
                    "the lease was lost: it expired, or the batch was stored before the connection broke"
                );
                Ok(Outcome::Lost)
            }
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                // This signer's trouble must not keep the batch from others. If giving the batch back fails too,
                // the lease expires.
                if let Err(second) = hands.session.abandon(lease.id).await {
                    tracing::warn!(error = %second, "the lease could not be given back: it expires by itself");
                }
                Err(error)
            }
        };
        if result.as_ref().is_err_and(SignerError::is_transient) {
            hands.left_open = is_durable.then_some(lease.id);
        }
        result
    }

    /// The lease's key, opened.
    async fn key(&mut self) -> Result<Arc<SigningKey>, SignerError> {
        if let Some(key) = self.signer.keys.kept(&self.lease) {
            return Ok(key);
        }
        let public_key = self.hands.session.public_key(self.lease.key).await?;
        Ok(self.signer.keys.open(&self.lease, &public_key)?)
    }

    /// Signs the whole batch into the signatures in hand, part by part.
    async fn sign(&mut self, key: &Arc<SigningKey>) -> Result<BatchOutcome, SignerError> {
        self.hands.make_ready_for(key);
        let mut first = self.lease.first_record;
        while first <= self.lease.last_record {
            let Hands { session, payloads, .. } = &mut *self.hands;
            first += session.fetch_part(&self.lease, first, payloads).await?;
            // Before the first fetch has returned, a crash of the server may undo the lease.
            self.is_durable = true;
            let Some(_permit) = self.processor().await? else {
                return Ok(BatchOutcome::Stopped { signed: 0 });
            };
            let span = tracing::debug_span!("sign", records = self.hands.payloads.len());
            let outcome = self.sign_part(key).instrument(span).await?;
            if outcome != BatchOutcome::Complete {
                return Ok(outcome);
            }
        }
        Ok(BatchOutcome::Complete)
    }

    /// Waits for a processor, and renews the lease meanwhile. None when the signer is asked to stop first.
    async fn processor(&mut self) -> Result<Option<Processor<'a>>, SignerError> {
        let signer = self.signer;
        loop {
            tokio::select! {
                permit = signer.processors.acquire() => return Ok(Some(permit)),
                () = signer.stop.asked() => return Ok(None),
                () = tokio::time::sleep(self.term.until_renewal()) => self.renew(None).await?,
            }
        }
    }

    /// Prolongs the lease. When it is lost, the thread that signs sees that before its next record.
    async fn renew(&mut self, fence: Option<&mut Fence>) -> Result<(), SignerError> {
        let asked = BootInstant::now();
        let Some(duration) = self.hands.session.renew(self.lease.id).await? else {
            self.term.lost();
            return Err(StoreError::LeaseLost(self.lease.id).into());
        };
        self.term.renewed(asked, duration);
        if let Some(fence) = fence {
            fence.move_to(self.term.fence())?;
        }
        tracing::debug!("renewed the lease");
        Ok(())
    }

    /// Stores the signatures. While the database is away they are kept: once it is back, the ledger tells
    /// whether they are still wanted.
    async fn store(&mut self) -> Result<(), SignerError> {
        let Hands { session, signatures, .. } = &mut *self.hands;
        let signatures: Vec<&[u8]> = signatures.iter().collect();
        loop {
            match session.store(&self.lease, &signatures).await {
                Ok(()) => break,
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "the batch could not be stored: connecting again");
                    *session = self.signer.connect().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.signer.progressed();
        tracing::debug!(records = self.lease.records(), use_sequence = self.lease.use_sequence, "signed");
        Ok(())
    }
}

/// The right to sign now. The semaphore is never closed, so this is always a permit.
type Processor<'a> = Result<SemaphorePermit<'a>, AcquireError>;
