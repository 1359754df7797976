//! Policies and records for the tests.

use std::path::{Path, PathBuf};

use chancery_api::{PolicyFile, SigningPolicySpec};
use chancery_policy::{Answers, Arrival, Finding, Hit, Outcome, Pinned, Policy, Tables, Verdict};
use serde_json::{Value, json};

pub(crate) fn spec(spec: Value) -> SigningPolicySpec {
    serde_json::from_value(spec.clone()).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

/// A table by the lookup's name.
pub(crate) fn tables(given: &[(&str, &[(&str, &str)])]) -> Tables {
    let own = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
    given.iter().map(|(name, data)| ((*name).to_owned(), data.iter().map(own).collect())).collect()
}

pub(crate) fn compile_with(given: Value, tables: Tables) -> Result<Policy, Vec<Finding>> {
    Policy::compile(&Pinned::new(spec(given), tables).expect("a version"))
}

pub(crate) fn compiled(given: Value) -> Policy {
    compile_with(given.clone(), Tables::new()).unwrap_or_else(|findings| panic!("{given}: {findings:?}"))
}

/// What is wrong with a policy of one validation.
pub(crate) fn refused(expression: &str) -> String {
    let given = json!({"validations": [{"name": "rule", "expression": expression}]});
    match compile_with(given, Tables::new()) {
        Ok(_) => panic!("{expression} is accepted"),
        Err(findings) => findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

pub(crate) fn arrival(payload: &[u8]) -> Arrival<'_> {
    let at = "2026-03-01T12:00:00Z".parse().expect("an instant");
    Arrival { payload, source: "files", position: "7", at }
}

pub(crate) fn judged(policy: &Policy, record: &Value) -> Verdict {
    policy.judge(&arrival(record.to_string().as_bytes()), &Answers::default())
}

/// The outcome, and each hit as `rule action: message`.
pub(crate) fn said(verdict: &Verdict) -> (Outcome, Vec<String>) {
    let hit = |Hit { rule, action, message }: &Hit| format!("{rule} {}: {message}", action.name());
    (verdict.outcome, verdict.hits.iter().map(hit).collect())
}

/// The value of an expression over a record, as JSON; or why it has none.
pub(crate) fn value_of(expression: &str, record: &Value) -> Result<Value, String> {
    let policy = compiled(json!({"enrichments": [{"field": "value", "expression": expression}]}));
    let verdict = judged(&policy, record);
    match verdict.payload {
        Some(payload) => Ok(serde_json::from_slice::<Value>(&payload).expect("JSON")["value"].clone()),
        None => Err(verdict.hits[0].message.clone()),
    }
}

pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn read(path: &str) -> String {
    let path = project().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A policy of the examples.
pub(crate) fn example(name: &str) -> Pinned {
    let file = PolicyFile::read(&read(&format!("examples/policies/{name}.yaml"))).expect(name);
    let policy = file.policy().unwrap_or_else(|error| panic!("{name}: {error}"));
    let maps = file.config_maps().expect(name);
    let mut tables = Tables::new();
    for lookup in &policy.spec.lookups {
        let map = lookup.config_map_ref.as_ref().expect("a ConfigMap");
        tables.insert(lookup.name.clone(), maps[&map.name].clone());
    }
    Pinned::new(policy.spec, tables).expect(name)
}
