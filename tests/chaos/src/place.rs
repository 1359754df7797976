//! Where schedules are played: one server, and a ledger, a proxy and a folder for each schedule.

mod sources;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use chancery_keyring::Kek;
use chancery_kit::{Manifest, S3Server, SmallDisk, TestLedger, data_key_of, write_data_key};
use chancery_local_postgres::{SUPERUSER, ServerOptions, ThrowAway};
use chancery_process::{create_kek_file, read_kek_file};
use chancery_store::logins::sessions_for;
use chancery_store::{Ledger, LedgerUrl, NewRun};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::input::{Input, Read};
use crate::keeper::{Errand, Task};
use crate::output::{Brought, Output, to_bucket, to_folder};
use crate::proxy::{self, Proxy};
use crate::pushing::Gateways;
use crate::schedule::{Beside, Means, Schedule, Shape};

/// Few enough that they can be used up, and enough for the programs of three runs.
const CONNECTIONS: u32 = 100;

/// One per reader, and as many again while the server has not noticed that those of a dead one are gone.
const SESSIONS_OF_INTAKES: u32 = 20;

/// The same for senders.
const SESSIONS_OF_DELIVERIES: u32 = 20;

/// The first run of a schedule.
const FIRST_RUN: &str = "demo";

/// The keyring of a schedule's runs, if there are several.
pub(crate) const KEYRING: &str = "ring";

/// Enough for the largest run of a schedule.
const DISK_MEGABYTES: u32 = 160;

/// A server that is thrown away with this process.
pub struct Place {
    /// The server.
    pub server: ThrowAway,
    /// What this machine has.
    pub means: Means,
    store: Option<Arc<S3Server>>,
}

/// All that one schedule has to itself.
pub struct Stage {
    /// Between the programs and the server.
    pub proxy: Proxy,
    /// The ledger past the proxy.
    pub direct: String,
    /// What programs are started with.
    pub errand: Errand,
    /// The runs; the first of them is never deleted.
    pub tasks: Vec<Task>,
    /// What each of the runs reads; nothing if their records are generated.
    pub reads: Vec<Read>,
    /// Between the programs and the object store or the tables, if something is read from there.
    pub to_source: Option<Proxy>,
    /// Where what each of the runs signs is brought; nothing if it stays in the ledger.
    pub brings: Vec<Brought>,
    /// Between the programs and the object store, if something is brought there.
    pub to_sink: Option<Proxy>,
    /// Those to whom records are pushed, if they are.
    pub gateways: Option<Arc<Gateways>>,
    /// The disk of the ledger, if a fault needs one.
    pub disk: Option<SmallDisk>,
    namespace: String,
    database: String,
    // Removed last.
    folder: TempDir,
}

impl Place {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// When there is no PostgreSQL on the machine.
    pub fn new(means: Means) -> anyhow::Result<Self> {
        let options = ServerOptions { max_connections: CONNECTIONS, ..ServerOptions::default() };
        let folder = std::env::temp_dir().join("chancery-chaos");
        std::fs::create_dir_all(&folder)?;
        let store = if means.store { S3Server::start()?.map(Arc::new) } else { None };
        Ok(Self { server: ThrowAway::start(&folder, options)?, means, store })
    }

