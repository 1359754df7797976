//! The Job and its pods.

use chancery_api::{SignerTemplate, SigningRunSpec};
use chancery_process::LogFormat;
use serde_json::{Value, json};

use super::*;
use crate::run::allowed::Allowed;

const SECRET: &str = "demo-signer-0123456789";

fn plan() -> JobPlan {
    let (run_uid, secret) = (Some(uuid::Uuid::nil()), Some(SECRET.to_owned()));
    JobPlan { parallelism: 3, suspended: false, backoff_limit: 109, run_uid, secret }
}

fn object() -> SigningRun {
    let mut object = SigningRun::new("demo", SigningRunSpec::new(1_000, 4, 100));
    object.metadata.namespace = Some("signing".to_owned());
    object.metadata.uid = Some("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867".to_owned());
    object.metadata.generation = Some(5);
    object
}

fn settings() -> SignerSettings {
    SignerSettings {
        image: "chancery/signer:1".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
        database_url: "postgres://signer:secret@db/ledger".parse().expect("a URL"),
        ca_file: None,
        service_account: None,
        ssl_mode: None,
        otlp_endpoint: None,
        log_format: LogFormat::Json,
        log_level: None,
        allowed: Allowed::default(),
    }
}

fn made(object: &SigningRun, settings: &SignerSettings) -> Value {
    let run = chancery_api::validate(object).expect("a good run");
    serde_json::to_value(job(object, &run, &plan(), settings)).expect("a Job is JSON")
}

/// Names and values of the signer's environment; of a reference, what is referred to.
fn environment(job: &Value) -> BTreeMap<String, Value> {
    let variables = job["spec"]["template"]["spec"]["containers"][0]["env"].as_array().expect("a list");
    let of = |variable: &Value| variable.get("value").unwrap_or(&variable["valueFrom"]).clone();
    variables
        .iter()
        .map(|variable| (variable["name"].as_str().expect("a name").to_owned(), of(variable)))
        .collect()
}

fn fingerprint_of(job: &Value) -> &str {
    job["metadata"]["annotations"][names::ANNOTATION_TEMPLATE].as_str().expect("a fingerprint")
}

