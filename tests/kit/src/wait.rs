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
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
