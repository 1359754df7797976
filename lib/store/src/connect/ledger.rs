//! The owner's connections.

use std::sync::Arc;

use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};

use super::{CONNECT_TIMEOUT, LedgerUrl, OWNER_STATEMENT_TIMEOUT, prepare_session};
use crate::error::StoreError;
use crate::identity::Identity;
use crate::lent::is_still_there;

/// The ledger, as its owner sees it: may migrate, seed, watch, audit and delete.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(crate) pool: PgPool,
    pub(crate) url: LedgerUrl,
    pub(crate) identity: Identity,
}

impl Ledger {
    /// Connects as the owner, with at most `connections` at a time.
    ///
    /// # Errors
    ///
    /// What keeps the server from being used: the first connection is made, and checked, here.
    pub async fn connect(url: LedgerUrl, connections: u32) -> Result<Self, StoreError> {
        url.refuse_shared_sessions().await?;
        // The pool would hide why a connection fails behind its own time-out.
        let first = url.connect(OWNER_STATEMENT_TIMEOUT).await?;
        drop(first);
        let role = url.role;
        let identity = Identity::default();
        let known = identity.clone();
        let guard = url.guard()?.map(Arc::new);
        let options = match &guard {
            Some(guard) => guard.options(&url.options),
            None => url.options.clone(),
        };
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECT_TIMEOUT * 3)
            .test_before_acquire(false)
            .before_acquire(|connection, _| Box::pin(async move { Ok(is_still_there(connection).await) }))
            .after_connect(move |connection, _| {
                // It works for as long as the pool does.
                let _ = &guard;
                let known = known.clone();
                Box::pin(async move {
                    let prepared = async {
                        prepare_session(connection, OWNER_STATEMENT_TIMEOUT, role).await?;
                        known.look(connection).await
                    };
                    prepared.await.map_err(|error| match error {
                        StoreError::Unreachable(reason)
                        | StoreError::GaveUp { reason, .. }
                        | StoreError::AtLimit(reason)
                        | StoreError::Query { reason, .. } => reason,
                        other => sqlx::Error::Configuration(Box::new(other)),
                    })
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, url, identity })
    }

    /// The same ledger, with this URL for the connections of audits and exports.
    #[must_use]
    pub fn by_login(self, url: LedgerUrl) -> Self {
        Self { url, ..self }
    }

    /// Where this ledger is.
    #[must_use]
    pub fn url(&self) -> &LedgerUrl {
        &self.url
    }

    /// Remembers, or compares with what it remembers, which ledger this connection leads to.
    pub(crate) async fn recognise(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.identity.recognise(connection).await
    }

    /// Gives all connections back; to be called before a server of one's own is stopped.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// The pool, for what the typed calls do not cover: tests that break a ledger on purpose.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}
