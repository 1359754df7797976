//! The Jobs and Secrets of intakes pass, and nothing else that somebody with the operator's token would make of them.

use chancery_operator::run::PolicySecrets;
use serde_json::{Value, json};

use crate::policy::{INTAKE_SECRET, Release, completed};

const NOTHING: [&str; 0] = [];

type Change = fn(&mut Value);

fn pod(job: &mut Value) -> &mut Value {
    &mut job["spec"]["template"]["spec"]
}

fn add(list: &mut Value, item: Value) {
    list.as_array_mut().expect("a list").push(item);
}

#[test]
fn every_intake_that_the_operator_builds_passes_whatever_the_values() -> anyhow::Result<()> {
    let mut with_names = 0;
    for (values, release) in Release::of_all_values()? {
        let Some(release) = release else { return Ok(()) };
        assert_eq!(release.against_secret(&release.intake_secret()?)?, NOTHING, "{values}");
        let Some(name) = release.source_name() else { continue };
        with_names += 1;
        let built = release.intake_job(&name)?;
        for job in [built.clone(), completed(&built)] {
            assert_eq!(release.against_create(&job)?, NOTHING, "{values}: {job:#}");
            assert_eq!(release.against_delete(&job)?, NOTHING, "{values}");
        }
        let mut resumed = completed(&built);
        resumed["spec"]["suspend"] = json!(true);
        assert_eq!(release.against_update(&resumed, &completed(&built))?, NOTHING, "{values}");
    }
    assert!(with_names > 0);
    Ok(())
}

#[test]
fn sources_name_what_the_values_allow_and_no_secret_of_a_run() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    for (named, wanted) in [
        ("chancery-source-a", true),
        ("chancery-kek", false),
        ("theirs", false),
        ("chancery-source-b-signer-0123456789", false),
        ("chancery-source-b-intake-0123456789", false),
        ("chancery-source-b-delivery-0123456789", false),
    ] {
        let said = release.against_create(&completed(&release.intake_job(named)?))?;
        assert_eq!(said.is_empty(), wanted, "{named}: {said:?}");
        assert!(
            wanted || said.iter().any(|said| said.contains("that sources or sinks may name")),
            "{said:?}"
        );
    }
    Ok(())
}

#[test]
fn policies_name_what_sources_may_name() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    for (named, wanted) in [("chancery-source-a", true), ("chancery-kek", false), ("theirs", false)] {
        let policy = json!({"spec": {
            "lookups": [{"name": "rates", "query": {"urlSecretRef": {"name": named, "key": "dsn"}, "sql": "SELECT 1"}}],
            "webhooks": [{"name": "model", "url": "https://model.example/", "adds": "score", "secretRef": {"name": named}}],
        }, "tables": {}});
        let secrets = PolicySecrets::of_policy(&policy.to_string());
        let job = release.intake_job_with("chancery-source-a", &secrets)?;
        assert!(job.to_string().contains("webhook.model"), "{job:#}");
        let said = release.against_create(&completed(&job))?;
        assert_eq!(said.is_empty(), wanted, "{named}: {said:?}");
    }
    Ok(())
}

/// Each attempt, by what is said of it.
const ATTEMPTS: &[(&str, &str, Change)] = &[
    ("the signers' image", "the image and the command", |job| {
        pod(job)["containers"][0]["image"] = json!("chancery/signer:0.1.0");
    }),
    ("the signers' command", "the image and the command", |job| {
        pod(job)["containers"][0]["command"] = json!(["/chancery-signer"]);
    }),
    ("the signers' account", "ServiceAccount", |job| {
        pod(job)["serviceAccountName"] = json!("chancery-signer");
    }),
    ("the signers' Secret", "no Secret but that", |job| {
        let source = json!({"secretName": "demo-signer-0123456789"});
        add(&mut pod(job)["volumes"], json!({"name": "more", "secret": source}));
    }),
    ("a claim that is written to", "no Secret but that", |job| {
        pod(job)["volumes"][1]["persistentVolumeClaim"]["readOnly"] = json!(false);
    }),
    ("a claim of others", "no Secret but that", |job| {
        pod(job)["volumes"][1]["persistentVolumeClaim"]["claimName"] = json!("theirs");
    }),
    ("the node's files", "no Secret but that", |job| {
        pod(job)["volumes"][1] = json!({"name": "claim-0", "hostPath": {"path": "/"}});
    }),
    ("a claim in the place of the program", "take the place of their programs", |job| {
        pod(job)["containers"][0]["volumeMounts"][1]["mountPath"] = json!("/");
    }),
    ("a claim beside itself", "take the place of their programs", |job| {
        pod(job)["containers"][0]["volumeMounts"][1]["mountPath"] = json!("/volumes/../lib");
    }),
    ("a mount that is written to", "take the place of their programs", |job| {
        pod(job)["containers"][0]["volumeMounts"][1]["readOnly"] = json!(false);
    }),
    ("credentials of other sources", "the environment", |job| {
        let variables = pod(job)["containers"][0]["env"].as_array_mut().expect("a list");
        let folder = variables.iter_mut().find(|variable| variable["name"] == "CHANCERY_CREDENTIALS_DIR");
        folder.expect("the variable")["value"] = json!("/volumes/chancery-source-a");
    }),
    ("a database of its own", "the environment", |job| {
        let url = json!({"name": "DATABASE_URL", "value": "postgres://192.0.2.1/x"});
        add(&mut pod(job)["containers"][0]["env"], url);
    }),
];

#[test]
fn no_intake_is_made_that_the_operator_would_not_build() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let built = completed(&release.intake_job("chancery-source-a")?);
    assert_eq!(release.against_create(&built)?, NOTHING);
    for (attempt, wanted, change) in ATTEMPTS {
        let mut job = built.clone();
        change(&mut job);
        assert_ne!(job, built, "{attempt}");
        let said = release.against_create(&job)?;
        assert!(said.iter().any(|said| said.contains(wanted)), "{attempt}: {said:#?}");
    }
    Ok(())
}

/// Each attempt, by what is said of it.
const SECRETS: &[(&str, &str, Change)] = &[
    ("one that belongs to the run", "the Job of its intake", |secret| {
        let owner = &mut secret["metadata"]["ownerReferences"][0];
        (owner["kind"], owner["apiVersion"], owner["name"]) =
            (json!("SigningRun"), json!("chancery.dev/v1alpha1"), json!("demo"));
    }),
    ("one that belongs to a Job of others", "the Job of its intake", |secret| {
        secret["metadata"]["ownerReferences"][0]["name"] = json!("backup");
        secret["metadata"]["name"] = json!("backup-0123456789");
    }),
    ("one with a data key", "nothing in it but what its pods need", |secret| {
        secret["data"]["data-key"] = json!("c2VjcmV0");
    }),
];

#[test]
fn no_secret_of_an_intake_is_made_that_the_operator_would_not_make() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let made = release.intake_secret()?;
    assert_eq!(made["metadata"]["name"], INTAKE_SECRET);
    for (attempt, wanted, change) in SECRETS {
        let mut secret = made.clone();
        change(&mut secret);
        let said = release.against_secret(&secret)?;
        assert!(said.iter().any(|said| said.contains(wanted)), "{attempt}: {said:#?}");
    }
    Ok(())
}
