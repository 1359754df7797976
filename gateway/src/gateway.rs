//! The API of a ledger.

use std::sync::{Arc, OnceLock};

use chancery_process::Stop;
use chancery_store::Ledger;
use tokio::sync::Semaphore;

use crate::accept;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::limits::Limits;
use crate::listen::Listener;
use crate::redrive::Redrive;
use crate::routes;
use crate::token::Token;
use crate::watching::Watching;

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
    pub(crate) watching: Watching,
    /// Has dead letters signed, where something here can.
    pub(crate) redrive: OnceLock<Box<dyn Redrive>>,
}

impl Gateway {
    /// Of this ledger.
    #[must_use]
    pub fn new(ledger: Ledger, token: Token, limits: Limits) -> Self {
        let lanes = Lanes::new(ledger.clone(), limits.queue);
        let held = Arc::new(Semaphore::new(limits.held_bytes));
        let watching = Watching::new(ledger.clone(), limits.streams);
        let (keys, redrive) = (Keys::default(), OnceLock::new());
        Self(Arc::new(Shared { ledger, token, limits, lanes, keys, held, watching, redrive }))
    }

    /// Has dead letters signed by this when a client asks for it. Without, it is refused.
    #[must_use]
    pub fn redriving(self, redrive: impl Redrive) -> Self {
        // Who asked first stays: there is one such call.
        let _first = self.0.redrive.set(Box::new(redrive));
        self
    }

    /// Answers requests until it is asked to stop. What is in hand by then is answered.
    pub async fn serve(&self, listener: &Listener, stop: &Stop) {
        let router = routes::router(self.clone());
        // Streams go on for as long as nobody ends them.
        let end_of_streams = async {
            stop.asked().await;
            self.0.watching.end();
        };
        tokio::join!(accept::serve(listener, &router, self.0.limits, stop), end_of_streams);
        if let Listener::Unix(_, path) = listener {
            // One that is left is taken over by whoever listens there next.
            let _left = std::fs::remove_file(path);
        }
    }
}
