//! The intake of a run: the Job that reads its sources, and the Secret that belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use chancery_api::{RunInput, SigningRun, SourceSpec, ValidatedRun, names};
use chancery_process::Exit;
use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    Container, EnvVar, PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, Secret, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::run::build::job::{own_labels, owner};
use crate::run::build::parts::{
    container_security, mount, of_field, of_secret, plain, pod_security, resources, secret_volume,
};
use crate::run::build::pod::{
    CA, DATABASE_URL, GRACE_SECONDS, SignerSettings, TERMINATION_SECONDS, secret_of, trace_of,
};
use crate::run::build::policy_secrets::PolicySecrets;
use crate::run::build::queue;
use crate::run::decide::decision::JobPlan;
use crate::run::intake_settings::{IntakeSettings, IntakeTemplate};

const SECRET_VOLUME: &str = "intake-secret";
const SECRET_PATH: &str = "/etc/chancery/intake";

/// Where the credentials of the sources are, each in a folder of its name.
const CREDENTIALS_PATH: &str = "/etc/chancery/credentials";

/// The Job of the intake as it should be. What is to be read is handed out by the ledger, and one pod reads several splits at a
/// time.
#[must_use]
pub fn intake_job(
    object: &SigningRun,
    run: &ValidatedRun,
    plan: &JobPlan,
    signer: &SignerSettings,
    settings: &IntakeSettings,
    secrets: &PolicySecrets,
) -> Job {
    let labels = own_labels(run, names::COMPONENT_INTAKE);
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels.clone()), ..ObjectMeta::default() }),
        spec: Some(pod_spec(object, run, plan, signer, settings, secrets)),
    };
    let name = names::intake_job_name(&run.name);
    let spec = queue::spec(&name, names::INTAKE_CONTAINER, plan, template);
    let retry = object.annotations().get(names::ANNOTATION_RETRY).cloned().unwrap_or_default();
    let generation = object.metadata.generation.unwrap_or_default().to_string();
    let mut annotations = BTreeMap::from([
        (names::ANNOTATION_TEMPLATE.to_owned(), queue::fingerprint(&spec)),
        (names::ANNOTATION_GENERATION.to_owned(), generation),
        (names::ANNOTATION_RETRIED.to_owned(), retry),
    ]);
    annotations.extend(plan.run_uid.map(|uid| (names::ANNOTATION_RUN_UID.to_owned(), uid.to_string())));
    annotations.extend(secrets.annotation());
    annotations.extend(plan.secret.clone().map(|name| (names::ANNOTATION_SECRET.to_owned(), name)));
    Job {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(run.namespace.clone()),
            labels: Some(labels),
            annotations: Some(annotations),
            owner_references: Some(owner(object)),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    }
}

fn pod_spec(
    object: &SigningRun,
    run: &ValidatedRun,
    plan: &JobPlan,
    signer: &SignerSettings,
    settings: &IntakeSettings,
    secrets: &PolicySecrets,
) -> PodSpec {
    let IntakeTemplate {
        resources: asked,
        node_selector,
        tolerations,
        affinity,
        priority_class_name,
        runtime_class_name,
    } = settings.template.clone();
    let (mut volumes, mut mounts) = volumes(run, plan, signer);
    for (volume, mount) in secrets.volumes(CREDENTIALS_PATH) {
        volumes.push(volume);
        mounts.push(mount);
    }
    PodSpec {
        // A container that has ended never runs again: only then may what it had be given back at once.
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        service_account_name: settings.service_account.clone(),
        termination_grace_period_seconds: Some(TERMINATION_SECONDS),
        security_context: Some(pod_security()),
        containers: vec![Container {
            name: names::INTAKE_CONTAINER.to_owned(),
            image: Some(settings.image.clone()),
            image_pull_policy: Some(signer.image_pull_policy.clone()),
            command: Some(vec!["/chancery-intake".to_owned()]),
            env: Some(environment(object, run, plan, signer, settings)),
            resources: Some(asked.unwrap_or_else(|| {
                resources(&[("cpu", "250m"), ("memory", "64Mi")], &[("memory", "256Mi")])
            })),
            security_context: Some(container_security()),
            volume_mounts: Some(mounts),
            ..Container::default()
        }],
        volumes: Some(volumes),
        node_selector: (!node_selector.is_empty()).then_some(node_selector),
        tolerations: (!tolerations.is_empty()).then_some(tolerations),
        affinity,
        priority_class_name,
        runtime_class_name,
        ..PodSpec::default()
    }
}

