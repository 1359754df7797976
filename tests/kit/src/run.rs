//! What a run of a test is to be like.

mod sources;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chancery_keyring::Kek;
use chancery_process::{create_kek_file, read_kek_file};
use chancery_store::{
    KeyringWanted, Limits, NewDataKey, NewInput, NewRun, NotificationOfRun, Notifications, Object, SinkOfRun,
    Sinks,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::ledger::TestLedger;
use crate::run_in_ledger::{SESSIONS, SeededRun};
use crate::stock::{data_key_of, write_data_key};

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
                    envelope: None,
                    content_type: None,
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
                policy: None,
                sinks: Sinks::default(),
                notifications: Notifications::default(),
                batch_size: 10,
                lease_duration: Duration::from_secs(30),
                suspended: false,
                object: Object::without_cluster(),
                adopt_keyring: None,
                limits: Limits::default(),
            },
        }
    }

    /// 50,000 records, 20 keys, batches of 100, leases of 5 s: long enough that something can be done to its
    /// signers halfway.
    #[must_use]
    pub fn long() -> Self {
        Self::new().records(50_000).keys(20).batch_size(100).lease_duration(Duration::from_secs(5))
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

    /// One more sink of objects below this URL, as a manifest describes it, with more of its fields. What it refused is brought again at
    /// once.
    #[must_use]
    pub fn sink_to(self, name: &str, url: &str, more: &Value) -> Self {
        let mut objects = json!({"url": url, "format": "NDJSON", "layout": "{run}/{batch}.ndjson"});
        for (field, value) in more.as_object().into_iter().flatten() {
            objects[field] = value.clone();
        }
        let at_once = json!({"duration": "1ms", "maxDuration": "1ms"});
        self.sink_as(name, false, json!({"objects": objects, "backoff": at_once}))
    }

    /// One more sink of objects, as a manifest has it.
    #[must_use]
    pub fn brings_to(self, sink: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.sink_to(&text(&sink["name"]), &text(&sink["objects"]["url"]), &sink["objects"])
    }

    /// One more sink, which is known by the name alone, and refuses a batch three times before it is given up. What it is given is
    /// no matter.
    #[must_use]
    pub fn sink(self, name: &str) -> Self {
        self.sink_as(name, false, json!({"test": {}}))
    }

    /// The same for one that takes batches only in their order.
    #[must_use]
    pub fn sink_in_order(self, name: &str) -> Self {
        self.sink_as(name, true, json!({"test": {}}))
    }

    /// The same for one that is given lines of JSON.
    #[must_use]
    pub fn sink_of_lines(self, name: &str) -> Self {
        self.sink_as(name, false, json!({"objects": {"url": "file:///nowhere", "format": "NDJSON"}}))
    }

    /// One more sink, of which the ledger keeps this.
    #[must_use]
    pub fn sink_of(self, name: &str, description: Value) -> Self {
        self.sink_as(name, false, description)
    }

    fn sink_as(mut self, name: &str, ordered: bool, description: Value) -> Self {
        self.new.sinks.0.push(SinkOfRun { name: name.to_owned(), description, ordered, attempt_limit: 3 });
        self
    }

    /// One more notification, which leads to this URL, is told of these events, and refuses one three times before it is given up.
    #[must_use]
    pub fn telling(mut self, name: &str, url: &str, events: &[&str]) -> Self {
        self.new.notifications.0.push(NotificationOfRun {
            name: name.to_owned(),
            description: json!({"http": {"url": url, "signed": false}}),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            attempt_limit: 3,
        });
        self
    }

    /// Its notifications are signed.
    #[must_use]
    pub fn signing_events(mut self) -> Self {
        for one in &mut self.new.notifications.0 {
            one.description["http"]["signed"] = json!(true);
        }
        self
    }

    /// The keyring of this name, which outlives the run.
    #[must_use]
    pub fn keyring(mut self, name: &str) -> Self {
        self.new.keyring.name = Some(name.to_owned());
        self
    }

    /// Another envelope than the payload itself.
    #[must_use]
    pub fn envelope(mut self, name: &str) -> Self {
        self.new.keyring.envelope = Some(name.to_owned());
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
