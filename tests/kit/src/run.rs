//! Runs for tests.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chancery_audit::{AuditOptions, audit};
use chancery_keyring::{DataKey, Kek, WrappedDataKey};
use chancery_process::{create_kek_file, read_data_key_file, read_kek_file};
use chancery_sources::generated;
use chancery_store::{
    DeadLetter, Idempotency, IntakeSession, Keyring, KeyringWanted, Ledger, LedgerUrl, Limits, NewDataKey,
    NewInput, NewRun, Object, Run, RunLogin, SignerSession, SourceOfRun, Sources, StoredDataKey,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::filling::fill;
use crate::independent_audit::independent_audit;
use crate::intake::IntakeProcess;
use crate::ledger::TestLedger;
use crate::signer::SignerProcess;

/// Sessions that the login of a test's run may have: more than any test has.
const SESSIONS: u32 = 1_000;

/// What a run is to be like. Unless told otherwise: 200 records of 64 bytes, 4 EdDSA keys, batches of
/// 10, leases of 30 s, named `demo`.
#[derive(Clone, Debug)]
pub struct TestRun {
    new: NewRun,
}

impl Default for TestRun {
    fn default() -> Self {
        Self::new()
    }
}

impl TestRun {
    /// See [`TestRun`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            new: NewRun {
                namespace: "default".to_owned(),
                name: "demo".to_owned(),
                keyring: KeyringWanted {
                    name: None,
                    algorithm: Some("EdDSA".to_owned()),
                    key_size: None,
                    key_count: Some(4),
                    default_algorithm: "RS256".to_owned(),
                    default_key_size: None,
                },
                // Another one is given with the KEK.
                data_key: NewDataKey {
                    keyring_uid: Uuid::nil(),
                    fingerprint: String::new(),
                    kek_fingerprint: String::new(),
                    wrapped: Vec::new(),
                },
                input: NewInput::Generated { record_count: 200, record_size: 64 },
                batch_size: 10,
                lease_duration: Duration::from_secs(30),
                suspended: false,
                object: Object::without_cluster(),
                adopt_keyring: None,
                limits: Limits::default(),
            },
        }
    }

    /// 100,000 records, 20 keys, batches of 100, leases of 5 s: long enough that something can be done to its
    /// signers halfway.
    #[must_use]
    pub fn long() -> Self {
        Self::new().records(100_000).keys(20).batch_size(100).lease_duration(Duration::from_secs(5))
    }

    /// Another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.new.name);
        self
    }

    /// Records and bytes of each, of a run that has no sources.
    const fn generated(&self) -> (i64, i32) {
        match self.new.input {
            NewInput::Generated { record_count, record_size } => (record_count, record_size),
            NewInput::Sources(_) => (0, 0),
        }
    }

    /// So many records.
    #[must_use]
    pub fn records(mut self, count: i64) -> Self {
        self.new.input = NewInput::Generated { record_count: count, record_size: self.generated().1 };
        self
    }

    /// Files of a folder as a source more, each of its lines a payload, in the place of generated records.
    #[must_use]
    pub fn reads(self, name: &str, folder: &Path) -> Self {
        self.reads_as(name, folder, &serde_json::json!({"type": "Lines"}))
    }

    /// The same in another format, as `lib/reading` has it.
    #[must_use]
    pub fn reads_as(self, name: &str, folder: &Path, format: &serde_json::Value) -> Self {
        let url = format!("file://{}", folder.display());
        self.reads_described(name, serde_json::json!({"objects": {"url": url}, "format": format}))
    }

    /// A source more, as the ledger describes it.
    #[must_use]
    pub fn reads_described(mut self, name: &str, description: serde_json::Value) -> Self {
        self.sources_mut().sources.push(SourceOfRun { name: name.to_owned(), description });
        self
    }

    /// Objects of a store of S3 as a source more, each of their lines a payload.
    #[must_use]
    pub fn reads_bucket(self, name: &str, endpoint: &str, bucket: &str) -> Self {
        let objects = serde_json::json!({"url": format!("s3://{bucket}"), "endpoint": endpoint});
        let description = serde_json::json!({"objects": objects, "format": {"type": "Lines"}});
        self.reads_described(name, description)
    }

    /// A source more, as a manifest has it: its name, and its description.
    #[must_use]
    pub fn reads_source(self, source: &serde_json::Value) -> Self {
        let mut description = source.clone();
        let name = description.as_object_mut().and_then(|source| source.remove("name"));
        let name = name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        self.reads_described(&name, description)
    }

    /// Another run as a source more: `All` of it, its `DeadLetters`, or what it `Rejected`.
    #[must_use]
    pub fn replays(self, run: &str, select: &str) -> Self {
        self.reads_described("again", serde_json::json!({"run": {"name": run, "select": select}}))
    }

    /// At the most so many records of its sources.
    #[must_use]
    pub fn record_limit(mut self, most: i64) -> Self {
        self.sources_mut().record_limit = Some(most);
        self
    }

    /// At the most so many dead letters.
    #[must_use]
    pub fn dead_limit(mut self, most: i64) -> Self {
        self.sources_mut().dead_letter.limit = most;
        self
    }

    /// Signs each payload, however often it comes.
    #[must_use]
    pub fn without_idempotency(mut self) -> Self {
        self.sources_mut().idempotency = Idempotency::None;
        self
    }

    /// Signs of payloads for which this expression has the same value the first.
    #[must_use]
    pub fn known_by(mut self, expression: &str) -> Self {
        self.sources_mut().idempotency = Idempotency::Expression(expression.to_owned());
        self
    }

    /// Its keyring knows its payloads for so long after it is deleted.
    #[must_use]
    pub fn digest_window(mut self, window: Duration) -> Self {
        self.sources_mut().digest_window = window;
        self
    }

    fn sources_mut(&mut self) -> &mut Sources {
        if matches!(self.new.input, NewInput::Generated { .. }) {
            self.new.input = NewInput::Sources(Sources {
                sources: Vec::new(),
                idempotency: Idempotency::Content,
                digest_window: Duration::ZERO,
                record_limit: None,
                dead_letter: DeadLetter { limit: 1_000, retention: Duration::from_secs(3600) },
            });
        }
        match &mut self.new.input {
            NewInput::Sources(sources) => sources,
            NewInput::Generated { .. } => unreachable!("it was just made"),
        }
    }

    /// So many keys.
    #[must_use]
    pub fn keys(mut self, count: i32) -> Self {
        self.new.keyring.key_count = Some(count);
        self
    }

    /// So many records per batch.
    #[must_use]
    pub fn batch_size(mut self, size: i64) -> Self {
        self.new.batch_size = size;
        self
    }

    /// So many bytes per record.
    #[must_use]
    pub fn record_size(mut self, bytes: i32) -> Self {
        self.new.input = NewInput::Generated { record_count: self.generated().0, record_size: bytes };
        self
    }

    /// The keyring of this name, which outlives the run.
    #[must_use]
    pub fn keyring(mut self, name: &str) -> Self {
        self.new.keyring.name = Some(name.to_owned());
        self
    }

    /// Another algorithm; RSA keys have 2048 bits.
    #[must_use]
    pub fn algorithm(mut self, name: &str) -> Self {
        self.new.keyring.algorithm = Some(name.to_owned());
        self.new.keyring.key_size = matches!(name, "RS256" | "PS256").then_some(2048);
        self
    }

    /// RSA keys of another size.
    #[must_use]
    pub fn key_size(mut self, bits: i32) -> Self {
        self.new.keyring.key_size = Some(bits);
        self
    }

    /// Leases of another duration.
    #[must_use]
    pub fn lease_duration(mut self, duration: Duration) -> Self {
        self.new.lease_duration = duration;
        self
    }

    /// What the run is created with, under the given KEK.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    #[must_use]
    pub fn new_run(&self, kek: &Kek) -> NewRun {
        NewRun { data_key: chancery_data_keys::fresh(kek).expect("a data key"), ..self.new.clone() }
    }

    /// Creates the run, with neither keys nor records.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn created(self, ledger: &TestLedger) -> anyhow::Result<SeededRun<'_>> {
        let folder = tempfile::tempdir()?;
        let kek_file = folder.path().join("kek");
        create_kek_file(&kek_file)?;
        self.created_with(ledger, kek_file, Arc::new(folder)).await
    }

    /// Creates the run, and makes its keys and its records.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn seeded(self, ledger: &TestLedger) -> anyhow::Result<SeededRun<'_>> {
        self.created(ledger).await?.stocked().await
    }

    /// Creates the run, with neither keys nor records, under the KEK of another run, such as one with the same keyring.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn created_beside<'l>(self, other: &SeededRun<'l>) -> anyhow::Result<SeededRun<'l>> {
        self.created_with(other.ledger, other.kek_file.clone(), Arc::clone(&other.folder)).await
    }

    /// Creates it so, and makes its keys and its records.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn seeded_beside<'l>(self, other: &SeededRun<'l>) -> anyhow::Result<SeededRun<'l>> {
        self.created_beside(other).await?.stocked().await
    }

    async fn created_with(
        self,
        ledger: &TestLedger,
        kek_file: PathBuf,
        folder: Arc<TempDir>,
    ) -> anyhow::Result<SeededRun<'_>> {
        let kek = read_kek_file(&kek_file)?;
        let (run, _) = ledger.ledger.create_run(&self.new_run(&kek)).await?;
        let login = ledger.ledger.make_login(&run, SESSIONS).await?;
        let data_key_file = folder.path().join(format!("data-key-of-{}", run.name));
        write_data_key(&data_key_file, &data_key_of(&ledger.ledger, &run.keyring, &kek).await?)?;
        Ok(SeededRun { ledger, run, login, kek_file, data_key_file, folder })
    }
}

