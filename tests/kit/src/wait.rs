//! Waiting for something to become true.

use std::time::{Duration, Instant};

/// Asks `condition` again and again until it is true.
///
/// # Panics
///
/// After a minute, naming `what`: on a machine however slow, that is a defect.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    const PATIENCE: Duration = Duration::from_secs(60);
    const PAUSE: Duration = Duration::from_millis(10);
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        if condition().await {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        // What takes long to answer takes no more than half of the processor from what is waited for.
        tokio::time::sleep(PAUSE.max(asked.elapsed())).await;
    }
}
