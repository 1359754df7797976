//! Runs that a policy judges, and what a gateway pushes to them.

use anyhow::Context as _;
use chancery_kit::push_judged;
use chancery_store::PolicyText;
use serde_json::{Value, json};

use super::world::World;

/// The name of the policy.
pub(crate) const POLICY: &str = "payments";

/// The plural of its kind.
pub(crate) const POLICIES: &str = chancery_api::names::POLICY_PLURAL;

/// A run to which programs push, and which the policy judges: 2 keys, batches of 5.
pub(crate) fn judged() -> Value {
    json!({
        "sources": [{"name": "push", "http": {}}], "policyRef": {"name": POLICY}, "keyCount": 2, "batchSize": 5,
        "algorithm": "EdDSA", "audit": "Never",
    })
}

/// The policy with this spec.
pub(crate) fn policy(spec: Value) -> Value {
    json!({
        "apiVersion": chancery_api::names::API_VERSION, "kind": chancery_api::names::POLICY_KIND,
        "metadata": {"name": POLICY}, "spec": spec,
    })
}

/// The spec of one that rejects what this does not hold of.
pub(crate) fn rejecting(expression: &str) -> Value {
    json!({"validations": [{"name": "rule", "expression": expression, "message": "no"}]})
}

/// A ConfigMap.
pub(crate) fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

impl World {
    /// What judges a run, as the ledger has it.
    pub(crate) async fn judging(&self, name: &str) -> anyhow::Result<PolicyText> {
        let run = self.stored(name).await?;
        self.ledger.ledger.policy_of(&run).await?.context("nothing judges the run")
    }

    /// Pushes records as a gateway does.
    pub(crate) async fn push(&self, name: &str, records: &[Value]) -> anyhow::Result<()> {
        push_judged(&self.ledger.ledger, &self.stored(name).await?, records).await
    }
}
