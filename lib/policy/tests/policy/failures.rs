//! Expressions that fail for a record.

use chancery_policy::Answers;
use chancery_policy::Outcome::{Clean, Failed, Flagged, Rejected};
use serde_json::json;

use crate::support::{arrival, compiled, judged, said};

#[test]
fn an_expression_that_fails_makes_a_dead_letter_or_is_passed_over_and_counted() {
    let mut policy = json!({
        "validations": [
            {"name": "field", "expression": "record.none > 1"},
            {"name": "small", "expression": "record.amount < 10", "message": "no", "action": "Flag"},
        ],
        "scores": [{"name": "points", "expression": "record.amount", "points": 5}],
        "enrichments": [{"field": "x", "expression": "record.amount / 0"}, {"field": "y", "expression": "1"}],
    });
    let verdict = judged(&compiled(policy.clone()), &json!({"amount": 11}));
    assert_eq!(
        said(&verdict),
        (
            Failed,
            vec![
                "field Failed: there is no `none`".to_owned(),
                "small Flag: no".to_owned(),
                "points Failed: it is an int, and true or false is wanted".to_owned(),
            ]
        )
    );
    assert_eq!((verdict.ignored, verdict.payload), (0, None));
    policy["failurePolicy"] = json!("Ignore");
    let verdict = judged(&compiled(policy), &json!({"amount": 11}));
    assert_eq!(
        said(&verdict),
        (
            Flagged,
            vec![
                "field Ignored: there is no `none`".to_owned(),
                "small Flag: no".to_owned(),
                "points Ignored: it is an int, and true or false is wanted".to_owned(),
                "x Ignored: a whole number is divided by zero".to_owned(),
            ]
        )
    );
    assert_eq!((verdict.ignored, verdict.score), (3, 0));
    assert_eq!(verdict.payload.as_deref(), Some(&br#"{"amount":11,"y":1}"#[..]));
}

#[test]
fn what_a_rule_rejects_is_rejected_though_another_fails() {
    let policy = compiled(json!({"validations": [
        {"name": "field", "expression": "record.none"},
        {"name": "never", "expression": "false"},
    ]}));
    assert_eq!(judged(&policy, &json!({})).outcome, Rejected);
}

#[test]
fn a_payload_that_is_not_json_fails_where_it_is_read_and_nowhere_else() {
    let of = |expression: &str| {
        let policy = compiled(json!({"validations": [{"name": "rule", "expression": expression}]}));
        policy.judge(&arrival(b"\xff\x00"), &Answers::default()).outcome
    };
    assert_eq!(of("source == 'files'"), Clean);
    assert_eq!(of("record == null"), Failed);
    assert_eq!(of("source == 'other' || record == null"), Failed);
    assert_eq!(of("record == null || source == 'files'"), Clean, "what decides alone decides");
}
