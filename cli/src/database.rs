//! The ledger's database: one that the user names, or a private one of our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_local_postgres::{LocalPostgres, ServerOptions};
use chancery_process::{Exit, Stop};
use chancery_store::{Ledger, LedgerUrl};

use crate::arguments::DatabaseArguments;
use crate::error::CliError;

/// Connections of the owner: four seed or audit at a time, the rest watch.
const OWNER_CONNECTIONS: u32 = 6;

/// Connections that a signer process makes, with room for one that is being replaced.
const SIGNER_CONNECTIONS: u32 = 3;

/// Connections for other commands that join the server, each with those of an audit, and for PostgreSQL
/// itself: who comes first sets the limit for all.
const SPARE_CONNECTIONS: u32 = 200;

/// Name of the ledger's database in a private server.
const DATABASE: &str = "chancery";

/// An open ledger, and the private server below it, if it is one of our own.
pub(crate) struct Database {
    pub(crate) ledger: Ledger,
    /// Where a private server keeps its data.
    data: Option<PathBuf>,
    server: Option<LocalPostgres>,
}

impl Database {
    /// Opens the ledger for up to `signers` signers; makes it, or brings it up to date, if need be.
    pub(crate) async fn open_or_create(
        arguments: &DatabaseArguments,
        signers: u32,
    ) -> Result<Self, CliError> {
        let database = Self::open_any(arguments, signers).await?;
        database.ledger.migrate().await?;
        Ok(database)
    }

    /// Opens a ledger that is there, for reading.
    async fn open(arguments: &DatabaseArguments) -> Result<Self, CliError> {
        if arguments.database_url.is_none() && !postgres_dir(&arguments.data_dir).exists() {
            return Err(CliError::NoLedger { path: arguments.data_dir.clone() });
        }
        let database = Self::open_any(arguments, 0).await?;
        database.ledger.check_version().await?;
        Ok(database)
    }

    /// Does with a ledger that is there what a command has to do, and closes it, also when the command is
    /// asked to stop meanwhile.
    pub(crate) async fn with(
        arguments: &DatabaseArguments,
        command: impl AsyncFnOnce(&Self) -> Result<Exit, CliError>,
    ) -> Result<Exit, CliError> {
        let stop = Stop::on_signals(Duration::ZERO).map_err(CliError::Signals)?;
        let database = Self::open(arguments).await?;
        let outcome = tokio::select! {
            outcome = command(&database) => outcome,
            () = stop.asked() => Ok(Exit::Interrupted),
        };
        database.close().await?;
        outcome
    }

    async fn open_any(arguments: &DatabaseArguments, signers: u32) -> Result<Self, CliError> {
        if let Some(url) = &arguments.database_url {
            let url = url.read()?;
            let ledger = Ledger::connect(url.named("chancery"), OWNER_CONNECTIONS).await?;
            return Ok(Self { ledger, data: None, server: None });
        }
        make_private_dir(&arguments.data_dir)?;
        let mut options = ServerOptions::new(postgres_dir(&arguments.data_dir));
        options.max_connections =
            OWNER_CONNECTIONS * 2 + SPARE_CONNECTIONS + signers.saturating_mul(SIGNER_CONNECTIONS);
        let server = LocalPostgres::start(options)?;
        if let Some(note) = server.note() {
            tracing::warn!("{note}");
        }
        let url = server.url(DATABASE);
        let place: LedgerUrl = url.parse()?;
        place.create_database().await?;
        let ledger = Ledger::connect(place.named("chancery"), OWNER_CONNECTIONS).await?;
        Ok(Self { ledger, data: Some(postgres_dir(&arguments.data_dir)), server: Some(server) })
    }

    /// A folder on the disk of a private server.
    pub(crate) fn disk(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Gives the connections back and stops the private server, unless somebody else uses it.
    pub(crate) async fn close(self) -> Result<(), CliError> {
        self.ledger.close().await;
        if let Some(server) = self.server {
            server.stop()?;
        }
        Ok(())
    }
}

fn postgres_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres")
}

fn make_private_dir(path: &Path) -> Result<(), CliError> {
    fs::create_dir_all(path).map_err(|reason| CliError::DataDir { path: path.to_owned(), reason })
}
