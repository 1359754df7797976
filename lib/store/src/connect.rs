//! Connecting to the ledger.

mod as_login;
mod credentials;
mod given;
mod guard;
mod ledger;
mod transport;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use crate::answer::{LONG, answered};
use crate::error::StoreError;
use crate::{pooling, query};
pub use given::GivenUrl;
use guard::{Behind, Guard};
pub use ledger::Ledger;
use transport::{Asked, Place, Transport};

/// The oldest major version of PostgreSQL that Chancery supports.
pub const OLDEST_POSTGRES: i32 = 15;

/// How long an answer to the owner may take. Seeding a chunk and counting a large run take seconds.
pub(crate) const OWNER_STATEMENT_TIMEOUT: Duration = Duration::from_secs(120);

/// How long connecting may take before it counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The role in which the logins of runs are, and which has what they have in common.
pub const SIGNER_ROLE: &str = "chancery_signer";

/// The role that all logins which admit records have in common.
pub const INTAKE_ROLE: &str = "chancery_intake";

/// The role that the logins of deliveries are in.
pub const DELIVERY_ROLE: &str = "chancery_delivery";

/// The role of the gateway's login: takes in what programs push, and shows what became of it.
pub const GATEWAY_ROLE: &str = "chancery_gateway";

/// The name under which the right to read everything but private keys is granted.
pub const AUDITOR_ROLE: &str = "chancery_auditor";

/// The role of those who make, watch and delete runs, and own nothing.
pub const OPERATOR_ROLE: &str = "chancery_operator";

/// Where a ledger is: a parsed database URL. Its `Debug` and `Display` show no password.
#[derive(Clone)]
pub struct LedgerUrl {
    text: String,
    options: PgConnectOptions,
    /// The server, if logins at it are guarded.
    behind: Option<Behind>,
    /// The role that every session takes on.
    role: Option<&'static str>,
}

impl std::fmt::Debug for LedgerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for LedgerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        };
        write!(
            f,
            "{} on {place} as {}",
            self.options.get_database().unwrap_or("(default)"),
            self.options.get_username()
        )
    }
}

impl FromStr for LedgerUrl {
    type Err = StoreError;

    /// Reads a `postgres://` URL, as `libpq` documents it, but for `sslmode`: a server that is neither on this machine
    /// nor reached by a socket is verified unless `sslmode` or `PGSSLMODE` says otherwise.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadUrl`] or [`StoreError::UnsafeTransport`], without repeating the URL, which may hold a password.
    fn from_str(url: &str) -> Result<Self, StoreError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(StoreError::BadUrl("it does not begin with postgres://".to_owned()));
        }
        let options =
            PgConnectOptions::from_str(url).map_err(|error| StoreError::BadUrl(error.to_string()))?;
        // Every statement is one of a few dozen, and each is logged where it matters: sqlx's own log
        // of statements would only repeat them.
        //
        // sqlx would send `extra_float_digits` as it connects, which PgBouncer refuses unless it is told to
        // ignore it; the server's default is as good.
        let options = options.disable_statement_logging().extra_float_digits(None);
        let environment = std::env::var("PGSSLMODE").ok();
        let asked = Asked::of(url, &options, environment.as_deref())?;
        let proof_wanted = asked.place == Place::Remote && asked.password;
        let (options, behind) = match asked.decide()? {
            Transport::Direct(mode) => (options.ssl_mode(mode), None),
            Transport::Guarded(encryption) => {
                let (host, port) = (options.get_host().to_owned(), options.get_port());
                (options, Some(Behind { host, port, encryption, proof_wanted }))
            }
        };
        Ok(Self { text: url.to_owned(), options, behind, role: None })
    }
}

impl LedgerUrl {
    /// The URL as it was given, password and all: for the environment of a process that is to use the
    /// same database by the same login, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The same place with the rights of an auditor only: whatever goes wrong in an audit, it changes nothing.
    #[must_use]
    pub fn as_auditor_role(mut self) -> Self {
        // Not as a startup option: PgBouncer would refuse it.
        self.role = Some(AUDITOR_ROLE);
        self
    }

    /// The same place, under a name that `pg_stat_activity` shows.
    #[must_use]
    pub fn named(mut self, application_name: &str) -> Self {
        self.options = self.options.application_name(application_name);
        self
    }

