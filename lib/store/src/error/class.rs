//! Refusals sorted by their SQLSTATE (PostgreSQL documentation, appendix A), and told.

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::codes::UNSAFE_LOGIN;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Class {
    Unreachable,
    GaveUp,
    AtLimit,
    DiskFull,
    LoginRefused,
    NoDatabase,
    ReadOnly,
    LacksRights,
    SharedSession,
    SessionNotReset,
    PoolerRefuses,
    UnsafeLogin,
    OtherFunctions,
    Other,
}

/// What the database said; the place in its own source, which the library adds, helps nobody here.
pub(crate) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(refusal) => refusal.message().to_owned(),
        other => other.to_string(),
    }
}

/// What the database advises, in parentheses.
pub(super) fn hint(error: &sqlx::Error) -> String {
    let refusal = error.as_database_error().and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
    let hint = refusal.and_then(PgDatabaseError::hint).map(|hint| hint.lines().collect::<Vec<_>>().join(" "));
    hint.map_or_else(String::new, |hint| format!(" ({hint})"))
}

/// Sorts a refusal.
pub(super) fn class_of(refusal: &dyn DatabaseError) -> Class {
    let code = refusal.code().unwrap_or_default().into_owned();
    match code.as_str() {
        "53100" => Class::DiskFull,
        "28P01" | "28000" => Class::LoginRefused,
        UNSAFE_LOGIN => Class::UnsafeLogin,
        "3D000" => Class::NoDatabase,
        "25006" => Class::ReadOnly,
        "42501" => Class::LacksRights,
        // A prepared statement that is not there: it was made in another session than the one of now.
        "26000" => Class::SharedSession,
        // One that is there already: only ever another client's.
        "42P05" => Class::SessionNotReset,
        // PgBouncer gives this code to nearly all it says, so its words have to tell.
        "08P01" if refusal.message().starts_with("unsupported startup parameter") => Class::PoolerRefuses,
        // A function, or a column of what one answers, that is not there.
        "42883" | "42703" => Class::OtherFunctions,
        // It was put in place anew while it was called: another call finds the new one.
        "XX000" if refusal.message().starts_with("cache lookup failed for function") => Class::GaveUp,
        // temp_file_limit; and transaction ids that are nearly used up, until somebody vacuums.
        "53400" | "54000" => Class::AtLimit,
        // Cancelled or timed out, deadlock, serialization, lock not available, no memory for this one.
        "57014" | "40P01" | "40001" | "55P03" | "53200" if !is_fatal(refusal) => Class::GaveUp,
        // Too many connections.
        "53300" => Class::Unreachable,
        // The server had to end the session: it lacks memory or room, cannot read or write a file, or found
        // a fault in itself, which may well be a full disk once more.
        _ if is_fatal(refusal) && ["53", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            Class::Unreachable
        }
        // Connection exceptions; the operator shut the server down, it crashed, or it is starting.
        _ if code.starts_with("08") || code.starts_with("57P") => Class::Unreachable,
        _ => Class::Other,
    }
}

/// Whether the refusal was the end of the session.
fn is_fatal(refusal: &dyn DatabaseError) -> bool {
    let refusal = refusal.try_downcast_ref::<PgDatabaseError>();
    refusal.is_some_and(|refusal| matches!(refusal.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}
