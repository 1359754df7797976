//! How far each sink of a run is.

use chancery_process::grouped;
use chancery_store::Progress;
use chancery_store::sinks::SinkProgress;
use jiff::Timestamp;
use serde::Serialize;

use crate::output;

/// The columns of counts.
const NUMBERS: std::ops::Range<usize> = 1..4;

/// One sink.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SinkStatus {
    pub(crate) name: String,
    pub(crate) delivered: i64,
    /// Signed batches that it does not have.
    pub(crate) pending: i64,
    pub(crate) dead: i64,
    /// Since when it cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unavailable_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
}

impl SinkStatus {
    /// Of a run that is so far.
    pub(crate) fn of(sink: SinkProgress, run: &Progress) -> Self {
        let SinkProgress {
            run_id: _,
            name,
            delivered,
            dead,
            discarded: _,
            failures: _,
            unavailable_micros,
            last_error,
            manifest_pending: _,
            manifest_dead: _,
        } = sink;
        let since = unavailable_micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        Self {
            name,
            delivered,
            // The run may have got further since it was looked at.
            pending: (run.batches_signed - delivered - dead).max(0),
            dead,
            unavailable_since: since.map(|since| since.to_string()),
            last_error,
        }
    }
}

/// One line per sink.
pub(super) fn table(sinks: &[SinkStatus]) -> String {
    let rows = sinks.iter().map(|sink| {
        let SinkStatus { name, delivered, pending, dead, unavailable_since, last_error } = sink;
        let [delivered, pending, dead] =
            [delivered, pending, dead].map(|count| grouped(count.unsigned_abs()));
        let since = unavailable_since.clone().unwrap_or_default();
        [name.clone(), delivered, pending, dead, since, last_error.clone().unwrap_or_default()]
    });
    output::table(["SINK", "DELIVERED", "PENDING", "DEAD", "AWAY SINCE", "LAST ERROR"], rows, NUMBERS)
}
