//! A run, as `kubectl` and the ledger see it.

use std::io::Write as _;

use anyhow::Context as _;
use chancery_audit::{AuditOptions, audit};
use serde_json::{Value, json};

use super::namespace::Namespace;
use crate::independent_audit::independent_audit;
use crate::ledger::TestLedger;
use crate::wait::eventually;

/// A `SigningRun` object of a namespace. Unless told otherwise: 200 records of 64 bytes, 4 EdDSA
/// keys, batches of 10, 2 signers.
#[derive(Clone)]
pub struct ClusterRun<'n> {
    /// Where it is.
    pub namespace: &'n Namespace<'n>,
    /// Its name.
    pub name: String,
    object: Value,
}

impl<'n> ClusterRun<'n> {
    /// See [`ClusterRun`]. It exists once it is applied.
    #[must_use]
    pub fn new(namespace: &'n Namespace<'n>, name: &str) -> Self {
        let object = json!({
            "apiVersion": "chancery.dev/v1alpha1",
            "kind": "SigningRun",
            "metadata": {"name": name},
            "spec": {
                "recordCount": 200,
                "recordSize": 64,
                "keyCount": 4,
                "batchSize": 10,
                "algorithm": "EdDSA",
                "parallelism": 2,
            },
        });
        Self { namespace, name: name.to_owned(), object }
    }

