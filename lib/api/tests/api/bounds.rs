//! Every bound of every field, from both sides. The fields come from the generated schema,
//! so that a new one cannot be forgotten.

use serde_json::{Value, json};

use crate::support::{accepted, minimal, refused, spec_fields, spec_schema, with, yaml};

#[test]
fn every_integer_is_bounded_and_each_bound_is_kept_to_the_unit() {
    for (field, schema) in spec_fields() {
        if schema["type"] != "integer" || schema["enum"].is_array() {
            continue;
        }
        let bound = |name: &str| {
            let bound = schema[name].as_f64();
            let bound = bound.unwrap_or_else(|| panic!("spec.{field} has no {name}"));
            format!("{bound}").parse::<i64>().unwrap()
        };
        let (least, greatest) = (bound("minimum"), bound("maximum"));

        accepted(&with(&field, json!(least)));
        accepted(&with(&field, json!(greatest)));
        assert_eq!(
            refused(&with(&field, json!(least - 1))),
            [format!("spec.{field}: {} is below the least value allowed, {least}", least - 1)]
        );
        assert_eq!(
            refused(&with(&field, json!(greatest + 1))),
            [format!("spec.{field}: {} is above the greatest value allowed, {greatest}", greatest + 1)]
        );
    }
}

#[test]
fn the_bounds_are_those_of_the_documentation() {
    let spec = spec_schema();
    let bounds = |field: &str| {
        let schema = &spec["properties"][field];
        (schema["minimum"].as_f64().unwrap(), schema["maximum"].as_f64().unwrap())
    };
    assert_eq!(bounds("recordCount"), (1.0, 1e9));
    assert_eq!(bounds("recordSize"), (0.0, 1_048_576.0));
    assert_eq!(bounds("keyCount"), (1.0, 10_000.0));
    assert_eq!(bounds("batchSize"), (1.0, 100_000.0));
    assert_eq!(bounds("parallelism"), (0.0, 1_000.0));
}

#[test]
fn every_choice_is_accepted_and_nothing_beside_them() {
    let mut seen = 0;
    for (field, schema) in spec_fields() {
        let Some(choices) = schema["enum"].as_array() else {
            continue;
        };
        seen += 1;
        for choice in choices {
            accepted(&with(&field, choice.clone()));
            let slip = match choice {
                Value::String(text) => json!(text.to_lowercase()),
                Value::Number(number) => json!(number.as_i64().unwrap() + 1),
                other => panic!("spec.{field}: no slip known for {other}"),
            };
            let problems = refused(&with(&field, slip.clone()));
            assert!(
                problems[0].starts_with(&format!("spec.{field}: {slip} is not allowed; give ")),
                "{problems:?}"
            );
        }
    }
    assert_eq!(seen, 5, "algorithm, audit, envelope, keySize and deletionPolicy");
}

#[test]
fn every_text_is_bounded_in_length() {
    for (field, schema) in spec_fields() {
        if schema["type"] != "string" || schema["enum"].is_array() {
            continue;
        }
        let most = schema["maxLength"].as_u64();
        let most = usize::try_from(most.unwrap_or_else(|| panic!("spec.{field}"))).unwrap();
        let long = "9".repeat(most) + "s";
        assert!(
            refused(&with(&field, json!(long)))[0]
                .contains(&format!("too long; at most {most} characters are allowed")),
        );
    }
}

#[test]
fn values_are_read_as_kubectl_reads_them() {
    // The right-hand sides are what kubectl 1.32 made of the left-hand ones.
    for (text, value) in [
        ("010", json!(8)),
        ("0o10", json!(8)),
        ("0x10", json!(16)),
        ("0b11", json!(3)),
        ("1_000", json!(1_000)),
        ("+5", json!(5)),
        ("1e3", json!(1_000)),
        ("1000.0", json!(1_000)),
        (".5e1", json!(5)),
        ("0100.0", json!(100)),
    ] {
        let manifest = yaml(&minimal()).replace("recordCount: 100", &format!("recordCount: {text}"));
        let run = chancery_api::parse(&manifest).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(json!(run.spec.record_count), value, "{text}");
    }
    for (text, value) in
        [("yes", true), ("on", true), ("y", true), ("True", true), ("off", false), ("FALSE", false)]
    {
        let manifest =
            yaml(&with("suspend", json!(true))).replace("suspend: true", &format!("suspend: {text}"));
        let run = chancery_api::parse(&manifest).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(run.spec.suspend, value, "{text}");
    }
}

#[test]
fn numbers_beyond_64_bits_are_too_great() {
    for text in ["18446744073709551616", "1e300", "99999999999999999999999999999999999999999999"] {
        let manifest = yaml(&minimal()).replace("recordCount: 100", &format!("recordCount: {text}"));
        let error = chancery_api::parse(&manifest).unwrap_err().to_string();
        assert!(error.contains("spec.recordCount: "), "{error}");
    }
}
