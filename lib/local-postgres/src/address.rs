//! How clients name a server and a database in it.

use std::fmt::Write;
use std::path::Path;

use crate::SUPERUSER;

/// The port names the socket file; nothing listens on TCP, so every server can have this one.
pub(crate) const PORT: u16 = 5432;

/// `postgresql:///database?host=…`, as sqlx and libpq read it.
///
/// All that matters is said, so that no `PGPORT`, `PGUSER` or `PGSSLMODE` in the environment
/// leads a client elsewhere.
pub(crate) fn url(socket_dir: &Path, database: &str) -> String {
    format!(
        "postgresql:///{}?host={}&port={PORT}&user={SUPERUSER}&sslmode=disable",
        percent_encoded(database),
        percent_encoded(&socket_dir.to_string_lossy()),
    )
}

/// The same in libpq's keyword form, for `psql` and `pg_dump`.
pub(crate) fn conninfo(socket_dir: &Path, database: &str) -> String {
    format!(
        "host={} port={PORT} user={SUPERUSER} dbname={} sslmode=disable",
        quoted(&socket_dir.to_string_lossy()),
        quoted(database),
    )
}

/// Everything but RFC 3986's unreserved characters is encoded.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::postgres::PgConnectOptions;

    use super::*;

    #[test]
    fn sqlx_reads_back_what_the_url_says() {
        let dir = Path::new("/a b/c&d=e/ünï%");
        let options: PgConnectOptions = url(dir, "the/ledger?").parse().unwrap();
        assert_eq!(options.get_socket().unwrap(), dir);
        assert_eq!(options.get_database(), Some("the/ledger?"));
        assert_eq!(options.get_username(), SUPERUSER);
        assert_eq!(options.get_port(), PORT);
    }

    #[test]
    fn conninfo_quotes_what_libpq_would_split() {
        assert_eq!(
            conninfo(Path::new(r"/it's a\b"), "db"),
            r"host='/it\'s a\\b' port=5432 user=chancery dbname='db' sslmode=disable"
        );
    }
}
