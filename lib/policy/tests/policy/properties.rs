//! What holds for every record and every policy.

use chancery_policy::{Answers, Outcome, Pinned, Policy, Verdict};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{arrival, spec, tables};

/// Any JSON of a few levels, with the names that the rules read.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|double| json!(double)),
        "[a-z0-9é ]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abn]|list|amount", inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

/// Rules, of which some fail for most records.
const RULES: [(&str, &str); 8] = [
    ("amount", "record.amount > 0"),
    ("list", "record.list.all(n, n < 10)"),
    ("has", "has(record.a) && record.a != record.b"),
    ("text", "string(record.n).contains('a')"),
    ("in", "'a' in record"),
    ("variable", "variables.twice > 4"),
    ("always", "true"),
    ("never", "record == 'none'"),
];

/// A policy of these rules, in this order and with these actions.
fn policy(rules: &[(usize, u8)], fails: bool) -> Pinned {
    let action = |number: u8| ["Reject", "Flag", "Alert"][usize::from(number) % 3];
    let validation = |(rule, number): &(usize, u8)| {
        let (name, expression) = RULES[*rule];
        json!({"name": name, "expression": expression, "action": action(*number), "message": "no"})
    };
    let validations: Vec<Value> = rules.iter().map(validation).collect();
    let given = json!({
        "variables": [{"name": "twice", "expression": "record.amount * 2"}],
        "validations": validations,
        "scores": [{"name": "points", "expression": "has(record.a)", "points": 60}],
        "thresholds": {"flag": 50},
        "failurePolicy": if fails { "Fail" } else { "Ignore" },
    });
    Pinned::new(spec(given), tables(&[])).unwrap()
}

fn judge(pinned: &Pinned, payload: &[u8]) -> Verdict {
    Policy::compile(pinned).unwrap().judge(&arrival(payload), &Answers::default())
}

/// Rules in some order, each with an action.
fn rules() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let numbered: Vec<usize> = (0..RULES.len()).collect();
    (Just(numbered).prop_shuffle(), prop::collection::vec(0..3_u8, RULES.len()))
        .prop_map(|(order, actions)| order.into_iter().map(|rule| (rule, actions[rule])).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_record_has_one_outcome_and_it_is_that_of_its_hits(record in values(), rules in rules(), fails: bool) {
        let verdict = judge(&policy(&rules, fails), record.to_string().as_bytes());
        let worst = verdict.hits.iter().map(|hit| hit.action.outcome()).max().unwrap_or(Outcome::Clean);
        prop_assert_eq!(verdict.outcome, worst);
        prop_assert!(fails || verdict.outcome != Outcome::Failed);
        prop_assert!(fails == (verdict.ignored == 0) || verdict.ignored == 0);
    }

    #[test]
    fn the_order_of_rules_changes_no_outcome(record in values(), rules in rules(), fails: bool, seed: u64) {
        let mut other = rules.clone();
        other.rotate_left(usize::try_from(seed % 8).unwrap());
        let of = |rules: &[(usize, u8)]| {
            let verdict = judge(&policy(rules, fails), record.to_string().as_bytes());
            let mut said: Vec<String> = verdict.hits.iter().map(|hit| format!("{hit:?}")).collect();
            said.sort();
            (verdict.outcome, verdict.score, verdict.ignored, said)
        };
        prop_assert_eq!(of(&rules), of(&other));
    }

    #[test]
    fn a_verdict_is_the_same_on_replay(record in values(), rules in rules(), fails: bool) {
        let pinned = policy(&rules, fails);
        let payload = record.to_string();
        let again = Pinned::from_text(pinned.text()).unwrap();
        prop_assert_eq!(judge(&pinned, payload.as_bytes()), judge(&again, payload.as_bytes()));
    }

    #[test]
    fn bytes_that_are_no_record_are_judged_too(payload in prop::collection::vec(any::<u8>(), 0..64), rules in rules()) {
        let verdict = judge(&policy(&rules, true), &payload);
        prop_assert!(verdict.payload.is_none());
    }

    #[test]
    fn any_text_is_an_expression_or_is_refused(text in "[a-z0-9 .()\\[\\]{}'\"?:|&!+*/<>=,-]{0,40}") {
        let given = json!({"validations": [{"name": "a", "expression": text}]});
        let pinned = Pinned::new(spec(given), tables(&[])).unwrap();
        if let Ok(policy) = Policy::compile(&pinned) {
            let verdict = policy.judge(&arrival(b"{}"), &Answers::default());
            prop_assert!(verdict.hits.len() <= 1, "{:?}", verdict);
        }
    }
}
