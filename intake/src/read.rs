//! Reads a split to its end, and admits what it offers.

use chancery_reading::ReadError;
use chancery_sources::objects::Described;
use chancery_store::IntakeSession;
use chancery_store::intake::{Admission, Reading};
use tokio::time::Instant;

use crate::arrivals::Arrivals;
use crate::batch::Batch;
use crate::error::IntakeError;
use crate::intake::Intake;
use crate::keep::{Came, Keep};
use crate::replay;
use crate::worker::After;

pub(crate) async fn read(
    intake: &Intake,
    session: &mut IntakeSession,
    reading: &Reading,
) -> Result<After, IntakeError> {
    let held = &reading.held;
    let name = || held.name.clone();
    let other_version = |reason| IntakeError::OtherVersion { name: name(), reason };
    let mut arrivals = match Described::read(&held.description).map_err(other_version)? {
        Described::Http { http: _ } => return Err(IntakeError::Pushed { name: name() }),
        Described::Run { run: _ } => return replay::read(intake, session, reading).await,
        Described::Objects(described) => Arrivals::of_object(intake, reading, &described)?,
        Described::Table(described) => Arrivals::of_table(intake, reading, &described)?,
    };
    let mut keep = Keep::new(held, Instant::now());
    let mut batch = Batch::new(Admission::of(reading), intake.questions(held)).with_room(reading.room);
    loop {
        let filled = keep.during(session, &intake.stop, fill(&mut arrivals, &mut batch)).await?;
        let failed = match filled {
            Came::This(Ok(())) => None,
            Came::This(Err(error)) => Some(error),
            // What was gathered is read again, by whoever goes on.
            Came::Stop => return Ok(After::Stopped),
            Came::Lost => return Ok(After::Done),
        };
        if !batch.admission.is_empty() {
            let admitted = match session.admit(reading, &batch.admission).await? {
                Ok(Some(admitted)) => admitted,
                Ok(None) => return Ok(After::Done),
                Err(refusal) => return Ok(After::Refused(refusal)),
            };
            keep.renewed();
            tracing::debug!(
                source = held.name,
                split = held.split,
                records = admitted.records,
                duplicates = admitted.duplicates,
                dead = admitted.dead,
                rejected = admitted.rejected,
                waiting = batch.admission.waiting(),
                "admitted"
            );
            if admitted.done {
                return Ok(After::Done);
            }
            if admitted.full {
                return Ok(After::Refused(chancery_store::intake::Refusal::Full));
            }
            if batch.admission.waiting() > 0 {
                intake.progress.send_replace(());
            }
            // The next question says for how many there is room by now.
            if batch.is_bounded() {
                return Ok(After::Refused(chancery_store::intake::Refusal::Full));
            }
            batch.begin_again(admitted.position);
        }
        match failed {
            None => {}
            Some(ReadError::Transient(reason)) => return Ok(After::Away(reason.to_string())),
            Some(ReadError::Final(reason)) => return Err(IntakeError::Source { name: name(), reason }),
        }
    }
}

/// Gathers arrivals until they are worth a transaction, the split ends, or the source fails: what came before that
/// counts.
async fn fill(arrivals: &mut Arrivals, batch: &mut Batch<'_>) -> Result<(), ReadError> {
    while !batch.is_full() {
        match arrivals.next().await? {
            Some((arrival, key)) => {
                batch.add(arrival);
                batch.admission.key = key.map(|key| key.as_str().to_owned());
            }
            None => {
                batch.admission.done = true;
                break;
            }
        }
    }
    Ok(())
}
