//! The Job of an intake, its pods, and its Secret.

use chancery_api::{SigningRunSpec, validate};
use chancery_process::LogFormat;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::run::allowed::Allowed;
use crate::run::build::beside::{LoginSecret, ca_path, login_secret};
use crate::run::pods_template::PodsTemplate;
use crate::run::sources_allowed::SourcesAllowed;

const SECRET: &str = "demo-intake-0123456789";

fn object(sources: Value) -> SigningRun {
    let spec: SigningRunSpec =
        serde_json::from_value(json!({"sources": sources, "keyCount": 4, "batchSize": 100})).expect("a spec");
    let mut object = SigningRun::new("demo", spec);
    object.metadata.namespace = Some("signing".to_owned());
    object.metadata.uid = Some("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867".to_owned());
    object.metadata.generation = Some(5);
    object
}

fn bucket(name: &str, secret: Option<&str>) -> Value {
    let mut objects = json!({"url": format!("s3://{name}")});
    if let Some(secret) = secret {
        objects["credentialsSecretRef"] = json!({"name": secret});
    }
    json!({"name": name, "objects": objects, "format": {"type": "NDJSON"}})
}

fn files(name: &str, claim: &str) -> Value {
    let objects = json!({"url": format!("file:///volumes/{claim}/{name}"), "volumeClaim": claim});
    json!({"name": name, "objects": objects, "format": {"type": "Lines"}})
}

fn signer() -> SignerSettings {
    SignerSettings {
        image: "chancery/signer:1".to_owned(),
        image_pull_policy: "Never".to_owned(),
        database_url: "postgres://signer:secret@db/ledger".parse().expect("a URL"),
        ca_file: None,
        service_account: Some("signer".to_owned()),
        ssl_mode: None,
        otlp_endpoint: None,
        log_format: LogFormat::Json,
        log_level: None,
        allowed: Allowed::default(),
    }
}

fn settings() -> IntakeSettings {
    IntakeSettings {
        image: "chancery/intake:1".to_owned(),
        service_account: Some("intake".to_owned()),
        readers: 3,
        template: PodsTemplate::default(),
        gateway_url: None,
        allowed: SourcesAllowed::default(),
    }
}

fn made(object: &SigningRun, signer: &SignerSettings, settings: &IntakeSettings) -> Value {
    let run = validate(object).expect("a good run");
    let (run_uid, secret) = (Some(uuid::Uuid::nil()), Some(SECRET.to_owned()));
    let plan = JobPlan { parallelism: 1, suspended: true, backoff_limit: 107, run_uid, secret };
    serde_json::to_value(intake_job(object, &run, &plan, signer, settings, &PolicySecrets::default()))
        .expect("a Job is JSON")
}

fn pod(job: &Value) -> &Value {
    &job["spec"]["template"]["spec"]
}

fn variable<'a>(job: &'a Value, name: &str) -> Option<&'a Value> {
    let variables = pod(job)["containers"][0]["env"].as_array().expect("a list");
    let found = variables.iter().find(|variable| variable["name"] == name)?;
    Some(found.get("value").unwrap_or(&found["valueFrom"]))
}

#[test]
fn the_job_belongs_to_the_run_and_its_pods_have_an_account_and_a_secret_of_their_own() {
    let job = made(&object(json!([bucket("one", None)])), &signer(), &settings());
    assert_eq!(job["metadata"]["name"], "demo-intake");
    assert_eq!(job["metadata"]["ownerReferences"][0]["kind"], "SigningRun");
    assert_eq!(job["metadata"]["labels"][names::LABEL_COMPONENT], "intake");
    assert_eq!(job["metadata"]["annotations"][names::ANNOTATION_SECRET], SECRET);
    let spec = &job["spec"];
    assert_eq!(
        (&spec["parallelism"], &spec["suspend"], &spec["backoffLimit"]),
        (&json!(1), &json!(true), &json!(107))
    );
    assert_eq!(spec["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"], "intake");
    let pod = pod(&job);
    assert_eq!(
        (&pod["serviceAccountName"], &pod["automountServiceAccountToken"]),
        (&json!("intake"), &json!(false))
    );
    assert_eq!(pod["containers"][0]["image"], "chancery/intake:1");
    assert_eq!(pod["containers"][0]["command"], json!(["/chancery-intake"]));
    assert_eq!(variable(&job, "DATABASE_URL").expect("a URL")["secretKeyRef"]["name"], SECRET);
    assert_eq!(variable(&job, "CHANCERY_READERS"), Some(&json!("3")));
    assert_eq!(variable(&job, "CHANCERY_STOPPED_EXIT"), Some(&json!("130")));
    assert_eq!(variable(&job, "CHANCERY_DATA_KEY_FILE"), None, "it has no key");
    assert_eq!(pod["volumes"], json!([]), "and no Secret but the one of its login");
}

