//! Single values of a database, each by a key.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tokio::sync::Semaphore;

use crate::error::{FinalError, ReadError};
use crate::table::connect::connect;
use crate::table::failure;
use crate::table::place::{Place, Route, TableLogin};
use crate::table_error::TableError;

/// Connections of one lookup.
const CONNECTIONS: usize = 4;

/// How long the server may take for one key, and this side waits for it.
const ANSWER: Duration = Duration::from_secs(5);

/// Bytes of a value.
const MOST: i32 = 65_536;

/// Fixes how values are printed. Nothing can be changed in it.
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL timezone = 'UTC'; \
    SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; \
    SET LOCAL statement_timeout = '5s'";

/// A query that gives one value for a key, at most.
pub struct KeyLookup {
    place: Place,
    sql: String,
    room: Semaphore,
    /// Connections that nobody uses.
    idle: Mutex<Vec<PgConnection>>,
}

/// Not what is within: the place holds a password.
impl std::fmt::Debug for KeyLookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyLookup").field(&self.place.shown).finish()
    }
}

/// The value of a key, or nothing; or why that is not known.
pub type Looked = Result<Option<Value>, String>;

/// Why a value is not known.
enum Failed {
    /// No other would be known now, either.
    Away(String),
    /// It is this key's.
    OfKey(String),
}

impl KeyLookup {
    /// By a SELECT with the parameter `$1`, the key as text, at the database of a `postgres://` URL. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// What the URL has wrong. It is never repeated.
    pub fn open(url: &str, sql: &str) -> Result<Self, FinalError> {
        let place = Place::parse(url)?;
        let sql = sql.trim();
        let sql = sql.strip_suffix(';').unwrap_or(sql).to_owned();
        Ok(Self { place, sql, room: Semaphore::new(CONNECTIONS), idle: Mutex::default() })
    }

    /// Where the URL leads, and as whom.
    #[must_use]
    pub const fn login(&self) -> &TableLogin {
        &self.place.login
    }

    /// Whether the URL leads to a Unix socket. Who reads for others refuses that.
    #[must_use]
    pub fn is_by_socket(&self) -> bool {
        matches!(self.place.route, Route::Socket)
    }

    /// Logs in, and makes sure that the query is one SELECT of one column.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn look(&self) -> Result<(), ReadError> {
        let mut connection = connect(&self.place).await?;
        let looked = self.probe(&mut connection).await;
        let _closed = connection.close().await;
        looked
    }

    async fn probe(&self, connection: &mut PgConnection) -> Result<(), ReadError> {
        let failed = |error: sqlx::Error| failure::of(&self.place, &error);
        sqlx::raw_sql(BEGIN).execute(&mut *connection).await.map_err(failed)?;
        let described = format!(
            "SELECT found.* FROM (SELECT 1) AS one LEFT JOIN (SELECT * FROM ({}\n) AS found LIMIT 0) AS found ON true",
            self.sql
        );
        let row = sqlx::query(AssertSqlSafe(described)).bind("").fetch_one(&mut *connection).await;
        match row.map_err(failed)?.len() {
            1 => Ok(()),
            columns => Err(TableError::NotOneColumn { columns }.into()),
        }
    }

    /// The values of keys, a few of which are asked for at the same time.
    pub async fn ask(&self, keys: &[String]) -> BTreeMap<String, Looked> {
        let each = keys.len().div_ceil(CONNECTIONS).max(1);
        let parts = keys.chunks(each).map(|keys| self.ask_some(keys));
        futures::future::join_all(parts).await.into_iter().flatten().collect()
    }

    async fn ask_some(&self, keys: &[String]) -> Vec<(String, Looked)> {
        // It is never closed.
        let _room = self.room.acquire().await;
        let mut looked = Vec::with_capacity(keys.len());
        let mut connection = None;
        let mut is_away: Option<String> = None;
        for key in keys {
            let value = match &is_away {
                None => self.value_of(&mut connection, key).await,
                // Each of the others would take as long again to say the same.
                Some(why) => Err(Failed::Away(why.clone())),
            };
            let value = value.map_err(|failed| match failed {
                Failed::Away(why) => is_away.insert(why).clone(),
                Failed::OfKey(why) => why,
            });
            looked.push((key.clone(), value));
        }
        if let Some(mut connection) = connection
            && let Ok(Ok(_)) =
                tokio::time::timeout(ANSWER, sqlx::raw_sql("ROLLBACK").execute(&mut connection)).await
        {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        looked
    }

    async fn value_of(
        &self,
        connection: &mut Option<PgConnection>,
        key: &str,
    ) -> Result<Option<Value>, Failed> {
        self.open_transaction(connection).await.map_err(Failed::Away)?;
        self.one(connection, key).await
    }

    /// Makes sure of a connection with a transaction that has not failed.
    async fn open_transaction(&self, connection: &mut Option<PgConnection>) -> Result<(), String> {
        if connection.is_some() {
            return Ok(());
        }
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        for known in [idle, None] {
            let is_known = known.is_some();
            let mut open = match known {
                Some(open) => open,
                None => connect(&self.place).await.map_err(|error| error.to_string())?,
            };
            match tokio::time::timeout(ANSWER, sqlx::raw_sql(BEGIN).execute(&mut open)).await {
                Ok(Ok(_)) => {
                    *connection = Some(open);
                    return Ok(());
                }
                // One that lay idle may have been closed meanwhile.
                _ if is_known => {}
                Ok(Err(error)) => return Err(failure::of(&self.place, &error).to_string()),
                Err(_) => return Err("the database gave no answer within 5s".to_owned()),
            }
        }
        Err("the database gave no answer".to_owned())
    }

    async fn one(&self, connection: &mut Option<PgConnection>, key: &str) -> Result<Option<Value>, Failed> {
        // No text of PostgreSQL holds it, so no row has it.
        if key.contains('\0') {
            return Ok(None);
        }
        let Some(open) = connection else { return Err(Failed::Away("the database is away".to_owned())) };
        let asked = format!(
            "SELECT octet_length(row.text), CASE WHEN octet_length(row.text) <= {MOST} THEN row.text END \
             FROM (SELECT to_jsonb(found)::text AS text FROM ({}\n) AS found LIMIT 2) AS row",
            self.sql
        );
        let rows = sqlx::query(AssertSqlSafe(asked)).bind(key).fetch_all(open);
        let rows = match tokio::time::timeout(ANSWER, rows).await {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => {
                // Its transaction has failed, if it is there at all.
                *connection = None;
                return Err(match failure::of(&self.place, &error) {
                    ReadError::Transient(why) => Failed::Away(why.to_string()),
                    ReadError::Final(why) => Failed::OfKey(why.to_string()),
                });
            }
            Err(_) => {
                *connection = None;
                return Err(Failed::Away("the database gave no answer within 5s".to_owned()));
            }
        };
        if rows.len() > 1 {
            return Err(Failed::OfKey("the query gives more than one row".to_owned()));
        }
        let Some(row) = rows.first() else { return Ok(None) };
        let text: Option<String> = row.get(1);
        let too_long = || Failed::OfKey(format!("the query gives a value of more than {MOST} bytes"));
        let text = text.ok_or_else(too_long)?;
        let columns: BTreeMap<String, Value> =
            serde_json::from_str(&text).map_err(|error| Failed::OfKey(error.to_string()))?;
        let mut values = columns.into_values();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(Some(value)),
            _ => Err(Failed::OfKey("the query gives more than one column".to_owned())),
        }
    }
}
