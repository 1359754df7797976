//! The file of passwords that PostgreSQL's own programs read (PostgreSQL documentation, "The Password File"). Which line is
//! for which server is in it, so that no server gets another one's password.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::{env, fs, io};

use chancery_reading::TableLogin;

/// Why a file of passwords is of no use.
#[derive(Debug, thiserror::Error)]
pub enum PassFileError {
    /// It is there, or named, and cannot be read.
    #[error("the file of passwords {file} cannot be read: {reason}; correct it, or PGPASSFILE")]
    Unreadable {
        /// Which.
        file: String,
        /// Why not.
        reason: io::Error,
    },
    /// Others can read it.
    #[error("the file of passwords {file} may be read by others than its owner; chmod 600 it")]
    Exposed {
        /// Which.
        file: String,
    },
}

/// The password of a login; none when no line is for it, or there is no file.
pub(crate) fn password(login: &TableLogin) -> Result<Option<String>, PassFileError> {
    let (file, named) = match env::var_os("PGPASSFILE").filter(|file| !file.is_empty()) {
        Some(file) => (PathBuf::from(file), true),
        None => match env::var_os("HOME") {
            Some(home) => (PathBuf::from(home).join(".pgpass"), false),
            None => return Ok(None),
        },
    };
    let shown = || file.display().to_string();
    let unreadable = |reason| PassFileError::Unreadable { file: shown(), reason };
    let metadata = match fs::metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !named => return Ok(None),
        other => other.map_err(unreadable)?,
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(PassFileError::Exposed { file: shown() });
    }
    let text = fs::read_to_string(&file).map_err(unreadable)?;
    Ok(text.lines().find_map(|line| matching(line, login)))
}

/// The password of a line, if that is for this login: `host:port:database:user:password`, each of the first four a value or
/// `*`, with a backslash before a colon or a backslash that belongs to a value.
fn matching(line: &str, login: &TableLogin) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    let mut field = || {
        let (field, after) = split(rest)?;
        rest = after;
        Some(field)
    };
    let host = field()?;
    let port = login.port.to_string();
    let by_socket = login.host.starts_with('/') && host == "localhost";
    let fits = (host == "*" || host == login.host || by_socket)
        && [&port, &login.database, &login.user]
            .into_iter()
            .all(|wanted| field().is_some_and(|field| field == "*" || field == *wanted));
    let password = fits.then(|| unescaped(rest))?;
    (!password.is_empty()).then_some(password)
}

/// What stands before the first colon, and what comes behind it.
fn split(text: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => return Some((unescaped(&text[..at]), &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(host: &str) -> TableLogin {
        TableLogin {
            host: host.to_owned(),
            port: 5432,
            database: "pay:ments".to_owned(),
            user: "reader".to_owned(),
            has_password: false,
        }
    }

    #[test]
    fn a_line_is_for_the_login_that_it_names_and_for_no_other() {
        let of = |line: &str, host: &str| matching(line, &login(host));
        let some = |password: &str| Some(password.to_owned());
        assert_eq!(of(r"db:5432:pay\:ments:reader:s3cret", "db"), some("s3cret"));
        assert_eq!(of(r"*:*:*:*:a\:b\\c:d", "db"), some(r"a:b\c:d"));
        assert_eq!(of("localhost:*:*:reader:s", "/run/postgresql"), some("s"));
        assert_eq!(of("/run/postgresql:*:*:reader:s", "/run/postgresql"), some("s"));
        for line in [
            "",
            "# *:*:*:*:s",
            "db:5432:pay:ments:reader:s",
            "other:*:*:*:s",
            "db:5433:*:*:s",
            "db:*:*:writer:s",
            "db:*:*:reader:",
            "localhost:*:*:*:s",
            "db:*:*",
        ] {
            assert_eq!(of(line, "db"), None, "{line}");
        }
    }
}
