//! One batch, from the lease that was granted for it to the end of that lease.

mod keep;
mod sign_part;
mod store;

use std::sync::Arc;

use chancery_keyring::{BatchOutcome, SigningKey};
use chancery_store::StoreError;
use chancery_store::lease::{Lease, Library};
use tokio::sync::{AcquireError, SemaphorePermit};
use tracing::{Instrument, field};

use crate::boot_instant::BootInstant;
use crate::error::SignerError;
use crate::hands::{Hands, LeaseState, Next};
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
    /// What is known of it so far.
    state: LeaseState,
}

impl<'a> Batch<'a> {
    /// The batch of a lease that was asked for at `asked` and has just been granted.
    pub(crate) fn new(signer: &'a Signer, hands: &'a mut Hands, lease: Lease, asked: BootInstant) -> Self {
        signer.metrics.leased(hands.free_since.elapsed());
        signer.setbacks().leased();
        let term = Arc::new(Term::new(asked, lease.duration));
        Self { signer, hands, lease, term, asked, state: LeaseState::Granted }
    }

    /// The batch of a lease that was acquired ahead.
    pub(crate) fn of_next(signer: &'a Signer, hands: &'a mut Hands, next: Next) -> Self {
        let Next { lease, asked, state } = next;
        Self { state, ..Self::new(signer, hands, lease, asked) }
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
        if self.state == LeaseState::Doubtful {
            self.renew().await?;
        }
        let key = self.key().await?;
        match self.sign(&key).await? {
            BatchOutcome::Complete => self.store(self.library(&key)).await.map(|()| true),
            BatchOutcome::Stopped { .. } => Ok(false),
        }
    }

    /// Ends the lease, whichever way the work on its batch went. Nothing else gives a lease back.
    async fn end(self, worked: Result<bool, SignerError>) -> Result<Outcome, SignerError> {
        let Self { signer, hands, lease, .. } = self;
        hands.free_since = std::time::Instant::now();
        signer.setbacks().ended();
        match worked {
            Ok(true) => {
                signer.setbacks().stored();
                Ok(Outcome::Stored)
            }
            Ok(false) => match hands.session.abandon(&lease).await {
                Ok(given_back) => {
                    tracing::info!(
                        signed = hands.signatures.len(),
                        given_back,
                        "the batch was not finished before the signer had to stop"
                    );
                    Ok(Outcome::GivenBack)
                }
                Err(error) => {
                    hands.left_open = error.is_transient().then_some(lease);
                    Err(error.into())
                }
            },
            Err(SignerError::Store(StoreError::LeaseLost(_))) => {
                let why =
                    "the lease was lost: it ran out, or the batch was stored before the connection broke";
                tracing::warn!("{why}");
                signer.setbacks().not_stored(why, hands.link.part());
                Ok(Outcome::Lost)
            }
            Err(error) if error.is_transient() => {
                signer.setbacks().not_stored(&error.to_string(), hands.link.part());
                hands.left_open = Some(lease);
                Err(error)
            }
            Err(error) => {
                // This signer's trouble must not keep the batch from others. If giving the batch back fails too,
                // the lease expires.
                if let Err(second) = hands.session.abandon(&lease).await {
                    tracing::warn!(error = %second, "the lease could not be given back: it expires by itself");
                }
                Err(error)
            }
        }
    }

    /// The lease's key, opened.
    async fn key(&mut self) -> Result<Arc<SigningKey>, SignerError> {
        if let Some(key) = self.signer.keys.kept(&self.lease) {
            return Ok(key);
        }
        let key = self.hands.session.key(&self.lease).await?;
        Ok(self.signer.keys.open(&self.lease, &key)?)
    }

    /// What signs the batch, as the ledger has it.
    fn library(&self, key: &SigningKey) -> Library {
        match key.library(self.lease.records()) {
            chancery_keyring::Library::AwsLcRs => Library::AwsLcRs,
            chancery_keyring::Library::Kernel => Library::Kernel,
            chancery_keyring::Library::K256 => Library::K256,
            chancery_keyring::Library::Secp256k1 => Library::Secp256k1,
        }
    }

    /// Signs the whole batch into the signatures in hand, part by part.
    async fn sign(&mut self, key: &Arc<SigningKey>) -> Result<BatchOutcome, SignerError> {
        self.hands.make_ready_for(key);
        let mut first = self.lease.first_record;
        while first <= self.lease.last_record {
            first += self.payloads_from(first).await?;
            let mut signed = 0;
            while signed < self.hands.payloads.len() {
                match self.sign_from(key, signed).await? {
                    Some(more) => signed += more,
                    None => return Ok(BatchOutcome::Stopped { signed }),
                }
            }
        }
        Ok(BatchOutcome::Complete)
    }

    /// Signs payloads in hand from the one at `from` on, for as long as the term lasts, and returns how many. None when
    /// the signer is asked to stop.
    async fn sign_from(&mut self, key: &Arc<SigningKey>, from: usize) -> Result<Option<usize>, SignerError> {
        let Some(_permit) = self.processor().await? else { return Ok(None) };
        let left = self.hands.payloads.len() - from;
        let span = tracing::debug_span!("sign", records = left, library = %self.library(key));
        match self.sign_part(key, from).instrument(span).await? {
            BatchOutcome::Complete => Ok(Some(left)),
            BatchOutcome::Stopped { .. } if self.signer.stop.is_overdue() => Ok(None),
            // The term is over: nobody renewed in time. The lease may be ours all the same.
            BatchOutcome::Stopped { signed } => self.renew().await.map(|()| Some(signed)),
        }
    }

    /// Has payloads from the record `first` on in hand, and returns how many. Those of the whole batch may have come with the store
    /// of the one before.
    async fn payloads_from(&mut self, first: i64) -> Result<i64, SignerError> {
        match std::mem::replace(&mut self.state, LeaseState::Granted) {
            LeaseState::Fetched => Ok(self.lease.last_record - first + 1),
            LeaseState::Granted | LeaseState::Doubtful => self.fetch_part(first).await,
        }
    }

    /// Reads payloads from the record `first` on into the memory in hand, and returns how many. When the connection
    /// breaks, they are asked for again, in smaller parts.
    async fn fetch_part(&mut self, first: i64) -> Result<i64, SignerError> {
        loop {
            let began = BootInstant::now();
            let Hands { session, payloads, link, .. } = &mut *self.hands;
            match session.fetch_part(&self.lease, first, link.part(), payloads).await {
                Ok(records) => {
                    link.carried(
                        payloads.bytes(),
                        began.saturating_until(BootInstant::now()),
                        self.lease.duration,
                    );
                    return Ok(records);
                }
                Err(error) if error.is_transient() => {
                    self.regain(&error, "the payloads could not be fetched").await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for a processor, and renews the lease meanwhile. None when the signer is asked to stop first.
    async fn processor(&mut self) -> Result<Option<Processor<'a>>, SignerError> {
        let signer = self.signer;
        loop {
            tokio::select! {
                permit = signer.processors.acquire() => return Ok(Some(permit)),
                () = signer.stop.asked() => return Ok(None),
                () = tokio::time::sleep(self.term.until_renewal()) => self.renew().await?,
            }
        }
    }
}

/// The right to sign now. The semaphore is never closed, so this is always a permit.
type Processor<'a> = Result<SemaphorePermit<'a>, AcquireError>;
