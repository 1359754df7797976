//! Time that passes only when a test lets it.

use std::sync::mpsc;
use std::time::Duration;

/// Holds the runtime's clock while it lives.
///
/// A runtime whose clock is paused skips to the next timer whenever it has nothing else to do, such as
/// when it waits for the database. It does not while a thread works for it.
pub(crate) struct HeldClock {
    _thread: mpsc::Sender<()>,
}

impl HeldClock {
    /// Holds the clock of this runtime.
    pub(crate) fn hold() -> Self {
        let (thread, ended) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || {
            let _dropped = ended.recv();
        });
        tokio::time::pause();
        Self { _thread: thread }
    }
}

impl Drop for HeldClock {
    fn drop(&mut self) {
        // Without the thread it would run away.
        tokio::time::resume();
    }
}

/// Lets time pass.
pub(crate) async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}
