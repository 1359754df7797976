//! Sources, and how their payloads are known again.

use std::time::Duration;

use chancery_api::{Idempotency, RunInput, ValidatedSources, validate};
use serde_json::{Value, json};

use crate::support::{accepted, refused, sourced};

fn validated(manifest: &Value) -> ValidatedSources {
    match validate(&accepted(manifest)).unwrap().input {
        RunInput::Sources(sources) => sources,
        RunInput::Generated { .. } => panic!("{manifest} is generated"),
    }
}

fn of_table(table: Value) -> Value {
    let mut manifest = sourced();
    manifest["spec"]["sources"] = json!([{"name": "rows", "table": table}]);
    manifest
}

fn known(idempotency: Value) -> Value {
    let mut manifest = sourced();
    manifest["spec"]["sources"][0]["format"] = json!({"type": "NDJSON"});
    manifest["spec"]["idempotency"] = idempotency;
    manifest
}

#[test]
fn a_table_has_a_url_or_names_a_secret_or_both() {
    let table = |more: Value| {
        let mut table = json!({"query": "SELECT 1 AS id", "orderBy": ["id"]});
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of_table(table)
    };
    let secret = json!({"name": "payments-db", "key": "uri"});
    for good in [
        json!({"url": "postgres://reader@db.example:5432/payments"}),
        json!({"url": "postgres:///payments?host=/run/postgresql&user=reader", "payload": "body"}),
        json!({"urlSecretRef": secret}),
        json!({"url": "postgres://reader@db.example/payments", "urlSecretRef": secret}),
    ] {
        validated(&table(good));
    }
    let problems = refused(&table(json!({})));
    assert!(problems[0].starts_with("spec.sources[0].table.url: missing; give urlSecretRef"), "{problems:?}");
    for url in ["postgres://u:secret@h/d", "postgres://:secret@h/d", "postgres:///d?user=u&password=secret"] {
        let problems = refused(&table(json!({"url": url})));
        assert!(problems[0].contains("must not hold a password"), "{problems:?}");
    }
    let mut both = of_table(json!({"url": "postgres://u@h/d", "query": "SELECT 1 AS id", "orderBy": ["id"]}));
    both["spec"]["sources"][0]["run"] = json!({"name": "other"});
    let problems = refused(&both);
    assert!(problems[0].contains("needs exactly one of objects, table, run and http"), "{problems:?}");
}

#[test]
fn rows_of_parquet_need_nothing_more() {
    let mut manifest = sourced();
    manifest["spec"]["sources"][0]["format"] = json!({"type": "Parquet"});
    validated(&manifest);
    manifest["spec"]["sources"][0]["format"]["header"] = json!(true);
    assert!(refused(&manifest)[0].contains("applies to the format CSV only"));
}

#[test]
fn an_expression_goes_with_by_expression_and_with_payloads_that_are_json() {
    let by_id = json!({"by": "Expression", "expression": "record.id"});
    let sources = validated(&known(by_id.clone()));
    assert_eq!(sources.idempotency, Idempotency::Expression("record.id".to_owned()));
    for bad in [
        json!({"by": "Expression"}),
        json!({"expression": "record.id"}),
        json!({"by": "None", "expression": "record.id"}),
    ] {
        let problems = refused(&known(bad));
        assert!(problems[0].contains("belongs to by: Expression, which needs it"), "{problems:?}");
    }
    for format in ["Lines", "Whole"] {
        let mut manifest = known(by_id.clone());
        manifest["spec"]["sources"][0]["format"] = json!({"type": format});
        let problems = refused(&manifest);
        assert!(problems[0].contains("needs payloads that are JSON"), "{problems:?}");
    }
    // Of a run that is read again, nobody knows before.
    let mut again = known(by_id);
    again["spec"]["sources"] = json!([{"name": "again", "run": {"name": "other"}}]);
    validated(&again);
}

