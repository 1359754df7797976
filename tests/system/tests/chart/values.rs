//! Values: what is unknown or contradicts itself is refused, and what is known is told.

use std::fs;

use chancery_kit::helm;
use serde_json::{Value, json};

use crate::rendering::Chart;

fn file(name: &str) -> anyhow::Result<String> {
    Ok(fs::read_to_string(helm::chart().join(name))?)
}

fn schema() -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&file("values.schema.json")?)?)
}

fn defaults() -> anyhow::Result<Value> {
    Ok(serde_saphyr::from_str(&file("values.yaml")?)?)
}

/// The part of the schema that a reference leads to, else the part itself.
fn resolved<'a>(root: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => root.pointer(pointer).expect("a reference into the schema"),
        None => part,
    }
}

/// JSON pointers of all objects of the schema with listed fields.
fn closed_objects(root: &Value, part: &Value, path: &str, found: &mut Vec<String>) {
    let part = resolved(root, part);
    if let Some(properties) = part["properties"].as_object() {
        found.push(path.to_owned());
        for (key, value) in properties {
            closed_objects(root, value, &format!("{path}/{key}"), found);
        }
    }
}

#[test]
fn an_unknown_value_is_refused_wherever_it_stands() -> anyhow::Result<()> {
    let schema = schema()?;
    let validator = jsonschema::validator_for(&schema)?;
    assert!(validator.is_valid(&defaults()?));
    let mut objects = Vec::new();
    closed_objects(&schema, &schema, "", &mut objects);
    assert!(objects.len() > 40, "only {objects:?}");
    for path in objects {
        let mut values = json!({});
        let mut at = &mut values;
        for key in path.split('/').skip(1) {
            at[key] = json!({});
            at = &mut at[key];
        }
        at["unknownValue"] = json!(1);
        let problems: Vec<_> = validator.iter_errors(&values).map(|error| error.to_string()).collect();
        assert!(problems.iter().any(|problem| problem.contains("unknownValue")), "{path}: {problems:?}");
    }
    Ok(())
}

#[test]
fn helm_names_the_values_that_it_refuses() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let refusal =
        chart.set("operator.replica=3").set("database.tls.mode=full").set("kek.file=a").refusal()?;
    for part in ["operator", "replica", "database.tls.mode", "verify-full", "kek", "file"] {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    Ok(())
}

#[test]
fn every_value_has_a_default_and_a_comment() -> anyhow::Result<()> {
    fn walk(root: &Value, part: &Value, values: &Value, path: &str) {
        let Some(properties) = resolved(root, part)["properties"].as_object() else { return };
        let Some(values) = values.as_object().filter(|values| !values.is_empty()) else { return };
        for key in values.keys() {
            assert!(properties.contains_key(key), "{path}.{key} is not in the schema");
        }
        for (key, part) in properties {
            let path = format!("{path}.{key}");
            // Kubernetes' own types, and what Helm adds by itself.
            let is_kubernetes = ["ecurityContext", "Probe", "resources", "strategy", "global"];
            if is_kubernetes.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            let value = values.get(key).unwrap_or_else(|| panic!("{path} has no default in values.yaml"));
            walk(root, part, value, &path);
        }
    }
    let schema = schema()?;
    walk(&schema, &schema, &defaults()?, "");

    let text = file("values.yaml")?;
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines.windows(2) {
        let is_option = pair[1]
            .strip_prefix("  ")
            .is_some_and(|line| line.starts_with(|first: char| first.is_alphabetic()) && line.contains(": "));
        assert!(!is_option || pair[0].trim_start().starts_with('#'), "no comment: {}", pair[1]);
    }
    Ok(())
}

#[test]
fn values_that_contradict_each_other_are_refused_with_a_sentence() -> anyhow::Result<()> {
    let cases: &[(&[&str], &str)] = &[
        (&["postgresql.enabled=false"], "no database: set database.existingSecret"),
        (&["database.existingSecret=a", "postgresql.enabled=true"], "database names another database"),
        (&["database.tls.mode=verify-ca"], "verify-ca needs a CA"),
        (
            &["database.tls.ca.existingSecret=a", "database.tls.ca.existingConfigMap=b"],
            "give one of existingSecret, existingConfigMap and pem",
        ),
        (&["postgresql.persistence.enabled=false", "database.floor=1Gi"], "database.floor is set"),
        (&["watchNamespaces={a}", "runNamespaces={b}"], "runNamespaces names b"),
        (
            &["watchNamespaces={a}", "watchAllNamespaces=true"],
            "watchAllNamespaces is true, and watchNamespaces",
        ),
        (&["rbac.namespaced=true", "watchAllNamespaces=true"], "needs rights in the whole cluster"),
        (&["intake.allowed.secretPrefixes={chancery-}"], "would let runs name the Secret chancery-kek"),
        (
            &["database.existingSecret=source-db", "intake.allowed.secretPrefixes={source-}"],
            "would let runs name the Secret source-db",
        ),
        (&["delivery.allowed.secretPrefixes={chancery-}"], "delivery.allowed.secretPrefixes: "),
        (&["gateway.enabled=true"], "gateway.tls.existingSecret is empty: name a Secret"),
        (
            &["gateway.enabled=true", "gateway.tls.existingSecret=tls", "database.existingSecret=a"],
            "database.gatewayUrlKey is empty: give the gateway a login of its own",
        ),
        (
            &["gateway.enabled=true", "gateway.tls.existingSecret=tls", "gateway.ingress.enabled=true"],
            "gateway.ingress.host is empty",
        ),
        (
            &["gateway.enabled=true", "gateway.tls.existingSecret=tls", "gateway.httpRoute.enabled=true"],
            "gateway.httpRoute.parentRefs is empty",
        ),
        (
            &[
                "gateway.enabled=true",
                "gateway.tls.existingSecret=tls",
                "gateway.httpRoute.enabled=true",
                "gateway.httpRoute.parentRefs[0].name=public",
            ],
            "name one of gateway.httpRoute.backendTLS.caConfigMap",
        ),
        (
            &[
                "gateway.enabled=true",
                "gateway.tls.existingSecret=tls",
                "gateway.httpRoute.enabled=true",
                "gateway.httpRoute.parentRefs[0].name=public",
                "gateway.httpRoute.backendTLS.caConfigMap=ca",
                "gateway.httpRoute.backendTLS.wellKnownCAs=true",
            ],
            "name one of gateway.httpRoute.backendTLS.caConfigMap",
        ),
        (
            &[
                "gateway.enabled=true",
                "gateway.tls.existingSecret=source-tls",
                "intake.allowed.secretPrefixes={source-}",
            ],
            "would let runs name the Secret source-tls",
        ),
    ];
    for (values, sentence) in cases {
        let Some(mut chart) = Chart::find() else { return Ok(()) };
        for value in *values {
            chart = chart.set(value);
        }
        let refusal = chart.refusal()?;
        assert!(refusal.contains(sentence), "{values:?}: {refusal}");
    }
    Ok(())
}

#[test]
fn the_versions_of_chart_and_images_are_that_of_the_programs() -> anyhow::Result<()> {
    let chart: Value = serde_saphyr::from_str(&file("Chart.yaml")?)?;
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    Ok(())
}
