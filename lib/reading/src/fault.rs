//! What a store's error means: the object is another one, waiting helps, or somebody has to act.

use std::error::Error;
use std::io::ErrorKind;

use object_store::client::{HttpError, HttpErrorKind};

use crate::arrival::{Changed, Reason};
use crate::error::{FinalError, ReadError, TransientError};
use crate::resolve::forbidden_in;

/// Why a text cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The pinned version is not there any more.
    Changed(Changed),
    /// What is there cannot be read.
    Corrupt(Reason),
    /// The source as a whole.
    Read(ReadError),
}

/// The fault of a request for an object.
pub(crate) fn of_object(source_url: &str, error: &object_store::Error) -> Fault {
    match error {
        object_store::Error::NotFound { .. } if !names_no_bucket(&error.to_string()) => {
            Fault::Changed(Changed::Gone)
        }
        object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. } => {
            Fault::Changed(Changed::Unknown)
        }
        // Shorter than it was, of a store that looks at the range first.
        _ if status(error) == Some(416) => Fault::Changed(Changed::Unknown),
        _ => Fault::Read(of_source(source_url, error)),
    }
}

/// It is the bucket that is missing, and not the object.
fn names_no_bucket(text: &str) -> bool {
    text.contains("NoSuchBucket") || text.contains("ContainerNotFound")
}

/// The error of a request for anything else.
pub(crate) fn of_source(source_url: &str, error: &object_store::Error) -> ReadError {
    let source_url = source_url.to_owned();
    if let Some(forbidden) = chain(error).find_map(forbidden_in) {
        return FinalError::ForbiddenDestination { source_url, why: forbidden.to_string() }.into();
    }
    if let Some(why) = chain(error).find_map(untrusted) {
        return FinalError::Untrusted { source_url, why }.into();
    }
    let why = said(error);
    let text = error.to_string();
    match kind_of(error) {
        Kind::NotThere => FinalError::NotThere { source_url, why }.into(),
        Kind::Refused if UNKNOWN_LOGIN.iter().any(|code| text.contains(code)) => {
            FinalError::BadCredentials { source_url, why }.into()
        }
        Kind::Refused => FinalError::Refused { source_url, why }.into(),
        Kind::Away => TransientError::Unavailable { source_url, why }.into(),
        Kind::Other => FinalError::Other { source_url, why }.into(),
    }
}

/// What a store's error says to whoever writes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing about what was written: the bucket or folder is missing, the login is wrong or has no right, nobody answers, there is no
    /// room. Once somebody has mended that, the same may be written.
    Unavailable(String),
    /// That it does not take this.
    Refused(String),
}

/// See [`Said`]. Whatever might be about the store, or about who asks, is: a token that has run out is answered like a bad request, and
/// would otherwise be an answer about every object there is.
#[must_use]
pub fn said_by(error: &object_store::Error) -> Said {
    let forbidden = chain(error).find_map(forbidden_in).map(|forbidden| forbidden.to_string());
    if let Some(why) = forbidden.or_else(|| chain(error).find_map(untrusted)) {
        return Said::Unavailable(why);
    }
    let why = said(error);
    if status(error) == Some(413) || NOT_THIS.iter().any(|code| why.starts_with(code)) {
        Said::Refused(why)
    } else {
        Said::Unavailable(why)
    }
}

/// Codes of S3 and of Azure that say that an object is too large, or has a name that none may have.
const NOT_THIS: [&str; 5] =
    ["EntityTooLarge", "KeyTooLong", "RequestBodyTooLarge", "InvalidResourceName", "OutOfRangeInput"];

/// What TLS has against whoever answers. It lies within I/O errors, which do not name what is in them as their source.
fn untrusted(error: &(dyn Error + 'static)) -> Option<String> {
    match error.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(why)) => Some(why.to_string()),
        Some(_) => None,
        None => untrusted(error.downcast_ref::<std::io::Error>()?.get_ref()?),
    }
}

enum Kind {
    NotThere,
    Refused,
    Away,
    Other,
}

/// By the status of HTTP or the kind of I/O error, if there is one: `object_store` has a variant of its own for some
/// requests only.
fn kind_of(error: &object_store::Error) -> Kind {
    match (status(error), io_kind(error), error) {
        (Some(404), ..)
        | (_, Some(ErrorKind::NotFound | ErrorKind::NotADirectory), _)
        | (.., object_store::Error::NotFound { .. }) => Kind::NotThere,
        (Some(401 | 403), ..)
        | (_, Some(ErrorKind::PermissionDenied), _)
        | (.., object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }) => {
            Kind::Refused
        }
        (Some(408 | 429 | 500..), ..) | (None, Some(_), _) => Kind::Away,
        (None, None, _) if broke_off(error) => Kind::Away,
        _ => Kind::Other,
    }
}

/// Codes of S3 and of Azure that say that the login itself is wrong, and not its rights.
const UNKNOWN_LOGIN: [&str; 8] = [
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "AuthorizationHeaderMalformed",
    "InvalidClientTokenId",
];

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

fn io_kind(error: &object_store::Error) -> Option<ErrorKind> {
    // An I/O error below an HTTP error is the connection's.
    if chain(error).any(|one| one.is::<HttpError>()) {
        return None;
    }
    chain(error).find_map(|one| one.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}

fn broke_off(error: &object_store::Error) -> bool {
    chain(error).find_map(|one| one.downcast_ref::<HttpError>()).is_some_and(|error| {
        matches!(
            error.kind(),
            HttpErrorKind::Connect
                | HttpErrorKind::Request
                | HttpErrorKind::Timeout
                | HttpErrorKind::Interrupted
        )
    })
}

/// The status of HTTP, which `object_store` has in the text of its error only.
fn status(error: &object_store::Error) -> Option<u16> {
    let text = error.to_string();
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

/// What the store said, short: the code and the message of S3 or Azure, or else the innermost cause.
fn said(error: &object_store::Error) -> String {
    // A ledger keeps no NUL, and a line of a log no other of those.
    let text: String = error.to_string().chars().filter(|char| !char.is_control() || *char == '\n').collect();
    let between = |open: &str, close: &str| {
        let (_, after) = text.split_once(open)?;
        let (inner, _) = after.split_once(close)?;
        // Azure tells the number of the request and the time on lines of their own.
        inner.trim().lines().next().map(ToOwned::to_owned)
    };
    match (between("<Code>", "</Code>"), between("<Message>", "</Message>")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        _ => chain(error).last().map_or(text.clone(), ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, code: &str) -> object_store::Error {
        let text =
            format!("status code: {status}, <Error><Code>{code}</Code><Message>so it is</Message></Error>");
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn only_what_is_about_an_object_is_an_answer_about_it() {
        for (status, code) in
            [(413, "RequestBodyTooLarge"), (400, "EntityTooLarge"), (400, "KeyTooLongError")]
        {
            assert_eq!(said_by(&answered(status, code)), Said::Refused(format!("{code}: so it is")));
        }
        for (status, code) in [
            (400, "ExpiredToken"),
            (400, "AuthorizationHeaderMalformed"),
            (403, "SignatureDoesNotMatch"),
            (404, "NoSuchBucket"),
            (409, "OperationAborted"),
            (503, "SlowDown"),
        ] {
            assert_eq!(said_by(&answered(status, code)), Said::Unavailable(format!("{code}: so it is")));
        }
        let full = std::io::Error::from(ErrorKind::StorageFull);
        let full = object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(full) };
        assert!(matches!(said_by(&full), Said::Unavailable(_)));
    }
}