fn environment(
    object: &SigningRun,
    run: &ValidatedRun,
    plan: &JobPlan,
    signer: &SignerSettings,
    settings: &IntakeSettings,
) -> Vec<EnvVar> {
    let mut variables = vec![
        // First what others refer to.
        of_field("POD_NAME", "metadata.name"),
        of_field("POD_UID", "metadata.uid"),
        plain("CHANCERY_HOLDER", names::holder("$(POD_NAME)", "$(POD_UID)")),
        plain("CHANCERY_RUN", &run.name),
        plain("CHANCERY_NAMESPACE", &run.namespace),
        plain("CHANCERY_CREDENTIALS_DIR", CREDENTIALS_PATH),
        of_secret("DATABASE_URL", secret_of(plan), DATABASE_URL),
        plain("CHANCERY_READERS", settings.readers.to_string()),
        plain("CHANCERY_GRACE", GRACE_SECONDS.to_string()),
        plain("CHANCERY_STOPPED_EXIT", Exit::Interrupted.code().to_string()),
        plain("CHANCERY_TERMINATION_LOG", "/dev/termination-log"),
        plain("CHANCERY_LOG_FORMAT", signer.log_format.flag()),
    ];
    variables.extend(signer.log_level.as_ref().map(|level| plain("RUST_LOG", level)));
    variables.extend(plan.run_uid.map(|uid| plain("CHANCERY_RUN_UID", uid.to_string())));
    if let Some(mode) = &signer.ssl_mode {
        variables.push(plain("PGSSLMODE", mode));
    }
    if let Some(endpoint) = &signer.otlp_endpoint {
        variables.push(plain("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint));
        variables.extend(trace_of(object).map(|trace| plain("TRACEPARENT", trace.to_string())));
    }
    variables
}

/// The CA of the database, the credentials of each source that has some, and the claims of those that read files.
fn volumes(run: &ValidatedRun, plan: &JobPlan, signer: &SignerSettings) -> (Vec<Volume>, Vec<VolumeMount>) {
    let (mut volumes, mut mounts) = (Vec::new(), Vec::new());
    if signer.ca_file.is_some() {
        volumes.push(secret_volume(SECRET_VOLUME, secret_of(plan), Some(&[(CA, CA)])));
        mounts.push(mount(SECRET_VOLUME, SECRET_PATH));
    }
    let sources: &[SourceSpec] = match &run.input {
        RunInput::Sources(sources) => &sources.sources,
        RunInput::Generated { .. } => &[],
    };
    for (number, source) in sources.iter().enumerate() {
        let Some(needed) = source.secret() else { continue };
        let (name, path) = (format!("credentials-{number}"), format!("{CREDENTIALS_PATH}/{}", source.name));
        let key = needed.key.map(|key| [key]);
        volumes.push(secret_volume(&name, needed.name, key.as_ref().map(<[_; 1]>::as_slice)));
        mounts.push(mount(&name, path));
    }
    let claims: BTreeSet<&str> = sources.iter().filter_map(SourceSpec::volume_claim).collect();
    for (number, claim) in claims.into_iter().enumerate() {
        let name = format!("claim-{number}");
        volumes.push(Volume {
            name: name.clone(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim.to_owned(),
                read_only: Some(true),
            }),
            ..Volume::default()
        });
        mounts.push(mount(&name, names::claim_path(claim)));
    }
    (volumes, mounts)
}

/// Where the CA of the ledger's database is, in the pod.
pub(crate) fn ca_path() -> String {
    format!("{SECRET_PATH}/{CA}")
}

/// What the intake of a run is given, and nobody else.
pub struct IntakeSecretContent {
    /// URL of the database, with the login of the intake; for the fingerprint without, since nobody remembers passwords.
    pub database_url: Zeroizing<String>,
    /// The CA by which it checks the database's certificate.
    pub ca: Option<Vec<u8>>,
}

impl IntakeSecretContent {
    /// Tells one content from another, and reveals nothing of it.
    pub(crate) fn fingerprint(&self) -> String {
        let Self { database_url, ca } = self;
        let mut digest = Sha256::new();
        digest.update(Sha256::digest(database_url.as_bytes()));
        digest.update(Sha256::digest(ca.as_deref().unwrap_or_default()));
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The Secret of the intake as it is made: it never changes, and goes with the Job, which is there.
#[must_use]
pub fn intake_secret(job: &Job, run: &ValidatedRun, name: &str, content: &IntakeSecretContent) -> Secret {
    let IntakeSecretContent { database_url, ca } = content;
    let url = (DATABASE_URL.to_owned(), ByteString(database_url.as_bytes().to_vec()));
    let mut data = BTreeMap::from([url]);
    data.extend(ca.clone().map(|ca| (CA.to_owned(), ByteString(ca))));
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(run.namespace.clone()),
            labels: Some(own_labels(run, names::COMPONENT_INTAKE)),
            owner_references: Some(vec![OwnerReference {
                // Whoever says that a Job waits for what it owns needs a right to its finalizers.
                block_owner_deletion: None,
                ..job.controller_owner_ref(&()).unwrap_or_default()
            }]),
            ..ObjectMeta::default()
        },
        immutable: Some(true),
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        string_data: None,
    }
}

#[cfg(test)]
mod tests;
