//! The signatures of what was just pushed, for the answer to whoever waits for them.

use std::collections::HashMap;

use chancery_store::pushing::SettledPush;
use chancery_store::results::SignedRecord;
use chancery_store::{Ledger, Run};
use tokio::time::Instant;

use crate::gateway::Shared;
use crate::lanes::Lane;
use crate::model::RecordState;
use crate::problem::Problem;
use crate::room::Room;
use crate::states::of_settled;
use crate::warrant::Warrant;

/// Room of an answer for what is said of its records beside their states: what was not known when the rest of the answer had its room.
pub(super) struct Told<'a> {
    pub(super) room: &'a mut Room,
    /// Bytes of it that are for that, and have nothing in them yet.
    pub(super) spare: usize,
}

impl Told<'_> {
    /// Whether there is room for what is said of this one, as it is and as it is written.
    pub(super) fn fits(&mut self, state: &RecordState) -> bool {
        let bytes = 2 * state.said_bytes();
        let missing = bytes.saturating_sub(self.spare);
        if self.room.take(missing).is_err() {
            return false;
        }
        self.spare = self.spare + missing - bytes;
        true
    }
}

/// Adds those that are there by then, or as soon as all are. Where envelopes have payloads in them, `payload_bytes` is how many bytes they have
/// of these, together.
pub(super) async fn add(
    shared: &Shared,
    lane: &Lane,
    records: &mut [RecordState],
    payload_bytes: Option<usize>,
    told: &mut Told<'_>,
    until: Instant,
    warrant: &Warrant,
) -> Result<(), Problem> {
    let run = &lane.target.run;
    let found = tokio::select! {
        found = there(lane, records, told, until) => found?,
        // What was taken in by it is told, and nothing that came later.
        _refused = warrant.ended() => HashMap::new(),
    };
    let wanted = |state: &RecordState| wanted(state, &run.name);
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

/// The record whose signature is told of this one.
fn wanted(state: &RecordState, run: &str) -> Option<i64> {
    match state {
        RecordState::Admitted { record, .. } => Some(*record),
        RecordState::Duplicate { of_run: Some(of_run), of_record, .. } if of_run == run => Some(*of_record),
        _ => None,
    }
}

/// The signatures that are there by then, or as soon as all are. Those that wait for what others say of them are what they are once that is settled,
/// if it is by then: one that is not hides no signature of the others. What came since the last look before the time was over is there too.
async fn there(
    lane: &Lane,
    records: &mut [RecordState],
    told: &mut Told<'_>,
    until: Instant,
) -> Result<HashMap<i64, SignedRecord>, Problem> {
    let run = &lane.target.run.name;
    let wanted_of = |records: &[RecordState]| records.iter().filter_map(|state| wanted(state, run)).collect();
    let waiting: Vec<i64> = records.iter().filter_map(position).collect();
    let admitted: Vec<i64> = wanted_of(records);
    let (mut settled, mut found) =
        tokio::join!(lane.settling.until(waiting.clone(), until), lane.waits.until(admitted, until));
    settled.extend(lane.settling.now(&without(waiting, &settled)).await);
    settle(records, settled, told)?;
    // Those that have just become records, or all that are not signed when the time is over.
    let unsigned = without(wanted_of(records), &found);
    if !unsigned.is_empty() {
        found.extend(lane.waits.until(unsigned.clone(), until).await);
        found.extend(lane.waits.now(&without(unsigned, &found)).await);
    }
    Ok(found)
}

/// Those that are not there yet.
fn without<T>(mut numbers: Vec<i64>, found: &HashMap<i64, T>) -> Vec<i64> {
    numbers.retain(|number| !found.contains_key(number));
    numbers
}

const fn position(state: &RecordState) -> Option<i64> {
    match state {
        RecordState::Waiting { position } => Some(*position),
        _ => None,
    }
}

/// Says of those that are settled what they are, as far as there is room for what is said of them. The others are told to wait still: whoever
/// asks again learns what they are.
fn settle(
    records: &mut [RecordState],
    mut settled: HashMap<i64, SettledPush>,
    told: &mut Told<'_>,
) -> Result<(), Problem> {
    for state in records {
        if let Some(became) = position(state).and_then(|position| settled.remove(&position)) {
            let became = of_settled(became)?;
            if told.fits(&became) {
                *state = became;
            }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn what_is_said_of_those_that_waited_has_its_room_or_is_not_told() {
        let all = Arc::new(Semaphore::new(2_000));
        let mut room = Room::new(&all);
        let mut records: Vec<_> = (0..3).map(|position| RecordState::Waiting { position }).collect();
        let refused = |bytes| SettledPush::Refused { stage: None, rule: None, reason: "x".repeat(bytes) };
        let settled = [(0, refused(700)), (1, refused(800)), (2, refused(250))];
        let mut told = Told { room: &mut room, spare: 400 };
        settle(&mut records, settled.into(), &mut told).expect("room");
        let is_told: Vec<bool> = records.iter().map(|state| position(state).is_none()).collect();
        assert_eq!(is_told, [true, false, true]);
        assert_eq!((told.spare, all.available_permits()), (0, 500));
    }
}
