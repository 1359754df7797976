//! A private PostgreSQL with a ledger, as `chancery run` makes it for itself.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use chancery_keyring::{DataKey, Kek};
use chancery_kit::{data_key_of, stock, write_data_key};
use chancery_local_postgres::{LocalPostgres, ServerOptions};
use chancery_process::create_kek_file;
use chancery_store::{Ledger, LedgerUrl, Run};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

use crate::cpu::Cpu;
use crate::work::Work;

/// The name of all sessions but those of signers.
pub(crate) const OWNER: &str = "chancery";

/// Of the owner, as many as `chancery run` has.
const OWNER_CONNECTIONS: u32 = 6;

/// Enough for 64 signers with two connections each.
const CONNECTIONS: u32 = 400;

/// A ledger of one's own, gone with this value.
pub(crate) struct Site {
    pub(crate) ledger: Ledger,
    pub(crate) url: String,
    pub(crate) kek: Kek,
    pub(crate) kek_file: PathBuf,
    server: LocalPostgres,
    // Dropped after the server in it.
    folder: TempDir,
}

impl Site {
    /// With the settings that `chancery run` starts a server with, and these over them.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut options = ServerOptions::new(folder.path().join("postgres"));
        options.max_connections = CONNECTIONS;
        options.settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let server = tokio::task::spawn_blocking(|| LocalPostgres::start(options)).await??;
        let url = server.url("chancery");
        let place: LedgerUrl = url.parse()?;
        place.create_database().await?;
        let ledger = Ledger::connect(place.named(OWNER), OWNER_CONNECTIONS).await?;
        ledger.migrate().await?;
        let kek_file = folder.path().join("kek");
        let kek = create_kek_file(&kek_file)?;
        Ok(Self { ledger, url, kek, kek_file, server, folder })
    }

    /// A folder for files.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Creates a run and fills it, and tells how many seconds that took.
    pub(crate) async fn seed(&self, name: &str, work: &Work) -> anyhow::Result<(Run, f64)> {
        let began = Instant::now();
        let (run, _) = self.ledger.create_run(&work.new_run(name, &self.kek)?).await?;
        stock(&self.ledger, &run, &self.kek).await?;
        Ok((self.ledger.find_run("default", name).await?, began.elapsed().as_secs_f64()))
    }

    /// The data key of a run's ring.
    pub(crate) async fn data_key(&self, run: &Run) -> anyhow::Result<DataKey> {
        data_key_of(&self.ledger, &run.keyring, &self.kek).await
    }

    /// The same in a file, which its signers are given.
    pub(crate) async fn data_key_file(&self, run: &Run) -> anyhow::Result<PathBuf> {
        let path = self.folder().join(format!("data-key-of-{}", run.name));
        write_data_key(&path, &self.data_key(run).await?)?;
        Ok(path)
    }

    /// Removes a run, and tells how many seconds that took.
    pub(crate) async fn delete(&self, run: &Run) -> anyhow::Result<f64> {
        let began = Instant::now();
        self.ledger.delete_run(run).await?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// A connection apart from those of the ledger, under the same name.
    pub(crate) async fn connection(&self) -> anyhow::Result<PgConnection> {
        let options: PgConnectOptions = self.url.parse()?;
        Ok(options.application_name(OWNER).connect().await?)
    }

    /// One number.
    pub(crate) async fn number(&self, sql: &str) -> anyhow::Result<f64> {
        self.number_or_none(sql).await?.with_context(|| format!("no number: {sql}"))
    }

    /// One number, which may be NULL.
    pub(crate) async fn number_or_none(&self, sql: &str) -> anyhow::Result<Option<f64>> {
        let sql = AssertSqlSafe(format!("SELECT ({sql})::float8"));
        sqlx::query_scalar(sql).fetch_one(self.ledger.pool()).await.context("a number of the database's")
    }

    pub(crate) async fn execute(&self, sql: &'static str) -> anyhow::Result<()> {
        sqlx::raw_sql(sql).execute(self.ledger.pool()).await?;
        Ok(())
    }

    /// Processor time that was spent until now, by this server and by processes that we have waited for.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        Cpu::until_now(i32::try_from(self.postmaster()?)?)
    }

    /// The server's first process, which starts all others.
    pub(crate) fn postmaster(&self) -> anyhow::Result<u32> {
        self.server.server_pid()?.context("the server runs")
    }
}
