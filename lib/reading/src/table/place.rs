//! Where a database is, taken out of its URL, and out of nothing else: no variable of the environment and no file of
//! passwords has a say in where a tenant's query goes, and as whom.

use std::net::IpAddr;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::destination::check_host;
use crate::table_error::TableError;

/// A server, and how to log in there.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) options: PgConnectOptions,
    pub(crate) route: Route,
    pub(crate) login: TableLogin,
    /// As a message may name it: without user and password.
    pub(crate) shown: String,
}

/// Where a URL leads, and as whom. Of the password, only whether there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableLogin {
    /// A name, an address, or the folder of a Unix socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// Whether the URL has a password.
    pub has_password: bool,
}

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Socket,
    Tcp {
        host: String,
        port: u16,
        /// Whether TLS proves that the server is the one that is named.
        verified: bool,
    },
}

impl Place {
    pub(crate) fn parse(given: &str) -> Result<Self, TableError> {
        refuse_environment(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))?;
        let bad = |why: &str| TableError::BadUrl { why: why.to_owned() };
        let url = Url::parse(given.trim()).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(bad("it does not begin with postgres://"));
        }
        let decoded = |text: &str| decode(text).ok_or_else(|| bad("a part of it is not UTF-8"));
        let mut parts = Parts {
            host: decoded(url.host_str().unwrap_or_default())?,
            port: url.port().unwrap_or(5432),
            user: decoded(url.username())?,
            password: decoded(url.password().unwrap_or_default())?,
            database: decoded(url.path().trim_start_matches('/'))?,
            mode: None,
            options: PgConnectOptions::new_without_pgpass(),
        };
        for (name, value) in url.query_pairs() {
            parts.take(&name, &value)?;
        }
        parts.place()
    }

    /// The same with a password, which comes from elsewhere than the URL.
    pub(crate) fn with_password(mut self, password: &str) -> Self {
        self.options = self.options.password(password);
        self.login.has_password = true;
        self
    }
}

/// sqlx takes these from the environment, and nothing takes them away again. A certificate of the process's own, with which
/// it may reach its ledger, would be shown to a tenant's server, or let a tenant's query into the ledger.
fn refuse_environment(is_set: impl Fn(&str) -> bool) -> Result<(), TableError> {
    match ["PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT", "PGOPTIONS"].into_iter().find(|name| is_set(name)) {
        Some(name) => Err(TableError::Environment { name }),
        None => Ok(()),
    }
}

struct Parts {
    host: String,
    port: u16,
    user: String,
    password: String,
    database: String,
    mode: Option<String>,
    options: PgConnectOptions,
}

impl Parts {
    fn take(&mut self, name: &str, value: &str) -> Result<(), TableError> {
        let bad = |why: String| TableError::BadUrl { why };
        match name {
            "host" => value.clone_into(&mut self.host),
            "port" => self.port = value.parse().map_err(|_| bad("its port is no number".to_owned()))?,
            "user" => value.clone_into(&mut self.user),
            "password" => value.clone_into(&mut self.password),
            "dbname" => value.clone_into(&mut self.database),
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" => self.options = self.options.clone().ssl_root_cert(value),
            _ => {
                let known = "host, port, user, password, dbname, sslmode and sslrootcert";
                return Err(bad(format!(
                    "it has the parameter `{}`; known are {known}",
                    name.escape_debug()
                )));
            }
        }
        Ok(())
    }

