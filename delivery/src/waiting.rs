//! What senders and tellers wait for, and never beyond a stop.

use std::time::Duration;

use chancery_process::Stop;

/// For this time, or until the delivery is asked to stop.
pub(crate) async fn wait(pause: Duration, stop: &Stop) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = stop.asked() => {}
    }
}

/// Until what is on its way has to be given back.
pub(crate) async fn overdue(stop: &Stop) {
    stop.asked().await;
    while !stop.is_overdue() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