#[test]
fn events_are_known_by_their_source_and_id_unless_the_run_says_otherwise() {
    let events =
        json!({"name": "events", "objects": {"url": "file:///e"}, "format": {"type": "CloudEvents"}});
    let lines = json!({"name": "lines", "objects": {"url": "file:///l"}, "format": {"type": "NDJSON"}});
    let again = json!({"name": "again", "run": {"name": "other"}});
    let mut more = events.clone();
    more["name"] = json!("more");
    let by_event = || Idempotency::Expression("[record.source, record.id]".to_owned());
    for (sources, expected) in [
        (json!([events]), by_event()),
        (json!([events, more]), by_event()),
        (json!([events, lines]), Idempotency::Content),
        (json!([events, again]), Idempotency::Content),
        (json!([again]), Idempotency::Content),
    ] {
        let mut manifest = sourced();
        manifest["spec"]["sources"] = sources;
        let found = validated(&manifest);
        assert_eq!((found.idempotency, found.idempotency_is_given), (expected, false), "{manifest}");
    }
    for (given, expected) in [
        (json!({"by": "Content"}), Idempotency::Content),
        (json!({"by": "None"}), Idempotency::None),
        (json!({}), Idempotency::Content),
    ] {
        let mut manifest = known(given);
        manifest["spec"]["sources"] = json!([events]);
        let found = validated(&manifest);
        assert_eq!((found.idempotency, found.idempotency_is_given), (expected, true), "{manifest}");
    }
}

#[test]
fn an_expression_that_cannot_be_is_refused_at_once() {
    for (expression, words) in [
        ("record.", "is no CEL expression ("),
        ("row.id", "names `row`"),
        ("md5(record.id)", "calls `md5`"),
        ("1 + 1", "is the same for every payload"),
    ] {
        let run = accepted(&known(json!({"by": "Expression", "expression": expression})));
        let said = validate(&run).unwrap_err().to_string();
        assert!(said.contains("spec.idempotency.expression") && said.contains(words), "{said}");
    }
}

#[test]
fn a_window_goes_with_a_keyring_that_has_a_name() {
    let mut manifest = known(json!({"window": "720h"}));
    assert!(refused(&manifest)[0].contains("applies to a keyring that outlives its runs"));
    manifest["spec"]["keyringRef"] = json!({"name": "shared"});
    assert_eq!(validated(&manifest).digest_window, Duration::from_secs(720 * 3600));
    manifest["spec"]["idempotency"] = json!({"by": "None", "window": "720h"});
    assert!(refused(&manifest)[0].contains("applies to payloads that are known again"));
    for window in ["0s", "87601h"] {
        manifest["spec"]["idempotency"] = json!({"window": window});
        assert!(refused(&manifest)[0].contains("must be at least 1s and at most 87600h"), "{window}");
    }
}

fn pushed(http: Value) -> Value {
    let mut manifest = sourced();
    manifest["spec"]["sources"] = json!([{"name": "push", "http": http}]);
    manifest
}

#[test]
fn what_is_pushed_has_a_period_and_nothing_beside_it() {
    let sources = validated(&pushed(json!({})));
    assert_eq!(sources.batching_period, Some(Duration::from_millis(50)));
    assert_eq!(sources.sources[0].http.as_ref().map(|http| http.max_pending), Some(100_000));
    assert_eq!(validated(&sourced()).batching_period, None, "what is read waits for its batch");
    let mut manifest = pushed(json!({"maxPending": 1}));
    for (period, wanted) in [("1ms", Duration::from_millis(1)), ("1h", Duration::from_secs(3_600))] {
        manifest["spec"]["batching"] = json!({"period": period});
        assert_eq!(validated(&manifest).batching_period, Some(wanted));
    }
    for period in ["0s", "0.5ms", "61m"] {
        manifest["spec"]["batching"] = json!({"period": period});
        let problems = refused(&manifest);
        assert_eq!(
            problems,
            [format!("spec.batching.period: {period:?} must be at least 1ms and at most 1h")]
        );
    }
    for most in [0, 1_000_000_001] {
        let problems = refused(&pushed(json!({"maxPending": most})));
        assert!(problems[0].starts_with("spec.sources[0].http.maxPending"), "{problems:?}");
    }
    let mut beside = pushed(json!({}));
    let other = sourced()["spec"]["sources"][0].clone();
    beside["spec"]["sources"].as_array_mut().unwrap().push(other);
    let problems = refused(&beside);
    assert!(problems[0].contains("must have nothing beside a source of http"), "{problems:?}");
    let mut read = sourced();
    read["spec"]["batching"] = json!({});
    let problems = refused(&read);
    assert!(problems[0].contains("applies to a run with a source of http only"), "{problems:?}");
    let mut both = pushed(json!({}));
    both["spec"]["sources"][0]["run"] = json!({"name": "other"});
    let problems = refused(&both);
    assert!(problems[0].contains("needs exactly one of objects, table, run and http"), "{problems:?}");
}
