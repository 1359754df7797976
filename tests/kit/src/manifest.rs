//! Manifests for tests.

use std::collections::BTreeMap;
use std::fmt;

/// The manifest of a run. Unless told otherwise: `demo`, 200 records of 64 bytes, 4 EdDSA keys,
/// batches of 10.
#[derive(Clone, Debug)]
pub struct Manifest {
    name: String,
    spec: BTreeMap<&'static str, String>,
    /// Further documents of the file.
    beside: Vec<serde_json::Value>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self::new()
    }
}

impl Manifest {
    /// See [`Manifest`].
    #[must_use]
    pub fn new() -> Self {
        let spec = [
            ("recordCount", "200"),
            ("recordSize", "64"),
            ("keyCount", "4"),
            ("batchSize", "10"),
            ("algorithm", "EdDSA"),
        ];
        let spec = spec.into_iter().map(|(field, value)| (field, value.to_owned())).collect();
        Self { name: "demo".to_owned(), spec, beside: Vec::new() }
    }

    /// Another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Judged by a policy of this name, which the file holds too.
    #[must_use]
    pub fn judged_by(mut self, name: &str, spec: &serde_json::Value) -> Self {
        self.beside.push(serde_json::json!({
            "apiVersion": "chancery.dev/v1alpha1", "kind": "SigningPolicy", "metadata": {"name": name}, "spec": spec,
        }));
        self.with("policyRef", format_args!("{{name: {name}}}"))
    }

    /// A field of the spec, as it is written in YAML.
    #[must_use]
    pub fn with(mut self, field: &'static str, value: impl fmt::Display) -> Self {
        self.spec.insert(field, value.to_string());
        self
    }

    /// Leaves a field of the spec out.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.spec.remove(field);
        self
    }

    /// So many records, keys, and records a batch.
    #[must_use]
    pub fn of(self, records: u32, keys: u32, batch_size: u32) -> Self {
        self.with("recordCount", records).with("keyCount", keys).with("batchSize", batch_size)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, spec, beside } = self;
        writeln!(f, "apiVersion: chancery.dev/v1alpha1\nkind: SigningRun")?;
        writeln!(f, "metadata:\n  name: {name}\nspec:")?;
        spec.iter().try_for_each(|(field, value)| writeln!(f, "  {field}: {value}"))?;
        // JSON is YAML.
        beside.iter().try_for_each(|document| writeln!(f, "---\n{document}"))
    }
}
