//! The PostgreSQL server that Chancery and its peers take turns on.

use std::fs;

use anyhow::ensure;
use chancery_local_postgres::{ServerOptions, ThrowAway};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// Those of the server that `chancery run` starts for itself, and what makes a commit outlive a crash.
const SETTINGS: [(&str, &str); 5] = [
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
];

/// A server in a temporary folder, gone with this process however it ends.
#[derive(Debug)]
pub struct Server(ThrowAway);

impl Server {
    /// Starts it, with the same settings for all.
    ///
    /// # Errors
    ///
    /// There is no PostgreSQL, or it is not as durable as it was told to be.
    pub async fn start() -> anyhow::Result<Self> {
        let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let options = ServerOptions { settings, ..ServerOptions::default() };
        // What a killed benchmark leaves there is swept by the next.
        let folder = std::env::temp_dir().join("chancery-bench");
        fs::create_dir_all(&folder)?;
        let server = Self(ThrowAway::start(&folder, options)?);
        let mut connection = PgConnection::connect(&server.url("postgres")).await?;
        for (name, wanted) in SETTINGS {
            let value: String =
                sqlx::query("SELECT current_setting($1)").bind(name).fetch_one(&mut connection).await?.get(0);
            ensure!(value == wanted, "{name} is {value}, not {wanted}");
        }
        Ok(server)
    }

    /// The address of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.0.url(database)
    }

    /// Makes a database, empty or a copy.
    ///
    /// # Errors
    ///
    /// It is there already, or the server is not.
    pub async fn create(&self, database: &str, template: Option<&str>) -> anyhow::Result<String> {
        // By files: the other way would write all of the copy to the WAL first.
        let template =
            template.map_or_else(String::new, |name| format!(" TEMPLATE {name} STRATEGY FILE_COPY"));
        self.execute(format!("CREATE DATABASE {database}{template}")).await?;
        Ok(self.url(database))
    }

    /// Removes a database, whoever is connected to it.
    ///
    /// # Errors
    ///
    /// It is not there, or the server is not.
    pub async fn drop(&self, database: &str) -> anyhow::Result<()> {
        self.execute(format!("DROP DATABASE {database} WITH (FORCE)")).await
    }

    /// Leaves nothing that an earlier trial wrote to be written to disk during the next.
    ///
    /// # Errors
    ///
    /// The server is not there.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.execute("CHECKPOINT".to_owned()).await
    }

    async fn execute(&self, statement: String) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}
