//! The Job of a program that works for a run beside its signers, and the Secret that belongs to it: an intake, or a delivery.

use std::collections::BTreeMap;

use chancery_api::{SigningRun, ValidatedRun, names};
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
use crate::run::build::queue;
use crate::run::decide::decision::JobPlan;
use crate::run::pods_template::PodsTemplate;

/// Where the credentials of sources or sinks are, each in a folder of its name.
pub(super) const CREDENTIALS_PATH: &str = "/etc/chancery/credentials";

/// What tells such a program from another.
pub(super) struct Program<'a> {
    /// The component in its labels, which is also the name of its container.
    pub(super) component: &'static str,
    pub(super) command: &'static str,
    pub(super) job_name: String,
    pub(super) image: &'a str,
    pub(super) service_account: Option<&'a str>,
    pub(super) template: &'a PodsTemplate,
    /// Memory that it may take unless the template says.
    pub(super) memory: &'static str,
    /// How much it does at a time: the variable, and its value.
    pub(super) at_a_time: (&'static str, u16),
    /// What of the run's namespace it is given.
    pub(super) volumes: Vec<(Volume, VolumeMount)>,
    /// What the Job says besides.
    pub(super) annotation: Option<(String, String)>,
}

/// The Job as it should be. What is to be done is handed out by the ledger, so one pod does all.
pub(super) fn job(
    object: &SigningRun,
    run: &ValidatedRun,
    plan: &JobPlan,
    signer: &SignerSettings,
    program: Program<'_>,
) -> Job {
    let labels = own_labels(run, program.component);
    let (name, container) = (program.job_name.clone(), program.component);
    let mut annotations: BTreeMap<String, String> = program.annotation.clone().into_iter().collect();
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels.clone()), ..ObjectMeta::default() }),
        spec: Some(pod_spec(object, run, plan, signer, program)),
    };
    let spec = queue::spec(&name, container, plan, template);
    let retry = object.annotations().get(names::ANNOTATION_RETRY).cloned().unwrap_or_default();
    let generation = object.metadata.generation.unwrap_or_default().to_string();
    annotations.extend([
        (names::ANNOTATION_TEMPLATE.to_owned(), queue::fingerprint(&spec)),
        (names::ANNOTATION_GENERATION.to_owned(), generation),
        (names::ANNOTATION_RETRIED.to_owned(), retry),
    ]);
    annotations.extend(plan.run_uid.map(|uid| (names::ANNOTATION_RUN_UID.to_owned(), uid.to_string())));
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
    program: Program<'_>,
) -> PodSpec {
    let environment = environment(object, run, plan, signer, program.at_a_time);
    let Program {
        component,
        command,
        job_name: _,
        image,
        service_account,
        template,
        memory,
        at_a_time: _,
        volumes,
        annotation: _,
    } = program;
    let PodsTemplate {
        resources: asked,
        node_selector,
        tolerations,
        affinity,
        priority_class_name,
        runtime_class_name,
    } = template.clone();
    let ca = signer.ca_file.is_some().then(|| {
        let volume = format!("{component}-secret");
        let mount = mount(&volume, secret_path(component));
        (secret_volume(&volume, secret_of(plan), Some(&[(CA, CA)])), mount)
    });
    let (volumes, mounts) = ca.into_iter().chain(volumes).unzip();
    PodSpec {
        // A container that has ended never runs again: only then may what it had be given back at once.
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        service_account_name: service_account.map(str::to_owned),
        termination_grace_period_seconds: Some(TERMINATION_SECONDS),
        security_context: Some(pod_security()),
        containers: vec![Container {
            name: component.to_owned(),
            image: Some(image.to_owned()),
            image_pull_policy: Some(signer.image_pull_policy.clone()),
            command: Some(vec![command.to_owned()]),
            env: Some(environment),
            resources: Some(
                asked.unwrap_or_else(|| {
                    resources(&[("cpu", "250m"), ("memory", "64Mi")], &[("memory", memory)])
                }),
            ),
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
    (at_a_time, number): (&str, u16),
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
        plain(at_a_time, number.to_string()),
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

/// A Secret that a source or a sink of this number and name needs, in the folder of that name; all its keys if none is named.
pub(super) fn credentials(
    number: usize,
    name: &str,
    secret: &str,
    key: Option<(&str, &str)>,
) -> (Volume, VolumeMount) {
    let volume = format!("credentials-{number}");
    let mount = mount(&volume, format!("{CREDENTIALS_PATH}/{name}"));
    let key = key.map(|key| [key]);
    (secret_volume(&volume, secret, key.as_ref().map(<[_; 1]>::as_slice)), mount)
}

/// The claim of this number and name, which may be written to, or not.
pub(super) fn claim(number: usize, claim: &str, is_written: bool) -> (Volume, VolumeMount) {
    let name = format!("claim-{number}");
    let read_only = (!is_written).then_some(true);
    let mount = VolumeMount { read_only, ..mount(&name, names::claim_path(claim)) };
    let source = PersistentVolumeClaimVolumeSource { claim_name: claim.to_owned(), read_only };
    (Volume { name, persistent_volume_claim: Some(source), ..Volume::default() }, mount)
}

fn secret_path(component: &str) -> String {
    format!("/etc/chancery/{component}")
}

/// Where the CA of the ledger's database is, in the pods of this component.
pub(crate) fn ca_path(component: &str) -> String {
    format!("{}/{CA}", secret_path(component))
}

/// What such a program is given, and nobody else.
pub struct LoginSecret {
    /// URL of the database, with a login of its own; for the fingerprint without, since nobody remembers passwords.
    pub database_url: Zeroizing<String>,
    /// The CA by which it checks the database's certificate.
    pub ca: Option<Vec<u8>>,
}

impl LoginSecret {
    /// Tells one content from another, and reveals nothing of it.
    pub(crate) fn fingerprint(&self) -> String {
        let Self { database_url, ca } = self;
        let mut digest = Sha256::new();
        digest.update(Sha256::digest(database_url.as_bytes()));
        digest.update(Sha256::digest(ca.as_deref().unwrap_or_default()));
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The Secret as it is made: it never changes, and goes with the Job, which is there. It has the labels of its component.
#[must_use]
pub fn login_secret(
    job: &Job,
    run: &ValidatedRun,
    component: &str,
    name: &str,
    content: &LoginSecret,
) -> Secret {
    let LoginSecret { database_url, ca } = content;
    let url = (DATABASE_URL.to_owned(), ByteString(database_url.as_bytes().to_vec()));
    let mut data = BTreeMap::from([url]);
    data.extend(ca.clone().map(|ca| (CA.to_owned(), ByteString(ca))));
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(run.namespace.clone()),
            labels: Some(own_labels(run, component)),
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
