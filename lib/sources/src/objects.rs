//! Sources from outside: what the ledger is told of them, and what an intake makes of that.

use std::time::Duration;

use chancery_api::{
    EventMode, FormatType, HttpSource, ObjectsSource, ReplaySelect, RunSource, SourceFormat, SourceSpec,
    TableSource, ValidatedSources,
};
/// How the reason of a dead letter begins that stands for the rest of an object which changed.
pub use chancery_reading::OBJECT_CHANGED;
use chancery_reading::{FinalError, Format, Objects, ReadError, Settings, Store, Table};
use chancery_store::{DeadLetter, Idempotency, SourceOfRun, Sources};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::{Access, AccessError, StoreAccess};

/// What the ledger keeps of a source: no secret, and no name of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Described {
    /// Objects of a store, or files.
    Objects(DescribedObjects),
    /// Rows of a PostgreSQL query.
    Table(DescribedTable),
    /// Another run, that is read again.
    Run {
        /// Which one, and what of it.
        run: RunSource,
    },
    /// What programs push. No intake reads it.
    Http {
        /// How it is taken in.
        http: DescribedHttp,
    },
}

/// What the ledger keeps of a source that is pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DescribedHttp {
    /// With so many records that are not signed, no more are taken in.
    pub max_pending: i64,
    /// A batch that is not full is closed once so many microseconds have passed since its first record.
    pub period_micros: u64,
}

/// What the ledger keeps of a source of objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedObjects {
    /// Where it is.
    pub objects: Objects,
    /// What it is made of.
    pub format: Format,
}

/// What the ledger keeps of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedTable {
    /// Its rows.
    pub table: Table,
    /// The URL of its database, without a password, where the manifest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Why a source cannot be used as it is described.
#[derive(Debug, thiserror::Error)]
#[error("source {name}: {reason}; nothing was changed in the ledger")]
pub struct SourceError {
    /// The source.
    pub name: String,
    /// What is wrong, and what to do.
    pub reason: AccessError,
}

impl SourceError {
    /// Whether waiting helps.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.reason, AccessError::Read(ReadError::Transient(_)))
    }
}

impl Described {
    /// Reads it from the ledger.
    ///
    /// # Errors
    ///
    /// It is not of this program's version.
    pub fn read(description: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(description)
    }
}

impl DescribedObjects {
    /// Opens its store. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// What the description itself has wrong.
    pub fn open(&self, access: StoreAccess) -> Result<Store, FinalError> {
        self.format.check()?;
        let StoreAccess { credentials, authorities } = access;
        Store::open(&self.objects, &credentials, Settings { authorities, ..Settings::default() })
    }
}

/// The sources of a run, as the ledger keeps them.
#[must_use]
pub fn for_ledger(sources: &ValidatedSources) -> Sources {
    let ValidatedSources {
        sources,
        idempotency,
        idempotency_is_given: _,
        digest_window,
        record_limit,
        // Which version of it judges is not for the sources to say.
        policy: _,
        dead_letter,
        batching_period,
    } = sources;
    let period = batching_period.unwrap_or_default();
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Sources {
        sources: sources
            .iter()
            .map(|source| SourceOfRun {
                name: source.name.clone(),
                description: serde_json::to_value(described(source, period)).unwrap_or_default(),
                confirm: source.confirm,
            })
            .collect(),
        idempotency: match idempotency {
            chancery_api::Idempotency::Content => Idempotency::Content,
            chancery_api::Idempotency::Expression(expression) => Idempotency::Expression(expression.clone()),
            chancery_api::Idempotency::None => Idempotency::None,
        },
        digest_window: *digest_window,
        record_limit: record_limit.map(signed),
        dead_letter: DeadLetter { limit: signed(dead_letter.limit), retention: dead_letter.retention },
    }
}

/// Asks each source for its objects, or for its columns and its order, so that what can be wrong with it is said before a run
/// is made of it.
///
/// # Errors
///
/// The first source that cannot be used.
pub async fn look_at(sources: &[SourceSpec], access: &Access) -> Result<(), SourceError> {
    for source in sources {
        let looked = match described(source, Duration::ZERO) {
            Described::Objects(described) => look_at_objects(&source.name, &described, access).await,
            Described::Table(DescribedTable { table, url }) => {
                match access.table(&source.name, url.as_deref(), &table) {
                    Ok(table) => table.look_at_order().await.map_err(AccessError::Read),
                    Err(error) => Err(error),
                }
            }
            Described::Run { run: _ } | Described::Http { http: _ } => Ok(()),
        };
        looked.map_err(|reason| SourceError { name: source.name.clone(), reason })?;
    }
    Ok(())
}

/// Looks at what can be seen of a source without asking anybody for it.
///
/// # Errors
///
/// What its description has wrong.
pub fn check(source: &SourceSpec) -> Result<(), FinalError> {
    match described(source, Duration::ZERO) {
        // The query is the server's to judge.
        Described::Table(_) | Described::Run { run: _ } | Described::Http { http: _ } => Ok(()),
        Described::Objects(described) => match described.open(StoreAccess::default()) {
            // Its credentials, which are not at hand, say it.
            Err(FinalError::NoAccount { .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        },
    }
}

async fn look_at_objects(
    name: &str,
    described: &DescribedObjects,
    access: &Access,
) -> Result<(), AccessError> {
    let access = access.store(name, &described.objects.url)?;
    let store = described.open(access).map_err(|error| AccessError::Read(error.into()))?;
    store.list().await.map(drop).map_err(AccessError::Read)
}

fn described(source: &SourceSpec, period: Duration) -> Described {
    let SourceSpec { name: _, objects, format, table, run, http, confirm: _ } = source;
    if let Some(HttpSource { max_pending }) = http {
        let period_micros = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
        return Described::Http { http: DescribedHttp { max_pending: *max_pending, period_micros } };
    }
    if let Some(TableSource { url, url_secret_ref: _, query, order_by, payload }) = table {
        let table = Table { query: query.clone(), order_by: order_by.clone(), payload: payload.clone() };
        return Described::Table(DescribedTable { table, url: url.clone() });
    }
    let (Some(objects), Some(format)) = (objects, format) else {
        // The schema has seen to it that there is one or the other.
        let nothing = RunSource { name: String::new(), select: ReplaySelect::default() };
        return Described::Run { run: run.clone().unwrap_or(nothing) };
    };
    let ObjectsSource { url, include, exclude, endpoint, region, credentials_secret_ref: _, volume_claim: _ } =
        objects;
    Described::Objects(DescribedObjects {
        objects: Objects {
            url: url.clone(),
            include: include.clone(),
            exclude: exclude.clone(),
            endpoint: endpoint.clone(),
            region: region.clone(),
        },
        format: format_of(format),
    })
}

fn format_of(format: &SourceFormat) -> Format {
    let SourceFormat { r#type, delimiter, header, mode } = format;
    match r#type {
        FormatType::Lines => Format::Lines {},
        FormatType::Ndjson => Format::Ndjson {},
        FormatType::Csv => Format::Csv {
            delimiter: delimiter.as_ref().and_then(|text| text.chars().next()).unwrap_or(','),
            header: header.unwrap_or(true),
        },
        FormatType::Parquet => Format::Parquet {},
        FormatType::CloudEvents => Format::CloudEvents {
            mode: match mode {
                None | Some(EventMode::Lines) => chancery_reading::EventMode::Lines,
                Some(EventMode::Single) => chancery_reading::EventMode::Single,
            },
        },
        FormatType::Whole => Format::Whole {},
    }
}
