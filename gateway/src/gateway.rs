//! The API of a ledger.

use std::sync::{Arc, OnceLock};

use axum::middleware::from_fn_with_state;
use chancery_process::Stop;
use chancery_store::Ledger;
use tokio::sync::Semaphore;

use crate::accept;
use crate::authority::Authority;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::limits::Limits;
use crate::listen::Listener;
use crate::metrics::{Metrics, measure};
use crate::places::Places;
use crate::redrive::Redrive;
use crate::routes;
use crate::watching::Watching;

/// The API of a ledger, for whoever may use it.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Shared>);

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) authority: Authority,
    pub(crate) metrics: Metrics,
    pub(crate) limits: Limits,
    pub(crate) lanes: Lanes,
    pub(crate) keys: Keys,
    /// Room for bodies.
    pub(crate) held: Arc<Semaphore>,
    /// Where records are judged.
    pub(crate) judging: Places,
    pub(crate) watching: Watching,
    /// Has dead letters signed, where something here can.
    pub(crate) redrive: OnceLock<Box<dyn Redrive>>,
}

impl Gateway {
    /// Of this ledger.
    #[must_use]
    pub fn new(ledger: Ledger, authority: impl Into<Authority>, limits: Limits) -> Self {
        Self::counted(ledger, authority, limits, Metrics::default())
    }

    /// The same, which counts what it does.
    #[must_use]
    pub fn counted(
        ledger: Ledger,
        authority: impl Into<Authority>,
        limits: Limits,
        metrics: Metrics,
    ) -> Self {
        let authority = authority.into();
        let lanes = Lanes::new(ledger.clone(), limits.queue);
        let held = Arc::new(Semaphore::new(limits.held_bytes));
        let watching = Watching::new(ledger.clone(), limits.streams);
        let (keys, judging, redrive) = (Keys::default(), Places::default(), OnceLock::new());
        let shared =
            Shared { ledger, authority, metrics, limits, lanes, keys, held, judging, watching, redrive };
        Self(Arc::new(shared))
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
        let router = routes::router(self.clone()).layer(from_fn_with_state(self.0.metrics.clone(), measure));
        // Streams go on for as long as nobody ends them.
        let end_of_streams = async {
            stop.asked().await;
            self.0.watching.end();
        };
        let answering = accept::serve(listener, &router, self.0.limits, &self.0.metrics, stop);
        tokio::join!(answering, end_of_streams);
        if let Listener::Unix(_, path) = listener {
            // One that is left is taken over by whoever listens there next.
            let _left = std::fs::remove_file(path);
        }
    }
}
