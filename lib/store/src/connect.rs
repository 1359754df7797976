//! Connecting to the ledger.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use crate::answer::{LONG, answered};
use crate::error::StoreError;
use crate::identity::Identity;
use crate::{pooling, query};

/// The oldest major version of PostgreSQL that Chancery supports.
pub const OLDEST_POSTGRES: i32 = 15;

/// How long an answer to the owner may take. Seeding a chunk and counting a large run take seconds.
pub(crate) const OWNER_STATEMENT_TIMEOUT: Duration = Duration::from_secs(120);

/// How long connecting may take before it counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The name under which the rights of a signer are granted.
pub const SIGNER_ROLE: &str = "chancery_signer";

/// The name under which the right to read everything but private keys is granted.
pub const AUDITOR_ROLE: &str = "chancery_auditor";

/// Where a ledger is: a parsed database URL. Its `Debug` and `Display` show no password.
#[derive(Clone)]
pub struct LedgerUrl {
    text: String,
    options: PgConnectOptions,
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

    /// Reads a `postgres://` URL, as `libpq` documents it.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadUrl`], without repeating the URL, which may hold a password.
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
        Ok(Self { text: url.to_owned(), options, role: None })
    }
}

/// A database URL as it was given, not read yet: what reads command lines would repeat one that it can
/// not read, password and all.
#[derive(Clone)]
pub struct GivenUrl(String);

impl std::fmt::Debug for GivenUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenUrl")
    }
}

impl From<String> for GivenUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl GivenUrl {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadUrl`], without repeating the URL.
    pub fn read(&self) -> Result<LedgerUrl, StoreError> {
        self.0.parse()
    }
}

impl LedgerUrl {
    /// The URL as it was given, password and all: for the environment of a process that is to use the
    /// same database, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The same place with the rights of a signer only. For a signer that the owner starts itself;
    /// where signers have a login of their own, that login is used as it is.
    #[must_use]
    pub fn as_signer_role(mut self) -> Self {
        // Not as a startup option: PgBouncer would refuse it.
        self.role = Some(SIGNER_ROLE);
        self
    }

    /// The same place with the rights of an auditor only: whatever goes wrong in an audit, it changes nothing.
    #[must_use]
    pub fn as_auditor_role(mut self) -> Self {
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
        self.options.connect().await.map_err(|error| StoreError::of("the connection", error))
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

/// The ledger, as its owner sees it: may migrate, seed, watch, audit and delete.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(crate) pool: PgPool,
    pub(crate) url: LedgerUrl,
    pub(crate) identity: Identity,
}

impl Ledger {
    /// Connects as the owner, with at most `connections` at a time.
    ///
    /// # Errors
    ///
    /// What keeps the server from being used: the first connection is made, and checked, here.
    pub async fn connect(url: LedgerUrl, connections: u32) -> Result<Self, StoreError> {
        url.refuse_shared_sessions().await?;
        // The pool would hide why a connection fails behind its own time-out.
        let first = url.connect(OWNER_STATEMENT_TIMEOUT).await?;
        drop(first);
        let role = url.role;
        let identity = Identity::default();
        let known = identity.clone();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECT_TIMEOUT * 3)
            .after_connect(move |connection, _| {
                let known = known.clone();
                Box::pin(async move {
                    let prepared = async {
                        prepare_session(connection, OWNER_STATEMENT_TIMEOUT, role).await?;
                        known.look(connection).await
                    };
                    prepared.await.map_err(|error| match error {
                        StoreError::Unreachable(reason)
                        | StoreError::GaveUp { reason, .. }
                        | StoreError::AtLimit(reason)
                        | StoreError::Query { reason, .. } => reason,
                        other => sqlx::Error::Configuration(Box::new(other)),
                    })
                })
            })
            .connect_lazy_with(url.options.clone());
        Ok(Self { pool, url, identity })
    }

    /// The same ledger, with this URL for the connections of audits and exports.
    #[must_use]
    pub fn by_login(self, url: LedgerUrl) -> Self {
        Self { url, ..self }
    }

    /// Where this ledger is.
    #[must_use]
    pub fn url(&self) -> &LedgerUrl {
        &self.url
    }

    /// Remembers, or compares with what it remembers, which ledger this connection leads to.
    pub(crate) async fn recognise(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.identity.recognise(connection).await
    }

    /// Gives all connections back; to be called before a server of one's own is stopped.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// The pool, for what the typed calls do not cover: tests that break a ledger on purpose.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}
