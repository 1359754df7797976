//! What a run's records are made of: random bytes, or payloads of sources.

use std::time::Duration;

use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::generated::GeneratedSource;

/// Where the records of a run come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Random bytes, made by the database.
    Generated(GeneratedSource),
    /// Payloads that are read from outside.
    Sources(Sources),
}

/// The sources of a run, and what becomes of their payloads.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    /// In the order of the manifest: at least one.
    pub sources: Vec<SourceOfRun>,
    /// How a payload that came before is known.
    pub idempotency: Idempotency,
    /// For how long after the run is deleted its keyring still knows its payloads.
    pub digest_window: Duration,
    /// The most records that are admitted, if there is a limit.
    pub record_limit: Option<i64>,
    /// What happens to what cannot become a record.
    pub dead_letter: DeadLetter,
}

impl Sources {
    /// What is pushed to it, if it is a run to which programs push.
    #[must_use]
    pub fn pushed(&self) -> Option<Pushed<'_>> {
        let (source, http) =
            self.sources.iter().find_map(|source| Some((source, source.description.get("http")?)))?;
        Some(Pushed {
            source: &source.name,
            max_pending: http["maxPending"].as_i64().unwrap_or(i64::MAX),
            period: Duration::from_micros(http["periodMicros"].as_u64().unwrap_or_default()),
        })
    }

    /// A name, a description and whether it asks for confirmations, each, as `run_create` takes them.
    pub(crate) fn as_json(&self) -> String {
        let list = self.sources.iter().map(|SourceOfRun { name, description, confirm }| {
            serde_json::json!({"name": name, "description": description, "confirm": confirm})
        });
        Value::Array(list.collect()).to_string()
    }
}

/// What programs push to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// With so many records that are not signed, no more are taken in.
    pub max_pending: i64,
    /// A batch that is not full is closed once this time has passed since its first record.
    pub period: Duration,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOfRun {
    /// Unique within the run.
    pub name: String,
    /// Where it is and what it is made of, in the words of whoever reads it: a JSON object, without any secret.
    pub description: Value,
    /// Whether somebody is told of each of its records, once that is signed.
    pub confirm: bool,
}

/// How a payload that came before is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// By its SHA-256: of the same payloads, a ring signs the first.
    Content,
    /// By the value of this expression, which whoever admits works out.
    Expression(String),
    /// Not at all: each is signed.
    None,
}

impl Idempotency {
    /// The word in the ledger.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Content => "Content",
            Self::Expression(_) => "Expression",
            Self::None => "None",
        }
    }

    /// The expression, if there is one.
    #[must_use]
    pub fn expression(&self) -> Option<&str> {
        match self {
            Self::Expression(expression) => Some(expression),
            Self::Content | Self::None => None,
        }
    }
}

/// What happens to what cannot become a record. It may change while a run is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// More than so many suspend the run.
    pub limit: i64,
    /// How long their bytes are kept.
    pub retention: Duration,
}

impl<'r> sqlx::FromRow<'r, PgRow> for Input {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let Some(idempotency) = row.try_get::<Option<&str>, _>("idempotency")? else {
            return GeneratedSource::from_row(row).map(Self::Generated);
        };
        let corrupt = |what: &str| sqlx::Error::Decode(what.to_owned().into());
        let sources = row.try_get::<Option<&str>, _>("sources")?.unwrap_or("[]");
        let sources: Vec<Value> =
            serde_json::from_str(sources).map_err(|_| corrupt("sources are no list"))?;
        let sources = sources.into_iter().map(|source| {
            let Value::Object(mut description) = source else { return Err(corrupt("a source is no object")) };
            let confirm = description.remove("confirm").is_some_and(|confirm| confirm == true);
            match description.remove("name") {
                Some(Value::String(name)) => {
                    Ok(SourceOfRun { name, description: description.into(), confirm })
                }
                _ => Err(corrupt("a source has no name")),
            }
        });
        Ok(Self::Sources(Sources {
            sources: sources.collect::<Result<_, _>>()?,
            idempotency: match (idempotency, row.try_get("expression")?) {
                ("Content", None) => Idempotency::Content,
                ("None", None) => Idempotency::None,
                ("Expression", Some(expression)) => Idempotency::Expression(expression),
                _ => return Err(corrupt("an idempotency is unknown")),
            },
            digest_window: Duration::try_from_secs_f64(row.try_get("digest_window")?).unwrap_or_default(),
            record_limit: row.try_get("record_limit")?,
            dead_letter: DeadLetter {
                limit: row.try_get("dead_limit")?,
                retention: Duration::try_from_secs_f64(row.try_get("dead_retention")?).unwrap_or_default(),
            },
        }))
    }
}

impl Input {
    /// The random records that it makes; none if it makes none.
    #[must_use]
    pub const fn generated(&self) -> Option<&GeneratedSource> {
        match self {
            Self::Generated(source) => Some(source),
            Self::Sources(_) => None,
        }
    }

    /// Its sources, if it has any.
    #[must_use]
    pub const fn sources(&self) -> Option<&Sources> {
        match self {
            Self::Generated(_) => None,
            Self::Sources(sources) => Some(sources),
        }
    }
}
