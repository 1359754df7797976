//! The signing loop: lease, claim, sign, store, release.
//!
//! A signer runs a few slots, each with a connection and at most one lease of its own. Slots take
//! turns at the processor, so that one signs while the others wait for the database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_keyring::{BatchOutcome, Signatures, SigningKey};
use chancery_process::Backoff;
use chancery_store::lease::{Acquired, Lease, Payloads};
use chancery_store::{SignerSession, StoreError};
use tracing::{Instrument, field};

use crate::boot_instant::BootInstant;
use crate::error::SignerError;
use crate::fence::Fence;
use crate::metrics::Outcome;
use crate::signer::{Ended, Signer};
use crate::term::Term;

/// Bytes of payload read at a time: what bounds a signer's memory when batches or records are large.
const FETCH_BYTES: i64 = 4 << 20;

/// Pauses while all keys or batches are in other hands.
const LEAST_PAUSE: Duration = Duration::from_millis(20);
const MOST_PAUSE: Duration = Duration::from_millis(500);

/// What one round of the loop came to.
enum Round {
    /// A batch was leased, and has left this slot's hands.
    Batch,
    Wait,
    Over(Ended),
}

/// What a slot has in its hands: memory that is used again for every batch, and the open lease.
struct Hands {
    payloads: Payloads,
    signatures: Signatures,
    lease: Option<i64>,
    /// Since when they are empty.
    free_since: Instant,
}

