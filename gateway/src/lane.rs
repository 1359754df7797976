//! The way into one run: while one call waits for the disk, requests gather for the next. So a call has as many of them as
//! come in the time of a call, and none waits for others when there are none.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chancery_store::intake::Refusal;
use chancery_store::pushing::{FormerPush, NoRoom, PushAnswer};
use chancery_store::{Ledger, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::call::{Answer, Call, Request};
use crate::fit::{Fit, fits};
use crate::problem::Problem;
use crate::runs::PushedRun;
use crate::states;

/// A lane that is idle for so long ends.
const IDLE: Duration = Duration::from_secs(60);

/// Bytes that are on their way to the database, of all lanes together.
pub(crate) const WIRE: usize = 8 << 20;

/// How long it is believed how many records are unsigned.
const COUNTED: Duration = Duration::from_millis(100);

/// Takes in what comes until nothing comes for a while, or the run is gone.
pub(crate) async fn run(
    ledger: Ledger,
    target: Arc<PushedRun>,
    wire: Arc<Semaphore>,
    mut requests: mpsc::Receiver<Request>,
) {
    let mut lane = Lane { ledger, target, wire, unsigned: 0, counted: None };
    let mut held_back: Option<Request> = None;
    loop {
        let first = match held_back.take() {
            Some(request) => request,
            None => match tokio::time::timeout(IDLE, requests.recv()).await {
                Ok(Some(request)) => request,
                // Nothing more comes from now on; what has come meanwhile is taken in below.
                Err(_) => {
                    requests.close();
                    match requests.recv().await {
                        Some(request) => request,
                        None => return,
                    }
                }
                Ok(None) => return,
            },
        };
        let mut call = Call::of(lane.target.judge.as_ref());
        let mut next = Some(first);
        while let Some(request) = next.take() {
            held_back = call.add(request);
            if held_back.is_none() {
                next = requests.try_recv().ok();
            }
        }
        if lane.take_in(call).await == Go::No {
            requests.close();
        }
    }
}

struct Lane {
    ledger: Ledger,
    target: Arc<PushedRun>,
    wire: Arc<Semaphore>,
    /// Records that are admitted and not signed, as far as is known, and since when.
    unsigned: i64,
    counted: Option<Instant>,
}

/// Whether this run is still the one of its name.
#[derive(PartialEq, Eq)]
enum Go {
    On,
    No,
}

impl Lane {
    /// Takes a call in, and answers each of its requests.
    async fn take_in(&mut self, mut call: Call) -> Go {
        loop {
            match self.has_room().await {
                Ok(true) => {}
                Ok(false) => {
                    // What was taken in before is answered as it was, however much is unsigned.
                    let rest = if call.push.named.is_empty() {
                        Some(call)
                    } else {
                        self.without_repeated(call).await
                    };
                    return rest.map_or(Go::On, |rest| self.refuse(rest, &pending(&self.target)));
                }
                Err(problem) => return self.refuse(call, &problem),
            }
            let on_the_wire = self.wire_for(&call).await;
            let pushed = self.ledger.push(&self.target.run, &call.push).await;
            drop(on_the_wire);
            match pushed {
                Ok(PushAnswer::Taken(taken)) => {
                    self.unsigned += taken.accounted;
                    answer(call, &taken);
                    return Go::On;
                }
                Ok(PushAnswer::Repeated) => match self.without_repeated(call).await {
                    Some(rest) => call = rest,
                    None => return Go::On,
                },
                Ok(PushAnswer::NotPushed) => {
                    let problem = Problem::not_pushed(&self.target.name);
                    return self.refuse(call, &problem);
                }
                Ok(PushAnswer::NoRoom(beside)) => match self.that_fit(call, &beside) {
                    Some(rest) => call = rest,
                    None => return Go::On,
                },
                Ok(PushAnswer::Refused(refusal)) => {
                    self.refuse(call, &Problem::refused(refusal, &self.target.name));
                    return if refusal == Refusal::Gone { Go::No } else { Go::On };
                }
                Err(error) => return self.refuse(call, &Problem::store(&error)),
            }
        }
    }

    /// Room on the way to the database, where what is sent is held twice more. What is longer has all of it.
    async fn wire_for(&self, call: &Call) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(call.bytes().min(WIRE)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        Arc::clone(&self.wire).acquire_many_owned(bytes).await.ok()
    }

    /// Whether so few records are unsigned that more may come.
    async fn has_room(&mut self) -> Result<bool, Problem> {
        let is_known = self.counted.is_some_and(|counted| counted.elapsed() < COUNTED);
        if !is_known {
            let unsigned = self.ledger.unsigned_records(&self.target.run).await;
            self.unsigned = unsigned.map_err(|error| Problem::store(&error))?;
            self.counted = Some(Instant::now());
        }
        Ok(self.unsigned <= self.target.max_pending)
    }

    /// Answers the requests that were taken in before. The others are a call of their own.
    async fn without_repeated(&self, call: Call) -> Option<Call> {
        let keys: Vec<&[u8]> = call.push.named.iter().map(|named| &named.key[..]).collect();
        let former = match self.ledger.former_pushes(&self.target.run, &keys).await {
            Ok(former) => former,
            Err(error) => {
                self.refuse(call, &Problem::store(&error));
                return None;
            }
        };
        let former: HashMap<Vec<u8>, FormerPush> =
            former.into_iter().map(|push| (push.key.clone(), push)).collect();
        let mut rest = Call::of(self.target.judge.as_ref());
        for request in call.take_apart() {
            match request.name.and_then(|name| Some((name, former.get(&name.key[..])?))) {
                None => {
                    // It was in a call with these before.
                    if let Some(request) = rest.add(request) {
                        send(request, Err(Problem::busy()));
                    }
                }
                Some((name, former)) if former.digest == name.digest => {
                    let states = states::of_former(former);
                    send(request, states.map(|states| Answer { states, repeated: true }));
                }
                Some(_) => send(request, Err(other_content())),
            }
        }
        (!rest.requests.is_empty()).then_some(rest)
    }

    /// Refuses the requests that there is no room for. The others are a call of their own.
    fn that_fit(&self, call: Call, beside: &NoRoom) -> Option<Call> {
        let needs = call.needs(&beside.known, self.target.finds_duplicates);
        let fits = fits(&needs, beside.room, beside.waiting);
        if fits.iter().all(|fit| *fit == Fit::Now) {
            let error = StoreError::Corrupt(format!("records_push has no room for {needs:?}: {beside:?}"));
            self.refuse(call, &Problem::store(&error));
            return None;
        }
        let mut rest = Call::of(self.target.judge.as_ref());
        for (request, fit) in call.take_apart().into_iter().zip(fits) {
            match fit {
                // It was in a call with these before.
                Fit::Now => {
                    if let Some(request) = rest.add(request) {
                        send(request, Err(Problem::busy()));
                    }
                }
                Fit::Later => send(request, Err(no_room(&self.target, beside))),
                Fit::Never => send(request, Err(too_many(&self.target, beside))),
            }
        }
        (!rest.requests.is_empty()).then_some(rest)
    }

    fn refuse(&self, call: Call, problem: &Problem) -> Go {
        for request in call.take_apart() {
            send(request, Err(problem.clone()));
        }
        Go::On
    }
}

fn answer(call: Call, taken: &chancery_store::pushing::Taken) {
    let Call { requests, push, .. } = call;
    let known = states::Known::of_push(&push);
    for (request, range) in requests {
        let states = known.as_ref().map(|known| states::of_range(taken, range, known));
        let answer = states.map(|states| Answer { states, repeated: false }).map_err(Problem::clone);
        send(request, answer);
    }
}

fn send(request: Request, answer: Result<Answer, Problem>) {
    let Request { items: _, judged_at: _, traces: _, name: _, answer: to, room: _ } = request;
    // Whoever asked may have gone.
    let _gone = to.send(answer);
}

fn pending(target: &PushedRun) -> Problem {
    Problem::new(
        http::StatusCode::TOO_MANY_REQUESTS,
        "pending",
        "Too many records are unsigned or wait",
        format!(
            "more than {} records of the run {} are admitted and not signed, or wait for what others say of them; nothing of this request was taken in: send it again once some are signed or settled",
            target.max_pending, target.name
        ),
    )
    .again_after(1)
}

fn no_room(target: &PushedRun, beside: &NoRoom) -> Problem {
    Problem::new(
        http::StatusCode::TOO_MANY_REQUESTS,
        "waiting",
        "Too many records wait to be judged",
        format!(
            "beside what waits for what others say of it, the run {} has room for {} records; nothing of this request was taken in: push no more than that at a time, or send it again once some are judged",
            target.name, beside.room
        ),
    )
    .again_after(1)
}

/// To wait is of no use.
fn too_many(target: &PushedRun, beside: &NoRoom) -> Problem {
    Problem::new(
        http::StatusCode::UNPROCESSABLE_ENTITY,
        "too-many-records",
        "The run has no room for so many records",
        format!(
            "the run {} takes {} more records than it has by spec.recordCount, of which {} wait for what others say of them; others have to be asked about records of this request, which has more, so nothing of it was taken in: push fewer at a time",
            target.name,
            beside.room + beside.waiting,
            beside.waiting
        ),
    )
}

fn other_content() -> Problem {
    Problem::new(
        http::StatusCode::UNPROCESSABLE_ENTITY,
        "other-content",
        "The Idempotency-Key is another request's",
        "a request of this Idempotency-Key was taken in before, and sent something else; give each request a key of its own",
    )
}
