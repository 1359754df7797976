//! A sink of each kind.

mod held;

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use chancery_kit::{
    AzureServer, DeliveryProcess, HttpRelay, S3Server, SeededRun, StepRelay, TestLedger, TestRun,
    WebhookServer, sink_tables,
};
use chancery_local_postgres::ThrowAway;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

/// The kinds of sinks, and what is in their objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    PackedFolder,
    ParquetFolder,
    Bucket,
    ParquetBucket,
    Container,
    Http,
    Table,
}

pub(crate) const KINDS: [Kind; 8] = [
    Kind::Folder,
    Kind::PackedFolder,
    Kind::ParquetFolder,
    Kind::Bucket,
    Kind::ParquetBucket,
    Kind::Container,
    Kind::Http,
    Kind::Table,
];

/// The bearer token that services are shown.
pub(crate) const TOKEN: &str = "a-token";
/// The access key that stores are shown.
pub(crate) const ACCESS_KEY: &str = "test";
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.chancery.manifest.v1+json";
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A sink of each kind that was asked for, of the run of one ledger.
pub(crate) struct Places {
    pub(crate) kinds: Vec<Kind>,
    folders: TempDir,
    /// What sinks are asked with, in a folder for each.
    pub(crate) secrets: TempDir,
    s3: Option<S3Server>,
    /// The way to it.
    pub(crate) store: Option<HttpRelay>,
    azure: Option<Arc<AzureServer>>,
    /// Its container.
    container: String,
    pub(crate) http: WebhookServer,
    /// The way to the database of the table.
    pub(crate) table: StepRelay,
    user: String,
    database: String,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::PackedFolder => "packed-folder",
            Self::ParquetFolder => "parquet-folder",
            Self::Bucket => "bucket",
            Self::ParquetBucket => "parquet-bucket",
            Self::Container => "container",
            Self::Http => "http",
            Self::Table => "table",
        }
    }

    const fn end(self) -> &'static str {
        match self {
            Self::ParquetFolder | Self::ParquetBucket => ".parquet",
            Self::PackedFolder => ".ndjson.gz",
            _ => ".ndjson",
        }
    }

    /// The name of the object of a batch.
    fn object(self, batch: i64) -> String {
        format!("demo/{batch:010}{}", self.end())
    }
}

impl Places {
    /// Of these kinds, as far as there are programs for them. Whatever a sink needs is there.
    pub(crate) async fn new(server: &ThrowAway, ledger: &TestLedger, kinds: &[Kind]) -> anyhow::Result<Self> {
        let is_bucket = |kind: &Kind| matches!(kind, Kind::Bucket | Kind::ParquetBucket);
        let s3 = if kinds.iter().any(is_bucket) { S3Server::start()? } else { None };
        let azure = if kinds.contains(&Kind::Container) { AzureServer::shared() } else { None };
        let container = match &azure {
            Some(azure) => azure.new_container().await,
            None => String::new(),
        };
        let is_to_be_had = |kind: &Kind| match kind {
            Kind::Bucket | Kind::ParquetBucket => s3.is_some(),
            Kind::Container => azure.is_some(),
            _ => true,
        };
        let kinds: Vec<Kind> = kinds.iter().copied().filter(is_to_be_had).collect();
        let mut connection = sqlx::PgConnection::connect(&ledger.url).await?;
        let own = sqlx::query_as("SELECT current_user::text, current_database()::text");
        let (user, database): (String, String) = own.fetch_one(&mut connection).await?;
        let store = match &s3 {
            Some(s3) => Some(HttpRelay::to(s3.port()).await?),
            None => None,
        };
        let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
        let table = StepRelay::passing(&socket).await?;
        let places = Self {
            kinds,
            folders: tempfile::tempdir()?,
            secrets: tempfile::tempdir()?,
            s3,
            store,
            azure,
            container,
            http: WebhookServer::scoring().await?,
            table,
            user,
            database,
        };
        for kind in &places.kinds {
            std::fs::create_dir(places.folders.path().join(kind.name()))?;
            if !matches!(kind, Kind::Folder | Kind::PackedFolder | Kind::ParquetFolder) {
                std::fs::create_dir(places.secrets.path().join(kind.name()))?;
            }
            match kind {
                Kind::Folder | Kind::PackedFolder | Kind::ParquetFolder => {}
                Kind::Bucket | Kind::ParquetBucket => {
                    let s3 = places.s3.as_ref().context("an S3 server")?;
                    s3.put(kind.name(), b"").await?;
                    places.give(*kind, "AWS_ACCESS_KEY_ID", ACCESS_KEY)?;
                    places.give(*kind, "AWS_SECRET_ACCESS_KEY", "test")?;
                }
                Kind::Container => {
                    places.give(*kind, "AZURE_STORAGE_ACCOUNT", AzureServer::ACCOUNT)?;
                    places.give(*kind, "AZURE_STORAGE_KEY", AzureServer::KEY)?;
                }
                Kind::Http => {
                    places.give(*kind, "secret", KEY)?;
                    places.give(*kind, "token", TOKEN)?;
                }
                Kind::Table => {
                    ledger.execute(AssertSqlSafe(sink_tables()?)).await?;
                    places.give(*kind, "url", &places.url_of_table(&places.user))?;
                }
            }
        }
        Ok(places)
    }