    /// With a field of the spec.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.object["spec"][field] = value.into();
        self
    }

    /// Without a field of the spec.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.object["spec"].as_object_mut().map(|spec| spec.remove(field));
        self
    }

    /// With another spec.
    #[must_use]
    pub fn with_spec(mut self, spec: Value) -> Self {
        self.object["spec"] = spec;
        self
    }

    /// With so many records, keys, and records a batch.
    #[must_use]
    pub fn of(self, records: u64, keys: u64, batch_size: u64) -> Self {
        self.with("recordCount", records).with("keyCount", keys).with("batchSize", batch_size)
    }

    /// With so much work that something can be done to it meanwhile: minutes of RS256, with keys
    /// of twice the usual length, which take some seven times as long.
    #[must_use]
    pub fn long(self) -> Self {
        self.of(200_000, 8, 100).with("algorithm", "RS256").with("keySize", 4_096)
    }

    /// With a label.
    #[must_use]
    pub fn labelled(mut self, label: &str, value: &str) -> Self {
        self.object["metadata"]["labels"][label] = json!(value);
        self
    }

    /// With an annotation.
    #[must_use]
    pub fn annotated(mut self, annotation: &str, value: &str) -> Self {
        self.object["metadata"]["annotations"][annotation] = json!(value);
        self
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        self.object.to_string()
    }

    /// `kubectl apply` of many at once.
    ///
    /// # Errors
    ///
    /// When one is refused.
    pub async fn apply_all<'a>(
        namespace: &Namespace<'_>,
        runs: impl IntoIterator<Item = &'a ClusterRun<'n>>,
    ) -> anyhow::Result<()>
    where
        'n: 'a,
    {
        let objects: Vec<&Value> = runs.into_iter().map(|run| &run.object).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        namespace.kubectl().apply(&list.to_string()).await?;
        Ok(())
    }

    /// `kubectl apply`.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn apply(&self) -> anyhow::Result<()> {
        self.namespace.kubectl().apply(&self.manifest()).await?;
        Ok(())
    }

    /// `kubectl patch` of the spec.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn patch_spec(&self, spec: Value) -> anyhow::Result<()> {
        self.patch(json!({"spec": spec})).await
    }

    /// `kubectl patch`.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn patch(&self, patch: Value) -> anyhow::Result<()> {
        let (object, patch) = (self.object(), patch.to_string());
        self.namespace.kubectl().run(&["patch", &object, "--type=merge", "--patch", &patch]).await?;
        Ok(())
    }

    /// `kubectl annotate`.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn annotate(&self, annotation: &str, value: &str) -> anyhow::Result<()> {
        self.patch(json!({"metadata": {"annotations": {annotation: value}}})).await
    }

    /// `kubectl delete`, not waiting for it.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn delete(&self) -> anyhow::Result<()> {
        self.namespace.kubectl().run(&["delete", &self.object(), "--wait=false"]).await?;
        Ok(())
    }

    /// The object as the API server has it; null once it is gone.
    ///
    /// # Errors
    ///
    /// When the API server does not answer.
    pub async fn get(&self) -> anyhow::Result<Value> {
        Ok(self.namespace.kubectl().get("signingrun", &self.name).await?.unwrap_or_default())
    }

    /// Its Job; null where there is none.
    ///
    /// # Errors
    ///
    /// When the API server does not answer.
    pub async fn job(&self) -> anyhow::Result<Value> {
        let name = chancery_api::names::job_name(&self.name);
        Ok(self.namespace.kubectl().get("job", &name).await?.unwrap_or_default())
    }

    /// A condition of it; null where there is none.
    ///
    /// # Errors
    ///
    /// When the API server does not answer.
    pub async fn condition(&self, kind: &str) -> anyhow::Result<Value> {
        let run = self.get().await?;
        let conditions = run["status"]["conditions"].as_array().cloned().unwrap_or_default();
        Ok(conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default())
    }

    /// Waits until something holds of the object.
    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Last(Value::Null);
        eventually(&format!("run {}: {what}", self.name), async || {
            last.0 = self.get().await.unwrap_or_default();
            holds(&last.0)
        })
        .await;
        std::mem::take(&mut last.0)
    }

    /// Waits until a condition has a status.
    pub async fn until_condition(&self, kind: &str, status: &str) -> Value {
        let run = self.until(&format!("{kind} is {status}"), |run| condition_is(run, kind, status)).await;
        condition(&run, kind).cloned().unwrap_or_default()
    }

    /// Waits until the phase is the given one.
    pub async fn until_phase(&self, phase: &str) -> Value {
        self.until(&format!("the phase is {phase}"), |run| run["status"]["phase"] == phase).await
    }

    /// Waits until at least so many records are signed, by the status.
    pub async fn until_signed(&self, records: i64) -> Value {
        let enough = |run: &Value| run["status"]["records"]["signed"].as_i64() >= Some(records);
        self.until(&format!("{records} are signed"), enough).await
    }

    /// `kubectl wait` for its completion, then the audit.
    ///
    /// # Errors
    ///
    /// When it does not complete, or when a law is broken.
    pub async fn completes(&self, ledger: &TestLedger) -> anyhow::Result<()> {
        let (kubectl, object) = (self.namespace.kubectl(), self.object());
        kubectl
            .run(&["wait", "--for=condition=Complete", "--timeout=300s", &object])
            .await
            .with_context(|| format!("run {} is not complete", self.name))?;
        self.assert_audit_holds(ledger).await
    }

    /// Audits its part of the ledger.
    ///
    /// # Errors
    ///
    /// A law that is broken.
    pub async fn assert_audit_holds(&self, ledger: &TestLedger) -> anyhow::Result<()> {
        let namespace = &self.namespace.name;
        let report = audit(&ledger.ledger, namespace, &self.name, &AuditOptions::default(), |_| {}).await?;
        anyhow::ensure!(report.holds(), "the audit found violations: {:#?}", report.laws);
        let independent = independent_audit(&ledger.url, namespace, &self.name).await?;
        if let Some(report) = independent.filter(|report| !report.holds) {
            anyhow::bail!("the independent audit found violations: {:#?}", report.violations);
        }
        Ok(())
    }

    /// Whether the ledger has a run of this name.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn is_in(&self, ledger: &TestLedger) -> anyhow::Result<bool> {
        let found = "SELECT EXISTS (SELECT FROM chancery.runs WHERE namespace = $1 AND name = $2)";
        let found = sqlx::query_scalar(found).bind(&self.namespace.name).bind(&self.name);
        Ok(found.fetch_one(ledger.ledger.pool()).await?)
    }

    /// The Secret that its Job names: its name, and what it is.
    ///
    /// # Errors
    ///
    /// When there is no Job, or no such Secret.
    pub async fn secret(&self) -> anyhow::Result<(String, Value)> {
        let job = self.job().await?;
        let name = job["metadata"]["annotations"][chancery_api::names::ANNOTATION_SECRET].as_str();
        let name = name.context("no Job that names a Secret")?.to_owned();
        let secret = self.namespace.kubectl().get("secret", &name).await?.context("no Secret")?;
        Ok((name, secret))
    }

    /// Puts another Secret of the same name in place of the one that its Job names, as somebody does who may write Secrets.
    ///
    /// # Errors
    ///
    /// When there is none, or the API server refuses.
    pub async fn replace_secret(&self, change: impl FnOnce(&mut Value)) -> anyhow::Result<String> {
        let (name, mut secret) = self.secret().await?;
        let metadata = secret["metadata"].as_object_mut().context("metadata")?;
        metadata.retain(|field, _| ["name", "labels", "ownerReferences"].contains(&field.as_str()));
        change(&mut secret);
        let kubectl = self.namespace.kubectl();
        kubectl.run(&["delete", "secret", &name]).await?;
        kubectl.feed(&["create", "--filename=-"], &secret.to_string()).await?.expect_code(0)?;
        Ok(name)
    }

    /// The reasons of the Events about it, each once.
    ///
    /// # Errors
    ///
    /// When the API server does not answer.
    pub async fn events(&self) -> anyhow::Result<Vec<String>> {
        let path = format!(".items[?(@.regarding.name==\"{}\")].reason", self.name);
        let reasons = self.namespace.kubectl().jsonpath("events.events.k8s.io", &path).await?;
        let mut reasons: Vec<String> = reasons.split_whitespace().map(str::to_owned).collect();
        reasons.sort();
        reasons.dedup();
        Ok(reasons)
    }

    fn object(&self) -> String {
        format!("signingrun/{}", self.name)
    }
}

/// Shows what was there instead of what was waited for.
struct Last(Value);

impl Drop for Last {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Value::Object(object) = &self.0 else { return };
            let shown = json!({"metadata": object["metadata"], "status": object.get("status")});
            let _ = writeln!(std::io::stderr(), "--- as it was last seen\n{shown:#}");
        }
    }
}

/// A condition of an object.
#[must_use]
pub fn condition<'o>(object: &'o Value, kind: &str) -> Option<&'o Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// Whether a condition of an object has a status.
#[must_use]
pub fn condition_is(object: &Value, kind: &str, status: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == status)
}