/// A run whose keys and records are there.
#[derive(Debug)]
pub struct SeededRun<'l> {
    /// Where it is.
    pub ledger: &'l TestLedger,
    /// The run as the ledger has it.
    pub run: Run,
    /// The login of its signers.
    pub login: RunLogin,
    /// The file with its KEK.
    pub kek_file: PathBuf,
    /// The file with the data key of its ring, which its signers are given.
    pub data_key_file: PathBuf,
    folder: Arc<TempDir>,
}

impl SeededRun<'_> {
    /// Makes the keys and the records that are missing.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn stocked(mut self) -> anyhow::Result<Self> {
        stock(&self.ledger.ledger, &self.run, &read_kek_file(&self.kek_file)?).await?;
        self.run = self.ledger.ledger.find_run(&self.run.namespace, &self.run.name).await?;
        Ok(self)
    }

    /// Makes the records that are missing, and no key.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn with_records(self) -> anyhow::Result<Self> {
        make_records(&self.ledger.ledger, &self.run).await?;
        Ok(self)
    }

    /// The ledger's URL with the login of the run.
    ///
    /// # Errors
    ///
    /// When the URL cannot carry a login.
    pub fn url(&self) -> anyhow::Result<String> {
        self.url_by(&self.ledger.url)
    }

    /// Another way to the ledger, such as a pooler, with the login of the run.
    ///
    /// # Errors
    ///
    /// When the URL cannot carry a login.
    pub fn url_by(&self, way: &str) -> anyhow::Result<String> {
        Ok(way.parse::<LedgerUrl>()?.for_login(&self.login)?)
    }

    /// The ledger's URL with a new login that may admit records to the run, and nothing else.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn intake_url(&self) -> anyhow::Result<String> {
        self.intake_url_by(&self.ledger.url).await
    }

    /// Another way to the ledger, with such a login.
    ///
    /// # Errors
    ///
    /// A database that refuses, or a URL that cannot carry a login.
    pub async fn intake_url_by(&self, way: &str) -> anyhow::Result<String> {
        let login = self.ledger.ledger.make_intake_login(&self.run, SESSIONS).await?;
        Ok(way.parse::<LedgerUrl>()?.for_login(&login)?)
    }

    /// An intake's connection, for a test that plays the intake itself.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn intake(&self, holder: &str) -> anyhow::Result<IntakeSession> {
        let url = self.intake_url().await?.parse()?;
        Ok(IntakeSession::connect(&url, &self.run.namespace, &self.run.name, holder).await?)
    }

    /// Starts an intake process, with a login of its own.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub async fn start_intake(&self, holder: &str) -> anyhow::Result<IntakeProcess> {
        self.start_intake_with(holder, &[]).await
    }

    /// The same with more variables in its environment.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub async fn start_intake_with(
        &self,
        holder: &str,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<IntakeProcess> {
        IntakeProcess::start(&self.intake_url().await?, &self.run.name, holder, environment)
    }

    /// Reads its sources to their end, by one intake.
    ///
    /// # Errors
    ///
    /// An intake that fails, or leaves something.
    pub async fn take_in(&self) -> anyhow::Result<()> {
        let (code, log) = self.start_intake("an intake").await?.ended().await?;
        anyhow::ensure!(code == Some(0), "the intake ended with {code:?}: {log}");
        let progress = self.ledger.ledger.progress(&[self.run.id]).await?;
        anyhow::ensure!(progress.iter().all(|progress| progress.sealed), "not sealed: {progress:?} {log}");
        Ok(())
    }

    /// Starts a signer process.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start_signer(&self, holder: &str) -> anyhow::Result<SignerProcess> {
        self.start_signer_with(holder, &[])
    }

    /// Starts a signer process with more arguments.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start_signer_with(&self, holder: &str, more: &[&str]) -> anyhow::Result<SignerProcess> {
        SignerProcess::start(&self.url()?, &self.run.name, holder, &self.data_key_file, more)
    }

    /// The data key of its ring.
    ///
    /// # Errors
    ///
    /// When somebody has changed its file.
    pub fn data_key(&self) -> anyhow::Result<DataKey> {
        Ok(read_data_key_file(&self.data_key_file)?)
    }

    /// A signer's connection, for a test that plays the signer itself.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn session(&self, holder: &str) -> anyhow::Result<SignerSession> {
        let url = self.url()?.parse()?;
        Ok(SignerSession::connect(&url, &self.run.namespace, &self.run.name, holder).await?.0)
    }

    /// How many records are signed.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn signed(&self) -> anyhow::Result<i64> {
        let progress = self.ledger.ledger.progress(&[self.run.id]).await?;
        Ok(progress.first().map_or(0, |progress| progress.records_signed))
    }

    /// Has the run finished by one more signer, and audits it.
    ///
    /// # Errors
    ///
    /// A signer that fails, or a law that is broken.
    pub async fn finish(&self) -> anyhow::Result<()> {
        let (code, log) = self.start_signer("finisher")?.ended().await?;
        anyhow::ensure!(code == Some(0), "the finishing signer ended with {code:?}: {log}");
        self.assert_audit_holds().await
    }

    /// Audits the run, twice: with the project's own audit, and with the independent one.
    ///
    /// # Errors
    ///
    /// A law that is broken, with the first violations.
    pub async fn assert_audit_holds(&self) -> anyhow::Result<()> {
        let ledger = &self.ledger.ledger;
        ledger.settle(&self.run).await?;
        let report =
            audit(ledger, &self.run.namespace, &self.run.name, &AuditOptions::default(), |_| {}).await?;
        anyhow::ensure!(report.holds(), "the audit found violations: {:#?}", report.laws);
        let independent = independent_audit(&self.ledger.url, &self.run.namespace, &self.run.name).await?;
        if let Some(report) = independent.filter(|report| !report.holds) {
            anyhow::bail!("the independent audit found violations: {:#?}", report.violations);
        }
        Ok(())
    }
}

