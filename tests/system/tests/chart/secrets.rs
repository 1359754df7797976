//! What is secret: the chart makes none of it, and says who gets what.

use serde_json::{Value, json};

use crate::rendering::{Chart, NAMESPACE, every_value_set, name};

/// The objects that name something.
fn naming<'o>(objects: &'o [Value], what: &str) -> Vec<&'o str> {
    let with = |object: &&Value| object.to_string().contains(what);
    objects.iter().filter(with).map(|object| object["kind"].as_str().unwrap_or_default()).collect()
}

fn variables(objects: &[Value]) -> Vec<Value> {
    let is_operator = |object: &&Value| object["kind"] == "Deployment" && name(object).ends_with("-operator");
    let operator = objects.iter().find(is_operator).expect("the operator");
    operator["spec"]["template"]["spec"]["containers"][0]["env"].as_array().cloned().expect("variables")
}

fn of_secret(variable: &str, secret: &str, key: &str) -> Value {
    json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
}

/// "I have the operator's pod, and look for the login that may change everything."
#[test]
fn the_owners_login_is_in_the_container_that_migrates_and_nowhere_else() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let (secret, owner, operator) = ("ledger", "owner", "operator");
    let objects = chart.values("production-values.yaml").objects()?;
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").expect("the operator");
    let pod = &deployment["spec"]["template"]["spec"];
    assert!(variables(&objects).contains(&of_secret("DATABASE_URL", secret, operator)));
    assert!(!pod["containers"].to_string().contains("\"owner\""), "{}", pod["containers"]);
    let migrate = &pod["initContainers"][0];
    assert_eq!(migrate["command"], json!(["/chancery-operator", "migrate"]));
    let given = migrate["env"].as_array().cloned().expect("variables");
    assert!(given.contains(&of_secret("DATABASE_URL", secret, owner)), "{given:?}");
    assert!(given.contains(&of_secret("CHANCERY_OPERATOR_DATABASE_URL", secret, operator)), "{given:?}");
    assert!(!migrate.to_string().contains("kek"), "it has no keys: {migrate}");
    let Some(chart) = Chart::find() else { return Ok(()) };
    let alone = chart.values("production-values.yaml").set("database.operatorUrlKey=").objects()?;
    assert!(variables(&alone).contains(&of_secret("DATABASE_URL", secret, owner)));
    assert!(
        !alone.iter().any(|object| object.to_string().contains("initContainers")),
        "the operator migrates"
    );
    Ok(())
}

/// Helm keeps what it renders, and the values, in a Secret that whoever lists Secrets in the namespace reads.
#[test]
fn nothing_that_is_rendered_is_secret() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        let objects = chart.objects()?;
        assert!(!naming(&objects, "\"kind\"").contains(&"Secret"), "{set}");
        assert_eq!(chart.objects()?, objects, "{set}: what is rendered anew is the same: nothing is drawn");
        for word in ["://chancery:", "PRIVATE KEY", "stringData", "@chancery-postgresql"] {
            assert_eq!(naming(&objects, word), [""; 0], "{set}: {word}");
        }
    }
    Ok(())
}

#[test]
fn no_value_takes_what_is_secret() -> anyhow::Result<()> {
    for value in ["database.ownerUrl=postgres://a:b@c/d", "database.signerUrl=a", "kek.value=a"] {
        let Some(chart) = Chart::find() else { return Ok(()) };
        let refusal = chart.set(value).refusal()?;
        let (section, rest) = value.split_once('.').expect("a value of a section");
        let key = rest.split('=').next().unwrap_or_default();
        assert!(refusal.contains(section) && refusal.contains(key), "{value}: {refusal}");
    }
    Ok(())
}

#[test]
fn a_job_that_may_make_secrets_and_nothing_else_makes_those_that_are_missing() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let objects: Vec<Value> =
        chart.objects()?.into_iter().filter(|object| name(object) == "chancery-make-secrets").collect();
    let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap_or_default()).collect();
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["Job", "Role", "RoleBinding", "ServiceAccount"]);
    for object in &objects {
        let hook = &object["metadata"]["annotations"];
        assert_eq!(hook["helm.sh/hook"], "pre-install,pre-upgrade", "{object}");
        assert_eq!(hook["helm.sh/hook-delete-policy"], "before-hook-creation,hook-succeeded", "{object}");
        assert_eq!(object["metadata"]["namespace"], NAMESPACE);
    }
    let of = |kind: &str| objects.iter().find(|object| object["kind"] == kind).expect("one of each kind");
    assert_eq!(
        of("Role")["rules"],
        json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}])
    );
    let container = &of("Job")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["args"],
        json!([
            "make-secrets",
            "--namespace=sealing",
            "--release=chancery",
            "--kek=chancery-kek",
            "--statement-key=chancery-statement-key",
            "--postgresql=chancery-postgresql",
            "--postgresql-host=chancery-postgresql.sealing.svc",
        ])
    );
    assert_eq!(container["env"], Value::Null, "it is given nothing");
    Ok(())
}

