//! A connection of the pool while somebody has it.
//!
//! The pool asks each connection whether it still answers, when it is taken out and when it is put back, and of itself waits for
//! that without end. One whose server fell silent would be lost to the pool, and with it a place for another.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection as _, Postgres};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::error::StoreError;

/// How long a connection that has nothing else to do may take to say that it is still there.
const STILL_THERE: Duration = Duration::from_secs(5);

/// See the module. Dropped, it is put back.
pub(crate) struct Lent {
    connection: PoolConnection<Postgres>,
    is_over: bool,
}

impl Lent {
    pub(crate) async fn from(pool: &PgPool) -> Result<Self, StoreError> {
        let taken = pool.acquire().await.map_err(|error| StoreError::of("the connection", error))?;
        Ok(Self { connection: taken, is_over: false })
    }

    /// Ends it. Another takes its place.
    pub(crate) fn end(mut self) {
        self.is_over = true;
        self.connection.close_on_drop();
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // Without a runtime, the program ends, and the connection with it.
        if let Ok(runtime) = Handle::try_current() {
            let back = self.connection.return_to_pool();
            // What is not back in time is closed.
            runtime.spawn(async move { timeout(STILL_THERE, back).await });
        }
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// Whether a connection that was idle still answers.
pub(crate) async fn is_still_there(connection: &mut PgConnection) -> bool {
    matches!(timeout(STILL_THERE, connection.ping()).await, Ok(Ok(())))
}
