//! The Secret that a run's signers are given, and what is in it.

use std::collections::BTreeMap;

use chancery_api::{SigningRun, ValidatedRun, names};
use chancery_keyring::DataKey;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use zeroize::Zeroizing;

use crate::run::build::job::{own_labels, owner};
use crate::run::build::pod::{CA, DATA_KEY, DATABASE_URL};

/// What the signers of a run are given, and nobody else.
pub struct SecretContent {
    /// That of the run's ring.
    pub data_key: DataKey,
    /// URL of the database, with the login of the run; for the fingerprint without, since nobody remembers passwords.
    pub database_url: Zeroizing<String>,
    /// The CA by which they check the database's certificate.
    pub ca: Option<Vec<u8>>,
}

impl SecretContent {
    /// Tells one content from another, and reveals nothing of it.
    pub(crate) fn fingerprint(&self) -> String {
        let Self { data_key, database_url, ca } = self;
        data_key.fingerprint_of(&[database_url.as_bytes(), ca.as_deref().unwrap_or_default()])
    }
}

/// What the ledger keeps of a Secret's content: the fingerprint of what it was made of, and the login in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SecretMark<'a> {
    pub(crate) of: &'a str,
    pub(crate) login: &'a str,
}

impl<'a> SecretMark<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        text.split_once(' ').map(|(of, login)| Self { of, login })
    }
}

impl std::fmt::Display for SecretMark<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.of, self.login)
    }
}

/// The Secret as it is made: it never changes, and goes with the run.
#[must_use]
pub fn secret(object: &SigningRun, run: &ValidatedRun, name: &str, content: &SecretContent) -> Secret {
    let SecretContent { data_key, database_url, ca } = content;
    let mut data = BTreeMap::from([
        (DATA_KEY.to_owned(), ByteString(data_key.to_base64().as_bytes().to_vec())),
        (DATABASE_URL.to_owned(), ByteString(database_url.as_bytes().to_vec())),
    ]);
    data.extend(ca.clone().map(|ca| (CA.to_owned(), ByteString(ca))));
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(run.namespace.clone()),
            labels: Some(own_labels(run, names::COMPONENT_SIGNER)),
            owner_references: Some(owner(object)),
            ..ObjectMeta::default()
        },
        immutable: Some(true),
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        string_data: None,
    }
}

#[cfg(test)]
mod tests {
    use chancery_api::{SigningRunSpec, validate};
    use serde_json::json;

    use super::*;

    fn content() -> SecretContent {
        SecretContent {
            data_key: DataKey::from_bytes([7; 32]),
            database_url: Zeroizing::new("postgres://signer:secret@db/ledger".to_owned()),
            ca: None,
        }
    }

    #[test]
    fn the_secret_belongs_to_the_run_never_changes_and_holds_what_signers_need() {
        let mut object = SigningRun::new("demo", SigningRunSpec::new(1_000, 4, 100));
        object.metadata.namespace = Some("signing".to_owned());
        object.metadata.uid = Some("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867".to_owned());
        let run = validate(&object).expect("a good run");
        let ca = Some(b"-----BEGIN".to_vec());
        let made = secret(&object, &run, "demo-signer-abcdefghij", &SecretContent { ca, ..content() });
        let data = made.data.clone().expect("data");
        assert_eq!(data.keys().collect::<Vec<_>>(), ["ca.crt", "data-key", "database-url"]);
        let read = DataKey::parse(&data["data-key"].0).expect("a data key");
        assert_eq!(read.fingerprint(), content().data_key.fingerprint());
        let made = serde_json::to_value(made).expect("JSON");
        assert_eq!((&made["immutable"], &made["type"]), (&json!(true), &json!("Opaque")));
        let owner = &made["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["kind"], &owner["controller"]), (&json!("SigningRun"), &json!(true)));
        assert_eq!(owner["uid"], "0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867");
    }

    #[test]
    fn the_mark_of_a_secret_reads_back() {
        let (of, login) = (content().fingerprint(), "chancery_0123456789ab_r1_01234567");
        let mark = SecretMark { of: &of, login };
        assert_eq!(SecretMark::read(&mark.to_string()), Some(mark));
        assert_eq!(SecretMark::read(&of), None);
    }

    #[test]
    fn whatever_changes_in_it_changes_its_fingerprint() {
        let before = content().fingerprint();
        assert_eq!(before, content().fingerprint());
        let others = [
            SecretContent {
                database_url: Zeroizing::new("postgres://signer:other@db/ledger".into()),
                ..content()
            },
            SecretContent { data_key: DataKey::from_bytes([8; 32]), ..content() },
            SecretContent { ca: Some(b"-----BEGIN".to_vec()), ..content() },
        ];
        for other in others {
            assert_ne!(before, other.fingerprint());
        }
    }
}
