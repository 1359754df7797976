//! Whether a pooler stands in front of the database that lends one server session to several clients, or to one after
//! another without resetting it.
//!
//! Behind such a pooler (PgBouncer: transaction or statement mode, or an empty `server_reset_query`) a session's
//! settings and role, and the statements prepared in it, are met by other clients, and the lease protocol's time-outs
//! do not hold. No lock outlives a statement, so that no law is broken; but nothing works for long either, and
//! what fails first says nothing of the reason.

use futures::future::join_all;
use sqlx::postgres::{PgConnection, PgRow};
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

/// Leaves something in the session that a reset takes away. Without a parameter, too.
const LEAVE: &str = "SELECT set_config('chancery.left', 'here', false)";

const LEFT: &str = "SELECT coalesce(current_setting('chancery.left', true), '') <> '' AS is_left";

/// Refuses a place where two connections, both open, are in one server session, or where one is now in this
/// and now in that, or where a session is met again as it was left.
pub(crate) async fn refuse_shared_sessions(url: &LedgerUrl) -> Result<(), StoreError> {
    let mut open: Vec<(PgConnection, String)> = Vec::with_capacity(CONNECTIONS);
    for mut connection in open_some(url).await? {
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
    for (mut connection, _) in open {
        ask(&mut connection, LEAVE).await?;
        // Said goodbye, so that the server has room again at once; what goes wrong with that is no matter.
        let _ = connection.close().await;
    }
    refuse_sessions_as_they_were_left(url).await
}

/// Opens the connections that are compared, all at once, since each waits for the server and for its password's hash. Two are
/// enough where no more are to be had.
async fn open_some(url: &LedgerUrl) -> Result<Vec<PgConnection>, StoreError> {
    let mut open = Vec::with_capacity(CONNECTIONS);
    let mut not_now = None;
    for opened in join_all((0..CONNECTIONS).map(|_| url.open())).await {
        match opened {
            Ok(connection) => open.push(connection),
            Err(error) if error.is_transient() => not_now = Some(error),
            Err(error) => return Err(error),
        }
    }
    match not_now {
        Some(error) if open.len() < 2 => Err(error),
        _ => Ok(open),
    }
}

async fn refuse_sessions_as_they_were_left(url: &LedgerUrl) -> Result<(), StoreError> {
    let mut connection = match url.open().await {
        Ok(connection) => connection,
        // Others were faster: a session that was left is in their hands.
        Err(error) if error.is_transient() => return Ok(()),
        Err(error) => return Err(error),
    };
    if ask(&mut connection, LEFT).await?.get("is_left") {
        let found = "a new connection met a setting of one that was closed";
        return Err(StoreError::SessionNotReset(found.to_owned()));
    }
    let _ = connection.close().await;
    Ok(())
}

async fn session_of(connection: &mut PgConnection) -> Result<String, StoreError> {
    Ok(ask(connection, SESSION).await?.get("session"))
}

async fn ask(connection: &mut PgConnection, sql: &'static str) -> Result<PgRow, StoreError> {
    let row = sqlx::raw_sql(sql).fetch_one(connection).await;
    row.map_err(|error| StoreError::of("the session", error))
}

fn shared(found: &str) -> StoreError {
    StoreError::SharedSession(found.to_owned())
}
