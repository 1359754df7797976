//! A table for each kind of rule.

use chancery_policy::Outcome::{Clean, Failed, Flagged, Rejected};
use chancery_policy::{Answers, Outcome};
use serde_json::{Value, json};

use crate::support::{arrival, compile_with, compiled, judged, said, tables};

/// Each record with its outcome and what is said of it.
fn table(policy: Value, rows: &[(Value, Outcome, &[&str])]) {
    let policy = compiled(policy);
    for (record, outcome, hits) in rows {
        let (found, said) = said(&judged(&policy, record));
        assert_eq!((found, said), (*outcome, hits.iter().map(|hit| (*hit).to_owned()).collect()), "{record}");
    }
}

#[test]
fn a_validation_rejects_flags_or_alerts() {
    let policy = json!({"validations": [
        {"name": "positive", "expression": "record.amount > 0", "message": "the amount must be positive"},
        {"name": "small", "expression": "record.amount < 100", "messageExpression": "'it is ' + string(record.amount)", "action": "Flag"},
        {"name": "odd", "expression": "record.amount % 2 == 1", "action": "Alert"},
    ]});
    table(
        policy,
        &[
            (json!({"amount": 5}), Clean, &[]),
            (
                json!({"amount": -1}),
                Rejected,
                &[
                    "positive Reject: the amount must be positive",
                    "odd Alert: failed expression: record.amount % 2 == 1",
                ],
            ),
            (json!({"amount": 101}), Flagged, &["small Flag: it is 101"]),
            (json!({"amount": 4}), Clean, &["odd Alert: failed expression: record.amount % 2 == 1"]),
        ],
    );
}

#[test]
fn a_message_that_cannot_be_made_is_the_one_that_is_written() {
    for expression in ["record.none", "1", "''", "'  '"] {
        let rule =
            json!({"name": "never", "expression": "false", "message": "no", "messageExpression": expression});
        table(json!({"validations": [rule]}), &[(json!({}), Rejected, &["never Reject: no"])]);
    }
}

#[test]
fn match_conditions_say_which_records_are_judged() {
    let mut policy = json!({
        "matchConditions": [
            {"name": "payments", "expression": "record.type == 'payment'"},
            {"name": "of-files", "expression": "source == 'files'"},
        ],
        "validations": [{"name": "never", "expression": "false", "message": "no"}],
    });
    let failed = "payments Failed: there is no `type`";
    table(
        policy.clone(),
        &[
            (json!({"type": "payment"}), Rejected, &["never Reject: no"]),
            (json!({"type": "refund"}), Clean, &[]),
            (json!({}), Failed, &[failed]),
        ],
    );
    assert!(!judged(&compiled(policy.clone()), &json!({"type": "refund"})).matched);
    policy["unmatched"] = json!("Reject");
    let unmatched = "unmatched Reject: no matchConditions of the policy are for it";
    table(
        policy.clone(),
        &[(json!({"type": "refund"}), Rejected, &[unmatched]), (json!({}), Failed, &[failed])],
    );
    policy["failurePolicy"] = json!("Ignore");
    let ignored = "payments Ignored: there is no `type`";
    table(policy.clone(), &[(json!({}), Rejected, &[ignored, unmatched])]);
    policy["unmatched"] = json!("Pass");
    table(policy.clone(), &[(json!({}), Clean, &[ignored])]);
    policy["matchConditions"][1]["expression"] = json!("false");
    table(policy, &[(json!({}), Clean, &[])]);
}

#[test]
fn what_is_not_as_the_schema_says_is_judged_no_further() {
    let policy = json!({
        "schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        "validations": [{"name": "never", "expression": "false", "message": "no", "action": "Flag"}],
    });
    table(policy.clone(), &[(json!({"id": "a"}), Flagged, &["never Flag: no"])]);
    for record in [json!({}), json!({"id": 1}), json!("text")] {
        let verdict = judged(&compiled(policy.clone()), &record);
        assert_eq!((verdict.outcome, verdict.hits.len()), (Rejected, 1), "{record}");
        assert_eq!(verdict.hits[0].rule, "schema");
    }
    let verdict = compiled(policy).judge(&arrival(b"no JSON"), &Answers::default());
    assert!(verdict.outcome == Rejected && verdict.hits[0].message.starts_with("the payload is not JSON"));
}

