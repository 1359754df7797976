//! Lists a source: which objects it has, in which versions, and how they are cut into splits.

use chancery_reading::{DEFAULT_SPLIT, Format, PinnedObject, ReadError, Split, Store};
use chancery_sources::objects::{Described, DescribedObjects, DescribedTable};
use chancery_store::IntakeSession;
use chancery_store::intake::Held;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use crate::error::IntakeError;
use crate::intake::Intake;
use crate::keep::{Came, Keep};
use crate::replay;
use crate::worker::After;

/// Objects that are looked at, at the same time, for where they can be cut: each holds its footer meanwhile.
const LOOKS: usize = 2;

/// What is read of a table, which is not cut.
const ALL_ROWS: &str = r#"{"type": "Table"}"#;

pub(crate) async fn list(
    intake: &Intake,
    session: &mut IntakeSession,
    held: &Held,
) -> Result<After, IntakeError> {
    match Described::read(&held.description) {
        Ok(Described::Run { run }) => replay::list(session, held, &run.name).await,
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
    let access = intake.access.credentials(&held.name, &described.objects.url);
    let credentials = access.map_err(|reason| IntakeError::Access { name: name(), reason })?;
    let opened = described.open(&credentials);
    let store = opened.map_err(|reason| IntakeError::Source { name: name(), reason })?;
    let mut keep = Keep::new(held, Instant::now());
    let listing = keep.during(session, &intake.stop, listed(&store, &described.format)).await?;
    let (objects, cut) = match found(listing, held)? {
        Found::This(listing) => listing,
        Found::Nothing(after) => return Ok(after),
    };
    tracing::info!(source = held.name, objects = objects.len(), "listed");
    // One object at a time, unless it took a look to cut them.
    let planned = objects.iter().flat_map(|object| match described.format {
        Format::Parquet {} => Vec::new(),
        _ => store.plan(object, &described.format, DEFAULT_SPLIT),
    });
    // If it is somebody else's by now, that one lists it.
    session.listed(held, planned.chain(cut).map(|split| as_told(&split))).await?;
    Ok(After::Done)
}

/// The objects; and their splits, where it takes a look at them to cut them.
async fn listed(store: &Store, format: &Format) -> Result<(Vec<PinnedObject>, Vec<Split>), ReadError> {
    let objects = store.list().await?;
    if *format != (Format::Parquet {}) {
        return Ok((objects, Vec::new()));
    }
    let cut = stream::iter(&objects).map(|object| store.split(object, format, DEFAULT_SPLIT));
    let splits = cut.buffered(LOOKS).try_concat().await?;
    Ok((objects, splits))
}

/// A split as the ledger keeps it, and where it begins.
fn as_told(split: &Split) -> (String, i64) {
    let start = i64::try_from(split.start().0).unwrap_or(i64::MAX);
    // A split is plain data, which has a form in JSON.
    (serde_json::to_string(split).unwrap_or_default(), start)
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
