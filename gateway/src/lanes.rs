//! The ways into all runs to which something is pushed at the moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_reading::Trace;
use chancery_store::Ledger;
use chancery_store::pushing::SettledPush;
use chancery_store::results::SignedRecord;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::call::{Answer, Item, Request, RequestName};
use crate::lane;
use crate::problem::Problem;
use crate::room::Room;
use crate::runs::{Name, PushedRun};
use crate::waits::Waits;

/// A lane, and who waits for signatures of its run, or until what waits in it is settled.
#[derive(Clone)]
pub(crate) struct Lane {
    pub(crate) target: Arc<PushedRun>,
    pub(crate) waits: Waits<SignedRecord>,
    pub(crate) settling: Waits<SettledPush>,
    requests: mpsc::Sender<Request>,
}

/// What a request has, and by which instant it was judged.
pub(crate) struct Items {
    pub(crate) items: Vec<Item>,
    pub(crate) judged_at: i64,
    /// In which trace each of them came; empty if all came in none.
    pub(crate) traces: Vec<Option<Trace>>,
}

/// All of them.
pub(crate) struct Lanes {
    ledger: Ledger,
    queue: usize,
    /// Bytes that are on their way to the database.
    wire: Arc<Semaphore>,
    open: Mutex<HashMap<Name, Lane>>,
}

impl Lanes {
    pub(crate) fn new(ledger: Ledger, queue: usize) -> Self {
        let wire = Arc::new(Semaphore::new(lane::WIRE));
        Self { ledger, queue, wire, open: Mutex::default() }
    }

    /// The way into a run; a new one if there is none, or it has ended.
    pub(crate) async fn get(&self, name: &Name) -> Result<Lane, Problem> {
        if let Some(lane) = self.known(name) {
            return Ok(lane);
        }
        let target = Arc::new(PushedRun::find(&self.ledger, name).await?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have found it meanwhile.
        if let Some(lane) = open.get(name).filter(|lane| !lane.requests.is_closed()) {
            return Ok(lane.clone());
        }
        open.retain(|_, lane| !lane.requests.is_closed());
        let (requests, received) = mpsc::channel(self.queue);
        tokio::spawn(lane::run(self.ledger.clone(), Arc::clone(&target), Arc::clone(&self.wire), received));
        let waits = Waits::new(self.ledger.clone(), Arc::clone(&target));
        let settling = Waits::new(self.ledger.clone(), Arc::clone(&target));
        let lane = Lane { target, waits, settling, requests };
        open.insert(name.clone(), lane.clone());
        Ok(lane)
    }

    fn known(&self, name: &Name) -> Option<Lane> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(name).filter(|lane| !lane.requests.is_closed()).cloned()
    }

    /// Has a request taken in.
    pub(crate) async fn push(
        &self,
        name: &Name,
        target: &PushedRun,
        Items { mut items, judged_at, mut traces }: Items,
        request_name: Option<RequestName>,
        mut room: Room,
    ) -> Result<(Lane, Answer), Problem> {
        loop {
            let lane = self.get(name).await?;
            // It was made anew meanwhile, and may know payloads by something else.
            if lane.target.run.uid != target.run.uid {
                return Err(Problem::busy());
            }
            let (answer, answered) = oneshot::channel();
            let request = Request { items, judged_at, traces, name: request_name, answer, room };
            match lane.requests.try_send(request) {
                // A lane that ends answers all that it was given: this one broke.
                Ok(()) => {
                    return answered
                        .await
                        .unwrap_or_else(|_| Err(Problem::busy()))
                        .map(|answer| (lane, answer));
                }
                Err(TrySendError::Full(_)) => return Err(Problem::busy()),
                // It ended just now.
                Err(TrySendError::Closed(request)) => {
                    (items, traces, room) = (request.items, request.traces, request.room);
                }
            }
        }
    }
}
