//! The policies of `examples/policies`, with the records and the verdicts beside them.

use chancery_policy::{Answers, Policy};
use serde_json::Value;

use crate::support::{arrival, example, read};

/// Judges the records of an example, and compares with what is expected.
fn judges_as_expected(name: &str) {
    let pinned = example(name);
    let policy = Policy::compile(&pinned).unwrap_or_else(|findings| panic!("{name}: {findings:?}"));
    let (records, expected) = (
        read(&format!("examples/policies/{name}.ndjson")),
        read(&format!("examples/policies/{name}.expected.ndjson")),
    );
    assert_eq!(records.lines().count(), expected.lines().count(), "{name}: records and verdicts");
    assert!(records.lines().count() >= 5);
    let answers =
        if policy.asks() { read(&format!("examples/policies/{name}.answers.ndjson")) } else { String::new() };
    let mut answers = answers.lines().map(|line| serde_json::from_str::<Answers>(line).expect(line));
    for (record, expected) in records.lines().zip(expected.lines()) {
        let expected: Value = serde_json::from_str(expected).expect(expected);
        let verdict = policy.judge(&arrival(record.as_bytes()), &answers.next().unwrap_or_default());
        let rules: Vec<&str> = verdict.hits.iter().map(|hit| hit.rule.as_str()).collect();
        assert_eq!(
            (expected["outcome"].as_str(), &expected["rules"]),
            (Some(verdict.outcome.name()), &rules.into()),
            "{record}"
        );
        if let Some(score) = expected["score"].as_i64() {
            assert_eq!(verdict.score, score, "{record}");
        }
        let signed = verdict.payload.map(|payload| serde_json::from_slice::<Value>(&payload).expect("JSON"));
        match expected["payload"].as_object() {
            None => assert_eq!(signed, None, "{record}"),
            Some(fields) => {
                for (field, value) in fields {
                    assert_eq!(&signed.as_ref().expect(record)[field], value, "{record}");
                }
            }
        }
    }
}

#[test]
fn transactions_are_validated() {
    judges_as_expected("transactions");
}

#[test]
fn frauds_are_scored() {
    judges_as_expected("fraud");
}

#[test]
fn payments_are_scored_by_a_webhook() {
    judges_as_expected("scored");
}

#[test]
fn compliance_is_judged_by_ten_rules() {
    judges_as_expected("compliance");
    assert_eq!(example("compliance").spec().validations.len(), 10);
}
