//! What a split offers, whatever it is a part of.

use chancery_reading::{Arrival, Position, ReadError, RowKey, Split, SplitReader, TableReader};
use chancery_sources::objects::{DescribedObjects, DescribedTable};
use chancery_store::intake::Reading;

use crate::error::IntakeError;
use crate::intake::Intake;

/// Arrivals, one after the other.
pub(crate) enum Arrivals {
    /// Of an object.
    OfObject(Box<SplitReader>),
    /// Of a table.
    OfTable(TableReader),
}

impl Arrivals {
    pub(crate) fn of_object(
        intake: &Intake,
        reading: &Reading,
        described: &DescribedObjects,
    ) -> Result<Self, IntakeError> {
        let name = || reading.held.name.clone();
        let unusable = |reason| IntakeError::Source { name: name(), reason };
        let split: Split = serde_json::from_value(reading.part.clone())
            .map_err(|reason| IntakeError::OtherVersion { name: name(), reason })?;
        let access = intake.access.store(&reading.held.name, &described.objects.url);
        let access = access.map_err(|reason| IntakeError::Access { name: name(), reason })?;
        let store = described.open(access).map_err(unusable)?;
        let reader = SplitReader::new(&store, &described.format, &split, from(reading)).map_err(unusable)?;
        Ok(Self::OfObject(Box::new(reader)))
    }

    pub(crate) fn of_table(
        intake: &Intake,
        reading: &Reading,
        described: &DescribedTable,
    ) -> Result<Self, IntakeError> {
        let name = || reading.held.name.clone();
        let DescribedTable { table, url } = described;
        let opened = intake.access.table(&reading.held.name, url.as_deref(), table);
        let table = opened.map_err(|reason| IntakeError::Access { name: name(), reason })?;
        let key = reading.key.clone().map(RowKey::new);
        // Without its key, all that was read before would be read again.
        if reading.position > 0 && key.is_none() {
            return Err(IntakeError::NoKey { name: name() });
        }
        Ok(Self::OfTable(TableReader::new(&table, from(reading), key.as_ref())))
    }

    /// The next one, and what is stored beside its next position, if anything; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<(Arrival, Option<RowKey>)>, ReadError> {
        Ok(match self {
            Self::OfObject(reader) => reader.next().await?.map(|arrival| (arrival, None)),
            Self::OfTable(reader) => reader.next().await?.map(|row| (row.arrival, Some(row.key))),
        })
    }
}

fn from(reading: &Reading) -> Position {
    Position(reading.position.unsigned_abs())
}