/// Makes the keys of the run's ring, and the run's records, as far as they are missing.
///
/// # Errors
///
/// A database that refuses.
pub async fn stock(ledger: &Ledger, run: &Run, kek: &Kek) -> anyhow::Result<()> {
    let data_key = Arc::new(data_key_of(ledger, &run.keyring, kek).await?);
    fill(ledger, &run.keyring, &data_key).await?;
    make_records(ledger, run).await
}

/// Makes the run's records, as far as they are missing. Its keys are left to its signers.
///
/// # Errors
///
/// A database that refuses.
pub async fn make_records(ledger: &Ledger, run: &Run) -> anyhow::Result<()> {
    Ok(generated::supply(ledger, run, || generated::AT_ONCE, || std::future::ready(()), |_| {}).await?)
}

/// Opens the data key of a keyring with the KEK that has wrapped it.
///
/// # Errors
///
/// A database that refuses, or another KEK.
pub async fn data_key_of(ledger: &Ledger, keyring: &Keyring, kek: &Kek) -> anyhow::Result<DataKey> {
    let StoredDataKey { keyring: _, keyring_uid, fingerprint, kek_fingerprint, wrapped } =
        ledger.data_key(keyring).await?;
    let wrapped = WrappedDataKey { keyring: keyring_uid, fingerprint, kek_fingerprint, wrapped };
    Ok(DataKey::open(kek, &wrapped)?)
}

/// Writes a data key file that only its owner may read, as whoever starts a signer gives it one.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_data_key(path: &Path, data_key: &DataKey) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(data_key.to_base64().as_bytes())?;
    Ok(())
}
