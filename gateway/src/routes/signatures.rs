//! The signatures of what was just pushed, for the answer to whoever waits for them.

use std::collections::HashMap;

use chancery_store::results::SignedRecord;
use chancery_store::{Ledger, Run};
use tokio::time::Instant;

use crate::gateway::Shared;
use crate::lanes::Lane;
use crate::model::RecordState;
use crate::problem::Problem;
use crate::states::of_settled;
use crate::warrant::Warrant;

/// Adds those that are there by then, or as soon as all are. Where envelopes have payloads in them, `payload_bytes` is how many bytes they have
/// of these, together.
pub(super) async fn add(
    shared: &Shared,
    lane: &Lane,
    records: &mut [RecordState],
    payload_bytes: Option<usize>,
    until: Instant,
    warrant: &Warrant,
) -> Result<(), Problem> {
    let run = &lane.target.run;
    settle(lane, records, until, warrant).await?;
    let wanted = |state: &RecordState| match state {
        RecordState::Admitted { record, .. } => Some(*record),
        RecordState::Duplicate { of_run: Some(of_run), of_record, .. } if *of_run == run.name => {
            Some(*of_record)
        }
        _ => None,
    };
    let found = tokio::select! {
        found = lane.waits.until(records.iter().filter_map(wanted).collect(), until) => found,
        // What was taken in by it is told, and nothing that came later.
        _refused = warrant.ended() => HashMap::new(),
    };
    let signed = match payload_bytes {
        Some(bytes) => with_payloads(&shared.ledger, run, found, bytes).await?,
        None => found.into_values().collect(),
    };
    let lengths: HashMap<i64, usize> =
        signed.iter().map(|signed| (signed.record, signed.payload.as_ref().map_or(0, Vec::len))).collect();
    let shown = shared.keys.shown(&shared.ledger, &run.keyring, signed).await?;
    let shown: HashMap<_, _> = shown
        .into_iter()
        .map(|mut line| (line.record, (line.signed.envelope.take(), Box::new(line.signed))))
        .collect();
    let mut left = payload_bytes.unwrap_or_default();
    for state in records {
        let there = wanted(state).and_then(|record| {
            let (envelope, signed) = shown.get(&record)?;
            let mut signed = signed.clone();
            // Many may be duplicates of one whose payload is longer than theirs.
            if let Some(fewer) = left.checked_sub(lengths.get(&record).copied().unwrap_or_default()) {
                left = fewer;
                signed.envelope.clone_from(envelope);
            }
            Some(signed)
        });
        match (&mut *state, there) {
            (RecordState::Admitted { signed, .. } | RecordState::Duplicate { signed, .. }, Some(there)) => {
                *signed = Some(there);
            }
            (RecordState::Admitted { record, flags, .. }, None) => {
                *state = RecordState::Pending { record: *record, flags: flags.take() };
            }
            (RecordState::Duplicate { .. }, None)
            | (
                RecordState::Pending { .. }
                | RecordState::Waiting { .. }
                | RecordState::Dead { .. }
                | RecordState::Rejected { .. },
                _,
            ) => {}
        }
    }
    Ok(())
}

/// Says of those that wait for what others say of them what they are once that is settled, if it is by then.
async fn settle(
    lane: &Lane,
    records: &mut [RecordState],
    until: Instant,
    warrant: &Warrant,
) -> Result<(), Problem> {
    let position = |state: &RecordState| match state {
        RecordState::Waiting { position } => Some(*position),
        _ => None,
    };
    let waiting: Vec<i64> = records.iter().filter_map(position).collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let mut settled = tokio::select! {
        settled = lane.settling.until(waiting, until) => settled,
        _refused = warrant.ended() => HashMap::new(),
    };
    for state in records {
        if let Some(became) = position(state).and_then(|position| settled.remove(&position)) {
            *state = of_settled(became)?;
        }
    }
    Ok(())
}

/// With their payloads: those of the first records, which have so many bytes.
async fn with_payloads(
    ledger: &Ledger,
    run: &Run,
    mut found: HashMap<i64, SignedRecord>,
    bytes: usize,
) -> Result<Vec<SignedRecord>, Problem> {
    let mut numbers: Vec<i64> = found.keys().copied().collect();
    numbers.sort_unstable();
    // Of none, no payload is read, not even one that is empty.
    let most = i64::try_from(bytes.max(1)).unwrap_or(i64::MAX);
    let read = ledger.signed_of(run, &numbers, most).await.map_err(|error| Problem::store(&error))?;
    found.extend(read.into_iter().map(|signed| (signed.record, signed)));
    Ok(found.into_values().collect())
}
