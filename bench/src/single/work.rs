//! What is to be signed.

use std::path::Path;
use std::time::Duration;

use chancery_keyring::Kek;
use chancery_store::{KeyringWanted, NewRun};

/// A run: payloads of 256 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) algorithm: &'static str,
    pub(crate) records: u64,
    pub(crate) keys: u32,
    pub(crate) batch: u64,
    pub(crate) envelope: &'static str,
    /// Who is told of each batch, which is brought to a folder then.
    pub(crate) told: Option<&'static str>,
}

impl Work {
    pub(crate) const fn new(algorithm: &'static str, records: u64, keys: u32, batch: u64) -> Self {
        Self { algorithm, records, keys, batch, envelope: "Raw", told: None }
    }

    /// The same in an envelope.
    pub(crate) const fn within(self, envelope: &'static str) -> Self {
        Self { envelope, ..self }
    }

    /// The same, of which each batch is brought to a folder, and told to whoever listens at this URL.
    pub(crate) const fn brought(self, told: &'static str) -> Self {
        Self { told: Some(told), ..self }
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub(crate) fn batches(&self) -> f64 {
        self.records.div_ceil(self.batch) as f64
    }

    /// As the ledger is told of it.
    pub(crate) fn new_run(&self, name: &str, kek: &Kek) -> anyhow::Result<NewRun> {
        Ok(NewRun {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            keyring: KeyringWanted {
                name: None,
                algorithm: Some(self.algorithm.to_owned()),
                key_size: self.algorithm.starts_with("RS").then_some(2048),
                key_count: Some(i32::try_from(self.keys)?),
                envelope: Some(self.envelope.to_owned()),
                content_type: None,
                default_algorithm: self.algorithm.to_owned(),
                default_key_size: None,
            },
            data_key: chancery_data_keys::fresh(kek)?,
            input: chancery_store::NewInput::Generated {
                record_count: i64::try_from(self.records)?,
                record_size: 256,
            },
            policy: None,
            sinks: chancery_store::Sinks::default(),
            notifications: chancery_store::Notifications::default(),
            batch_size: i64::try_from(self.batch)?,
            lease_duration: Duration::from_secs(30),
            suspended: false,
            object: chancery_store::Object::without_cluster(),
            adopt_keyring: None,
            limits: chancery_store::Limits::default(),
        })
    }

    /// As a person writes it down.
    pub(crate) fn manifest(&self, name: &str, suspend: bool, folder: &Path) -> String {
        let Self { algorithm, records, keys, batch, envelope, told } = self;
        let folder = folder.display();
        let sinks = told.map_or_else(String::new, |url| {
            format!(
                ", sinks: [{{name: out, objects: {{url: \"file://{folder}\"}}}}], \
                 notifications: [{{name: ops, http: {{url: \"{url}\"}}, events: [batch.signed]}}]"
            )
        });
        format!(
            "apiVersion: chancery.dev/v1alpha1\nkind: SigningRun\nmetadata: {{name: {name}}}\nspec: {{recordCount: \
             {records}, keyCount: {keys}, batchSize: {batch}, algorithm: {algorithm}, envelope: {envelope}, parallelism: 2, suspend: {suspend}{sinks}}}\n"
        )
    }
}
