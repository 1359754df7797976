//! Which ledger a connection leads to. A database may be dropped and made anew, restored, or put in another's place,
//! while a program goes on that knows numbers of the old one.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::answer::{SHORT, answered};
use crate::connect::LedgerUrl;
use crate::error::StoreError;
use crate::{migrate, query};

/// The uid of the ledger that a program works on, once it has found one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    was: Arc<OnceLock<Uuid>>,
    /// What the newest connection of the pool led to, if not there. A pool cannot be told: it would connect again and
    /// again, and then say that the database does not answer.
    stranger: Arc<Mutex<Option<Stranger>>>,
}

/// The ledger that was found in another's place, if there is one.
#[derive(Clone, Copy, Debug)]
struct Stranger(Option<Uuid>);

impl Identity {
    /// Whether a ledger was found.
    pub(crate) fn is_known(&self) -> bool {
        self.was.get().is_some()
    }

    /// Remembers which ledger this connection leads to. Where one is remembered already, it has to be that.
    pub(crate) async fn recognise(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        if let Some(was) = self.was.get() {
            return compare(*was, connection).await;
        }
        let Some(is) = uid(connection).await? else {
            return Err(StoreError::Corrupt("it has no uid".to_owned()));
        };
        match *self.was.get_or_init(|| is) {
            was if was == is => Ok(()),
            was => Err(StoreError::OtherLedger { was, is: Some(is) }),
        }
    }

    /// Looks where a new connection of the pool leads to. [`Identity::check`] tells.
    pub(crate) async fn look(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let Some(was) = self.was.get() else { return Ok(()) };
        // Within the time that the pool has for a new connection.
        let uid = query::ledger_uid.scalars::<Option<Uuid>>().fetch_one(connection).await;
        let is = if_any(uid.map_err(|error| StoreError::of(query::ledger_uid.name, error)))?;
        let stranger = (is != Some(*was)).then_some(Stranger(is));
        *self.stranger.lock().unwrap_or_else(PoisonError::into_inner) = stranger;
        Ok(())
    }

    /// Whether the pool's connections lead to the ledger that is remembered, if one is.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let stranger = *self.stranger.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.was.get(), stranger) {
            (Some(was), Some(Stranger(is))) => Err(StoreError::OtherLedger { was: *was, is }),
            _ => Ok(()),
        }
    }
}

/// Connects once more, as this holder, to the ledger with this uid, and makes sure that it is that one.
pub(crate) async fn connect_again(
    url: &LedgerUrl,
    ledger: Uuid,
    holder: &str,
) -> Result<PgConnection, StoreError> {
    let mut connection = url.clone().named(holder).connect(SHORT).await?;
    match migrate::check_version(&mut connection).await {
        // There was one when its uid was read.
        Err(StoreError::OlderLedger { ledger: 0, .. }) => {
            return Err(StoreError::OtherLedger { was: ledger, is: None });
        }
        other => other?,
    }
    compare(ledger, &mut connection).await?;
    Ok(connection)
}

/// Whether this connection leads to the ledger `was`.
pub(crate) async fn compare(was: Uuid, connection: &mut PgConnection) -> Result<(), StoreError> {
    match uid(connection).await? {
        Some(is) if is == was => Ok(()),
        is => Err(StoreError::OtherLedger { was, is }),
    }
}

/// The uid of the ledger, if there is one.
async fn uid(connection: &mut PgConnection) -> Result<Option<Uuid>, StoreError> {
    let uid = query::ledger_uid.scalars::<Option<Uuid>>();
    if_any(answered(query::ledger_uid.name, SHORT, uid.fetch_one(connection)).await)
}

/// The uid that was answered; none where there is no ledger.
fn if_any(answer: Result<Option<Uuid>, StoreError>) -> Result<Option<Uuid>, StoreError> {
    match answer {
        Err(error) if NO_LEDGER.iter().any(|code| error.is_refusal(code)) => Ok(None),
        other => other,
    }
}

/// PostgreSQL's SQLSTATEs for a schema and a table that do not exist.
const NO_LEDGER: [&str; 2] = ["3F000", "42P01"];
