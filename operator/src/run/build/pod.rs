//! A signer pod, by the restricted Pod Security Standard
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>).

use std::path::PathBuf;

use chancery_api::{SignerTemplate, SigningRun, ValidatedRun, names};
use chancery_process::{Exit, LogFormat};
use chancery_store::LedgerUrl;
use chancery_telemetry::TraceParent;
use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar, PodSpec, ResourceRequirements, Volume};
use uuid::Uuid;

use crate::run::allowed::Allowed;
use crate::run::build::parts::{
    self, container_security, mount, of_field, of_secret, plain, pod_security, secret_volume,
};
use crate::run::decide::decision::JobPlan;

const SECRET_VOLUME: &str = "signer-secret";
const SECRET_PATH: &str = "/etc/chancery/signer";
const METRICS_PORT: i32 = 9090;

/// Keys of the Secret: the data key of the run's ring, the database's URL, and the CA, if there is one.
pub(crate) const DATA_KEY: &str = "data-key";
pub(crate) const DATABASE_URL: &str = "database-url";
pub(crate) const CA: &str = "ca.crt";

/// Grace period of a program to finish what it has in hand once it is asked to stop, in seconds.
pub(crate) const GRACE_SECONDS: i64 = 15;

/// How long the kubelet waits for it: longer, so that it can release a batch that it did not finish.
pub(crate) const TERMINATION_SECONDS: i64 = 30;

/// What the signer pods of all runs have in common.
#[derive(Clone, Debug)]
pub struct SignerSettings {
    /// The image of the signer.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// The way to the database; whose login is in it does not matter, for that of the run takes its place.
    pub database_url: LedgerUrl,
    /// The CA by which signers check the database's certificate, if it is none of the public ones.
    pub ca_file: Option<PathBuf>,
    /// The ServiceAccount of the pods, unless the run's template names one.
    pub service_account: Option<String>,
    /// `PGSSLMODE` of the signers.
    pub ssl_mode: Option<String>,
    /// Where signers send their traces.
    pub otlp_endpoint: Option<String>,
    /// How they write log lines.
    pub log_format: LogFormat,
    /// Which log lines they write: `RUST_LOG`.
    pub log_level: Option<String>,
    /// What the run's template may ask for.
    pub allowed: Allowed,
}

/// The pod of a signer of this run.
pub(super) fn pod_spec(
    object: &SigningRun,
    run: &ValidatedRun,
    plan: &JobPlan,
    settings: &SignerSettings,
) -> PodSpec {
    // No `..`: a field that is added to the template must be thought of here.
    let SignerTemplate {
        labels: _,
        annotations: _,
        resources,
        node_selector,
        tolerations,
        affinity,
        topology_spread_constraints,
        priority_class_name,
        service_account_name,
        image_pull_secrets,
        runtime_class_name,
    } = run.signer_template.clone();
    let given = |list: bool| list.then_some(());
    PodSpec {
        // A container that has ended never runs again: only then may its leases be released at once.
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        service_account_name: service_account_name.or_else(|| settings.service_account.clone()),
        termination_grace_period_seconds: Some(TERMINATION_SECONDS),
        security_context: Some(pod_security()),
        containers: vec![Container {
            env: Some(environment(object, run, plan, settings)),
            ..container(settings, resources.unwrap_or_else(default_resources))
        }],
        volumes: Some(vec![files(plan, settings)]),
        node_selector: given(!node_selector.is_empty()).map(|()| node_selector),
        tolerations: given(!tolerations.is_empty()).map(|()| tolerations),
        affinity,
        topology_spread_constraints: given(!topology_spread_constraints.is_empty())
            .map(|()| topology_spread_constraints),
        priority_class_name,
        image_pull_secrets: given(!image_pull_secrets.is_empty()).map(|()| image_pull_secrets),
        runtime_class_name,
        ..PodSpec::default()
    }
}

fn container(settings: &SignerSettings, resources: ResourceRequirements) -> Container {
    Container {
        name: names::SIGNER_CONTAINER.to_owned(),
        image: Some(settings.image.clone()),
        image_pull_policy: Some(settings.image_pull_policy.clone()),
        command: Some(vec!["/chancery-signer".to_owned()]),
        ports: Some(vec![ContainerPort {
            name: Some("metrics".to_owned()),
            container_port: METRICS_PORT,
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        resources: Some(resources),
        security_context: Some(container_security()),
        volume_mounts: Some(vec![mount(SECRET_VOLUME, SECRET_PATH)]),
        ..Container::default()
    }
}

fn environment(
    object: &SigningRun,
    run: &ValidatedRun,
    plan: &JobPlan,
    settings: &SignerSettings,
) -> Vec<EnvVar> {
    let mut variables = vec![
        // First what others refer to.
        of_field("POD_NAME", "metadata.name"),
        of_field("POD_UID", "metadata.uid"),
        plain("CHANCERY_HOLDER", names::holder("$(POD_NAME)", "$(POD_UID)")),
        plain("CHANCERY_RUN", &run.name),
        plain("CHANCERY_NAMESPACE", &run.namespace),
        plain("CHANCERY_DATA_KEY_FILE", format!("{SECRET_PATH}/{DATA_KEY}")),
        of_secret("DATABASE_URL", secret_of(plan), DATABASE_URL),
        plain("CHANCERY_GRACE", GRACE_SECONDS.to_string()),
        plain("CHANCERY_STOPPED_EXIT", Exit::Interrupted.code().to_string()),
        plain("CHANCERY_TERMINATION_LOG", "/dev/termination-log"),
        plain("CHANCERY_LISTEN", format!("0.0.0.0:{METRICS_PORT}")),
        plain("CHANCERY_LOG_FORMAT", settings.log_format.flag()),
    ];
    variables.extend(settings.log_level.as_ref().map(|level| plain("RUST_LOG", level)));
    variables.extend(plan.run_uid.map(|uid| plain("CHANCERY_RUN_UID", uid.to_string())));
    if let Some(mode) = &settings.ssl_mode {
        variables.push(plain("PGSSLMODE", mode));
    }
    if settings.ca_file.is_some() {
        variables.push(plain("PGSSLROOTCERT", format!("{SECRET_PATH}/{CA}")));
    }
    if let Some(endpoint) = &settings.otlp_endpoint {
        variables.push(plain("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint));
        variables.extend(trace_of(object).map(|trace| plain("TRACEPARENT", trace.to_string())));
    }
    variables
}

/// The one trace of everything that is done for a run.
pub(crate) fn trace_of(object: &SigningRun) -> Option<TraceParent> {
    let uid: Uuid = object.metadata.uid.as_deref()?.parse().ok()?;
    TraceParent::of_object(*uid.as_bytes())
}

/// The files of the Secret; the database's URL is given in the environment only.
fn files(plan: &JobPlan, settings: &SignerSettings) -> Volume {
    let ca = settings.ca_file.is_some();
    let keys = [(DATA_KEY, DATA_KEY), (CA, CA)];
    secret_volume(SECRET_VOLUME, secret_of(plan), Some(&keys[..if ca { 2 } else { 1 }]))
}

/// A Job that does not say which Secret it has is never made: it is replaced.
pub(crate) fn secret_of(plan: &JobPlan) -> &str {
    plan.secret.as_deref().unwrap_or_default()
}

fn default_resources() -> ResourceRequirements {
    parts::resources(&[("cpu", "250m"), ("memory", "64Mi")], &[("memory", "128Mi")])
}
