//! The names by which runs and policies, and what is made for them, are found.
//!
//! They are stored in clusters and ledgers: changing one orphans what carries the old one.

/// API group of the custom resource.
pub const GROUP: &str = "chancery.dev";

/// API version of the custom resource, within [`GROUP`].
pub const VERSION: &str = "v1alpha1";

/// `apiVersion` of a manifest: [`GROUP`]`/`[`VERSION`].
pub const API_VERSION: &str = "chancery.dev/v1alpha1";

/// `kind` of a manifest.
pub const KIND: &str = "SigningRun";

/// Plural of [`KIND`], as in `kubectl get signingruns` and in RBAC rules.
pub const PLURAL: &str = "signingruns";

/// `kind` of the manifest of a policy.
pub const POLICY_KIND: &str = "SigningPolicy";

/// Plural of [`POLICY_KIND`], as in `kubectl get signingpolicies` and in RBAC rules.
pub const POLICY_PLURAL: &str = "signingpolicies";

/// Namespace of a manifest that names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Longest name of a run, in characters: its Jobs add up to nine ([`delivery_job_name`]), and the name of
/// a Job, which is also a label of its pods, may have 63; behind it is a hyphen and the index of a pod.
pub const MAX_NAME_LENGTH: usize = 52;

/// Field manager of every server-side apply that the operator makes.
pub const FIELD_MANAGER: &str = "chancery-operator";

/// Finalizer that holds a deleted run until its `deletionPolicy` is carried out.
pub const FINALIZER: &str = "chancery.dev/cleanup";

/// Label: the name of the run that an object belongs to.
pub const LABEL_RUN: &str = "chancery.dev/run";

/// Annotation of a run: with the value `"true"` the run can be deleted without its part of
/// the ledger, for when its database is gone for good.
pub const ANNOTATION_ABANDON_LEDGER: &str = "chancery.dev/abandon-ledger";

/// Annotation of a run: a new value, whatever it is, makes a failed run try again.
pub const ANNOTATION_RETRY: &str = "chancery.dev/retry";

/// Annotation of a run: takes over what the ledger holds under its name of another object. The value is that object's
/// uid.
pub const ANNOTATION_ADOPT: &str = "chancery.dev/adopt";

/// Annotation of a run with the value of [`ANNOTATION_ADOPT`]: what it took over may be deleted with it, if its
/// `deletionPolicy` says so.
pub const ANNOTATION_DELETE_ADOPTED: &str = "chancery.dev/delete-adopted";

/// Annotation of a run: takes over the keyring that it names from another namespace. The value is the uid of the
/// object that the keyring was made for.
pub const ANNOTATION_ADOPT_KEYRING: &str = "chancery.dev/adopt-keyring";

/// Annotation of a run: the installation of Chancery that operates it, as the namespace and the name of its leader's
/// Lease. Whichever comes first writes it, and the others leave the run alone.
pub const ANNOTATION_OPERATED_BY: &str = "chancery.dev/operated-by";

/// Annotation of a Job: tells one pod template from another, because what an API server
/// gives back of a template is not what it was given.
pub const ANNOTATION_TEMPLATE: &str = "chancery.dev/template";

/// Annotation of a Job: the run's [`ANNOTATION_RETRY`] when the Job was made.
pub const ANNOTATION_RETRIED: &str = "chancery.dev/retried";

/// Annotation of a Job: the run's `metadata.generation` when the Job was last applied.
pub const ANNOTATION_GENERATION: &str = "chancery.dev/generation";

/// Annotation of a Job: the uid, in the ledger, of the run that its pods work for.
pub const ANNOTATION_RUN_UID: &str = "chancery.dev/ledger-run";

/// Annotation of a Job: the name of the Secret that its pods are given.
pub const ANNOTATION_SECRET: &str = "chancery.dev/signer-secret";

/// Annotation of the Job of an intake: the Secrets that the run's policy names, as JSON.
pub const ANNOTATION_POLICY_SECRETS: &str = "chancery.dev/policy-secrets";

/// Label of a run and of its Job: the queue of [Kueue](https://kueue.sigs.k8s.io) that
/// admits the Job.
pub const LABEL_QUEUE: &str = "kueue.x-k8s.io/queue-name";

/// Label selector of the signer pods of a run.
pub fn signer_selector(run: &str) -> String {
    format!("{LABEL_RUN}={run},{LABEL_COMPONENT}={COMPONENT_SIGNER}")
}

