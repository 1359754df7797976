//! What is stated of a run: once when it is sealed, once when its last batch is signed.

use chancery_keyring::{Form, VerifyingKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Digest;

/// A statement. Its bytes, as they were signed, are JSON; `docs/internals/statements.md` lists the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// Its place among all statements about runs of the ledger: 1, 2, 3 and so on, without a gap.
    pub number: i64,
    /// SHA-256 of the statement before it, as that was signed; null for the first.
    pub previous: Option<Digest>,
    /// When it was made, by the clock of the program that made it: RFC 3339, UTC.
    pub stated_at: String,
    /// Identity of the ledger.
    pub ledger: Uuid,
    /// The run that it is about.
    pub run: RunOfStatement,
    /// What it states.
    pub claim: Claim,
}

/// The run that a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunOfStatement {
    /// Identity of the run: one that is made anew under its name has another.
    pub uid: Uuid,
    /// Namespace of its name.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What is stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Claim {
    /// The run's input is complete.
    Sealed(Box<Sealed>),
    /// Every batch of the run is signed.
    Signed(Box<Signed>),
}

/// Which of the two statements about a run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Kind {
    /// The one at sealing.
    Sealed,
    /// The one when all is signed.
    Signed,
}

/// What a run is when its input is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sealed {
    /// Number of records.
    pub records: i64,
    /// Number of batches.
    pub batches: i64,
    /// Sum of the lengths of all payloads.
    pub payload_bytes: i64,
    /// Records per batch, as declared.
    pub batch_size: i64,
    /// Where the records come from, as declared.
    pub source: Source,
    /// The ring that the run signs with.
    pub keyring: KeyringOfStatement,
    /// The ring's public keys.
    pub keys: Keys,
    /// Root of the run's tree of payloads.
    pub payloads: Digest,
}

/// What a run is when its last batch is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signed {
    /// SHA-256 of the statement about the run's sealing, as that was signed.
    pub sealing: Digest,
    /// Number of records.
    pub records: i64,
    /// Number of batches.
    pub batches: i64,
    /// The ring that the run was signed with.
    pub keyring: KeyringOfStatement,
    /// The ring's lease log since the first lease of the run.
    pub lease_log: LeaseLog,
    /// Root of the run's tree of signatures.
    pub signatures: Digest,
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Source {
    /// Random bytes.
    Generated {
        /// Number of records.
        record_count: i64,
        /// Bytes per record.
        record_size: i64,
    },
    /// Payloads from outside.
    Sources {
        /// Names of the sources, in the order of the manifest.
        names: Vec<String>,
        /// How a payload that came before is known: `Content` or `None`.
        idempotency: String,
        /// The most records that are admitted; null for no limit.
        record_limit: Option<i64>,
    },
}

/// A keyring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyringOfStatement {
    /// Identity of the ring.
    pub uid: Uuid,
    /// Its name; null for the ring of the run's own.
    pub name: Option<String>,
    /// JOSE name of its algorithm.
    pub algorithm: String,
    /// Modulus bits of RSA keys; null for the others.
    pub key_size: Option<i32>,
    /// What is signed around a payload: `Raw` is nothing.
    pub envelope: String,
    /// Of what type what is in the envelope is; left out where the envelope does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// Public keys of a ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keys {
    /// How many keys: those numbered 1 to this.
    pub count: i64,
    /// Root of the tree of their leaves.
    pub root: Digest,
}

/// A stretch of a ring's lease log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeaseLog {
    /// Use sequence of its first lease.
    pub first_use: i64,
    /// Use sequence of its last lease: the head of the log when the statement was made.
    pub last_use: i64,
    /// Root of the tree of its leases.
    pub root: Digest,
}

impl KeyringOfStatement {
    /// A key of it, by its `SubjectPublicKeyInfo` in DER, to verify what it signed; or why there is none.
    pub(crate) fn key(&self, spki_der: &[u8]) -> Result<VerifyingKey, String> {
        let form = Form::named(&self.algorithm, &self.envelope, self.content_type.as_deref());
        let form = form.map_err(|error| error.to_string())?;
        VerifyingKey::of_form(&form, spki_der).map_err(|error| error.to_string())
    }
}

impl Statement {
    /// Which of the two statements about its run it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.claim {
            Claim::Sealed(_) => Kind::Sealed,
            Claim::Signed(_) => Kind::Signed,
        }
    }

    /// `NAMESPACE/NAME` of its run.
    #[must_use]
    pub fn run_name(&self) -> String {
        format!("{}/{}", self.run.namespace, self.run.name)
    }
}

impl Kind {
    /// The word in the ledger and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sealed => "Sealed",
            Self::Signed => "Signed",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn of(number: i64, claim: Claim) -> Statement {
        Statement {
            number,
            previous: (number > 1).then(|| Digest::of(b"before")),
            stated_at: "2030-01-02T03:04:05Z".to_owned(),
            ledger: Uuid::from_u128(1),
            run: RunOfStatement {
                uid: Uuid::from_u128(2),
                namespace: "default".to_owned(),
                name: "demo".to_owned(),
            },
            claim,
        }
    }

    pub(crate) fn keyring(algorithm: &str) -> KeyringOfStatement {
        KeyringOfStatement {
            uid: Uuid::from_u128(3),
            name: None,
            algorithm: algorithm.to_owned(),
            key_size: None,
            envelope: "Raw".to_owned(),
            content_type: None,
        }
    }

    pub(crate) fn sealed() -> Statement {
        let sealed = Sealed {
            records: 20,
            batches: 2,
            payload_bytes: 1280,
            batch_size: 10,
            source: Source::Generated { record_count: 20, record_size: 64 },
            keyring: keyring("EdDSA"),
            keys: Keys { count: 1, root: Digest::of(b"keys") },
            payloads: Digest::of(b"payloads"),
        };
        of(1, Claim::Sealed(Box::new(sealed)))
    }

    #[test]
    fn a_statements_json_is_what_is_documented() {
        let json = serde_json::json!(sealed());
        assert_eq!(json["claim"]["kind"], "Sealed");
        assert_eq!(json["claim"]["source"]["generated"]["recordSize"], 64);
        assert_eq!(json["previous"], serde_json::Value::Null);
        assert_eq!(serde_json::from_value::<Statement>(json).expect("it reads back"), sealed());
    }

    #[test]
    fn a_field_that_is_unknown_or_missing_makes_it_no_statement() {
        for (path, value) in [("/claim/more", serde_json::json!(1)), ("/run/more", serde_json::json!(1))] {
            let mut json = serde_json::json!(sealed());
            let (parent, field) = path.rsplit_once('/').expect("a path");
            json.pointer_mut(parent).expect("a parent")[field] = value;
            serde_json::from_value::<Statement>(json).expect_err(path);
        }
        let mut json = serde_json::json!(sealed());
        json["claim"].as_object_mut().expect("an object").remove("payloads");
        serde_json::from_value::<Statement>(json).expect_err("a missing field");
    }
}
