//! What a run has come to: the status of a `SigningRun`.
//!
//! The conditions are the contract for programs. The phase sums them up for people.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run has come to, as last seen in the ledger and in the cluster.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningRunStatus {
    /// The metadata.generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub observed_generation: Option<i64>,

    /// What holds of the run, one condition of each type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,

    /// What the run is doing, in one word derived from the conditions: Pending, Seeding,
    /// Signing, Delivering, Suspended, Complete or Failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Phase")]
    pub phase: Option<Phase>,

    /// Number of records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RecordCounts")]
    pub records: Option<RecordCounts>,

    /// How far each of the run's sources is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub sources: Vec<SourceStatus>,

    /// How far each of the run's sinks is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub sinks: Vec<SinkStatus>,

    /// The version of the policy that judges what the sources offer, from the first payload to the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PolicyStatus")]
    pub policy: Option<PolicyStatus>,

    /// Number of batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BatchCounts")]
    pub batches: Option<BatchCounts>,

    /// The keyring that the run signs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyringStatus")]
    pub keyring: Option<KeyringStatus>,

    /// Number of keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyCounts")]
    pub keys: Option<KeyCounts>,

    /// Number of signer pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SignerCounts")]
    pub signers: Option<SignerCounts>,

    /// Signatures stored per second, of late while signing, and on the whole once complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub signatures_per_second: Option<i64>,

    /// When the last record will be signed, if signing goes on as of late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub estimated_completion_time: Option<Time>,

    /// Share of the records that have a stored signature, in percent, rounded down, such as
    /// 42%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub progress: Option<String>,

    /// Time from the start of the run to its completion, or to this status, such as 1m30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub elapsed: Option<String>,

    /// When work on the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub start_time: Option<Time>,

    /// When the last record was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub completion_time: Option<Time>,

    /// What is stated of the run, signed with a key that is not in the database. Keep it elsewhere: whoever
    /// rewrites the run there cannot state the same again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StatementsStatus")]
    pub statements: Option<StatementsStatus>,

    /// Label selector of the signer pods, for `kubectl scale` and autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub selector: Option<String>,

    /// Name of the Job that runs the signer pods, in the run's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub job: Option<String>,

    /// Name of the Job that reads the sources, in the run's namespace, while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub intake_job: Option<String>,

    /// Name of the Job that delivers to the sinks, in the run's namespace, while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub delivery_job: Option<String>,
}

/// What a run is doing, in one word for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nothing is stored for the run yet.
    #[default]
    Pending,
    /// Its keys are being made, or its first records.
    Seeding,
    /// Its records are being signed, perhaps while others are still being made.
    Signing,
    /// Every record is signed, and batches are being delivered to its sinks.
    Delivering,
    /// It is held by `spec.suspend`, or by a `spec.parallelism` of 0.
    Suspended,
    /// Every record is signed, and delivered to its sinks.
    Complete,
    /// It cannot go on by itself; the conditions say why.
    Failed,
}

/// How many records there are, by what was done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordCounts {
    /// Records that the run is to have.
    pub total: i64,
    /// Records that are stored.
    pub seeded: i64,
    /// Records that have a stored signature.
    pub signed: i64,
    /// With sources: payloads that they offered so far, the sum of the five that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub received: Option<i64>,
    /// Of those, payloads that became records.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub admitted: Option<i64>,
    /// Payloads that repeat a record of the keyring.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub duplicate: Option<i64>,
    /// Payloads that a policy rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub rejected: Option<i64>,
    /// Payloads that could not become records: dead letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub dead: Option<i64>,
    /// Payloads of which nothing is decided yet: those that wait for what the webhooks of their policy say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub pending: Option<i64>,
}

/// How far a source is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Name of the source.
    pub name: String,
    /// Up to where it is accounted for: the first split that is not read to its end, and the position in it, such
    /// as 3:1048576; `end` once all is read, and nothing before it is known what the source consists of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub position: Option<String>,
    /// Splits that it consists of.
    pub splits: i64,
    /// Splits that are not read to their end; 10000 may also be more.
    pub lag: i64,
}

/// How far a sink is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SinkStatus {
    /// Name of the sink.
    pub name: String,
    /// Batches that it has.
    pub delivered: i64,
    /// Signed batches that it is still to get.
    pub pending: i64,
    /// Batches that it refused so often that they were given up: dead letters.
    pub dead: i64,
    /// Since when it cannot be reached; none while it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub unavailable_since: Option<Time>,
    /// Why it cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub last_error: Option<String>,
}

/// What judges a run, and what it said of the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// What the policy was called when the run was made.
    pub name: String,
    /// What names the version: the first 12 digits of the SHA-256 of its spec and of the tables that it reads, as a
    /// SigningPolicy shows it.
    pub version: String,
    /// Records that it flagged.
    #[serde(default)]
    pub flagged: i64,
    /// Alerts that it raised about records, as far as Events have told of them.
    #[serde(default)]
    pub alerts: i64,
}

/// How many batches there are, by what was done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchCounts {
    /// Batches of the run: those that are closed, until the run is sealed.
    pub total: i64,
    /// Batches of which every record is signed.
    pub signed: i64,
    /// Batches that a signer has in hand.
    pub leased: i64,
}

/// The keyring that a run signs with, as the ledger has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyringStatus {
    /// Name of the keyring; none for a keyring of the run's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// Signature algorithm by its JOSE name.
    pub algorithm: String,
    /// Size of each RSA key in bits; none for the other algorithms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub key_size: Option<i32>,
    /// What is signed around each payload, if it is not the payload itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub envelope: Option<String>,
    /// Keys that the keyring is filled with.
    pub key_count: i32,
    /// Addresses of the keys, for Ethereum, in the order of their numbers: the first 16, once all are made. None for other algorithms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub addresses: Option<Vec<String>>,
    /// Uid of the SigningRun that a named keyring was made for, or that took it over. Keep it: a namespace that is made
    /// anew gets the keyring by it, and by nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub made_by: Option<String>,
}

/// How many keys there are, by what is done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyCounts {
    /// Keys that the run's keyring is to have.
    pub total: i64,
    /// Keys that are in the keyring.
    pub made: i64,
    /// Keys that a signer has in hand.
    pub leased: i64,
}

/// The statements about a run, as far as they are made. One that is missing is made soon, without the run waiting for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StatementsStatus {
    /// The one about its sealing: counts, spec, payloads, public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StatementStatus")]
    pub sealed: Option<StatementStatus>,
    /// The one about its signatures, made once the last batch is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StatementStatus")]
    pub signed: Option<StatementStatus>,
}

/// A statement in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatementStatus {
    /// Its place among all statements of the ledger.
    pub number: i64,
    /// SHA-256 of the statement, as it was signed.
    pub sha256: String,
    /// Id of the key that signed it: SHA-256 of its public key.
    pub key: String,
}

/// How many signer pods there are, by how they fare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SignerCounts {
    /// Pods that run.
    pub active: i64,
    /// Pods that have not ended, whether they run yet or not.
    pub pods: i64,
    /// Pods that found nothing left to sign.
    pub succeeded: i64,
    /// Pods that failed.
    pub failed: i64,
}