    /// A ledger without runs, and all else that the schedule needs.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn stage(&self, schedule: &Schedule, namespace: &str) -> anyhow::Result<Stage> {
        let database = format!("chaos_{}", schedule.seed);
        let disk = if schedule.needs_disk() { SmallDisk::mount(DISK_MEGABYTES)? } else { None };
        self.create(&database, disk.as_ref()).await?;
        let ledger = TestLedger::create(&self.server, &database).await?;
        let folder = tempfile::tempdir()?;
        let shape = &schedule.shape;
        create_kek_file(&folder.path().join("kek"))?;
        let journal = folder.path().join("journal");
        std::fs::create_dir(&journal)?;
        let proxy = Proxy::start(proxy::Place::Socket(self.socket()), shape.latency).await?;
        let errand = Errand {
            url: proxy.url(SUPERUSER, &database),
            direct: self.server.url(&database),
            folder: folder.path().to_owned(),
            journal,
            threads: shape.threads,
        };
        let tasks = tasks(shape, &errand);
        let (reads, to_source) = self.sources(schedule, folder.path(), (&ledger, &database)).await?;
        let (brings, to_sink) = self.sinks(shape, folder.path()).await?;
        ledger.ledger.close().await;
        for (number, (task, run)) in tasks.iter().zip(runs(shape)).enumerate() {
            let manifest = manifest(&task.run, shape, run, reads.get(number), brings.get(number));
            std::fs::write(task.manifest(), manifest.to_string())?;
        }
        let direct = self.server.url(&database);
        let namespace = namespace.to_owned();
        let gateways = match shape.input {
            Input::Pushed => Some(Arc::new(Gateways::start(&errand)?)),
            Input::Generated | Input::Files | Input::Bucket | Input::Table | Input::Replay => None,
        };
        Ok(Stage {
            proxy,
            direct,
            errand,
            tasks,
            reads,
            to_source,
            brings,
            to_sink,
            gateways,
            disk,
            namespace,
            database,
            folder,
        })
    }

    /// Where each run's batches are to be brought, and the way there.
    async fn sinks(&self, shape: &Shape, folder: &Path) -> anyhow::Result<(Vec<Brought>, Option<Proxy>)> {
        let (mut brings, numbers) = (Vec::new(), 0..=shape.beside.len());
        match shape.output {
            Output::Nowhere => Ok((brings, None)),
            Output::Folder => {
                for number in numbers {
                    brings.push(to_folder(folder, number)?);
                }
                Ok((brings, None))
            }
            Output::Bucket => {
                let store =
                    self.store.as_ref().context("the schedule needs an S3 server, and there is none")?;
                let proxy = Proxy::start(proxy::Place::Port(store.port()), shape.latency).await?;
                for _ in numbers {
                    brings.push(to_bucket(store, &proxy).await?);
                }
                Ok((brings, Some(proxy)))
            }
        }
    }

    fn socket(&self) -> PathBuf {
        self.server.socket_dir().join(format!(".s.PGSQL.{}", self.server.port()))
    }

    async fn create(&self, database: &str, disk: Option<&SmallDisk>) -> anyhow::Result<()> {
        let Some(disk) = disk else { return self.execute(&format!("CREATE DATABASE {database}")).await };
        disk.give_to_owner_of(&self.data_directory().await?)?;
        let place = disk.path().display();
        self.execute(&format!("CREATE TABLESPACE {database} LOCATION '{place}'")).await?;
        self.execute(&format!("CREATE DATABASE {database} TABLESPACE {database}")).await
    }

    async fn data_directory(&self) -> anyhow::Result<String> {
        let mut connection = PgConnection::connect(&self.server.url("postgres")).await?;
        Ok(sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection).await?)
    }

    async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.server.url("postgres")).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.with_context(|| sql.to_owned())?;
        Ok(())
    }

    /// Removes what a schedule had.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn clear(&self, stage: Stage) -> anyhow::Result<()> {
        let Stage { proxy, to_source, to_sink, gateways, disk, database, .. } = stage;
        drop((proxy, to_source, to_sink, gateways));
        // Before its tablespace goes, and after everybody who uses it.
        self.execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await?;
        self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", sources::tables_of(&database)))
            .await?;
        if disk.is_some() {
            self.execute(&format!("DROP TABLESPACE {database}")).await?;
        }
        Ok(())
    }
}

