//! Webhooks, and tables that are queries.

use chancery_policy::Outcome::{Clean, Failed, Flagged, Rejected};
use chancery_policy::{Answers, Policy, Wants};
use serde_json::{Value, json};

use crate::support::{arrival, compiled, said};

fn policy() -> Policy {
    let webhook = |name: &str, adds: &str, failure: &str| json!({"name": name, "url": "https://judge.example/", "adds": adds, "failurePolicy": failure});
    compiled(json!({
        "matchConditions": [{"name": "all", "expression": "!has(record.skip)"}],
        "lookups": [{"name": "merchants", "query": {"urlSecretRef": {"name": "s", "key": "url"}, "sql": "SELECT 1"}}],
        "validations": [{"name": "known", "expression": "lookup('merchants', record.merchant) != 'blocked'", "message": "blocked"}],
        "webhooks": [webhook("model", "score", "Fail"), webhook("list", "verdict", "Ignore"), webhook("names", "fields", "Fail")],
        "thresholds": {"flag": 50, "reject": 80},
    }))
}

fn answers(given: Value) -> Answers {
    serde_json::from_value(given).expect("answers")
}

fn wants(payload: &str, given: Value) -> Wants {
    policy().wants(&arrival(payload.as_bytes()), &answers(given))
}

#[test]
fn what_has_to_be_asked_is_told_and_no_more_than_that() {
    let key = |key: &str| vec![("merchants".to_owned(), key.to_owned())];
    let record = r#"{"merchant": "m1"}"#;
    assert!(policy().asks());
    assert_eq!(wants(record, json!({})), Wants { webhooks: vec![], keys: key("m1") });
    let known = json!({"keys": {"merchants": {"m1": "good"}}});
    let all = ["model", "list", "names"].map(str::to_owned).to_vec();
    assert_eq!(wants(record, known), Wants { webhooks: all, keys: vec![] });
    // What is decided needs nobody else.
    assert!(wants(record, json!({"keys": {"merchants": {"m1": "blocked"}}})).is_empty());
    assert!(wants(r#"{"skip": 1, "merchant": "m1"}"#, json!({})).is_empty());
    assert!(wants("no JSON", json!({})).is_empty());
    assert!(!compiled(json!({"validations": [{"name": "a", "expression": "true"}]})).asks());
}

#[test]
fn the_keys_of_all_elements_of_a_list_are_asked_for_together() {
    for expression in [
        "record.all.map(one, lookup('known', one)).size() > 0",
        "record.all.filter(one, lookup('known', one) == 'x').size() > 0",
        "record.all.exists_one(one, lookup('known', one) == 'x')",
    ] {
        let policy = compiled(json!({
            "lookups": [{"name": "known", "query": {"urlSecretRef": {"name": "s", "key": "url"}, "sql": "SELECT 1"}}],
            "validations": [{"name": "all", "expression": expression}],
        }));
        let wants = policy.wants(&arrival(br#"{"all": ["a", "b", "c"]}"#), &Answers::default());
        let keys = ["a", "b", "c"].map(|key| ("known".to_owned(), key.to_owned()));
        assert_eq!(wants.keys, keys, "{expression}");
    }
}

#[test]
fn answers_judge_as_rules_do() {
    let of = |webhooks: Value, merchant: Value| {
        let given = json!({"webhooks": webhooks, "keys": {"merchants": {"m1": merchant}}});
        let verdict = policy().judge(&arrival(br#"{"merchant": "m1"}"#), &answers(given));
        let (outcome, hits) = said(&verdict);
        (outcome, hits, verdict.payload.map(|payload| String::from_utf8(payload).unwrap()))
    };
    let text = |text: &str| text.to_owned();
    let answered = |score: i64| json!({"model": {"score": score, "message": "likely"}, "list": {}, "names": {"fields": {"market": "DE"}}});
    let signed = Some(text(r#"{"market":"DE","merchant":"m1"}"#));
    assert_eq!(
        of(answered(10), json!("good")),
        (Clean, vec![text("model Score: +10 points: likely")], signed.clone())
    );
    assert_eq!(
        of(answered(55), json!("good")),
        (
            Flagged,
            vec![
                text("model Score: +55 points: likely"),
                text("thresholds Flag: 55 points, and 50 flag a record")
            ],
            signed
        )
    );
    let mut rejecting = answered(0);
    rejecting["list"] = json!({"action": "Reject", "message": "listed"});
    assert_eq!(
        of(rejecting, json!("good")),
        (Rejected, vec![text("model Score: +0 points: likely"), text("list Reject: listed")], None)
    );
    let mut failing = answered(0);
    failing["list"] = json!({"failed": "503"});
    let (outcome, hits, _) = of(failing.clone(), json!("good"));
    assert_eq!((outcome, &hits[1]), (Clean, &text("list Ignored: 503")));
    failing["model"] = json!({"failed": "timeout"});
    let (outcome, hits, _) = of(failing, json!("good"));
    assert_eq!((outcome, &hits[0]), (Failed, &text("model Failed: timeout")));
    // A key without a row is known to have none.
    let (outcome, hits, _) = of(answered(0), json!(null));
    assert_eq!((outcome, hits), (Failed, vec![text("known Failed: the table `merchants` has no `m1`")]));
}

#[test]
fn what_was_not_asked_is_not_judged() {
    let verdict = policy().judge(&arrival(br#"{"merchant": "m1"}"#), &Answers::default());
    assert_eq!(
        said(&verdict),
        (Failed, vec!["known Failed: the table `merchants` was not asked for `m1`".to_owned()])
    );
}