    fn place(self) -> Result<Place, TableError> {
        let Self { host, port, user, password, database, mode, options } = self;
        let bad = |why: &str| TableError::BadUrl { why: why.to_owned() };
        if host.is_empty() {
            return Err(bad("it names no host"));
        }
        if user.is_empty() || database.is_empty() {
            return Err(bad("it names no user or no database"));
        }
        let socket = host.starts_with('/');
        let mode = transport(mode.as_deref(), socket || is_loopback(&host))?;
        // sqlx would send `extra_float_digits` as it connects, which PgBouncer refuses.
        let options = options
            .port(port)
            .username(&user)
            .password(&password)
            .database(&database)
            .ssl_mode(mode)
            .application_name("chancery-intake")
            .statement_cache_capacity(0)
            .extra_float_digits(None)
            .disable_statement_logging();
        let shown = format!("{database} on {host}:{port}");
        let login =
            TableLogin { host: host.clone(), port, database, user, has_password: !password.is_empty() };
        if socket {
            return Ok(Place { options: options.socket(&host), route: Route::Socket, login, shown });
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        check_host(&bare).map_err(|forbidden| TableError::ForbiddenDestination {
            place: shown.clone(),
            why: forbidden.to_string(),
        })?;
        let verified = matches!(mode, PgSslMode::VerifyFull);
        let route = Route::Tcp { host: bare.clone(), port, verified };
        Ok(Place { options: options.host(&bare), route, login, shown })
    }
}

/// With `verify-full` strangers cannot answer; `disable` says that there are none. What is in between looks safe and is
/// not.
fn transport(asked: Option<&str>, near: bool) -> Result<PgSslMode, TableError> {
    match asked {
        None if near => Ok(PgSslMode::Disable),
        None | Some("verify-full") => Ok(PgSslMode::VerifyFull),
        Some("disable") => Ok(PgSslMode::Disable),
        Some(other) => Err(TableError::UnsafeUrl { why: format!("it has sslmode={}", other.escape_debug()) }),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
        || host.eq_ignore_ascii_case("localhost")
}

/// `%2F` and its like.
fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Result<PgSslMode, TableError> {
        Place::parse(url).map(|place| place.options.get_ssl_mode())
    }

    #[test]
    fn beyond_this_machine_a_server_is_verified_unless_the_url_says_that_the_network_is_trusted() {
        for near in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert!(matches!(mode(&format!("postgres://u@{near}/d")), Ok(PgSslMode::Disable)), "{near}");
        }
        assert!(matches!(mode("postgres://u@db.example/d"), Ok(PgSslMode::VerifyFull)));
        assert!(matches!(mode("postgres://u@db.example/d?sslmode=disable"), Ok(PgSslMode::Disable)));
        for unsafe_mode in ["allow", "prefer", "require", "verify-ca", "x"] {
            let said = mode(&format!("postgres://u@db.example/d?sslmode={unsafe_mode}")).expect_err("unsafe");
            assert!(matches!(said, TableError::UnsafeUrl { .. }), "{said}");
        }
    }

    #[test]
    fn a_url_has_its_parts_before_and_behind_the_question_mark() {
        let one = Place::parse("postgres://us%40er:pa%2Fss@db.example:6432/da%20ta").expect("a URL");
        let query = "host=db.example&port=6432&user=us%40er&password=pa%2Fss";
        let other = Place::parse(&format!("postgresql:///da%20ta?{query}")).expect("a URL");
        for place in [one, other] {
            assert_eq!(place.shown, "da ta on db.example:6432");
            assert_eq!(place.options.get_username(), "us@er");
            let route = Route::Tcp { host: "db.example".to_owned(), port: 6432, verified: true };
            assert_eq!(place.route, route);
        }
        let socket = Place::parse("postgres:///d?host=/run/postgresql&user=u").expect("a URL");
        assert_eq!(socket.route, Route::Socket);
    }

    #[test]
    fn what_the_environment_would_add_is_refused() {
        assert_eq!(refuse_environment(|name| name == "PGPASSWORD"), Ok(()), "every URL has its own");
        let said = refuse_environment(|name| name == "PGSSLCERT").expect_err("a certificate").to_string();
        assert!(said.contains("PGSSLCERT"), "{said}");
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_and_its_password_is_not_repeated() {
        for url in [
            "user:s3cret@host",
            "mysql://u:s3cret@h/d",
            "postgres://u:s3cret@/d",
            "postgres://u:s3cret@h",
            "postgres://:s3cret@h/d",
            "postgres://u:s3cret@h:port/d",
            "postgres://u:s3cret@h/d?ssl=1",
            "postgres://u:s3cret@h/d?sslcert=/ledger.crt&sslkey=/ledger.key",
            "postgres://u:s3cret@h/d?sslmode=require",
            "postgres://u:s3cret@169.254.169.254/d",
            "postgres://u:s3cret@[fe80::1]/d",
            "postgres://u:s3cret@0xa9fea9fe/d",
            "postgres://u:s3cret@metadata.google.internal/d",
            "postgres:///d?host=169.254.169.254&user=u&password=s3cret",
        ] {
            let said = Place::parse(url).map(|place| place.shown).expect_err(url);
            assert!(!format!("{said} {said:?}").contains("s3cret"), "{said}");
        }
    }
}
