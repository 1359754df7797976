//! Which ledger a connection leads to. A database may be dropped and made anew, restored, or put in another's place,
//! while a program goes on that knows numbers of the old one.

use std::sync::{Arc, OnceLock};

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::query;

/// The uid of the ledger that a program works on, once it has found one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity(Arc<OnceLock<Uuid>>);

impl Identity {
    /// Remembers which ledger this connection leads to. Where one is remembered already, it has to be that.
    pub(crate) async fn recognise(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        if let Some(was) = self.0.get() {
            return compare(*was, connection).await;
        }
        let Some(is) = uid(connection).await? else {
            return Err(StoreError::Corrupt("it has no uid".to_owned()));
        };
        match *self.0.get_or_init(|| is) {
            was if was == is => Ok(()),
            was => Err(StoreError::OtherLedger { was, is: Some(is) }),
        }
    }

    /// Whether this connection leads to the ledger that is remembered, if one is.
    pub(crate) async fn is_still_there(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        match self.0.get() {
            Some(was) => compare(*was, connection).await,
            None => Ok(()),
        }
    }
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
    match answered(query::ledger_uid.name, SHORT, uid.fetch_one(connection)).await {
        Err(error) if NO_LEDGER.iter().any(|code| error.is_refusal(code)) => Ok(None),
        other => other,
    }
}

/// PostgreSQL's SQLSTATEs for a schema and a table that do not exist.
const NO_LEDGER: [&str; 2] = ["3F000", "42P01"];
