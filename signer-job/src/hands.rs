//! What a slot works with, lent to one batch after the other.

use std::time::Instant;

use chancery_keyring::{Signatures, SigningKey};
use chancery_process::Backoff;
use chancery_store::SignerSession;
use chancery_store::lease::{Lease, Payloads};

use crate::ahead::Ahead;
use crate::boot_instant::BootInstant;
use crate::error::SignerError;
use crate::link::Link;
use crate::signer::{LEAST_RETRY, MOST_RETRY, Signer};

/// A lease that was acquired while the batch before it was in hand.
pub(crate) struct Next {
    pub(crate) lease: Lease,
    /// When it was asked for.
    pub(crate) asked: BootInstant,
    pub(crate) state: LeaseState,
}

/// What is known of a lease before its batch is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseState {
    /// It was granted on this connection. Whether it is on disk is not known: nothing may be signed under it.
    Granted,
    /// It is on disk, and the payloads of its batch are in hand.
    Fetched,
    /// It was granted on a connection that is gone. Only a renewal tells whether the ledger still has it.
    Doubtful,
}

/// A connection, memory that every batch uses again, and what a broken connection left behind.
pub(crate) struct Hands {
    pub(crate) session: SignerSession,
    /// What is known of how much a connection carries: the next one leads to the same place.
    pub(crate) link: Link,
    pub(crate) payloads: Payloads,
    pub(crate) signatures: Signatures,
    /// The lease that was open when the database could not be had any more.
    pub(crate) left_open: Option<Lease>,
    /// The lease of the batch that comes next.
    pub(crate) next: Option<Next>,
    /// Whether that is acquired before a batch is stored.
    pub(crate) ahead: Ahead,
    /// Since when no batch is in hand.
    pub(crate) free_since: Instant,
}

impl Hands {
    pub(crate) fn new(session: SignerSession) -> Self {
        Self {
            session,
            link: Link::default(),
            payloads: Payloads::default(),
            signatures: Signatures::new(1),
            left_open: None,
            next: None,
            ahead: Ahead::default(),
            free_since: Instant::now(),
        }
    }

    /// Empties the memory for signatures with this key.
    pub(crate) fn make_ready_for(&mut self, key: &SigningKey) {
        if self.signatures.signature_len() != key.signature_len() {
            self.signatures = Signatures::new(key.signature_len());
        }
        self.signatures.clear();
    }

    /// The next lease was granted on a connection that is gone, if there is one.
    pub(crate) fn doubt_next(&mut self) {
        if let Some(next) = &mut self.next {
            next.state = LeaseState::Doubtful;
        }
    }

    /// Gives the next lease back, if there is one: no key of it was ever used.
    pub(crate) async fn give_back_next(&mut self) {
        let Some(Next { lease, .. }) = self.next.take() else { return };
        if let Err(error) = self.session.abandon(&lease).await {
            tracing::warn!(%error, lease = lease.id, "the next lease could not be given back: it expires by itself");
        }
    }

    /// Connects again, and gives back the lease that was left open.
    pub(crate) async fn reconnect(&mut self, signer: &Signer) -> Result<(), SignerError> {
        self.doubt_next();
        let mut pause = Backoff::new(LEAST_RETRY, MOST_RETRY);
        loop {
            self.session = signer.connect().await?;
            let Some(lease) = &self.left_open else { return Ok(()) };
            match self.session.abandon(lease).await {
                // False: it had ended already.
                Ok(_) => {
                    self.left_open = None;
                    return Ok(());
                }
                Err(error) if error.is_transient() && !signer.stop.is_overdue() => {
                    tracing::warn!(%error, lease = lease.id, "connecting to the database again, to give the lease back");
                    tokio::time::sleep(pause.next_pause()).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
