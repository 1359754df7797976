//! Lists a source: which objects it has, in which versions, and how they are cut into splits.

use chancery_reading::{DEFAULT_SPLIT, Format, PinnedObject, ReadError, Split, Store};
use chancery_sources::objects::Described;
use chancery_store::IntakeSession;
use chancery_store::intake::Held;
use tokio::time::Instant;

use crate::error::IntakeError;
use crate::intake::Intake;
use crate::keep::{Came, Keep};
use crate::replay;
use crate::worker::After;

pub(crate) async fn list(
    intake: &Intake,
    session: &mut IntakeSession,
    held: &Held,
) -> Result<After, IntakeError> {
    let name = || held.name.clone();
    let described = match Described::read(&held.description) {
        Ok(Described::Run { run }) => return replay::list(session, held, &run.name).await,
        Ok(Described::Objects(described)) => described,
        Err(reason) => return Err(IntakeError::OtherVersion { name: name(), reason }),
    };
    let unusable = |reason| IntakeError::Source { name: name(), reason };
    let store = described.open(&intake.credentials.of(&held.name)?).map_err(unusable)?;
    let mut keep = Keep::new(held, Instant::now());
    let objects = match keep.during(session, &intake.stop, store.list()).await? {
        Came::This(Ok(objects)) => objects,
        Came::This(Err(ReadError::Transient(reason))) => return Ok(After::Away(reason.to_string())),
        Came::This(Err(ReadError::Final(reason))) => return Err(unusable(reason)),
        Came::Stop => return Ok(After::Stopped),
        Came::Lost => return Ok(After::Done),
    };
    tracing::info!(source = held.name, objects = objects.len(), "listed");
    let splits = Splits {
        store: &store,
        format: &described.format,
        objects: objects.iter(),
        of_object: Vec::new().into_iter(),
    };
    // If it is somebody else's by now, that one lists it.
    session.listed(held, splits).await?;
    Ok(After::Done)
}

/// The splits of a listing, as the ledger keeps them, made one object at a time.
struct Splits<'a> {
    store: &'a Store,
    format: &'a Format,
    objects: std::slice::Iter<'a, PinnedObject>,
    of_object: std::vec::IntoIter<Split>,
}

impl Iterator for Splits<'_> {
    type Item = (String, i64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(split) = self.of_object.next() {
                let start = i64::try_from(split.start().0).unwrap_or(i64::MAX);
                // A split is plain data, which has a form in JSON.
                return Some((serde_json::to_string(&split).unwrap_or_default(), start));
            }
            self.of_object = self.store.plan(self.objects.next()?, self.format, DEFAULT_SPLIT).into_iter();
        }
    }
}