#[test]
fn only_the_operator_gets_the_kek_and_the_statement_key() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let objects = chart.set("runNamespaces={team-a}").objects()?;
    for secret in ["chancery-kek", "chancery-statement-key"] {
        let mut named = naming(&objects, secret);
        named.sort_unstable();
        assert_eq!(named, ["Deployment", "Job"], "{secret}: the operator, and the Job that makes it");
    }
    let variables = variables(&objects);
    let wanted =
        json!({"name": "CHANCERY_STATEMENT_KEY_FILE", "value": "/etc/chancery/statement-key/statement.key"});
    assert!(variables.contains(&wanted), "{variables:?}");
    let Some(chart) = Chart::find() else { return Ok(()) };
    let without = chart.set("statements.enabled=false").objects()?;
    assert_eq!(naming(&without, "statement-key"), [""; 0], "nothing of it is left");
    Ok(())
}

#[test]
fn the_operator_and_the_try_out_database_share_a_secret() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let objects = chart.objects()?;
    let variables = variables(&objects);
    let url = of_secret("DATABASE_URL", "chancery-postgresql", "operator-url");
    assert!(variables.contains(&url), "{variables:?}");
    let database = objects.iter().find(|object| object["kind"] == "StatefulSet").expect("the database");
    let container = database["spec"]["template"]["spec"]["containers"][0].to_string();
    for key in ["postgres-password", "owner-password", "operator-password", "gateway-password"] {
        assert!(container.contains(key), "{key}: {container}");
    }
    Ok(())
}

#[test]
fn with_secrets_of_ones_own_none_is_made() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let objects = chart.values("production-values.yaml").objects()?;
    assert!(!objects.iter().any(|object| name(object).ends_with("-make-secrets")));
    let variables = variables(&objects);
    for variable in [
        of_secret("DATABASE_URL", "ledger", "operator"),
        json!({"name": "PGSSLMODE", "value": "verify-full"}),
        json!({"name": "PGSSLROOTCERT", "value": "/etc/chancery/database-ca/ca.crt"}),
        json!({"name": "CHANCERY_SIGNER_PGSSLMODE", "value": "verify-full"}),
        json!({"name": "CHANCERY_SIGNER_CA_FILE", "value": "/etc/chancery/database-ca/ca.crt"}),
        of_secret("CHANCERY_SIGNER_DATABASE_URL", "ledger", "signer"),
        json!({"name": "CHANCERY_FORMER_KEK_FILES", "value": "/etc/chancery/former-kek-0/kek"}),
    ] {
        assert!(variables.contains(&variable), "{variable}");
    }
    // Those of whoever makes them by hand.
    let Some(chart) = Chart::find() else { return Ok(()) };
    let by_hand = chart.set("secrets.create=false").objects()?;
    assert!(!by_hand.iter().any(|object| name(object).ends_with("-make-secrets")));
    assert_eq!(naming(&by_hand, "chancery-kek"), ["Deployment"]);
    Ok(())
}

#[test]
fn a_ca_is_handed_to_the_operator_which_hands_it_to_signers() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.values("everything-values.yaml");
    let given = chart.one("ConfigMap", "-database-ca")?;
    let given = given["data"]["ca.crt"].as_str().unwrap_or_default();
    assert!(given.starts_with("-----BEGIN CERTIFICATE-----\n"), "{given}");
    let variables = variables(&chart.objects()?);
    for name in ["PGSSLROOTCERT", "CHANCERY_SIGNER_CA_FILE"] {
        let variable = json!({"name": name, "value": "/etc/chancery/database-ca/ca.crt"});
        assert!(variables.contains(&variable), "{variables:?}");
    }
    Ok(())
}

#[test]
fn signers_reach_the_database_as_the_operator_does_unless_another_way_is_named() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let given = variables(&chart.values("least-values.yaml").objects()?);
    assert!(!given.iter().any(|variable| variable["name"] == "CHANCERY_SIGNER_DATABASE_URL"), "{given:?}");
    let Some(chart) = Chart::find() else { return Ok(()) };
    let given = variables(&chart.values("production-values.yaml").objects()?);
    let another = of_secret("CHANCERY_SIGNER_DATABASE_URL", "ledger", "signer");
    assert!(given.contains(&another), "{given:?}");
    Ok(())
}
