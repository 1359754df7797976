//! What a status says of sources.

use chancery_api::condition::{ConditionType, Finding};
use chancery_api::{Reason, RecordCounts, RunInput, SigningRunStatus, SourceStatus, ValidatedRun};
use chancery_store::intake::SourceState;

use crate::run::facts::{Counts, LedgerRun, SourcesRead};

/// The position of a source that is read to its end.
const END: &str = "end";

/// The counts of records, and of what the sources offered, if there are any.
pub(crate) fn records_of(counts: Counts, sources: Option<&SourcesRead>) -> RecordCounts {
    let arrivals = sources.map(|sources| sources.counts);
    RecordCounts {
        total: counts.records,
        seeded: counts.records_admitted,
        signed: counts.records_signed,
        received: arrivals.map(|arrivals| arrivals.received),
        admitted: arrivals.map(|arrivals| arrivals.admitted),
        duplicate: arrivals.map(|arrivals| arrivals.duplicates),
        rejected: arrivals.map(|arrivals| arrivals.rejected),
        dead: arrivals.map(|arrivals| arrivals.dead),
        pending: arrivals.map(|arrivals| arrivals.pending),
    }
}

/// How far each source is: as the ledger says while they are read, and as it was said last after that.
pub(crate) fn sources_of(ledger: Option<&LedgerRun>, previous: &SigningRunStatus) -> Vec<SourceStatus> {
    match ledger.and_then(|ledger| ledger.sources.as_ref()) {
        Some(sources) if !sources.sources.is_empty() => sources.sources.iter().map(of).collect(),
        // They were not read, since nothing of them changes any more.
        _ => previous.sources.clone(),
    }
}

fn of(source: &SourceState) -> SourceStatus {
    let SourceState { name, listed, splits, splits_left, at_split, at_position, last_error: _ } = source;
    SourceStatus {
        name: name.clone(),
        position: match (at_split, at_position) {
            (Some(split), Some(position)) => Some(format!("{split}:{position}")),
            _ => listed.then(|| END.to_owned()),
        },
        splits: *splits,
        lag: *splits_left,
    }
}

/// Whether the input is complete.
pub(crate) fn sealed_finding(run: Option<&ValidatedRun>, sealed: bool) -> Finding {
    let with_sources = run.is_some_and(|run| matches!(run.input, RunInput::Sources(_)));
    let is_pushed = run.is_some_and(|run| run.input.is_pushed());
    let (reason, message) = match (sealed, with_sources) {
        (true, false) => (Reason::Sealed, "every record is in the ledger"),
        (true, true) if is_pushed => (
            Reason::Sealed,
            "nothing more is taken in: all that was pushed is a record, a duplicate or a dead letter",
        ),
        (false, true) if is_pushed => (
            Reason::Receiving,
            "programs push records; the run is sealed by a call, or once it has recordCount records",
        ),
        (true, true) => (
            Reason::Sealed,
            "every source is read: all that they offered is a record, a duplicate or a dead letter",
        ),
        (false, false) => (Reason::NotSealed, "more records are to come"),
        // Without numbers: a condition that changes is written at once.
        (false, true) => (Reason::Reading, "the sources are read, and more records may come"),
    };
    Finding { type_: ConditionType::Sealed, status: Some(sealed), reason, message: message.to_owned() }
}
