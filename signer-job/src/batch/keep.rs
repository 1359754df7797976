//! Keeping a lease while something else is waited for.

use std::cell::Cell;

use chancery_process::Backoff;
use chancery_store::lease::Lease;
use chancery_store::{SignerSession, StoreError};

use super::Batch;
use crate::boot_instant::BootInstant;
use crate::error::SignerError;
use crate::fence::Fence;
use crate::signer::{LEAST_RETRY, MOST_RETRY, Signer};
use crate::term::Term;

/// Prolongs the lease. While the database is away, it is asked for again: the lease is ours until somebody has taken it
/// over, and only the ledger knows. When it is lost, the thread that signs sees that before its next record.
pub(super) async fn renew(
    signer: &Signer,
    session: &mut SignerSession,
    lease: &Lease,
    term: &Term,
) -> Result<(), SignerError> {
    let mut pause = Backoff::new(LEAST_RETRY, MOST_RETRY);
    loop {
        let asked = BootInstant::now();
        match session.renew(lease).await {
            Ok(Some(duration)) => {
                term.renewed(asked, duration);
                tracing::debug!("renewed the lease");
                return Ok(());
            }
            Ok(None) => {
                term.lost();
                return Err(StoreError::LeaseLost(lease.id).into());
            }
            Err(error) if error.is_transient() && !signer.stop.is_overdue() => {
                tracing::warn!(%error, "the lease could not be renewed: connecting again");
                tokio::time::sleep(pause.next_pause()).await;
                *session = signer.connect().await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Renews the lease whenever it is time, and moves the fence, until that fails for good. May be dropped at any time;
/// `is_asking` tells whether the connection is to be given up then, because an answer is on its way.
pub(super) async fn keep(
    signer: &Signer,
    session: &mut SignerSession,
    lease: &Lease,
    term: &Term,
    fence: &mut Fence,
    is_asking: &Cell<bool>,
) -> SignerError {
    loop {
        tokio::time::sleep(term.until_renewal()).await;
        is_asking.set(true);
        let renewed = renew(signer, session, lease, term).await;
        is_asking.set(false);
        let moved = renewed.and_then(|()| fence.move_to(term.fence()).map_err(SignerError::from));
        if let Err(error) = moved {
            return error;
        }
    }
}

impl Batch<'_> {
    /// Prolongs the lease; see [`renew`].
    pub(super) async fn renew(&mut self) -> Result<(), SignerError> {
        renew(self.signer, &mut self.hands.session, &self.lease, &self.term).await
    }

    /// Connects again after `error`, and makes sure that the lease is still ours. What was signed is kept.
    pub(super) async fn regain(&mut self, error: &StoreError, what: &'static str) -> Result<(), SignerError> {
        tracing::warn!(%error, "{what}: connecting again");
        self.hands.link.broke();
        self.hands.session = self.signer.connect().await?;
        self.renew().await
    }
}
