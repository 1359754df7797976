//! The Secrets with which the webhooks of a run's policy are called, and its lookups asked. They are those of the version that judges the run,
//! which the ledger has; so that it is not asked each time, the Job of the intake says which they are.

use chancery_api::names;
use chancery_sources::asking::{SecretOfPolicy, secrets_of};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Volume, VolumeMount};
use kube::ResourceExt as _;

use crate::run::build::parts::{mount, secret_volume};

/// The Secrets that the policy of a run names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySecrets(Vec<SecretOfPolicy>);

impl PolicySecrets {
    /// Those of the version of a policy; none of one that this program cannot read, for which the intake says why.
    #[must_use]
    pub fn of_policy(text: &str) -> Self {
        Self(secrets_of(text))
    }

    /// Those of the Job of an intake.
    #[must_use]
    pub fn of_job(job: &Job) -> Self {
        let text = job.annotations().get(names::ANNOTATION_POLICY_SECRETS);
        Self(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// What the Job says of them; nothing if there are none.
    pub(crate) fn annotation(&self) -> Option<(String, String)> {
        // Texts.
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        (!self.0.is_empty()).then(|| (names::ANNOTATION_POLICY_SECRETS.to_owned(), text))
    }

    /// The volumes of a pod, with where each is in it.
    pub(crate) fn volumes(&self, path: &str) -> Vec<(Volume, VolumeMount)> {
        let of = |(number, secret): (usize, &SecretOfPolicy)| {
            let SecretOfPolicy { folder, name, key, file } = secret;
            let volume_name = format!("policy-{number}");
            let one = key.as_deref().zip(file.as_deref()).map(|key| [key]);
            let volume = secret_volume(&volume_name, name, one.as_ref().map(<[_; 1]>::as_slice));
            (volume, mount(&volume_name, format!("{path}/{folder}")))
        };
        self.0.iter().enumerate().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_says_which_secrets_the_policy_of_the_run_names() {
        let text = r#"{"spec": {
            "lookups": [{"name": "rates", "query": {"urlSecretRef": {"name": "signing-db", "key": "dsn"}, "sql": "SELECT 1"}}],
            "webhooks": [
                {"name": "model", "url": "https://model.example/score", "adds": "score", "secretRef": {"name": "signing-model"}},
                {"name": "open", "url": "https://open.example/score", "adds": "score"}
            ]}, "tables": {}}"#;
        let secrets = PolicySecrets::of_policy(text);
        let mut job = Job::default();
        job.metadata.annotations = Some(secrets.annotation().into_iter().collect());
        assert_eq!(PolicySecrets::of_job(&job), secrets);
        let volumes = secrets.volumes("/credentials");
        let paths: Vec<&str> = volumes.iter().map(|(_, mount)| mount.mount_path.as_str()).collect();
        assert_eq!(paths, ["/credentials/webhook.model", "/credentials/lookup.rates"]);
        let (whole, one) =
            (volumes[0].0.secret.as_ref().expect("one"), volumes[1].0.secret.as_ref().expect("one"));
        assert_eq!((whole.secret_name.as_deref(), whole.items.as_ref()), (Some("signing-model"), None));
        let item = &one.items.as_ref().expect("items")[0];
        assert_eq!((item.key.as_str(), item.path.as_str()), ("dsn", "url"));
        assert_eq!(PolicySecrets::default().annotation(), None);
    }
}
