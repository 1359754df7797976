//! The Jobs and Secrets of deliveries pass, and nothing else that somebody with the operator's token would make of them.

use serde_json::{Value, json};

use crate::policy::{DELIVERY_SECRET, Release, completed};

const NOTHING: [&str; 0] = [];

type Change = fn(&mut Value);

fn pod(job: &mut Value) -> &mut Value {
    &mut job["spec"]["template"]["spec"]
}

#[test]
fn every_delivery_that_the_operator_builds_passes_whatever_the_values() -> anyhow::Result<()> {
    let mut with_names = 0;
    for (values, release) in Release::of_all_values()? {
        let Some(release) = release else { return Ok(()) };
        assert_eq!(release.against_secret(&release.delivery_secret()?)?, NOTHING, "{values}");
        let Some(name) = release.sink_name() else { continue };
        with_names += 1;
        let built = release.delivery_job(&name)?;
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
fn sinks_name_what_the_values_allow_and_no_secret_of_a_run_or_of_a_source() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    for (named, wanted) in [
        ("chancery-sink-a", true),
        ("chancery-source-a", false),
        ("chancery-kek", false),
        ("theirs", false),
        ("chancery-sink-b-signer-0123456789", false),
        ("chancery-sink-b-delivery-0123456789", false),
        ("chancery-sink-b-delivery-production", true),
    ] {
        let said = release.against_create(&completed(&release.delivery_job(named)?))?;
        assert_eq!(said.is_empty(), wanted, "{named}: {said:?}");
        assert!(
            wanted || said.iter().any(|said| said.contains("that sources or sinks may name")),
            "{said:?}"
        );
    }
    Ok(())
}

/// Each attempt, by what is said of it.
const ATTEMPTS: &[(&str, &str, Change)] = &[
    ("the intakes' image", "the image and the command", |job| {
        pod(job)["containers"][0]["image"] = json!("chancery/intake:0.1.0");
    }),
    ("the signers' account", "ServiceAccount", |job| {
        pod(job)["serviceAccountName"] = json!("chancery-signer");
    }),
    ("the signers' Secret", "no Secret but that", |job| {
        pod(job)["volumes"][0]["secret"]["secretName"] = json!("demo-signer-0123456789");
    }),
    ("a claim of sources, to be written to", "no Secret but that", |job| {
        pod(job)["volumes"][1]["persistentVolumeClaim"]["claimName"] = json!("chancery-source-a");
    }),
    ("the node's files", "no Secret but that", |job| {
        pod(job)["volumes"][1] = json!({"name": "claim-0", "hostPath": {"path": "/"}});
    }),
    ("a claim in the place of the program, to be written to", "take the place of their programs", |job| {
        pod(job)["containers"][0]["volumeMounts"][1]["mountPath"] = json!("/");
    }),
    ("a claim beside itself", "take the place of their programs", |job| {
        pod(job)["containers"][0]["volumeMounts"][1]["mountPath"] = json!("/volumes/../etc/chancery");
    }),
    ("a place of credentials that is written to", "take the place of their programs", |job| {
        pod(job)["containers"][0]["volumeMounts"][0]["readOnly"] = json!(false);
    }),
    ("credentials in a claim", "the environment", |job| {
        let variables = pod(job)["containers"][0]["env"].as_array_mut().expect("a list");
        let folder = variables.iter_mut().find(|variable| variable["name"] == "CHANCERY_CREDENTIALS_DIR");
        folder.expect("the variable")["value"] = json!("/volumes/chancery-sink-a");
    }),
];

#[test]
fn no_delivery_is_made_that_the_operator_would_not_build() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let built = completed(&release.delivery_job("chancery-sink-a")?);
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

#[test]
fn no_secret_of_a_delivery_is_made_that_the_operator_would_not_make() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let made = release.delivery_secret()?;
    assert_eq!(made["metadata"]["name"], DELIVERY_SECRET);
    let mut of_intake = made.clone();
    of_intake["metadata"]["labels"]["app.kubernetes.io/component"] = json!("intake");
    assert_ne!(release.against_secret(&of_intake)?, NOTHING, "it goes with another Job");
    let mut with_key = made;
    with_key["data"]["data-key"] = json!("c2VjcmV0");
    assert_ne!(release.against_secret(&with_key)?, NOTHING, "a delivery has no key");
    Ok(())
}
