//! The Secrets that the chart makes.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::rendering::{Chart, NAMESPACE};

fn text(secret: &Value, key: &str) -> anyhow::Result<String> {
    let encoded = secret["data"][key].as_str().ok_or_else(|| anyhow::anyhow!("no key {key}"))?;
    Ok(String::from_utf8(BASE64_STANDARD.decode(encoded)?)?)
}

/// The one Secret with that name in that namespace, of one rendering: the next makes new passwords.
fn secret(objects: &[Value], namespace: &str, name: &str) -> anyhow::Result<Value> {
    objects
        .iter()
        .find(|object| {
            object["kind"] == "Secret"
                && object["metadata"]["namespace"] == namespace
                && object["metadata"]["name"] == name
        })
        .cloned()
        .ok_or_else(|| anyhow::anyhow!("no Secret {namespace}/{name}"))
}

#[test]
fn no_namespace_for_runs_gets_a_secret_and_only_the_operator_gets_the_kek() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let objects = chart.set("runNamespaces={team-a}").objects()?;
    let elsewhere =
        |object: &&Value| object["kind"] == "Secret" && object["metadata"]["namespace"] != NAMESPACE;
    assert_eq!(objects.iter().find(elsewhere), None);
    let kek = text(&secret(&objects, NAMESPACE, "chancery-kek")?, "kek")?;
    assert_eq!(BASE64_STANDARD.decode(&kek)?.len(), 32);
    let with_kek =
        |object: &&Value| object["kind"] != "Secret" && object.to_string().contains("chancery-kek");
    let named: Vec<&Value> = objects.iter().filter(with_kek).collect();
    assert!(matches!(named.as_slice(), [one] if one["kind"] == "Deployment"), "{named:?}");
    let passwords = secret(&objects, NAMESPACE, "chancery-postgresql")?;
    let database = secret(&objects, NAMESPACE, "chancery-database")?;
    assert!(database["data"]["signer-url"].is_null(), "the operator makes logins for signers");
    let owner = text(&database, "owner-url")?;
    assert!(owner.contains(&format!("//chancery:{}@", text(&passwords, "owner-password")?)), "{owner}");
    Ok(())
}

#[test]
fn what_can_not_be_made_again_outlives_the_release() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let objects = chart.objects()?;
    for name in ["chancery-kek", "chancery-statement-key", "chancery-postgresql"] {
        let secret = secret(&objects, NAMESPACE, name)?;
        assert_eq!(secret["metadata"]["annotations"]["helm.sh/resource-policy"], "keep", "{name}");
    }
    for name in ["chancery-kek", "chancery-statement-key"] {
        assert_eq!(secret(&objects, NAMESPACE, name)?["immutable"], true, "{name}");
    }
    Ok(())
}

#[test]
fn the_statement_key_is_one_and_only_the_operator_gets_it() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let objects = chart.objects()?;
    let key = text(&secret(&objects, NAMESPACE, "chancery-statement-key")?, "statement.key")?;
    chancery_statement::StatementKey::from_pem(&key)?;
    let named: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] != "Secret" && object.to_string().contains("chancery-statement-key"))
        .collect();
    assert!(matches!(named.as_slice(), [one] if one["kind"] == "Deployment"), "{named:?}");
    let variable =
        json!({"name": "CHANCERY_STATEMENT_KEY_FILE", "value": "/etc/chancery/statement-key/statement.key"});
    let variables = &named[0]["spec"]["template"]["spec"]["containers"][0]["env"];
    assert!(variables.as_array().is_some_and(|all| all.contains(&variable)), "{variables}");

    let without = chart.set("statements.enabled=false").objects()?;
    assert!(!Value::from(without).to_string().contains("statement-key"), "nothing of it is left");
    Ok(())
}

#[test]
fn with_secrets_of_ones_own_the_chart_makes_none() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.values("production-values.yaml");
    assert!(chart.of_kind("Secret")?.is_empty());
    let operator = chart.one("Deployment", "-operator")?;
    let container = &operator["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().expect("variables");
    for variable in [
        json!({"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "ledger", "key": "owner"}}}),
        json!({"name": "PGSSLMODE", "value": "verify-full"}),
        json!({"name": "PGSSLROOTCERT", "value": "/etc/chancery/database-ca/ca.crt"}),
        json!({"name": "CHANCERY_SIGNER_PGSSLMODE", "value": "verify-full"}),
        json!({"name": "CHANCERY_SIGNER_CA_FILE", "value": "/etc/chancery/database-ca/ca.crt"}),
        json!({"name": "CHANCERY_SIGNER_DATABASE_URL",
            "valueFrom": {"secretKeyRef": {"name": "ledger", "key": "signer"}}}),
        json!({"name": "CHANCERY_FORMER_KEK_FILES", "value": "/etc/chancery/former-kek-0/kek"}),
    ] {
        assert!(variables.contains(&variable), "{variable}");
    }
    Ok(())
}

#[test]
fn a_ca_is_handed_to_the_operator_which_hands_it_to_signers() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.values("everything-values.yaml");
    let given = chart.one("ConfigMap", "-database-ca")?;
    let given = given["data"]["ca.crt"].as_str().unwrap_or_default();
    assert!(given.starts_with("-----BEGIN CERTIFICATE-----\n"), "{given}");
    let operator = chart.one("Deployment", "-operator")?;
    let variables = &operator["spec"]["template"]["spec"]["containers"][0]["env"];
    for name in ["PGSSLROOTCERT", "CHANCERY_SIGNER_CA_FILE"] {
        let variable = json!({"name": name, "value": "/etc/chancery/database-ca/ca.crt"});
        assert!(variables.as_array().is_some_and(|all| all.contains(&variable)), "{variables}");
    }
    Ok(())
}

#[test]
fn signers_reach_the_database_as_the_operator_does_unless_another_way_is_named() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let Some(other) = Chart::find() else { return Ok(()) };
    let objects = chart.values("least-values.yaml").objects()?;
    let database = secret(&objects, NAMESPACE, "chancery-database")?;
    assert_eq!(text(&database, "owner-url")?, "postgres://chancery:secret@db.example/chancery");
    assert!(database["data"]["signer-url"].is_null());
    let operator = objects.iter().find(|object| object["kind"] == "Deployment").expect("the operator");
    let variables = operator["spec"]["template"]["spec"]["containers"][0]["env"].to_string();
    assert!(!variables.contains("CHANCERY_SIGNER_DATABASE_URL"), "{variables}");
    let objects = other.values("everything-values.yaml").objects()?;
    let database = secret(&objects, NAMESPACE, "seals-everything-database")?;
    assert_eq!(text(&database, "signer-url")?, "postgres://db.example:6432/chancery");
    Ok(())
}
