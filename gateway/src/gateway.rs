//! The API of a ledger.

use std::sync::Arc;

use chancery_process::Stop;
use chancery_store::Ledger;
use tokio::sync::Semaphore;

use crate::accept;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::limits::Limits;
use crate::listen::Listener;
use crate::routes;
use crate::token::Token;

/// The API of a ledger, for whoever has the token.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Shared>);

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) token: Token,
    pub(crate) limits: Limits,
    pub(crate) lanes: Lanes,
    pub(crate) keys: Keys,
    /// Room for bodies.
    pub(crate) held: Arc<Semaphore>,
}

impl Gateway {
    /// Of this ledger.
    #[must_use]
    pub fn new(ledger: Ledger, token: Token, limits: Limits) -> Self {
        let lanes = Lanes::new(ledger.clone(), limits.queue);
        let held = Arc::new(Semaphore::new(limits.held_bytes));
        Self(Arc::new(Shared { ledger, token, limits, lanes, keys: Keys::default(), held }))
    }

    /// Answers requests until it is asked to stop. What is in hand by then is answered.
    pub async fn serve(&self, listener: &Listener, stop: &Stop) {
        let router = routes::router(self.clone());
        accept::serve(listener, &router, self.0.limits, stop).await;
        if let Listener::Unix(_, path) = listener {
            // One that is left is taken over by whoever listens there next.
            let _left = std::fs::remove_file(path);
        }
    }
}
