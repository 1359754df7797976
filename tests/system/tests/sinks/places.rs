//! A sink of each kind, and what is there of a run: compared with what an export writes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_kit::{
    AzureServer, Chancery, DeliveryProcess, HttpRelay, S3Server, SeededRun, StepRelay, TestLedger, TestRun,
    WebhookServer, sink_tables,
};
use chancery_local_postgres::ThrowAway;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

use crate::brought::files;

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

/// By batch, the lines of its records.
pub(crate) type Lines = BTreeMap<i64, Vec<Value>>;

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

    /// Each of them has each batch of the run once, and the manifest that names them, and nothing else.
    pub(crate) async fn have_all(&self, run: &SeededRun<'_>) -> anyhow::Result<()> {
        let expected = exported(run).await?;
        for kind in &self.kinds {
            let held = self.held(*kind, run, &expected).await.with_context(|| format!("{kind:?}"))?;
            let numbers = |lines: &Lines| lines.keys().copied().collect::<Vec<_>>();
            ensure!(numbers(&held) == numbers(&expected), "{kind:?} has {:?}", numbers(&held));
            for (batch, lines) in &expected {
                ensure!(
                    held.get(batch) == Some(lines),
                    "{kind:?} has another batch {batch}: {:?}",
                    held[batch]
                );
            }
        }
        Ok(())
    }

    async fn held(&self, kind: Kind, run: &SeededRun<'_>, expected: &Lines) -> anyhow::Result<Lines> {
        let mut held = Lines::new();
        match kind {
            Kind::Folder | Kind::PackedFolder | Kind::ParquetFolder => {
                let mut files = files(&self.folder(kind))?;
                is_of(&files.remove("demo/manifest.json").context("a manifest")?, kind, expected)?;
                for (name, content) in files {
                    let lines = lines_of(kind, content)?;
                    let batch = batch_of(&lines)?;
                    ensure!(name == kind.object(batch) && held.insert(batch, lines).is_none(), "{name}");
                }
            }
            Kind::Bucket | Kind::ParquetBucket => {
                let s3 = self.s3.as_ref().context("an S3 server")?;
                for batch in expected.keys() {
                    let path = format!("{}/signed/{}", kind.name(), kind.object(*batch));
                    if let Some(content) = s3.get(&path).await? {
                        held.insert(*batch, lines_of(kind, content)?);
                    }
                }
                let manifest = s3.get(&format!("{}/signed/demo/manifest.json", kind.name())).await?;
                is_of(&manifest.context("a manifest")?, kind, expected)?;
            }
            Kind::Container => {
                let azure = self.azure.as_ref().context("Azurite")?;
                let mut manifest = None;
                for name in blobs(azure, &self.container).await? {
                    let content = azure.request("GET", &format!("{}/{name}", self.container), &[], b"").await;
                    match name.as_str() {
                        "signed/_chancery-probe" => {}
                        "signed/demo/manifest.json" => manifest = Some(content),
                        _ => {
                            let lines = lines_of(kind, content)?;
                            let batch = batch_of(&lines)?;
                            let is_named = name == format!("signed/{}", kind.object(batch));
                            ensure!(is_named && held.insert(batch, lines).is_none(), "{name}");
                        }
                    }
                }
                is_of(&manifest.context("a manifest")?, kind, expected)?;
            }
            Kind::Http => {
                let mut known: BTreeMap<String, (String, String)> = BTreeMap::new();
                for call in self.http.calls() {
                    let id = call.headers.get("webhook-id").context("an id")?;
                    let content_type = call.headers.get("content-type").context("a type")?.clone();
                    let sent = (content_type, call.body.clone());
                    let before = known.insert(id.clone(), sent.clone());
                    ensure!(before.is_none_or(|before| before == sent), "{id} is of two");
                    ensure!(call.headers.get("authorization") == Some(&format!("Bearer {TOKEN}")));
                    signed_as_it_says(&call.headers, &call.body)?;
                }
                let mut manifests = Vec::new();
                let mut names = BTreeMap::new();
                for (id, (content_type, body)) in known {
                    match content_type.as_str() {
                        "application/x-ndjson" => {
                            let lines = lines_of(kind, body.into_bytes())?;
                            names.insert(batch_of(&lines)?, id);
                            ensure!(held.insert(batch_of(&lines)?, lines).is_none(), "a batch has two ids");
                        }
                        MANIFEST_TYPE => manifests.push(is_of(body.as_bytes(), kind, expected)?),
                        other => anyhow::bail!("{id} is {other}"),
                    }
                }
                ensure!(manifests.len() == 1, "it was sent {} manifests", manifests.len());
                for named in manifests[0]["objects"].as_array().into_iter().flatten() {
                    let id = named["batch"].as_i64().and_then(|batch| names.get(&batch));
                    ensure!(named["name"].as_str() == id.map(String::as_str), "{named} is not {id:?}");
                }
            }
            Kind::Table => {
                let rows: Vec<(i64, String)> = sqlx::query_as(
                    "SELECT batch, json_strip_nulls(json_build_object('run', run, 'record', record, 'batch', batch, 'digest', digest,
                            'payload', translate(encode(payload, 'base64'), E'\n', ''), 'key', key, 'algorithm', algorithm,
                            'signature', translate(encode(signature, 'base64'), E'\n', ''),
                            'signedAt', to_char(signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
                            'envelope', envelope, 'address', address, 'marks', marks, 'traceparent', to_jsonb(signed) ->> 'traceparent'))::text
                       FROM public.signed WHERE run_uid = $1 ORDER BY record",
                )
                .bind(run.run.uid)
                .fetch_all(run.ledger.ledger.pool())
                .await?;
                for (batch, row) in rows {
                    held.entry(batch).or_default().push(serde_json::from_str(&row)?);
                }
                let manifests: Vec<(String, String, String)> = sqlx::query_as(
                    "SELECT run, digest, manifest::text FROM public.signed_manifests WHERE run_uid = $1 AND sink = 'table' AND number = 1",
                )
                .bind(run.run.uid)
                .fetch_all(run.ledger.ledger.pool())
                .await?;
                ensure!(manifests.len() == 1, "it has {} manifests", manifests.len());
                let (name, digest, manifest) = &manifests[0];
                ensure!((name.as_str(), digest) == ("default/demo", &digest_of(manifest.as_bytes())));
                is_of(manifest.as_bytes(), kind, expected)?;
            }
        }
        Ok(held)
    }
}

