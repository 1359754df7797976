//! What an error of the database means: waiting helps, or somebody has to act.

use sqlx::Error;

use crate::error::{ReadError, TransientError};
use crate::table::place::Place;
use crate::table::relay::UNSAFE_LOGIN;
use crate::table_error::TableError;

pub(crate) fn of(place: &Place, error: &Error) -> ReadError {
    let place = place.shown.clone();
    match error {
        Error::Database(said) => {
            let code = said.code().unwrap_or_default();
            by_code(place, &code, said.message().to_owned())
        }
        Error::Tls(why) => TableError::Tls { place, why: why.to_string() }.into(),
        Error::Io(why) if is_refused_tls(why) => TableError::Tls { place, why: why.to_string() }.into(),
        Error::Io(why) => TransientError::Unavailable { source_url: place, why: why.to_string() }.into(),
        other => TableError::Other { place, why: other.to_string() }.into(),
    }
}

/// Whether either side did not like what the other is. A connection that merely broke is another matter.
fn is_refused_tls(error: &std::io::Error) -> bool {
    use rustls::Error::{AlertReceived, InvalidCertificate, PeerIncompatible};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(InvalidCertificate(_) | AlertReceived(_) | PeerIncompatible(_)))
}

/// By SQLSTATE (PostgreSQL documentation, appendix A).
fn by_code(place: String, code: &str, why: String) -> ReadError {
    match code {
        UNSAFE_LOGIN => TableError::UnsafeLogin { place, why }.into(),
        "28P01" | "28000" => TableError::LoginRefused { place, why }.into(),
        "3D000" => TableError::NoDatabase { place, why }.into(),
        // Poolers say so of what they do not do.
        "08P01" => TableError::Pooler { place, why }.into(),
        "42501" => TableError::Refused { place, why }.into(),
        // Conflicts with recovery on a standby, crowded or stopping servers, connections that broke, time-outs.
        "57P01" | "57P02" | "57P03" | "57P05" | "57014" | "25P02" | "25P03" | "25P04" => {
            TransientError::Unavailable { source_url: place, why }.into()
        }
        _ if ["08", "40", "53", "55", "58"].iter().any(|class| code.starts_with(class)) => {
            TransientError::Unavailable { source_url: place, why }.into()
        }
        _ if ["21", "22", "25", "2B", "34", "39", "42", "P0"].iter().any(|class| code.starts_with(class)) => {
            TableError::BadQuery { place, why }.into()
        }
        _ => TableError::Other { place, why: format!("{why} ({code})") }.into(),
    }
}
