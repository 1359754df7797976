//! Work that takes milliseconds of a processor, done where it holds up nobody else.

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::problem::Problem;
use crate::redrive;

/// So many at a time: each has memory of its own, and more would be no faster.
static PLACES: Semaphore = Semaphore::const_new(4);

/// Dead letters are those of one request at a time: what they take, no bound of a request says.
static LETTERS: Semaphore = Semaphore::const_new(1);

/// How long they are looked at for one request.
const LETTERS_TIME: Duration = Duration::from_secs(60);

/// Does it, once there is a place.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // The semaphore is never closed. The work keeps its place also when nobody waits for it any more.
    let place = PLACES.acquire().await;
    tokio::task::spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    })
    .await
}

/// Does something with dead letters, until then. A policy or a selector may take its time, which those that push must not wait for.
pub(crate) async fn with_letters<T, F>(work: impl FnOnce(Instant) -> F + Send + 'static) -> Result<T, Problem>
where
    T: Send + 'static,
    F: Future<Output = T> + 'static,
{
    // Nobody waits for it: whoever broke off and asks again would stand in line behind itself.
    let place = LETTERS.try_acquire().map_err(|_| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "busy",
            "Too much is under way",
            "dead letters of another request are redriven or discarded at the moment, and those of one request at a time are; nothing was done: send it again",
        )
        .again_after(2)
    })?;
    let handle = Handle::current();
    let done = tokio::task::spawn_blocking(move || {
        let done = handle.block_on(work(Instant::now() + LETTERS_TIME));
        drop(place);
        done
    });
    done.await.map_err(|error| redrive::failed(&error.to_string()))
}
