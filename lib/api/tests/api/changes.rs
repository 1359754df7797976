//! Which fields of an existing run may change.

use chancery_api::{ManifestError, SigningRun, check_update};
use serde_json::{Value, json};

use crate::support::{accepted, base_of, minimal, sourced, spec_fields, with};

/// Each field of the spec with another value than [`minimal`] has, and whether it may change.
fn other_values() -> Vec<(&'static str, Value, bool)> {
    vec![
        ("recordCount", json!(101), false),
        ("recordSize", json!(257), false),
        ("keyCount", json!(11), false),
        ("batchSize", json!(11), false),
        ("keyringRef", json!({"name": "invoices"}), false),
        ("algorithm", json!("PS256"), false),
        ("envelope", json!("JWS"), false),
        ("contentType", json!("JWT"), false),
        ("keySize", json!(3072), false),
        ("parallelism", json!(3), true),
        ("leaseDuration", json!("31s"), true),
        ("suspend", json!(true), true),
        ("activeDeadlineSeconds", json!(60), true),
        ("ttlSecondsAfterFinished", json!(0), true),
        ("backoffLimit", json!(5), true),
        ("signerTemplate", json!({"labels": {"team": "billing"}}), true),
        ("audit", json!("Never"), true),
        ("deletionPolicy", json!("Delete"), true),
        ("sources", json!([{"name": "again", "run": {"name": "payments"}}]), false),
        ("idempotency", json!({"by": "None"}), false),
        ("deadLetter", json!({"limit": 5}), true),
        ("batching", json!({"period": "1s"}), false),
        ("policyRef", json!({"name": "strict"}), false),
        ("sinks", json!([{"name": "archive", "objects": {"url": "file:///signed"}}]), false),
        (
            "notifications",
            json!([{"name": "ops", "http": {"url": "https://ops.example/"}, "events": ["run.completed"]}]),
            false,
        ),
    ]
}

fn changed_fields(old: &SigningRun, new: &SigningRun) -> Vec<String> {
    match check_update(old, new) {
        Ok(()) => Vec::new(),
        Err(ManifestError::Immutable(changes)) => changes.into_iter().map(|c| c.path).collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn each_field_may_change_or_not_as_documented() {
    for (field, value, may_change) in other_values() {
        let old = accepted(&base_of(field));
        let new = accepted(&with(field, value));
        assert_ne!(old, new);
        let expected = if may_change { vec![] } else { vec![format!("spec.{field}")] };
        assert_eq!(changed_fields(&old, &new), expected, "{field} there");
        assert_eq!(changed_fields(&new, &old), expected, "{field} and back");
    }
}

#[test]
fn every_field_of_the_schema_is_in_the_table() {
    let mut table: Vec<_> = other_values().into_iter().map(|(field, ..)| field.to_owned()).collect();
    table.sort();
    let fields: Vec<_> = spec_fields().into_iter().map(|(field, _)| field).collect();
    assert_eq!(table, fields);
}

#[test]
fn an_unchanged_run_is_no_change() {
    let run = accepted(&minimal());
    assert_eq!(check_update(&run, &run), Ok(()));
}

#[test]
fn a_default_written_out_is_no_change() {
    let new = accepted(&with("recordSize", json!(256)));
    assert_eq!(check_update(&accepted(&minimal()), &new), Ok(()));
}

#[test]
fn generated_records_and_sources_do_not_take_each_others_place() {
    let (generated, sources) = (accepted(&minimal()), accepted(&sourced()));
    let expected = ["spec.recordCount", "spec.sources"];
    assert_eq!(changed_fields(&generated, &sources), expected);
    assert_eq!(changed_fields(&sources, &generated), expected);
}

#[test]
fn a_key_size_can_neither_come_nor_go_nor_change() {
    let without = accepted(&minimal());
    let with_default = accepted(&with("keySize", json!(2048)));
    let with_other = accepted(&with("keySize", json!(4096)));
    assert_eq!(changed_fields(&without, &with_default), ["spec.keySize"]);
    assert_eq!(changed_fields(&with_default, &without), ["spec.keySize"]);
    assert_eq!(changed_fields(&with_default, &with_other), ["spec.keySize"]);
}

#[test]
fn a_refused_change_says_what_was_what_is_given_and_what_to_do() {
    let old = accepted(&minimal());
    let new = accepted(&with("recordCount", json!(200)));
    assert_eq!(
        check_update(&old, &new).unwrap_err().to_string(),
        "the run exists with another spec: spec.recordCount: it is 100 and cannot become 200; put back 100, \
         or use another name for a different run"
    );
    let new = accepted(&with("keySize", json!(4096)));
    assert_eq!(
        check_update(&old, &new).unwrap_err().to_string(),
        "the run exists with another spec: spec.keySize: it was left out and cannot become 4096; leave it out, \
         or use another name for a different run"
    );
    assert_eq!(
        check_update(&new, &old).unwrap_err().to_string(),
        "the run exists with another spec: spec.keySize: it is 4096 and cannot become nothing; put back 4096, \
         or use another name for a different run"
    );
}

#[test]
fn every_refused_change_is_named_at_once() {
    let mut manifest = minimal();
    manifest["spec"] =
        json!({"recordCount": 1, "keyCount": 2, "batchSize": 3, "algorithm": "EdDSA", "parallelism": 9});
    assert_eq!(
        changed_fields(&accepted(&minimal()), &accepted(&manifest)),
        ["spec.algorithm", "spec.batchSize", "spec.keyCount", "spec.recordCount"]
    );
}

#[test]
fn a_new_spec_that_is_not_good_in_itself_is_refused_as_such() {
    let old = accepted(&minimal());
    let mut new = old.clone();
    new.spec.batch_size = 0;
    let error = check_update(&old, &new).unwrap_err();
    assert!(matches!(error, ManifestError::Invalid(_)), "{error}");
}

#[test]
fn a_source_asks_for_confirmations_from_the_beginning_or_never() {
    let mut asks = sourced();
    asks["spec"]["sources"][0]["confirm"] = json!(true);
    let told = json!([{"name": "ops", "http": {"url": "https://ops.example/"}, "events": ["record.signed"]}]);
    asks["spec"]["notifications"] = told;
    let expected = ["spec.notifications", "spec.sources"];
    assert_eq!(changed_fields(&accepted(&sourced()), &accepted(&asks)), expected);
    let mut says_no = sourced();
    says_no["spec"]["sources"][0]["confirm"] = json!(false);
    assert_eq!(changed_fields(&accepted(&sourced()), &accepted(&says_no)), [] as [&str; 0]);
}
