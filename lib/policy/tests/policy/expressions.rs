//! Expressions: their values, and what is refused before there is a record.

use serde_json::{Value, json};

use crate::support::{compile_with, compiled, judged, refused, tables, value_of};

fn record() -> Value {
    json!({
        "int": 7, "large": 9_007_199_254_740_993_i64, "double": 2.5, "text": "Grüße", "yes": true, "none": null,
        "list": [1, 2, 3], "items": [{"id": 1, "ok": true}, {"id": 2, "ok": false}, {"ok": true}],
        "map": {"b": 1, "a": 2}, "a b": 5,
    })
}

#[test]
fn values_are_as_cel_has_them() {
    for (expression, wanted) in [
        ("record.int + 1", json!(8)),
        ("record.large + 0", json!("9007199254740993")),
        ("record.int / 2", json!(3)),
        ("-record.int % 4", json!(-3)),
        ("record.double * 2.0", json!(5)),
        ("record.int > record.double", json!(true)),
        ("record.int == 7.0 && 7u == record.int", json!(true)),
        ("9007199254740993 > 9007199254740992.0", json!(true)),
        ("record.int == '7'", json!(false)),
        ("record.text + '!'", json!("Grüße!")),
        ("record.list + [4]", json!([1, 2, 3, 4])),
        ("record['a b']", json!(5)),
        ("record.list[1]", json!(2)),
        ("record.none == null", json!(true)),
        ("has(record.none) && !has(record.other)", json!(true)),
        ("record.yes ? 'yes' : record.nothing", json!("yes")),
        ("2 in record.list && !(5 in record.list)", json!(true)),
        ("'a' in record.map && !('c' in record.map)", json!(true)),
        ("record.map == {'a': 2, 'b': 1}", json!(true)),
        ("record.map.map(key, key)", json!(["a", "b"])),
        ("record.items.filter(item, item.ok).map(item, has(item.id) ? item.id : 0)", json!([1, 0])),
        ("record.items.map(item, has(item.id), item.id * 10)", json!([10, 20])),
        ("record.list.all(n, n > 0) && record.list.exists(n, n == 3)", json!(true)),
        ("record.list.exists_one(n, n > 2)", json!(true)),
        ("record.list.existsOne(n, n > 1)", json!(false)),
        ("record.list.map(n, [1, 2, 3].map(m, n * m))", json!([[1, 2, 3], [2, 4, 6], [3, 6, 9]])),
        ("record.list.map(n, [1, 2, 3].filter(n, n > 1).size() + n)", json!([3, 4, 5])),
        // What decides alone decides, in either order.
        ("record.items.exists(item, item.id == 2)", json!(true)),
        ("record.items.all(item, item.id == 1)", json!(false)),
        ("record.nothing == 1 || true", json!(true)),
        ("false && record.nothing == 1", json!(false)),
        ("type(record.int) == int && type(record.list) == list && type(1) != uint", json!(true)),
        ("r'\\d' + \"\\x41\" + '''b'''", json!("\\dAb")),
        ("timestamp('2026-01-01T00:00:00Z') + duration('1h')", json!("2026-01-01T01:00:00Z")),
        ("string(arrivedAt - timestamp('2026-03-01T11:58:30Z'))", json!("90s")),
        ("arrivedAt.getFullYear() == 2026 && source == 'files' && position == '7'", json!(true)),
    ] {
        assert_eq!(value_of(expression, &record()), Ok(wanted), "{expression}");
    }
}

#[test]
fn what_has_no_value_says_why() {
    for (expression, said) in [
        ("record.other", "there is no `other`"),
        ("record.int.other", "`other` is read of an int"),
        ("record.list[3]", "the list of 3 has no such place"),
        ("record.list[-1]", "the list of 3 has no such place"),
        ("record.map['c']", "there is no `c`"),
        ("record.int + 1.0", "there is no int + double"),
        ("record.int < 'a'", "an int and a string cannot be compared"),
        ("record.int / 0", "divided by zero"),
        ("record.large * record.large", "too large"),
        ("!record.int", "it is an int, and true or false is wanted"),
        ("record.int ? 1 : 2", "it is an int, and true or false is wanted"),
        ("record.int.map(n, n)", "a loop runs over an int"),
        ("{'a': 1, 'a': 2}", "a key twice"),
        ("record.text.substring(3, 1)", "ends before it begins"),
        ("double('one')", "a string that is no double"),
        ("record.int.contains('a')", "string.contains(string) -> bool was given int, string"),
        ("0.0 / 0.0", "not finite has no form in JSON"),
        (
            "record.items.all(item, item.ok || item.id == 0) || record.items.exists(item, item.id == 9)",
            "there is no `id`",
        ),
    ] {
        let why = value_of(expression, &record()).expect_err(expression);
        assert!(why.contains(said), "{expression}: {why}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    for (expression, said) in [
        ("record.", "is no CEL expression"),
        ("row.id", "names `row`, and there are only `record`"),
        ("record.id == 1 &&\n  rwo.id == 2", "at line 2, character 3 of it: names `rwo`"),
        ("variables.usd > 1", "at character 11: names the variable `usd`, and there are none before it"),
        ("variables", "needs the name of a variable"),
        ("md5(record.id)", "calls `md5`, which is no function"),
        (
            "contains(record.id, 'a')",
            "in a way that it is not made for; it is string.contains(string) -> bool",
        ),
        ("record.id.contains()", "in a way that it is not made for"),
        ("record.id.matches('(')", "has the pattern \"(\", which is none"),
        ("record.id.matches(record.pattern)", "has a pattern that is not written out"),
        ("lookup('rates', 'EUR')", "at character 9: looks into `rates`, which spec.lookups does not have"),
        ("lookup(record.table, 'EUR')", "looks into a table that is not written out"),
        ("record.list.map(n, m)", "names `m`"),
        ("record.list.map(n, n) == n", "names `n`"),
        ("Message{field: 1}", "makes a Message"),
    ] {
        let found = refused(expression);
        assert!(
            found.starts_with("spec.validations[0].expression: ") && found.contains(said),
            "{expression}: {found}"
        );
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let findings = compile_with(
        json!({
            "variables": [{"name": "a", "expression": "variables.b"}, {"name": "b", "expression": "1"}],
            "lookups": [{"name": "rates", "configMapRef": {"name": "fx"}}],
            "validations": [{"name": "x", "expression": "y", "messageExpression": "z"}],
            "enrichments": [{"field": "f", "expression": "("}],
        }),
        tables(&[]),
    )
    .unwrap_err();
    let mut paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "spec.enrichments[0].expression",
            "spec.lookups[0].configMapRef",
            "spec.validations[0].expression",
            "spec.validations[0].messageExpression",
            "spec.variables[0].expression",
        ]
    );
}

#[test]
fn a_variable_within_a_loop_does_not_see_what_the_loop_is_at() {
    let policy = compiled(json!({
        "variables": [
            {"name": "sums", "expression": "[10, 20].map(n, n + record.base)"},
            {"name": "all", "expression": "[1, 2].map(n, variables.sums.map(m, n + m))"},
        ],
        "enrichments": [{"field": "all", "expression": "[5].map(n, variables.all)[0]"}],
    }));
    let payload = judged(&policy, &json!({"base": 1})).payload.unwrap();
    assert_eq!(String::from_utf8(payload).unwrap(), r#"{"all":[[12,22],[13,23]],"base":1}"#);
}
