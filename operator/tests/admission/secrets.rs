//! The Secrets that the operator makes pass, and nothing else that somebody with its token would make.

use serde_json::{Value, json};

use crate::policy::{DELIVERY_SECRET, INTAKE_SECRET, Release, SECRET, completed, value_sets};

const NOTHING: [&str; 0] = [];

type Change = fn(&mut Value);

#[test]
fn every_secret_that_the_operator_makes_passes_whatever_the_values() -> anyhow::Result<()> {
    let Some(plain) = Release::plain()? else { return Ok(()) };
    assert_eq!(plain.against_secret(&plain.secret()?)?, NOTHING);
    for file in value_sets()? {
        let Some(release) = Release::with_file(&file)? else { continue };
        assert_eq!(release.against_secret(&release.secret()?)?, NOTHING, "{file}");
    }
    Ok(())
}

/// Each attempt, by what is said of it.
const ATTEMPTS: &[(&str, &str, Change)] = &[
    ("the token of a ServiceAccount", "no type of its own", |secret| {
        secret["type"] = json!("kubernetes.io/service-account-token");
        secret["metadata"]["annotations"] = json!({"kubernetes.io/service-account.name": "admin"});
    }),
    ("a token that lets nodes join", "no type of its own", |secret| {
        secret["type"] = json!("bootstrap.kubernetes.io/token");
    }),
    ("a cluster for a deployment tool", "Chancery's labels alone", |secret| {
        secret["metadata"]["labels"]["argocd.argoproj.io/secret-type"] = json!("cluster");
    }),
    ("an annotation that a controller follows", "no annotations", |secret| {
        secret["metadata"]["annotations"] = json!({"replicator/replicate-to": "kube-system"});
    }),
    ("one that cannot be removed", "no annotations and finalizers", |secret| {
        secret["metadata"]["finalizers"] = json!(["example.com/never"]);
    }),
    ("a name that somebody else's Secret is to have", "named after it", |secret| {
        secret["metadata"]["name"] = json!("chancery-kek");
    }),
    ("the name of another run's Secret", "named after it", |secret| {
        secret["metadata"]["name"] = json!("demo-signer-b-signer-0123456789");
    }),
    ("a name without its random part", "named after it", |secret| {
        secret["metadata"]["name"] = json!("demo-signer");
    }),
    ("one that belongs to nothing", "belongs to a SigningRun", |secret| {
        secret["metadata"].as_object_mut().map(|metadata| metadata.remove("ownerReferences"));
    }),
    ("one that belongs to something else", "belongs to a SigningRun", |secret| {
        secret["metadata"]["ownerReferences"][0]["kind"] = json!("ConfigMap");
    }),
    ("one that is changed later", "never changes", |secret| secret["immutable"] = json!(false)),
    ("one with something else in it", "nothing in it but what its pods need", |secret| {
        secret["data"]["tls.key"] = json!("c2VjcmV0");
    }),
    ("one of a program that there is not", "belongs to a SigningRun", |secret| {
        secret["metadata"]["labels"]["app.kubernetes.io/component"] = json!("mine");
    }),
];

#[test]
fn no_secret_is_made_that_the_operator_would_not_make() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let made = release.secret()?;
    for (attempt, wanted, change) in ATTEMPTS {
        let mut secret = made.clone();
        change(&mut secret);
        assert_ne!(secret, made, "{attempt}");
        let said = release.against_secret(&secret)?;
        assert!(said.iter().any(|said| said.contains(wanted)), "{attempt}: {said:#?}");
    }
    Ok(())
}

#[test]
fn secrets_are_neither_changed_nor_removed_by_the_operator_and_others_are_left_alone() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let made = release.secret()?;
    for operation in ["UPDATE", "DELETE"] {
        let said = release.against_secret_later(operation, &made)?;
        assert!(said.iter().any(|said| said.contains("changes and removes none")), "{operation}: {said:?}");
    }
    let theirs = json!({"metadata": {"name": "theirs"}, "type": "kubernetes.io/tls", "data": {}});
    assert_eq!(release.against_secret_by("system:serviceaccount:team-a:default", &theirs)?, NOTHING);
    assert_ne!(release.against_secret_by(&release.operator, &theirs)?, NOTHING);
    Ok(())
}

/// Each place of a Job that names the Secret of its program.
const NAMED_AT: [&str; 3] = [
    "/metadata/annotations/chancery.dev~1signer-secret",
    "/spec/template/spec/volumes/0/secret/secretName",
    "/spec/template/spec/containers/0/env/ENV/valueFrom/secretKeyRef/name",
];

/// Otherwise somebody with the token would bring a data key that they cannot read together with a database of their own.
#[test]
fn a_job_has_one_secret_of_its_program_and_no_second_one() -> anyhow::Result<()> {
    let with_ca = json!({"database": {
        "existingSecret": "ledger", "tls": {"mode": "verify-full", "ca": {"pem": "-----BEGIN CERTIFICATE-----"}},
    }});
    let Some(release) = Release::with(&with_ca)? else { return Ok(()) };
    for (built, name, other) in [
        (release.job_for(&json!({}))?, SECRET, "demo-signer-zyxwvutsrq"),
        (release.intake_job("chancery-source-a")?, INTAKE_SECRET, "demo-intake-zyxwvutsrq"),
        (release.delivery_job("chancery-sink-a")?, DELIVERY_SECRET, "demo-delivery-zyxwvutsrq"),
    ] {
        let built = completed(&built);
        assert_eq!(release.against_create(&built)?, NOTHING, "{name}");
        let variables = built["spec"]["template"]["spec"]["containers"][0]["env"].as_array();
        let is_url = |variable: &Value| variable["name"] == "DATABASE_URL";
        let at = variables.and_then(|variables| variables.iter().position(is_url)).unwrap_or_default();
        for pointer in NAMED_AT {
            let mut job = built.clone();
            let named = job.pointer_mut(&pointer.replace("ENV", &at.to_string()));
            let named = named.ok_or_else(|| anyhow::anyhow!("{name}: nothing at {pointer}"))?;
            assert_eq!(*named, name, "{pointer}");
            *named = json!(other);
            assert_ne!(release.against_create(&job)?, NOTHING, "{name}: {pointer}");
        }
        let mut job = built.clone();
        job["metadata"]["annotations"].as_object_mut().map(|all| all.remove("chancery.dev/signer-secret"));
        assert_ne!(release.against_create(&job)?, NOTHING, "{name}: it does not say which it has");
    }
    Ok(())
}

#[test]
fn a_job_mounts_the_secrets_of_its_own_run_alone() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let built = completed(&release.job_for(&json!({}))?);
    assert_eq!(release.against_create(&built)?, NOTHING);
    let renamed = |name: &str| {
        let text = built.to_string().replace(SECRET, name);
        serde_json::from_str::<Value>(&text)
    };
    assert_eq!(release.against_create(&renamed("demo-signer-zyxwvutsrq")?)?, NOTHING);
    for name in [
        "other-signer-0123456789",
        "demo-signer-b-signer-0123456789",
        "demo-signer-012345678",
        "demo-signer-01234567890",
        "demo-signer-01234-6789",
        "demo-signer",
        "xdemo-signer-0123456789",
    ] {
        let said = release.against_create(&renamed(name)?)?;
        for wanted in ["no Secret but that of their run", "the environment"] {
            assert!(said.iter().any(|said| said.contains(wanted)), "{name}: {said:?}");
        }
    }
    Ok(())
}