#[test]
fn the_job_is_a_work_queue_that_belongs_to_the_run() {
    let job = made(&object(), &settings());
    assert_eq!(job["metadata"]["name"], "demo-signer");
    assert_eq!(job["metadata"]["namespace"], "signing");
    let owner = &job["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["controller"]), (&json!("SigningRun"), &json!(true)));
    assert_eq!(owner["uid"], "0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867");
    let spec = &job["spec"];
    assert_eq!((&spec["parallelism"], &spec["suspend"]), (&json!(3), &json!(false)));
    assert_eq!(spec["backoffLimit"], 109, "as it is planned");
    assert_eq!(spec["podReplacementPolicy"], "Failed");
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    assert_eq!(job["metadata"]["annotations"][names::ANNOTATION_GENERATION], "5");
    assert_eq!(job["metadata"]["annotations"][names::ANNOTATION_RETRIED], "");
    assert_eq!(job["metadata"]["annotations"][names::ANNOTATION_RUN_UID], json!(uuid::Uuid::nil()));
    assert_eq!(job["metadata"]["annotations"][names::ANNOTATION_SECRET], SECRET);
}

#[test]
fn a_pod_that_failed_is_replaced_under_an_index_that_never_failed_and_one_that_succeeded_ends_the_job() {
    let spec = &made(&object(), &settings())["spec"];
    assert_eq!((&spec["completionMode"], &spec["completions"]), (&json!("Indexed"), &json!(2_000)));
    assert_eq!((&spec["backoffLimitPerIndex"], &spec["maxFailedIndexes"]), (&json!(0), &Value::Null));
    assert_eq!(spec["successPolicy"], json!({"rules": [{"succeededCount": 1}]}));
}

#[test]
fn a_signer_that_can_never_work_fails_the_job_and_one_that_is_evicted_or_stopped_is_replaced_at_once() {
    let job = made(&object(), &settings());
    let rules = &job["spec"]["podFailurePolicy"]["rules"];
    let on_exit = |action: &str, codes: Value| json!({"action": action, "onExitCodes": {"containerName": "signer", "operator": "In", "values": codes}});
    assert_eq!(rules[0], on_exit("FailJob", json!([78])));
    assert_eq!(rules[1], on_exit("Ignore", json!([74, 75])));
    assert_eq!(rules[2], on_exit("FailIndex", json!([130])));
    let disruption = json!([{"type": "DisruptionTarget", "status": "True"}]);
    assert_eq!(rules[3], json!({"action": "FailIndex", "onPodConditions": disruption}));
    assert_eq!(rules.as_array().expect("a list").len(), 4);
}

/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
#[test]
fn the_pod_meets_the_restricted_pod_security_standard() {
    let pod = &made(&object(), &settings())["spec"]["template"]["spec"];
    for field in ["hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"] {
        assert_eq!(pod[field], Value::Null, "{field}");
    }
    let security = &pod["securityContext"];
    assert_eq!(security["runAsNonRoot"], true);
    assert!(security["runAsUser"].as_i64().expect("a user") > 0);
    assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!((&security["sysctls"], &security["seLinuxOptions"]), (&Value::Null, &Value::Null));
    let containers = pod["containers"].as_array().expect("a list");
    for container in containers {
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!((&security["privileged"], &security["procMount"]), (&Value::Null, &Value::Null));
        assert!(container["ports"].as_array().expect("a list").iter().all(|port| port["hostPort"].is_null()));
    }
    let allowed = ["name", "configMap", "csi", "downwardAPI", "emptyDir", "projected", "secret"];
    for volume in pod["volumes"].as_array().expect("a list") {
        assert!(volume.as_object().expect("a volume").keys().all(|kind| allowed.contains(&kind.as_str())));
    }
    assert_eq!((&pod["automountServiceAccountToken"], containers.len()), (&json!(false), 1));
}

#[test]
fn a_signer_is_told_all_that_it_needs() {
    let environment = environment(&made(&object(), &settings()));
    let field = |path: &str| json!({"fieldRef": {"apiVersion": "v1", "fieldPath": path}});
    let expected = BTreeMap::from(
        [
            ("POD_NAME", field("metadata.name")),
            ("POD_UID", field("metadata.uid")),
            ("CHANCERY_HOLDER", json!("$(POD_NAME)/$(POD_UID)")),
            ("CHANCERY_RUN", json!("demo")),
            ("CHANCERY_RUN_UID", json!(uuid::Uuid::nil())),
            ("CHANCERY_NAMESPACE", json!("signing")),
            ("CHANCERY_DATA_KEY_FILE", json!("/etc/chancery/signer/data-key")),
            ("DATABASE_URL", json!({"secretKeyRef": {"name": SECRET, "key": "database-url"}})),
            ("CHANCERY_GRACE", json!("15")),
            ("CHANCERY_STOPPED_EXIT", json!("130")),
            ("CHANCERY_TERMINATION_LOG", json!("/dev/termination-log")),
            ("CHANCERY_LISTEN", json!("0.0.0.0:9090")),
            ("CHANCERY_LOG_FORMAT", json!("json")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    assert_eq!(environment, expected);
}

#[test]
fn what_a_variable_refers_to_comes_before_it() {
    let job = made(&object(), &settings());
    let variables = job["spec"]["template"]["spec"]["containers"][0]["env"].as_array().expect("a list");
    let place =
        |name: &str| variables.iter().position(|variable| variable["name"] == name).expect("a variable");
    assert!(place("POD_NAME") < place("CHANCERY_HOLDER") && place("POD_UID") < place("CHANCERY_HOLDER"));
}

#[test]
fn settings_of_the_operator_reach_the_signer() {
    let given = SignerSettings {
        service_account: Some("signers".to_owned()),
        ssl_mode: Some("verify-full".to_owned()),
        ca_file: Some("/etc/chancery/database-ca/ca.crt".into()),
        otlp_endpoint: Some("http://collector:4318".to_owned()),
        log_format: LogFormat::Text,
        log_level: Some("debug".to_owned()),
        ..settings()
    };
    let job = made(&object(), &given);
    let environment = environment(&job);
    assert_eq!(environment["PGSSLMODE"], "verify-full");
    assert_eq!(environment["PGSSLROOTCERT"], "/etc/chancery/signer/ca.crt");
    assert_eq!(environment["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://collector:4318");
    assert_eq!(
        (&environment["CHANCERY_LOG_FORMAT"], &environment["RUST_LOG"]),
        (&json!("text"), &json!("debug"))
    );
    assert_eq!(environment["TRACEPARENT"].as_str().expect("a trace").split('-').count(), 4);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "signers");
    let files: Vec<_> = pod["volumes"][0]["secret"]["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| &item["key"])
        .collect();
    assert_eq!(files, ["data-key", "ca.crt"]);
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], SECRET);
    assert!(!job.to_string().contains("signer:secret"), "the password is in no Job");
}

#[test]
fn a_template_can_add_labels_but_not_hide_pods_from_the_operator() {
    let mut labelled = object();
    let labels = [(names::LABEL_RUN, "other"), (names::LABEL_MANAGED_BY, "helm"), ("team", "billing")];
    labelled.spec.signer_template = Some(SignerTemplate {
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        annotations: [(names::ANNOTATION_TEMPLATE.to_owned(), "forged".to_owned())].into(),
        ..SignerTemplate::default()
    });
    let job = made(&labelled, &settings());
    for labels in [&job["metadata"]["labels"], &job["spec"]["template"]["metadata"]["labels"]] {
        assert_eq!((&labels[names::LABEL_RUN], &labels["team"]), (&json!("demo"), &json!("billing")));
        assert_eq!(labels[names::LABEL_MANAGED_BY], names::FIELD_MANAGER);
        assert_eq!(labels[names::LABEL_COMPONENT], "signer");
    }
    assert_ne!(fingerprint_of(&job), "forged");
}

#[test]
fn what_a_person_asks_for_pods_is_passed_on() {
    let mut placed = object();
    let template: SignerTemplate = serde_json::from_value(json!({
        "resources": {"requests": {"cpu": "2"}},
        "nodeSelector": {"pool": "signing"},
        "tolerations": [{"key": "signing", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints":
            [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
        "priorityClassName": "high",
        "serviceAccountName": "mine",
        "imagePullSecrets": [{"name": "registry"}],
        "runtimeClassName": "gvisor",
    }))
    .expect("a template");
    placed.spec.signer_template = Some(template.clone());
    let given = SignerSettings { service_account: Some("signers".to_owned()), ..settings() };
    let pod = &made(&placed, &given)["spec"]["template"]["spec"];
    let asked = serde_json::to_value(template).expect("JSON");
    for (field, value) in asked.as_object().expect("fields") {
        let there = if field == "resources" { &pod["containers"][0][field] } else { &pod[field] };
        assert_eq!(there, value, "{field}");
    }
}

#[test]
fn the_queue_of_kueue_is_passed_to_the_job_but_not_to_its_pods() {
    let mut queued = object();
    queued.metadata.labels = Some([(names::LABEL_QUEUE.to_owned(), "nightly".to_owned())].into());
    let job = made(&queued, &settings());
    assert_eq!(job["metadata"]["labels"][names::LABEL_QUEUE], "nightly");
    assert_eq!(job["spec"]["template"]["metadata"]["labels"][names::LABEL_QUEUE], Value::Null);
    assert_eq!(fingerprint_of(&job), fingerprint_of(&made(&object(), &settings())));
}

#[test]
fn a_template_has_another_fingerprint_if_and_only_if_its_pods_differ() {
    let first = made(&object(), &settings());
    assert_eq!(first, made(&object(), &settings()));
    let newer = SignerSettings { image: "chancery/signer:2".to_owned(), ..settings() };
    assert_ne!(fingerprint_of(&first), fingerprint_of(&made(&object(), &newer)));
    let mut changed = object();
    (changed.metadata.generation, changed.spec.parallelism, changed.spec.backoff_limit) = (Some(6), 9, 1);
    assert_eq!(fingerprint_of(&first), fingerprint_of(&made(&changed, &settings())));
}
