//! Reads another run again: its records, or what could not become one.

use chancery_api::{ReplaySelect, RunSource};
use chancery_sources::questions::Questions;
use chancery_store::IntakeSession;
use chancery_store::intake::{Admission, DeadArrival, Held, Reading, Refusal, ReplayListed, ReplayRow};

use crate::batch::Batch;
use crate::error::IntakeError;
use crate::intake::Intake;
use crate::worker::After;

/// Behind the last position of any split.
const END: i64 = i64::MAX;

pub(crate) async fn list(
    session: &mut IntakeSession,
    held: &Held,
    RunSource { name: run, select }: &RunSource,
) -> Result<After, IntakeError> {
    let unusable = |what| IntakeError::Replay { name: held.name.clone(), run: run.clone(), what };
    match session.list_replay(held).await? {
        ReplayListed::Done => Ok(After::Done),
        ReplayListed::Nothing => {
            let nothing = match select {
                ReplaySelect::Rejected => "rejected nothing",
                ReplaySelect::All | ReplaySelect::DeadLetters => "has no dead letters",
            };
            tracing::warn!(source = held.name, "the run {run} {nothing}: nothing of it is read again");
            Ok(After::Done)
        }
        ReplayListed::Unknown => Err(unusable("there is no other run of that name in this namespace")),
        ReplayListed::Deleted => Err(unusable("it is being deleted")),
        ReplayListed::Unsealed => {
            Ok(After::Away(format!("the run {run} is not sealed yet, and may still get more")))
        }
    }
}

pub(crate) async fn read(
    intake: &Intake,
    session: &mut IntakeSession,
    reading: &Reading,
) -> Result<After, IntakeError> {
    let mut position = reading.position;
    loop {
        if intake.stop.is_asked() {
            return Ok(After::Stopped);
        }
        let rows = session.read_replay(reading, position).await?;
        let batch = batch(position, rows, intake.questions(&reading.held), reading.room);
        let admission = &batch.admission;
        let admitted = match session.admit(reading, admission).await? {
            Ok(Some(admitted)) => admitted,
            Ok(None) => return Ok(After::Done),
            Err(refusal) => return Ok(After::Refused(refusal)),
        };
        if admitted.done {
            return Ok(After::Done);
        }
        if admitted.full {
            return Ok(After::Refused(Refusal::Full));
        }
        if admission.waiting() > 0 {
            intake.progress.send_replace(());
        }
        if batch.is_bounded() {
            return Ok(After::Refused(Refusal::Full));
        }
        position = admitted.position;
    }
}

fn batch(position: i64, rows: Vec<ReplayRow>, questions: Questions<'_>, room: Option<i64>) -> Batch<'_> {
    let mut batch = Batch::new(Admission::from(position), questions).with_room(room);
    batch.admission.done = rows.is_empty();
    for ReplayRow { gone, place, payload, stage, reason, traceparent } in rows {
        let dead = |position, reason| DeadArrival::at_stage(position, "Fetch", reason, Vec::new());
        let Some(place) = place.filter(|_| !gone) else {
            let reason = "the run that is read again was deleted meanwhile; nothing of the rest is read";
            batch.refuse(dead(position, reason.to_owned()));
            (batch.admission.next, batch.admission.done) = (END, true);
            return batch;
        };
        batch.admission.traces.note(place, traceparent);
        match payload {
            Some(payload) => batch.payload(place, &payload, None),
            None => {
                let (stage, mut reason) = (stage.unwrap_or_default(), reason.unwrap_or_default());
                // A reason of a reason of a reason stays a sentence.
                reason.truncate(reason.floor_char_boundary(500));
                batch
                    .refuse(dead(place, format!("its bytes are not there to their end ({stage}: {reason})")));
            }
        }
        batch.admission.next = place + 1;
        // What a policy adds, and the time that it takes, were not asked for. What is left is read again.
        if batch.is_full() {
            break;
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Questions<'_> = Questions { identify: None, judge: None, source: "again" };

    fn row(place: i64, payload: Option<&[u8]>) -> ReplayRow {
        let payload = payload.map(<[u8]>::to_vec);
        ReplayRow { gone: false, place: Some(place), payload, stage: None, reason: None, traceparent: None }
    }

    #[test]
    fn what_was_kept_whole_is_a_payload_and_what_was_not_is_dead_again() {
        let rows = vec![row(4, Some(b"one")), row(5, None), row(6, Some(b"two"))];
        let admission = batch(4, rows, NONE, None).admission;
        assert_eq!((admission.position, admission.next, admission.done), (4, 7, false));
        assert_eq!((admission.positions.as_slice(), admission.payloads.len()), ([4, 6].as_slice(), 2));
        assert_eq!(admission.dead.iter().map(|dead| dead.position).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn nothing_more_is_the_end_and_a_run_that_is_gone_is_one_dead_letter() {
        let end = batch(4, Vec::new(), NONE, None).admission;
        assert!(end.done && end.next == 4 && end.dead.is_empty());
        let gone = ReplayRow {
            gone: true,
            place: None,
            payload: None,
            stage: None,
            reason: None,
            traceparent: None,
        };
        let gone = batch(4, vec![gone], NONE, None).admission;
        assert!(gone.done && gone.next == END && gone.dead.len() == 1 && gone.dead[0].position == 4);
    }
}
