//! Work that takes milliseconds of a processor, done where it holds up nobody else.

use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// So many at a time: each has memory of its own, and more would be no faster.
static PLACES: Semaphore = Semaphore::const_new(4);

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
