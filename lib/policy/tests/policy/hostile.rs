//! Expressions that are made to hang or to exhaust whoever evaluates them, or that are silly. Each is refused with a sentence, or
//! bounded.

use chancery_policy::{Answers, Outcome};
use serde_json::{Value, json};

use crate::support::{arrival, compile_with, compiled, judged, refused, tables};

#[test]
fn what_could_never_be_evaluated_is_refused_with_a_sentence() {
    let deep = format!("{}1{}", "(".repeat(1_000), ")".repeat(1_000));
    let long = format!("record.n{}", " + 1".repeat(1_000));
    let selects = format!("record{} == 1", ".a".repeat(1_500));
    let loops = |count: usize| {
        let open: String = (0..count).map(|n| format!("record.l.all(v{n}, ")).collect();
        format!("{open}true{}", ")".repeat(count))
    };
    let groups = format!("record.s.matches('{}x{}')", "(".repeat(100), ")".repeat(100));
    for (expression, said) in [
        // Brackets that would take the parser's stack.
        (deep.as_str(), "more than 128 brackets and conditions"),
        // Operators and members that would take the evaluator's.
        (&long, "more than 128 levels deep"),
        (&selects, "more than 128 levels deep"),
        // Every element with every other one.
        (&loops(2), "for a record of 1 MiB, and 100000000 is the most"),
        (&loops(9), "more than 8 loops within each other"),
        // A pattern that becomes a large automaton.
        ("record.s.matches('(a{1000}){1000}')", "which is none: Compiled regex exceeds size limit"),
        (&groups, "which is none: exceed the maximum number of nested parentheses"),
        // What makes lists of lists.
        ("record.l.map(a, record.l.map(b, [a, b])).size() > 0", "is the most"),
    ] {
        let found = refused(expression);
        assert!(found.contains(said), "{}: {found}", &expression[..expression.len().min(60)]);
    }
}

#[test]
fn loops_over_parts_of_what_a_loop_is_at_are_no_loops_over_everything() {
    compiled(json!({"validations": [{
        "name": "nested",
        "expression": "record.orders.all(order, order.items.all(item, item.parts.all(part, part.weight > 0)))",
    }]}));
}

/// A policy of one expression, over one record.
fn outcome_of(policy: Value, record: &Value) -> (Outcome, String) {
    let verdict = judged(&compiled(policy), record);
    (verdict.outcome, verdict.hits.first().map(|hit| hit.message.clone()).unwrap_or_default())
}

fn rule(expression: &str) -> Value {
    json!({"validations": [{"name": "rule", "expression": expression}], "failurePolicy": "Ignore"})
}

#[test]
fn what_a_record_makes_expensive_is_over_its_budget_and_fails_whatever_the_policy_ignores() {
    let numbers: Vec<u32> = (0..200_000).collect();
    let texts = vec![json!({"text": "x".repeat(1_000)}); 1_000];
    let long = "y".repeat(1_000_000);
    for (expression, record) in [
        // Every element with every other one, by a list that the estimate takes for small.
        ("record.o.all(o, o.l.all(a, o.l.all(b, a + b >= 0)))", json!({"o": [{"l": numbers}]})),
        // A text that is searched, and hashed, for each element.
        ("record.l.all(o, !record.s.contains(o.text))", json!({"l": texts, "s": long})),
        ("record.l.all(o, sha256(record.s) != o.text)", json!({"l": texts, "s": long})),
    ] {
        let verdict = judged(&compiled(rule(expression)), &record);
        assert_eq!(verdict.outcome, Outcome::Failed, "{expression}");
        assert_eq!(verdict.hits[0].message, "the record takes more than 10000000 steps of the policy");
    }
}

#[test]
fn what_would_be_over_the_budget_for_any_long_list_is_refused() {
    for expression in [
        "record.l.all(t, record.s.contains(t))",
        "record.l.all(t, sha256(record.s) != t)",
        // Lists in lists.
        "record.l.map(a, record.l.filter(b, b == a)).size() < 0",
    ] {
        let found = refused(expression);
        assert!(found.contains("for a record of 1 MiB, and 100000000 is the most"), "{expression}: {found}");
    }
}

#[test]
fn texts_that_double_come_to_an_end() {
    let mut variables = vec![json!({"name": "v0", "expression": "record.s"})];
    for n in 1..40 {
        variables.push(
            json!({"name": format!("v{n}"), "expression": format!("variables.v{0} + variables.v{0}", n - 1)}),
        );
    }
    let mut policy = rule("variables.v39 != ''");
    policy["variables"] = json!(variables);
    let (outcome, message) = outcome_of(policy, &json!({"s": "x".repeat(100_000)}));
    assert_eq!(outcome, Outcome::Clean, "it is passed over");
    assert!(message.contains("1 MiB is the most"), "{message}");
    let replaced = rule("record.s.replace('', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') != ''");
    let (_, message) = outcome_of(replaced, &json!({"s": "x".repeat(100_000)}));
    assert!(message.contains("1 MiB is the most"), "{message}");
}

#[test]
fn lists_that_double_come_to_an_end() {
    let mut variables = vec![json!({"name": "v0", "expression": "record.l"})];
    for n in 1..40 {
        variables.push(
            json!({"name": format!("v{n}"), "expression": format!("variables.v{0} + variables.v{0}", n - 1)}),
        );
    }
    let mut policy = rule("variables.v39.size() > 0");
    policy["variables"] = json!(variables);
    assert_eq!(outcome_of(policy, &json!({"l": [1, 2, 3]})).0, Outcome::Failed);
}

#[test]
fn variables_that_need_each_other_are_no_deeper_than_one_expression() {
    let mut variables = vec![json!({"name": "v0", "expression": "record.n"})];
    for n in 1..64 {
        variables.push(
            json!({"name": format!("v{n}"), "expression": format!("((variables.v{} + 1) + 1) + 1", n - 1)}),
        );
    }
    let findings = compile_with(json!({"variables": variables}), tables(&[])).unwrap_err();
    assert!(findings[0].message.contains("levels deep with the variables that it needs"), "{findings:?}");
}

#[test]
fn the_deepest_expression_fits_a_small_stack() {
    let sum = format!("record.n{} > 0", " + 1".repeat(120));
    let policy = compiled(json!({"validations": [{"name": "rule", "expression": sum}]}));
    let judge = move || judged(&policy, &json!({"n": 1})).outcome;
    let small = std::thread::Builder::new().stack_size(1 << 20);
    assert_eq!(small.spawn(judge).unwrap().join().unwrap(), Outcome::Clean);
}

#[test]
fn payloads_that_are_made_to_hurt_are_judged_or_fail() {
    let policy = compiled(json!({"validations": [{"name": "rule", "expression": "record == record"}]}));
    let deep = [vec![b'['; 500_000], vec![b']'; 500_000]].concat();
    let mut twice = b"{".to_vec();
    for n in 0..50_000 {
        twice.extend_from_slice(format!("\"k{n}\":1,").as_bytes());
    }
    twice.extend_from_slice(b"\"k0\":1}");
    for (payload, wanted) in [
        (deep, Outcome::Failed),
        (twice, Outcome::Failed),
        (vec![0; 1 << 20], Outcome::Failed),
        (format!("[{}1]", "1,".repeat(500_000)).into_bytes(), Outcome::Clean),
        (serde_json::to_vec(&"\u{0}".repeat(100_000)).unwrap(), Outcome::Clean),
    ] {
        assert_eq!(policy.judge(&arrival(&payload), &Answers::default()).outcome, wanted);
    }
}
