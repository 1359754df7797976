//! What a run is to read, in the place of generated records.

use std::path::Path;
use std::time::Duration;

use chancery_policy::Pinned;
use chancery_store::{DeadLetter, Idempotency, NewInput, NewPolicy, SourceOfRun, Sources};

use super::TestRun;

impl TestRun {
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
        self.sources_mut().sources.push(SourceOfRun { name: name.to_owned(), description, confirm: false });
        self
    }

    /// Somebody is told of each record of this source, once that is signed.
    #[must_use]
    pub fn confirming(mut self, name: &str) -> Self {
        for source in &mut self.sources_mut().sources {
            source.confirm |= source.name == name;
        }
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

    /// Judged by a policy, as a manifest has its spec.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn judged_by(mut self, name: &str, spec: &serde_json::Value) -> Self {
        let version = serde_json::json!({"spec": spec, "tables": {}}).to_string();
        let text = Pinned::from_text(&version).expect("a policy").text().to_owned();
        self.new.policy = Some(NewPolicy { name: name.to_owned(), text });
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
}