/// Name of the container that signs, in a signer pod.
pub const SIGNER_CONTAINER: &str = "signer";

/// Name of the container that reads sources, in an intake pod.
pub const INTAKE_CONTAINER: &str = "intake";

/// Name of the container that delivers to sinks, in a delivery pod.
pub const DELIVERY_CONTAINER: &str = "delivery";

/// Name of the Job of a run.
pub fn job_name(run: &str) -> String {
    format!("{run}-signer")
}

/// Name of the Job that reads the sources of a run. It is as long as [`job_name`].
pub fn intake_job_name(run: &str) -> String {
    format!("{run}-intake")
}

/// Name of the Job that delivers to the sinks of a run.
pub fn delivery_job_name(run: &str) -> String {
    format!("{run}-delivery")
}

/// Letters and digits at the end of the name of a Secret, with at least one digit: see [`signer_secret_name`].
pub const SECRET_SUFFIX_LENGTH: usize = 10;

/// Name of a Secret with what the signers of a run are given. `suffix` is random: [`SECRET_SUFFIX_LENGTH`] lower-case letters
/// and digits, so that no name is ever used twice, and none is that of another run's.
pub fn signer_secret_name(run: &str, suffix: &str) -> String {
    format!("{}-{suffix}", job_name(run))
}

/// Name of a Secret with what the intake of a run is given: see [`signer_secret_name`].
pub fn intake_secret_name(run: &str, suffix: &str) -> String {
    format!("{}-{suffix}", intake_job_name(run))
}

/// Name of a Secret with what the delivery of a run is given: see [`signer_secret_name`].
pub fn delivery_secret_name(run: &str, suffix: &str) -> String {
    format!("{}-{suffix}", delivery_job_name(run))
}

/// Whether a Secret of that name may be one that Chancery makes for a run: of those, runs name none.
pub fn is_secret_of_a_run(name: &str) -> bool {
    let Some((job, suffix)) = name.rsplit_once('-') else { return false };
    let is_random = suffix.len() == SECRET_SUFFIX_LENGTH
        && suffix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    // Those of deliveries always had a digit. A person may call a Secret chancery-source-delivery-production.
    let has_digit = suffix.bytes().any(|byte| byte.is_ascii_digit());
    let is_of_former = ["-signer", "-intake"].iter().any(|program| job.ends_with(program));
    is_random && (is_of_former || (has_digit && job.ends_with("-delivery")))
}

/// Where the pods of an intake or a delivery have a claim to a volume.
pub fn claim_path(claim: &str) -> String {
    format!("/volumes/{claim}")
}

/// The holder of leases that a signer pod is, in the ledger.
pub fn holder(pod_name: &str, pod_uid: &str) -> String {
    format!("{pod_name}/{pod_uid}")
}

/// Label: the application, always [`APP_NAME`].
pub const LABEL_NAME: &str = "app.kubernetes.io/name";

/// Label: the instance of the application; for what belongs to a run, the run's name.
pub const LABEL_INSTANCE: &str = "app.kubernetes.io/instance";

/// Label: the part of the application, such as [`COMPONENT_SIGNER`].
pub const LABEL_COMPONENT: &str = "app.kubernetes.io/component";

/// Label: what manages the object, for everything applied by the operator
/// [`FIELD_MANAGER`].
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Value of [`LABEL_NAME`].
pub const APP_NAME: &str = "chancery";

/// Value of [`LABEL_COMPONENT`] on signer Jobs and their pods.
pub const COMPONENT_SIGNER: &str = "signer";

/// Value of [`LABEL_COMPONENT`] on intake Jobs and their pods.
pub const COMPONENT_INTAKE: &str = "intake";

/// Value of [`LABEL_COMPONENT`] on delivery Jobs and their pods.
pub const COMPONENT_DELIVERY: &str = "delivery";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_runs_are_known_by_their_names() {
        let suffix = "abc1234567";
        assert!(is_secret_of_a_run(&signer_secret_name("demo", suffix)));
        assert!(is_secret_of_a_run(&intake_secret_name("demo", suffix)));
        assert!(is_secret_of_a_run(&delivery_secret_name("demo", suffix)));
        for other in [
            "demo-signer",
            "demo-signer-abc",
            "demo-reader-abc1234567",
            "demo-signer-ABC1234567",
            "chancery-source-delivery-production",
            "s3",
        ] {
            assert!(!is_secret_of_a_run(other), "{other}");
        }
    }
}