#[test]
fn each_source_has_the_credentials_of_its_own_secret_and_files_come_from_claims_that_nobody_writes_to() {
    let sources = json!([
        bucket("one", Some("source-a")),
        bucket("two", None),
        bucket("three", Some("source-b")),
        files("left", "inbox"),
        files("right", "inbox"),
    ]);
    let job = made(&object(sources), &signer(), &settings());
    let pod = pod(&job);
    let volumes: Vec<&Value> = pod["volumes"].as_array().expect("a list").iter().collect();
    assert_eq!(volumes.len(), 3);
    assert_eq!(
        volumes[0]["secret"],
        json!({"secretName": "source-a", "defaultMode": 0o440, "optional": true})
    );
    assert_eq!(volumes[1]["secret"]["secretName"], "source-b");
    assert_eq!(volumes[2]["persistentVolumeClaim"], json!({"claimName": "inbox", "readOnly": true}));
    let mounts = pod["containers"][0]["volumeMounts"].as_array().expect("a list");
    let paths: Vec<&str> = mounts.iter().filter_map(|mount| mount["mountPath"].as_str()).collect();
    assert_eq!(paths, ["/etc/chancery/credentials/one", "/etc/chancery/credentials/three", "/volumes/inbox"]);
    assert!(mounts.iter().all(|mount| mount["readOnly"] == true), "{mounts:?}");
    assert_eq!(variable(&job, "CHANCERY_CREDENTIALS_DIR"), Some(&json!("/etc/chancery/credentials")));
}

#[test]
fn the_pods_are_as_the_values_have_them_and_reach_the_database_as_signers_do() {
    let template = json!({
        "resources": {"limits": {"memory": "1Gi"}}, "nodeSelector": {"disk": "fast"}, "priorityClassName": "low",
        "runtimeClassName": "gvisor", "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    });
    let given = IntakeSettings { template: template.to_string().parse().expect("a template"), ..settings() };
    let reach = SignerSettings {
        ca_file: Some("/etc/ca.crt".into()),
        ssl_mode: Some("verify-full".to_owned()),
        otlp_endpoint: Some("http://collector:4318".to_owned()),
        ..signer()
    };
    let plain = made(&object(json!([bucket("one", None)])), &signer(), &settings());
    let job = made(&object(json!([bucket("one", None)])), &reach, &given);
    let pod = pod(&job);
    assert_eq!(pod["containers"][0]["resources"], json!({"limits": {"memory": "1Gi"}}));
    assert_eq!(pod["nodeSelector"]["disk"], "fast");
    assert_eq!((&pod["priorityClassName"], &pod["runtimeClassName"]), (&json!("low"), &json!("gvisor")));
    assert_eq!(pod["tolerations"][0]["key"], "dedicated");
    assert_eq!(variable(&job, "PGSSLMODE"), Some(&json!("verify-full")));
    // It would be taken for the tables of sources as well: it is in the URL.
    assert_eq!(variable(&job, "PGSSLROOTCERT"), None);
    assert_eq!(ca_path(names::COMPONENT_INTAKE), "/etc/chancery/intake/ca.crt");
    assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], json!("/etc/chancery/intake"));
    assert!(variable(&job, "TRACEPARENT").is_some());
    assert_eq!(pod["volumes"][0]["secret"]["items"], json!([{"key": "ca.crt", "path": "ca.crt"}]));
    let template = |job: &Value| job["metadata"]["annotations"][names::ANNOTATION_TEMPLATE].clone();
    assert_ne!(template(&job), template(&plain), "pods that must differ are made anew");
    assert!(r#"{"labels": {"a": "b"}}"#.parse::<PodsTemplate>().is_err(), "all else is the operator's");
}

fn content(ca: Option<&str>, url: &str) -> LoginSecret {
    LoginSecret { database_url: Zeroizing::new(url.to_owned()), ca: ca.map(|text| text.as_bytes().to_vec()) }
}

#[test]
fn the_secret_goes_with_the_job_never_changes_and_holds_no_key() {
    let object = object(json!([bucket("one", None)]));
    let run = validate(&object).expect("a good run");
    let mut job: Job = serde_json::from_value(made(&object, &signer(), &settings())).expect("a Job");
    job.metadata.uid = Some("uid-of-the-job".to_owned());
    let content = content(Some("-----BEGIN"), "postgres://a:b@db/x");
    let secret = login_secret(&job, &run, names::COMPONENT_INTAKE, SECRET, &content);
    let secret = serde_json::to_value(secret).expect("JSON");
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&json!("Job"), &json!("demo-intake")));
    assert_eq!((&owner["uid"], &owner["blockOwnerDeletion"]), (&json!("uid-of-the-job"), &Value::Null));
    assert_eq!((&secret["immutable"], &secret["type"]), (&json!(true), &json!("Opaque")));
    let keys: Vec<&String> = secret["data"].as_object().expect("data").keys().collect();
    assert_eq!(keys, ["ca.crt", "database-url"]);
}

#[test]
fn whatever_changes_in_the_secret_changes_its_fingerprint() {
    let before = content(None, "postgres://db/ledger").fingerprint();
    assert_eq!(before, content(None, "postgres://db/ledger").fingerprint());
    assert_ne!(before, content(None, "postgres://db/other").fingerprint());
    assert_ne!(before, content(Some("-----BEGIN"), "postgres://db/ledger").fingerprint());
}