#[test]
fn points_add_up_and_thresholds_say_what_becomes_of_the_sum() {
    let policy = json!({
        "scores": [
            {"name": "abroad", "expression": "record.abroad", "points": 30},
            {"name": "large", "expression": "record.amount > 100", "points": 50},
            {"name": "known", "expression": "record.known", "points": -20},
        ],
        "thresholds": {"flag": 50, "reject": 80},
    });
    let record =
        |abroad: bool, amount: i32, known: bool| json!({"abroad": abroad, "amount": amount, "known": known});
    table(
        policy,
        &[
            (record(false, 1, false), Clean, &[]),
            (record(true, 1, false), Clean, &["abroad Score: +30 points"]),
            (
                record(false, 101, false),
                Flagged,
                &["large Score: +50 points", "thresholds Flag: 50 points, and 50 flag a record"],
            ),
            (
                record(true, 101, false),
                Rejected,
                &[
                    "abroad Score: +30 points",
                    "large Score: +50 points",
                    "thresholds Reject: 80 points, and 80 reject a record",
                ],
            ),
            (
                record(true, 101, true),
                Flagged,
                &[
                    "abroad Score: +30 points",
                    "large Score: +50 points",
                    "known Score: -20 points",
                    "thresholds Flag: 60 points, and 50 flag a record",
                ],
            ),
        ],
    );
}

#[test]
fn variables_are_worked_out_when_they_are_needed() {
    let policy = json!({
        "variables": [
            {"name": "double", "expression": "record.amount * 2"},
            {"name": "more", "expression": "variables.double + 1"},
            {"name": "unused", "expression": "record.none.at.all"},
        ],
        "validations": [{"name": "same", "expression": "variables.more == 7 && variables.more == variables.double + 1"}],
    });
    table(policy, &[(json!({"amount": 3}), Clean, &[])]);
}

#[test]
fn tables_are_read_by_key() {
    let lists = tables(&[
        ("rates", &[("EUR", "1.5"), ("XAU", "no number")]),
        ("lists", &[("short", r#"["a", "b"]"#), ("long", r#"["a","b","c","d","e","f","g","h","i","j"]"#)]),
    ]);
    let lookup = |name: &str| json!({"name": name, "configMapRef": {"name": name}});
    let policy = json!({
        "lookups": [lookup("rates"), lookup("lists")],
        "validations": [
            {"name": "rate", "expression": "double(lookup('rates', record.currency)) > 1.0"},
            {"name": "short", "expression": "record.letter in lookup('lists', 'short')", "message": "no", "action": "Flag"},
            {"name": "long", "expression": "record.letter in lookup('lists', 'long')", "message": "no", "action": "Flag"},
            {"name": "otherwise", "expression": "lookup('rates', 'none', 1) == 1"},
        ],
    });
    let policy = compile_with(policy, lists).unwrap();
    for (currency, letter, outcome, hits) in [
        ("EUR", "a", Clean, vec![]),
        ("EUR", "j", Flagged, vec!["short Flag: no"]),
        ("EUR", "z", Flagged, vec!["short Flag: no", "long Flag: no"]),
        ("USD", "a", Failed, vec!["rate Failed: the table `rates` has no `USD`"]),
        ("XAU", "a", Failed, vec!["rate Failed: a string that is no double"]),
    ] {
        let verdict = judged(&policy, &json!({"currency": currency, "letter": letter}));
        assert_eq!(said(&verdict), (outcome, hits.iter().map(|hit| (*hit).to_owned()).collect()));
    }
}

#[test]
fn a_policy_is_shared_by_threads() {
    let policy = compiled(json!({
        "schema": {"type": "object"},
        "validations": [{"name": "a", "expression": "record.text.matches('^[a-z]+$')"}],
    }));
    std::thread::scope(|scope| {
        for text in ["abc", "ABC"] {
            let policy = &policy;
            scope.spawn(move || {
                let wanted = if text == "abc" { Clean } else { Rejected };
                assert_eq!(judged(policy, &json!({"text": text})).outcome, wanted);
            });
        }
    });
}

#[test]
fn what_is_signed_is_the_record_with_its_enrichments() {
    let policy = compiled(json!({
        "validations": [{"name": "good", "expression": "!has(record.bad)"}],
        "enrichments": [
            {"field": "z", "expression": "record.b"},
            {"field": "when", "expression": "arrivedAt"},
            {"field": "from", "expression": "source + '/' + position"},
            {"field": "all", "expression": "[1, 2.5, true, null, {'k': record.b}]"},
        ],
    }));
    let of = |payload: &str| policy.judge(&arrival(payload.as_bytes()), &Answers::default());
    // Digits that no double holds are kept.
    let verdict = of(r#" { "b": [1.10, "é"], "a": 12345678901234567890.5, "z": "replaced" } "#);
    assert_eq!(
        String::from_utf8(verdict.payload.unwrap()).unwrap(),
        r#"{"a":"12345678901234567890.5","all":[1,2.5,true,null,{"k":[1.1,"é"]}],"b":[1.1,"é"],"from":"files/7","when":"2026-03-01T12:00:00Z","z":[1.1,"é"]}"#
    );
    assert_eq!(of(r#"{"bad": 1, "b": 1}"#).payload, None, "what is rejected is not signed");
    let list = compiled(json!({"enrichments": [{"field": "a", "expression": "1"}]}));
    let verdict = list.judge(&arrival(b"[1]"), &Answers::default());
    assert_eq!((verdict.outcome, verdict.payload), (Failed, None));
}