    /// Puts a file into the folder of a sink's Secret.
    pub(crate) fn give(&self, kind: Kind, file: &str, text: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(self.secrets.path().join(kind.name()).join(file), text)?)
    }

    /// The URL of the table's database for this user.
    pub(crate) fn url_of_table(&self, user: &str) -> String {
        self.table.url(user, &self.database)
    }

    /// As the user that may write there.
    pub(crate) fn good_url_of_table(&self) -> String {
        self.url_of_table(&self.user)
    }

    pub(crate) fn folder(&self, kind: Kind) -> std::path::PathBuf {
        self.folders.path().join(kind.name())
    }

    /// Makes those empty that can be emptied.
    pub(crate) async fn clear(&self, ledger: &TestLedger) -> anyhow::Result<()> {
        for kind in &self.kinds {
            match kind {
                Kind::Folder | Kind::PackedFolder | Kind::ParquetFolder => {
                    std::fs::remove_dir_all(self.folder(*kind))?;
                    std::fs::create_dir(self.folder(*kind))?;
                }
                Kind::Table => ledger.execute("TRUNCATE public.signed, public.signed_manifests").await?,
                Kind::Bucket | Kind::ParquetBucket => {
                    self.s3.as_ref().context("an S3 server")?.empty(kind.name()).await?;
                }
                Kind::Container => {
                    let azure = self.azure.as_ref().context("Azurite")?;
                    for name in blobs(azure, &self.container).await? {
                        azure.delete(&format!("{}/{name}", self.container)).await;
                    }
                }
                Kind::Http => {}
            }
        }
        Ok(())
    }

    /// A run that is delivered to all of them.
    pub(crate) fn to_all(&self, run: TestRun) -> TestRun {
        let described = |kind: Kind| {
            let format = if kind.end() == ".parquet" { "Parquet" } else { "NDJSON" };
            let layout = format!("{{run}}/{{batch}}{}", kind.end());
            let objects = |url: String| json!({"url": url, "format": format, "layout": layout});
            let mut kept = match kind {
                Kind::Folder | Kind::PackedFolder | Kind::ParquetFolder => {
                    json!({"objects": objects(format!("file://{}", self.folder(kind).display()))})
                }
                Kind::Bucket | Kind::ParquetBucket => {
                    let mut objects = objects(format!("s3://{}/signed", kind.name()));
                    objects["endpoint"] = json!(self.store.as_ref().map(HttpRelay::endpoint));
                    json!({ "objects": objects })
                }
                Kind::Container => {
                    let mut objects = objects(format!("az://{}/signed", self.container));
                    objects["endpoint"] = json!(self.azure.as_deref().map(AzureServer::endpoint));
                    json!({ "objects": objects })
                }
                Kind::Http => json!({"http": {"url": self.http.url()}}),
                Kind::Table => json!({"table": {"table": "public.signed"}}),
            };
            kept["backoff"] = json!({"duration": "1ms", "maxDuration": "2ms"});
            kept
        };
        self.kinds.iter().fold(run, |run, kind| run.sink_of(kind.name(), described(*kind)))
    }

    /// Starts a delivery of the run to all of them.
    pub(crate) async fn start(&self, run: &SeededRun<'_>, holder: &str) -> anyhow::Result<DeliveryProcess> {
        self.start_by(run, &run.delivery_url().await?, holder)
    }

    /// The same by another way to the ledger.
    pub(crate) fn start_by(
        &self,
        run: &SeededRun<'_>,
        url: &str,
        holder: &str,
    ) -> anyhow::Result<DeliveryProcess> {
        let secrets = self.secrets.path().display().to_string();
        DeliveryProcess::start(url, &run.run.name, holder, &["--credentials-dir", &secrets], &[])
    }

    /// Has everything brought there. Returns what the delivery logged.
    pub(crate) async fn bring(&self, run: &SeededRun<'_>) -> anyhow::Result<String> {
        let (code, log) = self.start(run, "a delivery").await?.ended().await?;
        ensure!(code == Some(0), "the delivery ended with {code:?}: {log}");
        Ok(log)
    }

    /// The names of all objects of a bucket.
    pub(crate) async fn names(&self, kind: Kind) -> anyhow::Result<Vec<String>> {
        let s3 = self.s3.as_ref().context("an S3 server")?;
        Ok(s3.objects(kind.name()).await?.into_keys().collect())
    }

    /// What somebody else puts where the second batch of this kind is to be.
    pub(crate) async fn take_place_of_second(&self, kind: Kind) -> anyhow::Result<()> {
        let (name, content) = (kind.object(2), "somebody else's");
        if let Kind::Bucket | Kind::ParquetBucket = kind {
            let s3 = self.s3.as_ref().context("an S3 server")?;
            return s3.put(&format!("{}/signed/{name}", kind.name()), content.as_bytes()).await;
        }
        if kind == Kind::Container {
            let azure = self.azure.as_ref().context("Azurite")?;
            azure.put(&format!("{}/signed/{name}", self.container), content.as_bytes()).await;
            return Ok(());
        }
        std::fs::create_dir_all(self.folder(kind).join("demo"))?;
        Ok(std::fs::write(self.folder(kind).join(name), content)?)
    }
}

/// The names of all objects of a container.
async fn blobs(azure: &AzureServer, container: &str) -> anyhow::Result<Vec<String>> {
    let query = [("comp", "list"), ("restype", "container")];
    let list = String::from_utf8(azure.request("GET", container, &query, b"").await)?;
    let names = list.split("<Name>").skip(1).filter_map(|rest| rest.split("</Name>").next());
    Ok(names.map(str::to_owned).collect())
}
