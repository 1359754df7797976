//! The Job of a delivery, its pods, and its Secret.

use chancery_api::{SigningRunSpec, validate};
use chancery_process::LogFormat;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::run::allowed::Allowed;
use crate::run::build::beside::{LoginSecret, login_secret};
use crate::run::pods_template::PodsTemplate;
use crate::run::sinks_allowed::SinksAllowed;

const SECRET: &str = "demo-delivery-0123456789";

fn object(sinks: Value) -> SigningRun {
    let spec = json!({"recordCount": 100, "sinks": sinks, "keyCount": 4, "batchSize": 10});
    let spec: SigningRunSpec = serde_json::from_value(spec).expect("a spec");
    let mut object = SigningRun::new("demo", spec);
    object.metadata.namespace = Some("signing".to_owned());
    object.metadata.uid = Some("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867".to_owned());
    object.metadata.generation = Some(5);
    object
}

fn signer() -> SignerSettings {
    SignerSettings {
        image: "chancery/signer:1".to_owned(),
        image_pull_policy: "Never".to_owned(),
        database_url: "postgres://signer:secret@db/ledger".parse().expect("a URL"),
        ca_file: Some("/etc/ca.crt".into()),
        service_account: Some("signer".to_owned()),
        ssl_mode: Some("verify-full".to_owned()),
        otlp_endpoint: None,
        log_format: LogFormat::Json,
        log_level: None,
        allowed: Allowed::default(),
    }
}

fn made(object: &SigningRun) -> Job {
    let settings = DeliverySettings {
        image: "chancery/delivery:1".to_owned(),
        service_account: Some("delivery".to_owned()),
        senders: 3,
        template: r#"{"nodeSelector": {"disk": "fast"}}"#.parse::<PodsTemplate>().expect("a template"),
        allowed: SinksAllowed::default(),
    };
    let run = validate(object).expect("a good run");
    let (run_uid, secret) = (Some(uuid::Uuid::nil()), Some(SECRET.to_owned()));
    let plan = JobPlan { parallelism: 1, suspended: true, backoff_limit: 107, run_uid, secret };
    delivery_job(object, &run, &plan, &signer(), &settings)
}

fn sinks() -> Value {
    json!([
        {"name": "archive", "objects": {"url": "s3://signed", "credentialsSecretRef": {"name": "sink-s3"}}},
        {"name": "files", "objects": {"url": "file:///volumes/outbox/a", "volumeClaim": "outbox"}},
        {"name": "more", "objects": {"url": "file:///volumes/outbox/b", "volumeClaim": "outbox"}},
        {"name": "hook", "http": {"url": "https://hook.example/signed", "secretRef": {"name": "sink-hook"}}},
        {"name": "mine", "table": {"urlSecretRef": {"name": "sink-db", "key": "dsn"}, "table": "public.signed"}},
    ])
}

#[test]
fn the_job_belongs_to_the_run_and_its_pods_have_an_account_and_a_secret_of_their_own() {
    let job = serde_json::to_value(made(&object(sinks()))).expect("JSON");
    assert_eq!(job["metadata"]["name"], "demo-delivery");
    assert_eq!(job["metadata"]["ownerReferences"][0]["kind"], "SigningRun");
    assert_eq!(job["metadata"]["labels"][names::LABEL_COMPONENT], "delivery");
    assert_eq!(job["metadata"]["annotations"][names::ANNOTATION_SECRET], SECRET);
    let spec = &job["spec"];
    assert_eq!((&spec["parallelism"], &spec["suspend"]), (&json!(1), &json!(true)));
    assert_eq!(spec["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"], "delivery");
    let pod = &spec["template"]["spec"];
    assert_eq!(
        (&pod["serviceAccountName"], &pod["nodeSelector"]["disk"]),
        (&json!("delivery"), &json!("fast"))
    );
    assert_eq!(pod["automountServiceAccountToken"], false);
    let container = &pod["containers"][0];
    assert_eq!(container["image"], "chancery/delivery:1");
    assert_eq!(container["command"], json!(["/chancery-delivery"]));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let variable = |name: &str| {
        let variables = container["env"].as_array().expect("a list");
        let found = variables.iter().find(|variable| variable["name"] == name)?;
        Some(found.get("value").unwrap_or(&found["valueFrom"]).clone())
    };
    assert_eq!(variable("DATABASE_URL").expect("a URL")["secretKeyRef"]["name"], SECRET);
    assert_eq!(variable("CHANCERY_SENDERS"), Some(json!("3")));
    assert_eq!(variable("CHANCERY_STOPPED_EXIT"), Some(json!("130")));
    assert_eq!(variable("CHANCERY_DATA_KEY_FILE"), None, "it has no key");
    // It would be taken for the tables of sinks as well: it is in the URL.
    assert_eq!(variable("PGSSLROOTCERT"), None);
}

#[test]
fn each_sink_has_the_credentials_of_its_own_secret_and_only_claims_are_written_to() {
    let job = serde_json::to_value(made(&object(sinks()))).expect("JSON");
    let pod = &job["spec"]["template"]["spec"];
    let mounts = pod["containers"][0]["volumeMounts"].as_array().expect("a list");
    let paths: Vec<(&str, bool)> = mounts
        .iter()
        .map(|mount| (mount["mountPath"].as_str().unwrap_or_default(), mount["readOnly"] == true))
        .collect();
    assert_eq!(
        paths,
        [
            ("/etc/chancery/delivery", true),
            ("/etc/chancery/credentials/archive", true),
            ("/etc/chancery/credentials/hook", true),
            ("/etc/chancery/credentials/mine", true),
            ("/volumes/outbox", false),
        ]
    );
    let volumes = pod["volumes"].as_array().expect("a list");
    assert_eq!(
        volumes[1]["secret"],
        json!({"secretName": "sink-s3", "defaultMode": 0o440, "optional": true})
    );
    assert_eq!(volumes[3]["secret"]["items"], json!([{"key": "dsn", "path": "url"}]));
    assert_eq!(volumes[4]["persistentVolumeClaim"], json!({"claimName": "outbox"}));
}

#[test]
fn the_secret_has_the_labels_of_the_delivery_and_goes_with_its_job() {
    let object = object(sinks());
    let run = validate(&object).expect("a good run");
    let mut job = made(&object);
    job.metadata.uid = Some("uid-of-the-job".to_owned());
    let content = LoginSecret { database_url: Zeroizing::new("postgres://a:b@db/x".to_owned()), ca: None };
    let secret = login_secret(&job, &run, names::COMPONENT_DELIVERY, SECRET, &content);
    let secret = serde_json::to_value(secret).expect("JSON");
    assert_eq!(secret["metadata"]["labels"][names::LABEL_COMPONENT], "delivery");
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&json!("Job"), &json!("demo-delivery")));
}
