//! The signing loop: lease, claim, sign, store, release; and a key made in between, while the ring lacks any.
//!
//! A signer runs a few slots, each with a connection and a lease of its own, and while it stores, that of the next batch. Slots take
//! turns at the processor, so that one signs while the others wait for the database.

use std::sync::Arc;
use std::time::Instant;

use chancery_store::SignerSession;
use chancery_store::lease::Acquired;

use crate::batch::Batch;
use crate::boot_instant::BootInstant;
use crate::error::SignerError;
use crate::hands::Hands;
use crate::making::make_key;
use crate::pauses::{Lack, Pauses};
use crate::signer::Signer;

/// How a signer ends that meets no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every batch is signed, and the ring has all its keys.
    Complete,
    /// The signer was asked to stop, or the run is suspended: as far as the signer knows, batches are unsigned, or keys are missing.
    WorkLeft,
}

/// What one round of the loop came to.
enum Round {
    /// A batch was leased, and its lease is over.
    Leased,
    /// Nothing could be leased, but a key was made.
    MadeKey,
    Wait(Lack),
    Over(Ended),
}

/// Signs, and makes keys, until the run is complete or suspended, or until the signer is asked to stop.
pub(crate) async fn run(signer: Arc<Signer>, session: SignerSession) -> Result<Ended, SignerError> {
    let mut hands = Hands::new(session);
    let ended = sign_batches(&signer, &mut hands).await;
    hands.give_back_next().await;
    ended
}

async fn sign_batches(signer: &Signer, hands: &mut Hands) -> Result<Ended, SignerError> {
    let mut pauses = Pauses::new();
    while !signer.stop.is_asked() {
        match round(signer, hands).await {
            Ok(Round::Leased) => pauses.leased(Instant::now()),
            Ok(Round::MadeKey) => pauses.made_key(),
            Ok(Round::Wait(lack)) => signer.wait(pauses.next(lack, Instant::now())).await,
            Ok(Round::Over(ended)) => return Ok(ended),
            Err(error) if error.is_transient() && !signer.stop.is_asked() => {
                tracing::warn!(%error, "connecting to the database again");
                hands.reconnect(signer).await?;
            }
            Err(error) => return Err(error.during_a_run()),
        }
    }
    Ok(Ended::WorkLeft)
}

/// Signs the batch of the next lease, if it is in hand. Otherwise makes a key, if any is missing; then asks for a lease, and
/// signs its batch.
async fn round(signer: &Signer, hands: &mut Hands) -> Result<Round, SignerError> {
    if let Some(next) = hands.next.take() {
        Batch::of_next(signer, hands, next).run().await?;
        return Ok(Round::Leased);
    }
    let made = make_key(signer, &mut hands.session).await?;
    if signer.stop.is_asked() {
        return Ok(Round::Over(Ended::WorkLeft));
    }
    if made {
        hands.free_since = Instant::now();
    }
    let asked = BootInstant::now();
    let (acquired, taken_over) = hands.session.acquire().await?;
    signer.metrics.took_over(taken_over);
    Ok(match acquired {
        Acquired::Leased(lease) => {
            Batch::new(signer, hands, lease, asked).run().await?;
            Round::Leased
        }
        Acquired::NoKey | Acquired::NoBatch | Acquired::KeysMissing if made => Round::MadeKey,
        Acquired::NoKey => {
            hands.ahead.found_no_key();
            wait(signer, Lack::Keys, "every key of the ring is in use, or none is there yet")
        }
        Acquired::NoBatch => wait(
            signer,
            Lack::Batch,
            "the batches that are left are in the hands of other signers, or not there yet",
        ),
        Acquired::KeysMissing => {
            wait(signer, Lack::Keys, "every batch is signed, and the last keys of the ring are being made")
        }
        Acquired::Complete => Round::Over(Ended::Complete),
        Acquired::Suspended => {
            tracing::info!("the run is suspended");
            Round::Over(Ended::WorkLeft)
        }
        Acquired::Gone => return Err(SignerError::Gone),
    })
}

/// Nothing can be leased for now.
fn wait(signer: &Signer, lack: Lack, why: &str) -> Round {
    signer.setbacks().waits(why, Instant::now());
    Round::Wait(lack)
}
