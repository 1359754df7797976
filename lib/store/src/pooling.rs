//! Whether a pooler stands in front of the database that lends one server session to several clients.
//!
//! Behind such a pooler (PgBouncer: transaction or statement mode) a session's settings and role, and the
//! statements prepared in it, are met by other clients, and the lease protocol's time-outs do not hold. No
//! lock outlives a statement, so that no law is broken; but nothing works for long either, and what fails
//! first says nothing of the reason.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use crate::connect::LedgerUrl;
use crate::error::StoreError;

/// Connections to compare. With four, two are led to the same pooler wherever an address leads to up to
/// three poolers in turn.
const CONNECTIONS: usize = 4;

/// How often each is asked. A pooler gives the session that was used last to whoever asks next, so that an
/// idle one is found out by the second question; several rounds are for one that others keep busy.
const ROUNDS: usize = 3;

/// Without a parameter, so that nothing is prepared. Two servers may give the same number to a process.
const SESSION: &str =
    "SELECT pg_backend_pid() || ' since ' || extract(epoch FROM pg_postmaster_start_time()) AS session";

/// Refuses a place where two connections, both open, are in one server session, or where one is now in this
/// and now in that.
pub(crate) async fn refuse_shared_sessions(url: &LedgerUrl) -> Result<(), StoreError> {
    let mut open: Vec<(PgConnection, String)> = Vec::with_capacity(CONNECTIONS);
    while open.len() < CONNECTIONS {
        let mut connection = match url.open().await {
            Ok(connection) => connection,
            // Two are enough where no more are to be had.
            Err(error) if error.is_transient() && open.len() >= 2 => break,
            Err(error) => return Err(error),
        };
        let session = session_of(&mut connection).await?;
        if open.iter().any(|(_, other)| *other == session) {
            return Err(shared("two connections were given one session of the server"));
        }
        open.push((connection, session));
    }
    for _ in 1..ROUNDS {
        for (connection, session) in &mut open {
            if session_of(connection).await? != *session {
                return Err(shared("a connection was moved to another session of the server"));
            }
        }
    }
    for (connection, _) in open {
        // Said goodbye, so that the server has room again at once; what goes wrong with that is no matter.
        let _ = connection.close().await;
    }
    Ok(())
}

async fn session_of(connection: &mut PgConnection) -> Result<String, StoreError> {
    let row = sqlx::raw_sql(SESSION)
        .fetch_one(connection)
        .await
        .map_err(|error| StoreError::of("the session", error))?;
    Ok(row.get("session"))
}

fn shared(found: &str) -> StoreError {
    StoreError::SharedSession(found.to_owned())
}
