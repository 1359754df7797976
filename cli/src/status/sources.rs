//! What the sources of a run offered, and how far each of them is.

use chancery_process::grouped;
use chancery_store::run::ArrivalCounts;
use chancery_store::source_progress::SourceProgress;
use serde::Serialize;

use crate::output;

/// The columns of counts.
const NUMBERS: std::ops::Range<usize> = 1..9;

/// What became of what all sources offered.
#[derive(Serialize)]
pub(super) struct Arrivals {
    received: i64,
    admitted: i64,
    duplicates: i64,
    dead: i64,
    rejected: i64,
    pending: i64,
    flagged: i64,
    alerts: i64,
    /// Why nothing is admitted for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<String>,
}

/// One source.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceStatus {
    name: String,
    listed: bool,
    splits: i64,
    splits_done: i64,
    received: i64,
    admitted: i64,
    duplicates: i64,
    dead: i64,
    rejected: i64,
    pending: i64,
    attempts: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl Arrivals {
    pub(super) const fn of(counts: ArrivalCounts, held: Option<String>) -> Self {
        let ArrivalCounts {
            received,
            admitted,
            duplicates,
            dead,
            rejected,
            pending,
            flagged,
            alerts,
            dead_limit: _,
        } = counts;
        Self { received, admitted, duplicates, dead, rejected, pending, flagged, alerts, held }
    }
}

impl SourceStatus {
    pub(super) fn of(source: SourceProgress) -> Self {
        let SourceProgress {
            run_id: _,
            name,
            listed,
            splits,
            splits_done,
            received,
            admitted,
            duplicates,
            dead,
            rejected,
            pending,
            attempts,
            last_error,
        } = source;
        Self {
            name,
            listed,
            splits,
            splits_done,
            received,
            admitted,
            duplicates,
            dead,
            rejected,
            pending,
            attempts,
            last_error,
        }
    }
}

/// One line per source, and one for all; and why nothing is admitted, if nothing is.
pub(super) fn table(arrivals: &Arrivals, sources: &[SourceStatus]) -> String {
    let counts = |numbers: [i64; 6]| numbers.map(|number| grouped(number.unsigned_abs()));
    let of_splits = |done: i64, all: i64| format!("{done}/{all}");
    let each = sources.iter().map(|source| {
        let splits =
            if source.listed { of_splits(source.splits_done, source.splits) } else { "-".to_owned() };
        let SourceStatus { received, admitted, duplicates, dead, rejected, pending, .. } = source;
        let [received, admitted, duplicates, dead, rejected, pending] =
            counts([*received, *admitted, *duplicates, *dead, *rejected, *pending]);
        let (attempts, error) = (source.attempts.to_string(), source.last_error.clone().unwrap_or_default());
        [
            source.name.clone(),
            splits,
            received,
            admitted,
            duplicates,
            dead,
            rejected,
            pending,
            attempts,
            error,
        ]
    });
    let Arrivals { received, admitted, duplicates, dead, rejected, pending, flagged: _, alerts: _, held } =
        arrivals;
    let [received, admitted, duplicates, dead, rejected, pending] =
        counts([*received, *admitted, *duplicates, *dead, *rejected, *pending]);
    let sum = |count: fn(&SourceStatus) -> i64| sources.iter().map(count).sum();
    let splits = of_splits(sum(|source| source.splits_done), sum(|source| source.splits));
    let nothing = String::new;
    let all = [
        "all".to_owned(),
        splits,
        received,
        admitted,
        duplicates,
        dead,
        rejected,
        pending,
        nothing(),
        nothing(),
    ];
    let header = [
        "SOURCE",
        "SPLITS",
        "RECEIVED",
        "ADMITTED",
        "DUPLICATES",
        "DEAD",
        "REJECTED",
        "PENDING",
        "ATTEMPTS",
        "LAST ERROR",
    ];
    let table = output::table(header, each.chain([all]), NUMBERS);
    match held {
        None => table,
        Some(held) => format!("{table}\n\n{held}"),
    }
}