/// Runs until the run has no unsigned batch, is suspended, or the signer is asked to stop.
pub(crate) async fn run(signer: Arc<Signer>, mut session: SignerSession) -> Result<Ended, SignerError> {
    let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
    let mut hands = Hands {
        payloads: Payloads::default(),
        signatures: Signatures::new(1),
        lease: None,
        free_since: Instant::now(),
    };
    while !signer.stop.is_asked() {
        match round(&signer, &mut session, &mut hands).await {
            Ok(Round::Batch) => pause.reset(),
            Ok(Round::Wait) => signer.wait(pause.next_pause()).await,
            Ok(Round::Over(ended)) => return Ok(ended),
            Err(error) if error.is_transient() && !signer.stop.is_asked() => {
                tracing::warn!(%error, "the database is away: connecting again");
                session = signer.connect().await?;
                if let Some(lease) = hands.lease {
                    match session.abandon(lease).await {
                        Ok(_) => hands.lease = None,
                        // Away once more: the next round finds that out and connects again.
                        Err(error) if error.is_transient() => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Ended::WorkLeft)
}

/// One batch.
async fn round(
    signer: &Signer,
    session: &mut SignerSession,
    hands: &mut Hands,
) -> Result<Round, SignerError> {
    let (asked, began) = (BootInstant::now(), Instant::now());
    let (acquired, taken_over) = session.acquire().await?;
    signer.metrics.took_over(taken_over);
    let lease = match acquired {
        Acquired::Leased(lease) => lease,
        Acquired::NoKey | Acquired::NoBatch => return Ok(Round::Wait),
        Acquired::Complete => return Ok(Round::Over(Ended::Complete)),
        Acquired::Suspended => {
            tracing::info!("the run is suspended");
            return Ok(Round::Over(Ended::WorkLeft));
        }
        Acquired::NotSeeded => return Err(SignerError::NotSeeded),
        Acquired::Gone => return Err(SignerError::Gone),
    };
    signer.metrics.leased(hands.free_since.elapsed());
    let span = tracing::debug_span!(
        "batch", lease = lease.id, batch = lease.batch, key = %lease.key, outcome = field::Empty
    );
    let term = Arc::new(Term::new(asked, lease.duration));
    let result = sign_leased(signer, session, hands, &lease, &term).instrument(span.clone()).await;
    let outcome = *result.as_ref().unwrap_or(&Outcome::Failed);
    span.record("outcome", outcome.name());
    match outcome {
        Outcome::Stored => signer.metrics.stored(lease.records(), began.elapsed()),
        other => signer.metrics.ended(other),
    }
    hands.free_since = Instant::now();
    result.map(|_| Round::Batch)
}

/// The batch of a lease that has just been acquired.
async fn sign_leased(
    signer: &Signer,
    session: &mut SignerSession,
    hands: &mut Hands,
    lease: &Lease,
    term: &Arc<Term>,
) -> Result<Outcome, SignerError> {
    let outcome = match sign_and_store(signer, session, hands, lease, term).await {
        Ok(outcome) => outcome,
        // On this connection nothing can be given back any more; on the next one it will be.
        Err(error) if error.is_transient() => return Err(error),
        Err(SignerError::Store(StoreError::LeaseLost(_))) => {
            tracing::warn!("the lease was lost while the batch was being signed");
            Outcome::Lost
        }
        Err(error) => {
            // What is wrong with us need not keep the batch from others. Should giving it back fail
            // too, the lease runs out by itself.
            if let Err(second) = session.abandon(lease.id).await {
                tracing::warn!(error = %second, "the lease could not be given back");
            }
            return Err(error);
        }
    };
    hands.lease = None;
    Ok(outcome)
}

/// Signs the batch, and stores it or gives it back.
async fn sign_and_store(
    signer: &Signer,
    session: &mut SignerSession,
    hands: &mut Hands,
    lease: &Lease,
    term: &Arc<Term>,
) -> Result<Outcome, SignerError> {
    let key = match signer.keys.kept(lease) {
        Some(key) => key,
        None => signer.keys.open(lease, &session.public_key(lease.key).await?)?,
    };
    match sign(signer, session, hands, lease, term, key).await? {
        BatchOutcome::Complete => store(signer, session, hands, lease).await,
        BatchOutcome::Stopped { signed } => {
            let given_back = session.abandon(lease.id).await?;
            tracing::info!(signed, given_back, "the batch was not finished");
            Ok(Outcome::GivenBack)
        }
    }
}

/// Signs the whole batch into `hands.signatures`, part by part.
async fn sign(
    signer: &Signer,
    session: &mut SignerSession,
    hands: &mut Hands,
    lease: &Lease,
    term: &Arc<Term>,
    key: Arc<SigningKey>,
) -> Result<BatchOutcome, SignerError> {
    if hands.signatures.signature_len() != key.signature_len() {
        hands.signatures = Signatures::new(key.signature_len());
    }
    hands.signatures.clear();
    let part = (FETCH_BYTES / i64::from(signer.run.record_size)).max(1);
    let mut first = lease.first_record;
    while first <= lease.last_record {
        let last = (first + part - 1).min(lease.last_record);
        session.fetch(first, last, &mut hands.payloads).await?;
        // Only now is the lease durable. Before, a crash of the server may undo it and give its id to
        // another lease, which must not be given back in its stead.
        hands.lease = Some(lease.id);
        let permit = loop {
            tokio::select! {
                permit = signer.processors.acquire() => break permit,
                () = signer.stop.asked() => return Ok(BatchOutcome::Stopped { signed: 0 }),
                () = tokio::time::sleep(term.until_renewal()) => renew(session, lease, term, None).await?,
            }
        };
        let span = tracing::debug_span!("sign", records = hands.payloads.len());
        let outcome = sign_part(signer, session, hands, lease, term, &key).instrument(span).await?;
        if let BatchOutcome::Stopped { signed } = outcome {
            return Ok(BatchOutcome::Stopped { signed });
        }
        drop(permit);
        first = last + 1;
    }
    Ok(BatchOutcome::Complete)
}

/// Signs the fetched payloads on a thread of their own, and renews the lease meanwhile.
async fn sign_part(
    signer: &Signer,
    session: &mut SignerSession,
    hands: &mut Hands,
    lease: &Lease,
    term: &Arc<Term>,
    key: &Arc<SigningKey>,
) -> Result<BatchOutcome, SignerError> {
    if !term.may_sign() {
        return Ok(BatchOutcome::Stopped { signed: 0 });
    }
    let mut fence = Fence::put_up(term.fence())?;
    let (key, payloads) = (Arc::clone(key), std::mem::take(&mut hands.payloads));
    let mut signatures = std::mem::replace(&mut hands.signatures, Signatures::new(1));
    let (stop, term_of_thread) = (signer.stop.clone(), Arc::clone(term));
    let in_use = signer.journal.as_ref().map(|journal| journal.start(lease)).transpose();
    let in_use = in_use.map_err(SignerError::UseJournal)?;
    let mut signing = tokio::task::spawn_blocking(move || {
        let before = signatures.len();
        let outcome = key.sign_batch(
            payloads.iter(),
            || term_of_thread.may_sign() && !stop.is_overdue(),
            &mut signatures,
        );
        let stopped = in_use.map_or(Ok(()), |in_use| in_use.stop(signatures.len() - before));
        (outcome, stopped, payloads, signatures)
    });
    let (outcome, stopped, payloads, signatures) = loop {
        tokio::select! {
            done = &mut signing => break done?,
            () = tokio::time::sleep(term.until_renewal()) => {
                if let Err(error) = renew(session, lease, term, Some(&mut fence)).await {
                    // The thread must be over before this lease is let go of.
                    term.lost();
                    let _stopped = signing.await?.0?;
                    return Err(error);
                }
            }
        }
    };
    drop(fence);
    (hands.payloads, hands.signatures) = (payloads, signatures);
    stopped.map_err(SignerError::UseJournal)?;
    Ok(outcome?)
}

/// Prolongs the lease. When it is no longer ours, the thread that signs sees it before its next record.
async fn renew(
    session: &mut SignerSession,
    lease: &Lease,
    term: &Term,
    fence: Option<&mut Fence>,
) -> Result<(), SignerError> {
    let asked = BootInstant::now();
    let Some(duration) = session.renew(lease.id).await? else {
        term.lost();
        return Err(StoreError::LeaseLost(lease.id).into());
    };
    term.renewed(asked, duration);
    if let Some(fence) = fence {
        fence.move_to(term.fence())?;
    }
    tracing::debug!("renewed the lease");
    Ok(())
}

/// Stores the batch. While the database is away the signatures are kept: once it is back, the
/// ledger tells whether they are still wanted.
async fn store(
    signer: &Signer,
    session: &mut SignerSession,
    hands: &Hands,
    lease: &Lease,
) -> Result<Outcome, SignerError> {
    let signatures: Vec<&[u8]> = hands.signatures.iter().collect();
    loop {
        match session.store(lease, &signatures).await {
            Ok(()) => break,
            Err(StoreError::LeaseLost(_)) => {
                tracing::warn!("the batch had been taken over, or stored before the connection broke");
                return Ok(Outcome::Lost);
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the batch could not be stored: connecting again");
                *session = signer.connect().await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    signer.progressed();
    tracing::debug!(records = lease.records(), use_sequence = lease.use_sequence, "signed");
    Ok(Outcome::Stored)
}