impl Stage {
    /// Records, made while nothing goes wrong yet, unless they are read. The signers make the keys, whatever goes wrong.
    ///
    /// # Errors
    ///
    /// A server that refuses.
    pub async fn seed(&self, shape: &Shape) -> anyhow::Result<()> {
        let ledger = Ledger::connect(self.direct.parse()?, 3).await?;
        let kek = read_kek_file(&self.errand.kek_file())?;
        for (number, (task, run)) in self.tasks.iter().zip(runs(shape)).enumerate() {
            let (read, brought) = (self.reads.get(number), self.brings.get(number));
            let (run, _) = ledger.create_run(&new_run(&task.run, shape, run, read, brought, &kek)).await?;
            if read.is_some() {
                let login = ledger.make_intake_login(&run, SESSIONS_OF_INTAKES).await?;
                task.reads_by(self.errand.url.parse::<LedgerUrl>()?.for_login(&login)?);
            } else {
                chancery_kit::make_records(&ledger, &run).await?;
            }
            if brought.is_some() {
                let login = ledger.make_delivery_login(&run, SESSIONS_OF_DELIVERIES).await?;
                task.delivers_by(self.errand.url.parse::<LedgerUrl>()?.for_login(&login)?);
            }
            write_data_key(&task.data_key_file(), &data_key_of(&ledger, &run.keyring, &kek).await?)?;
            let login = ledger.make_login(&run, sessions_for(task.signers)).await?;
            task.signs_by(self.errand.url.parse::<LedgerUrl>()?.for_login(&login)?);
        }
        ledger.close().await;
        Ok(())
    }

    /// The namespace of the runs.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The names of the runs that were not deleted.
    pub fn surviving_runs(&self) -> impl Iterator<Item = &str> {
        self.tasks.iter().filter(|task| !task.is_given_up()).map(|task| task.run.as_str())
    }

    /// The name of the keyring, if several runs share it.
    #[must_use]
    pub fn shared_keyring(&self) -> Option<&'static str> {
        (self.tasks.len() > 1).then_some(KEYRING)
    }

    /// Keeps the folder with all that programs have written.
    #[must_use]
    pub fn keep_folder(self) -> PathBuf {
        self.folder.keep()
    }
}

/// In what the runs of a schedule differ.
fn runs(shape: &Shape) -> impl Iterator<Item = Beside> {
    let Shape { records, batch_size, signers, .. } = *shape;
    std::iter::once(Beside { records, batch_size, signers }).chain(shape.beside.iter().copied())
}

fn tasks(shape: &Shape, errand: &Errand) -> Vec<Task> {
    let name = |number| if number == 0 { FIRST_RUN.to_owned() } else { format!("beside-{number}") };
    let task = |(number, run): (usize, Beside)| Task::new(errand.clone(), name(number), run.signers);
    runs(shape).enumerate().map(task).collect()
}

/// What `chancery run` is given.
fn manifest(
    name: &str,
    shape: &Shape,
    run: Beside,
    read: Option<&Read>,
    brought: Option<&Brought>,
) -> Manifest {
    let Shape { algorithm, keys, lease, beside, .. } = shape;
    let manifest = Manifest::new().named(name);
    let manifest = match read {
        None => manifest.with("recordCount", run.records),
        Some(read) => manifest
            .without("recordCount")
            .without("recordSize")
            .with("sources", serde_json::json!([read.source])),
    };
    let manifest = match brought {
        None => manifest,
        Some(brought) => manifest.with("sinks", serde_json::json!([brought.sink])),
    };
    let manifest = manifest
        .with("keyCount", keys)
        .with("batchSize", run.batch_size)
        .with("algorithm", algorithm)
        .with("leaseDuration", format!("{}ms", lease.as_millis()));
    if beside.is_empty() { manifest } else { manifest.with("keyringRef", format!("{{name: {KEYRING}}}")) }
}

/// The same run for the ledger itself.
fn new_run(
    name: &str,
    shape: &Shape,
    run: Beside,
    read: Option<&Read>,
    brought: Option<&Brought>,
    kek: &Kek,
) -> NewRun {
    let Shape { algorithm, keys, lease, ref beside, .. } = *shape;
    let new = chancery_kit::TestRun::new().named(name);
    let new = match read {
        None => new.records(run.records),
        Some(read) => new.reads_source(&read.source),
    };
    let new = match brought {
        None => new,
        Some(brought) => new.brings_to(&brought.sink),
    };
    let new = new.keys(keys).batch_size(run.batch_size).algorithm(algorithm).lease_duration(lease);
    if beside.is_empty() { new.new_run(kek) } else { new.keyring(KEYRING).new_run(kek) }
}
