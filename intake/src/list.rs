//! Lists a source: which objects it has, in which versions, and how they are cut into splits.

use chancery_reading::{DEFAULT_SPLIT, Format, PinnedObject, ReadError, Split, Store};
use chancery_sources::objects::{Described, DescribedObjects, DescribedTable};
use chancery_store::IntakeSession;
use chancery_store::intake::Held;
use tokio::time::Instant;

use crate::error::IntakeError;
use crate::intake::Intake;
use crate::keep::{Came, Keep};
use crate::replay;
use crate::worker::After;

/// What is read of a table, which is not cut.
const ALL_ROWS: &str = r#"{"type": "Table"}"#;

pub(crate) async fn list(
    intake: &Intake,
    session: &mut IntakeSession,
    held: &Held,
) -> Result<After, IntakeError> {
    match Described::read(&held.description) {
        Ok(Described::Http { http: _ }) => Err(IntakeError::Pushed { name: held.name.clone() }),
        Ok(Described::Run { run }) => replay::list(session, held, &run).await,
        Ok(Described::Objects(described)) => list_objects(intake, session, held, &described).await,
        Ok(Described::Table(described)) => look_at_table(intake, session, held, &described).await,
        Err(reason) => Err(IntakeError::OtherVersion { name: held.name.clone(), reason }),
    }
}

async fn list_objects(
    intake: &Intake,
    session: &mut IntakeSession,
    held: &Held,
    described: &DescribedObjects,
) -> Result<After, IntakeError> {
    let name = || held.name.clone();
    let access = intake.access.store(&held.name, &described.objects.url);
    let access = access.map_err(|reason| IntakeError::Access { name: name(), reason })?;
    let opened = described.open(access);
    let store = opened.map_err(|reason| IntakeError::Source { name: name(), reason })?;
    let mut keep = Keep::new(held, Instant::now());
    let listing = keep.during(session, &intake.stop, listed(&store, &described.format)).await?;
    let (objects, cut) = match found(listing, held)? {
        Found::This(listing) => listing,
        Found::Nothing(after) => return Ok(after),
    };
    tracing::info!(source = held.name, objects = objects.len(), "listed");
    let splits = Splits {
        store: &store,
        format: &described.format,
        objects: if is_cut_by_a_look(&described.format) { [].iter() } else { objects.iter() },
        ready: cut.into_iter(),
    };
    // If it is somebody else's by now, that one lists it.
    session.listed(held, splits).await?;
    Ok(After::Done)
}

/// The splits of a listing, as the ledger keeps them, made one object at a time where that takes no look at it.
struct Splits<'a> {
    store: &'a Store,
    format: &'a Format,
    objects: std::slice::Iter<'a, PinnedObject>,
    ready: std::vec::IntoIter<Split>,
}

impl Iterator for Splits<'_> {
    type Item = (String, i64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(split) = self.ready.next() {
                let start = i64::try_from(split.start().0).unwrap_or(i64::MAX);
                // A split is plain data, which has a form in JSON.
                return Some((serde_json::to_string(&split).unwrap_or_default(), start));
            }
            self.ready = self.store.plan(self.objects.next()?, self.format, DEFAULT_SPLIT).into_iter();
        }
    }
}

fn is_cut_by_a_look(format: &Format) -> bool {
    *format == (Format::Parquet {})
}

/// The objects; and their splits, where it takes a look at them to cut them.
async fn listed(store: &Store, format: &Format) -> Result<(Vec<PinnedObject>, Vec<Split>), ReadError> {
    let objects = store.list().await?;
    if !is_cut_by_a_look(format) {
        return Ok((objects, Vec::new()));
    }
    let mut splits = Vec::new();
    for object in &objects {
        splits.extend(store.split(object, format, DEFAULT_SPLIT).await?);
    }
    Ok((objects, splits))
}

async fn look_at_table(
    intake: &Intake,
    session: &mut IntakeSession,
    held: &Held,
    described: &DescribedTable,
) -> Result<After, IntakeError> {
    let DescribedTable { table, url } = described;
    let opened = intake.access.table(&held.name, url.as_deref(), table);
    let table = opened.map_err(|reason| IntakeError::Access { name: held.name.clone(), reason })?;
    let mut keep = Keep::new(held, Instant::now());
    let looked = keep.during(session, &intake.stop, table.look()).await?;
    if let Found::Nothing(after) = found(looked, held)? {
        return Ok(after);
    }
    tracing::info!(source = held.name, "the table can be read");
    session.listed(held, std::iter::once((ALL_ROWS.to_owned(), 0))).await?;
    Ok(After::Done)
}

/// What came of asking a source.
enum Found<T> {
    This(T),
    Nothing(After),
}

fn found<T>(came: Came<Result<T, ReadError>>, held: &Held) -> Result<Found<T>, IntakeError> {
    match came {
        Came::This(Ok(found)) => Ok(Found::This(found)),
        Came::This(Err(ReadError::Transient(reason))) => Ok(Found::Nothing(After::Away(reason.to_string()))),
        Came::This(Err(ReadError::Final(reason))) => {
            Err(IntakeError::Source { name: held.name.clone(), reason })
        }
        Came::Stop => Ok(Found::Nothing(After::Stopped)),
        Came::Lost => Ok(Found::Nothing(After::Done)),
    }
}
