//! Versions of a policy.

use chancery_policy::{EVALUATOR, EVALUATORS, Pinned};
use serde_json::json;

use crate::support::{example, read, spec, tables};

#[test]
fn a_version_is_the_same_however_it_came_about() {
    let given = json!({
        "schema": {"type": "object", "properties": {"a": {"const": null, "maximum": 1.50}}},
        "validations": [{"name": "a", "expression": "record.a == 'é'"}],
    });
    let tables = tables(&[("t", &[("k", "1.0")])]);
    let pinned = Pinned::new(spec(given), tables).unwrap();
    let again = Pinned::from_text(pinned.text()).unwrap();
    assert_eq!((pinned.text(), pinned.hash()), (again.text(), again.hash()));
    assert_eq!(pinned, again);
    assert!(pinned.text().starts_with(r#"{"spec":{"failurePolicy":"Fail","#), "{}", pinned.text());
    assert_eq!(pinned.tables()["t"]["k"], "1.0");
}

#[test]
fn another_table_or_another_rule_is_another_version() {
    let given = json!({"validations": [{"name": "a", "expression": "true"}]});
    let one = Pinned::new(spec(given.clone()), tables(&[])).unwrap();
    let other = Pinned::new(spec(given), tables(&[("t", &[])])).unwrap();
    assert_ne!(one.hash(), other.hash());
    assert_ne!(example("fraud").hash(), example("transactions").hash());
}

#[test]
fn what_is_no_version_says_why() {
    for text in [
        "",
        "{}",
        r#"{"spec": {}, "tables": {}, "more": 1}"#,
        r#"{"spec": {"unmatched": "Perhaps"}, "tables": {}}"#,
    ] {
        assert!(Pinned::from_text(text).is_err(), "{text}");
    }
}

#[test]
fn whatever_words_a_verdict_is_of_the_version_that_is_pinned() {
    let (newest, libraries) = EVALUATORS.last().expect("one");
    assert_eq!(*newest, EVALUATOR);
    let lock = read("Cargo.lock");
    for (name, version) in *libraries {
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(
            lock.contains(&locked),
            "{name} is no longer {version}, and may word otherwise what it finds: add a row to EVALUATORS, and raise EVALUATOR"
        );
    }
}

#[test]
fn a_version_says_by_whom_it_is_worked_out_unless_that_is_the_first() {
    let of = |evaluator: &str| {
        Pinned::from_text(&format!(r#"{{{evaluator}"spec": {{}}, "tables": {{}}}}"#)).unwrap()
    };
    assert_eq!((of("").evaluator(), of(r#""evaluator": 7, "#).evaluator()), (1, 7));
    assert_ne!(of("").hash(), of(r#""evaluator": 7, "#).hash());
}