    /// The same server, another database.
    #[must_use]
    pub fn in_database(mut self, database: &str) -> Self {
        self.options = self.options.database(database);
        self
    }

    /// Creates the database of this URL if it does not exist, by way of the database `postgres`.
    ///
    /// # Errors
    ///
    /// A server that is away or refuses.
    pub async fn create_database(&self) -> Result<(), StoreError> {
        let Some(name) = self.options.get_database() else { return Ok(()) };
        let mut connection = self.clone().in_database("postgres").connect(OWNER_STATEMENT_TIMEOUT).await?;
        let creation = sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {}", quoted(name))));
        match answered("creating the database", LONG, creation.execute(&mut connection)).await {
            Ok(_) => Ok(()),
            // It is there, or somebody else creates it this moment.
            Err(StoreError::Query { reason: sqlx::Error::Database(refusal), .. })
                if matches!(refusal.code().as_deref(), Some("42P04" | "23505")) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Copies a database of this server. Nobody may be connected to the original.
    ///
    /// # Errors
    ///
    /// A server that is away or refuses.
    pub async fn copy_database(&self, original: &str, copy: &str) -> Result<(), StoreError> {
        let mut connection = self.connect(OWNER_STATEMENT_TIMEOUT).await?;
        let (original, copy) = (quoted(original), quoted(copy));
        let copying = sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {copy} TEMPLATE {original}")));
        answered("copying a database", LONG, copying.execute(&mut connection)).await.map(|_| ())
    }

    /// One connection, checked: the server is new enough and may be written to.
    ///
    /// # Errors
    ///
    /// What keeps the server from being used; see [`StoreError::is_transient`].
    pub async fn connect(&self, statement_timeout: Duration) -> Result<PgConnection, StoreError> {
        let connecting = async {
            let mut connection = self.open().await?;
            prepare_session(&mut connection, statement_timeout, self.role).await?;
            Ok(connection)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .unwrap_or(Err(StoreError::TimedOut(CONNECT_TIMEOUT)))
    }

    /// Refuses a place behind a pooler that shares server sessions between its clients. For the start of a
    /// program: it opens a few connections for a moment.
    ///
    /// # Errors
    ///
    /// [`StoreError::SharedSession`], or what keeps the server from being reached.
    pub async fn refuse_shared_sessions(&self) -> Result<(), StoreError> {
        tokio::time::timeout(CONNECT_TIMEOUT, pooling::refuse_shared_sessions(self))
            .await
            .unwrap_or(Err(StoreError::TimedOut(CONNECT_TIMEOUT)))
    }

    /// A bare connection: nothing is set, nothing is checked.
    pub(crate) async fn open(&self) -> Result<PgConnection, StoreError> {
        let opened = match self.guard()? {
            Some(guard) => guard.options(&self.options).connect().await,
            None => self.options.connect().await,
        };
        opened.map_err(|error| StoreError::of("the connection", error))
    }

    /// A guard for logins, if they need one.
    fn guard(&self) -> Result<Option<Guard>, StoreError> {
        let guard = self.behind.as_ref().map(Guard::start).transpose();
        guard.map_err(|error| StoreError::Unreachable(sqlx::Error::Io(error)))
    }
}

/// An identifier in quotes, as SQL wants it.
fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Sets the session's limits and its role, and refuses a server that cannot hold a ledger.
async fn prepare_session(
    connection: &mut PgConnection,
    statement_timeout: Duration,
    role: Option<&'static str>,
) -> Result<(), StoreError> {
    let state = query::server_state
        .rows()
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| StoreError::of(query::server_state.name, error))?;
    let version: i32 = state.get("version");
    if version / 10_000 < OLDEST_POSTGRES {
        return Err(StoreError::TooOld { found: state.get("version_text"), wanted: OLDEST_POSTGRES });
    }
    if state.get::<bool, _>("read_only") {
        return Err(StoreError::ReadOnly);
    }
    let timeout = format!("{}ms", statement_timeout.as_millis());
    query::session_settings
        .rows()
        .bind(&timeout)
        .bind(&timeout)
        .bind(role)
        .execute(connection)
        .await
        .map_err(|error| StoreError::of(query::session_settings.name, error))?;
    Ok(())
}