/// The names of all objects of a container.
async fn blobs(azure: &AzureServer, container: &str) -> anyhow::Result<Vec<String>> {
    let query = [("comp", "list"), ("restype", "container")];
    let list = String::from_utf8(azure.request("GET", container, &query, b"").await)?;
    let names = list.split("<Name>").skip(1).filter_map(|rest| rest.split("</Name>").next());
    Ok(names.map(str::to_owned).collect())
}

/// What an export writes of a run.
async fn exported(run: &SeededRun<'_>) -> anyhow::Result<Lines> {
    let exported = Chancery::on(&run.ledger.url)?.run(&["export", &run.run.name, "signed"]).await?;
    let mut batches = Lines::new();
    for line in exported.expect_code(0)?.stdout.lines() {
        let line: Value = serde_json::from_str(line)?;
        batches.entry(line["batch"].as_i64().context("a batch")?).or_default().push(line);
    }
    Ok(batches)
}

/// In hexadecimal.
fn digest_of(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A manifest that says that the sink has each batch, under a name of its own.
fn is_of(manifest: &[u8], kind: Kind, expected: &Lines) -> anyhow::Result<Value> {
    let manifest: Value = serde_json::from_slice(manifest)?;
    ensure!(manifest["sink"] == kind.name() && manifest["manifest"] == 1, "{manifest}");
    let counts = &manifest["counts"];
    ensure!(counts["batches"] == expected.len() && counts["delivered"] == expected.len(), "{manifest}");
    let named = manifest["objects"].as_array().context("objects")?;
    let names: BTreeSet<_> = named.iter().filter_map(|one| one["name"].as_str()).collect();
    let numbers: Vec<_> = named.iter().filter_map(|one| one["batch"].as_i64()).collect();
    ensure!(
        names.len() == named.len() && numbers == expected.keys().copied().collect::<Vec<_>>(),
        "{manifest}"
    );
    Ok(manifest)
}

fn batch_of(lines: &[Value]) -> anyhow::Result<i64> {
    lines.first().and_then(|line| line["batch"].as_i64()).context("a batch without a line")
}

fn lines_of(kind: Kind, content: Vec<u8>) -> anyhow::Result<Vec<Value>> {
    if kind.end() == ".parquet" {
        return rows_of(content);
    }
    let mut text = String::new();
    if kind == Kind::PackedFolder {
        flate2::read::GzDecoder::new(&content[..]).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8(content)?;
    }
    ensure!(text.ends_with('\n'), "the last line does not end");
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// The rows of a file of Parquet as lines, by the names of its columns.
fn rows_of(content: Vec<u8>) -> anyhow::Result<Vec<Value>> {
    let file = SerializedFileReader::new(bytes::Bytes::from(content))?;
    let mut rows = Vec::new();
    for row in file.get_row_iter(None)? {
        let mut line = json!({});
        for (name, field) in row?.get_column_iter() {
            line[name] = match field {
                Field::Null => continue,
                Field::Str(text) if name == "marks" => serde_json::from_str(text)?,
                Field::Str(text) => json!(text),
                Field::Long(number) => json!(number),
                Field::Bytes(bytes) => json!(STANDARD.encode(bytes.data())),
                Field::TimestampMicros(micros) => {
                    let instant = jiff::Timestamp::from_microsecond(*micros)?;
                    json!(instant.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
                }
                other => anyhow::bail!("{name} is {other:?}"),
            };
        }
        rows.push(line);
    }
    Ok(rows)
}

/// As a receiver verifies a request by Standard Webhooks.
fn signed_as_it_says(headers: &std::collections::HashMap<String, String>, body: &str) -> anyhow::Result<()> {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    let of = |name: &str| headers.get(name).with_context(|| format!("no {name}"));
    let key = STANDARD.decode(KEY.trim_start_matches("whsec_"))?;
    let signature = of("webhook-signature")?.strip_prefix("v1,").context("version 1")?;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key)?;
    mac.update(format!("{}.{}.{body}", of("webhook-id")?, of("webhook-timestamp")?).as_bytes());
    Ok(mac.verify_slice(&STANDARD.decode(signature)?)?)
}
