//! Reads a split to its end, and admits what it offers.

use chancery_reading::{Position, ReadError, Split, SplitReader};
use chancery_sources::objects::Described;
use chancery_store::IntakeSession;
use chancery_store::intake::{Admission, Reading};
use tokio::time::Instant;

use crate::batch;
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
    let unusable = |reason| IntakeError::Source { name: name(), reason };
    let described = match Described::read(&held.description).map_err(other_version)? {
        Described::Run { run: _ } => return replay::read(intake, session, reading).await,
        Described::Objects(described) => described,
    };
    let split: Split = serde_json::from_value(reading.part.clone()).map_err(other_version)?;
    let store = described.open(&intake.credentials.of(&held.name)?).map_err(unusable)?;
    let from = Position(reading.position.unsigned_abs());
    let mut reader = SplitReader::new(&store, &described.format, &split, from).map_err(unusable)?;
    let mut keep = Keep::new(held, Instant::now());
    let mut admission = Admission::from(reading.position);
    loop {
        let filled = keep.during(session, &intake.stop, fill(&mut reader, &mut admission)).await?;
        let failed = match filled {
            Came::This(Ok(())) => None,
            Came::This(Err(error)) => Some(error),
            // What was gathered is read again, by whoever goes on.
            Came::Stop => return Ok(After::Stopped),
            Came::Lost => return Ok(After::Done),
        };
        if !admission.is_empty() {
            let admitted = match session.admit(reading, &admission).await? {
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
                "admitted"
            );
            if admitted.done {
                return Ok(After::Done);
            }
            if admitted.full {
                return Ok(After::Refused(chancery_store::intake::Refusal::Full));
            }
            admission.begin_again(admitted.position);
        }
        match failed {
            None => {}
            Some(ReadError::Transient(reason)) => return Ok(After::Away(reason.to_string())),
            Some(ReadError::Final(reason)) => return Err(unusable(reason)),
        }
    }
}

/// Gathers arrivals until they are worth a transaction, the split ends, or the source fails: what came before that
/// counts.
async fn fill(reader: &mut SplitReader, admission: &mut Admission) -> Result<(), ReadError> {
    while !batch::is_full(admission) {
        match reader.next().await? {
            Some(arrival) => batch::add(admission, arrival),
            None => {
                admission.done = true;
                break;
            }
        }
    }
    Ok(())
}
