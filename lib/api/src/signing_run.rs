//! What a person asks for: the spec of a `SigningRun`.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use chancery_keyring::{Algorithm, Envelope};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lease_duration::LeaseDuration;
use crate::named::{self, EnvelopeName, JoseName};
use crate::notification::NotificationSpec;
use crate::signer_template::SignerTemplate;
use crate::sink::SinkSpec;
use crate::source::{BatchingSpec, DeadLetterSpec, IdempotencySpec, SourceSpec};
use crate::status::SigningRunStatus;

/// What is to be signed, with which keys, and by how many signers at a time.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "chancery.dev",
    version = "v1alpha1",
    kind = "SigningRun",
    plural = "signingruns",
    shortname = "srun",
    category = "chancery",
    category = "all",
    namespaced,
    status = "SigningRunStatus",
    derive = "PartialEq",
    doc = "A SigningRun signs every one of its records exactly once, with a keyring of which no key is ever used by two signers at the same time.",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "What the run is doing."),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Progressing\")].reason", description = "What it does in more detail, or why it does not get on: the reason of the condition Progressing."),
    printcolumn(name = "Signed", type_ = "integer", json_path = ".status.records.signed", description = "Records that have a stored signature."),
    printcolumn(name = "Total", type_ = "integer", json_path = ".status.records.total", description = "Records of the run; with sources, until it is sealed, those that it has."),
    printcolumn(name = "Progress", type_ = "string", json_path = ".status.progress", description = "Share of the records that have a stored signature."),
    printcolumn(name = "Rate", type_ = "integer", json_path = ".status.signaturesPerSecond", description = "Signatures stored per second, of late."),
    printcolumn(name = "Signers", type_ = "integer", json_path = ".status.signers.active", description = "Signer pods that run now."),
    printcolumn(name = "Verified", type_ = "string", json_path = ".status.conditions[?(@.type==\"Verified\")].status", description = "Whether the laws hold, by an audit of the complete run."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since the run was created."),
    printcolumn(name = "Failed", type_ = "integer", json_path = ".status.signers.failed", description = "Signer pods that failed.", priority = 1),
    printcolumn(name = "Keys", type_ = "integer", json_path = ".status.keyring.keyCount", description = "Keys of the run's keyring.", priority = 1),
    printcolumn(name = "Algorithm", type_ = "string", json_path = ".status.keyring.algorithm", description = "Signature algorithm.", priority = 1),
    printcolumn(name = "Received", type_ = "integer", json_path = ".status.records.received", description = "Payloads that the sources offered so far.", priority = 1),
    printcolumn(name = "Admitted", type_ = "integer", json_path = ".status.records.admitted", description = "Payloads that became records.", priority = 1),
    printcolumn(name = "Duplicate", type_ = "integer", json_path = ".status.records.duplicate", description = "Payloads that repeat a record of the keyring.", priority = 1),
    printcolumn(name = "Rejected", type_ = "integer", json_path = ".status.records.rejected", description = "Payloads that a policy refused.", priority = 1),
    printcolumn(name = "Dead", type_ = "integer", json_path = ".status.records.dead", description = "Payloads that could not become records.", priority = 1),
    printcolumn(name = "Pending", type_ = "integer", json_path = ".status.records.pending", description = "Payloads that are not decided yet.", priority = 1),
    printcolumn(name = "Sealed", type_ = "string", json_path = ".status.conditions[?(@.type==\"Sealed\")].status", description = "Whether the input is complete, and so the number of records known.", priority = 1),
    printcolumn(name = "Delivered", type_ = "string", json_path = ".status.conditions[?(@.type==\"Delivered\")].status", description = "With sinks: whether every sink has every batch.", priority = 1),
    printcolumn(name = "Elapsed", type_ = "string", json_path = ".status.elapsed", description = "Time from the start of the run to its end, or until now.", priority = 1),
    scale(spec_replicas_path = ".spec.parallelism", status_replicas_path = ".status.signers.pods", label_selector_path = ".status.selector"),
    // Names derived from the run's must be host names of pods: at most 63 characters, no dots.
    validation = Rule::new("self.metadata.name.size() <= 52").message("metadata.name must have at most 52 characters, so that the names of its Job and pods fit"),
    validation = Rule::new("!self.metadata.name.contains('.')").message("metadata.name must not contain a dot, because the names of its pods are host names"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.recordCount) || has(self.sources)")
        .message("give an integer from 1 to 1000000000, or name what is read with sources")
        .field_path(".recordCount"),
    validation = Rule::new("!has(self.sources) || !has(self.recordSize)")
        .message("applies to generated records only; leave it out, or leave sources out")
        .field_path(".recordSize"),
    validation = Rule::new("!has(self.sources) || self.sources.size() == 1 || !self.sources.exists(source, has(source.http))")
        .message("must have nothing beside a source of http; give what is read a run of its own")
        .field_path(".sources"),
    validation = Rule::new("!has(self.batching) || has(self.sources) && self.sources.exists(source, has(source.http))")
        .message("applies to a run with a source of http only; leave it out")
        .field_path(".batching"),
    validation = Rule::new("!has(self.sources) || !self.sources.exists(source, source.confirm) || has(self.notifications) && self.notifications.exists(one, 'record.signed' in one.events)")
        .message("must not ask for a confirmation that nobody gets; have a notification list record.signed, or leave confirm out")
        .field_path(".sources"),
    validation = Rule::new("!has(self.notifications) || !self.notifications.exists(one, 'record.signed' in one.events) || has(self.sources) && self.sources.exists(source, source.confirm)")
        .message("must not list record.signed where no source asks for it; give a source confirm: true, or leave record.signed out")
        .field_path(".notifications"),
    validation = Rule::new("has(self.sources) || !has(self.idempotency)")
        .message("applies to runs with sources only; leave it out, or name what is read with sources")
        .field_path(".idempotency"),
    validation = Rule::new("has(self.sources) || !has(self.policyRef)")
        .message("applies to runs with sources only; leave it out, or name what is read with sources")
        .field_path(".policyRef"),
    validation = Rule::new("!has(self.sources) || !has(self.idempotency) || !has(self.idempotency.expression) || self.sources.all(source, !has(source.format) || !(source.format.type in ['Lines', 'Whole']))")
        .message("needs payloads that are JSON, and a source has the format Lines or Whole; know payloads by Content, or choose another format")
        .field_path(".idempotency.expression"),
    validation = Rule::new("!has(self.idempotency) || !has(self.idempotency.window) || has(self.keyringRef)")
        .message("applies to a keyring that outlives its runs; name one with keyringRef, or leave window out")
        .field_path(".idempotency.window"),
    validation = Rule::new("has(self.sources) || !has(self.deadLetter)")
        .message("applies to runs with sources only; leave it out, or name what is read with sources")
        .field_path(".deadLetter"),
    validation = Rule::new("has(self.keyCount) || has(self.keyringRef)")
        .message("give an integer from 1 to 10000, or name a keyring that exists with keyringRef")
        .field_path(".keyCount"),
    validation = Rule::new("!has(self.keySize) || !has(self.algorithm) || !(self.algorithm in ['ES256', 'ES384', 'ES256K', 'EdDSA', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'])")
        .message("applies to the RSA algorithms RS256 and PS256 only; leave it out, or choose one of those")
        .field_path(".keySize"),
    // 64 MiB by the bytes of a signature (FIPS 204). Of a keyring that is named without its algorithm, the ledger refuses them (run_admit).
    validation = Rule::new("!has(self.algorithm) || self.batchSize <= (self.algorithm == 'ML-DSA-44' ? 27730 : self.algorithm == 'ML-DSA-65' ? 20280 : self.algorithm == 'ML-DSA-87' ? 14503 : self.batchSize)")
        .message("is too great for signatures of ML-DSA, of which a signer holds 64 MiB at the most; give at most 27730 with ML-DSA-44, 20280 with ML-DSA-65 and 14503 with ML-DSA-87")
        .field_path(".batchSize"),
    validation = Rule::new("!has(self.envelope) || self.envelope != 'EIP191' || has(self.algorithm) && self.algorithm == 'ES256K'")
        .message("is for the algorithm ES256K only; choose that, or another envelope")
        .field_path(".envelope"),
    validation = Rule::new("!has(self.contentType) || has(self.envelope) && !(self.envelope in ['Raw', 'EIP191'])")
        .message("applies to the envelopes JWS, JWSDetached, COSESign1 and DSSE only; leave it out, or choose one of those")
        .field_path(".contentType"),
    validation = Rule::new("!has(self.contentType) || !has(self.envelope) || self.envelope != 'COSESign1' || self.contentType.matches('^[^/;]+/[^/;]+(;|$)')")
        .message("is no media type, and COSESign1 takes no other content type; give one such as application/json, or choose another envelope")
        .field_path(".contentType"),
    // RFC 7797, section 7. Not of a keyring that is there: the ledger and the signers take it, so that what it signed can be read.
    validation = Rule::new("!has(self.contentType) || !has(self.envelope) || self.envelope != 'JWSDetached' || !self.contentType.matches('(?i)^(application/)?([^/;]+[+])?jwt(;|$)')")
        .message("is that of a JWT, which must not be signed without being encoded (RFC 7797, section 7); choose the envelope JWS, or another content type")
        .field_path(".contentType"),
    // A rule on the field itself would not see it come or go.
    validation = Rule::new("has(self.sources) == has(oldSelf.sources) && (!has(self.sources) || self.sources == oldSelf.sources)")
        .message(IMMUTABLE)
        .field_path(".sources"),
    validation = Rule::new("has(self.idempotency) == has(oldSelf.idempotency) && (!has(self.idempotency) || self.idempotency == oldSelf.idempotency)")
        .message(IMMUTABLE)
        .field_path(".idempotency"),
    validation = Rule::new("has(self.policyRef) == has(oldSelf.policyRef) && (!has(self.policyRef) || self.policyRef == oldSelf.policyRef)")
        .message(IMMUTABLE)
        .field_path(".policyRef"),
    validation = Rule::new("has(self.batching) == has(oldSelf.batching) && (!has(self.batching) || self.batching == oldSelf.batching)")
        .message(IMMUTABLE)
        .field_path(".batching"),
    validation = Rule::new("has(self.sinks) == has(oldSelf.sinks) && (!has(self.sinks) || self.sinks == oldSelf.sinks)")
        .message(IMMUTABLE)
        .field_path(".sinks"),
    validation = Rule::new("has(self.notifications) == has(oldSelf.notifications) && (!has(self.notifications) || self.notifications == oldSelf.notifications)")
        .message(IMMUTABLE)
        .field_path(".notifications"),
    validation = Rule::new("has(self.recordCount) == has(oldSelf.recordCount) && (!has(self.recordCount) || self.recordCount == oldSelf.recordCount)")
        .message(IMMUTABLE)
        .field_path(".recordCount"),
    // It was filled in where it was left out, once.
    validation = Rule::new("(has(self.recordSize) ? self.recordSize : 256) == (has(oldSelf.recordSize) ? oldSelf.recordSize : 256)")
        .message(IMMUTABLE)
        .field_path(".recordSize"),
    validation = Rule::new("has(self.keyringRef) == has(oldSelf.keyringRef) && (!has(self.keyringRef) || self.keyringRef == oldSelf.keyringRef)")
        .message(IMMUTABLE)
        .field_path(".keyringRef"),
    validation = Rule::new("has(self.keyCount) == has(oldSelf.keyCount) && (!has(self.keyCount) || self.keyCount == oldSelf.keyCount)")
        .message(IMMUTABLE)
        .field_path(".keyCount"),
    validation = Rule::new("has(self.algorithm) == has(oldSelf.algorithm) && (!has(self.algorithm) || self.algorithm == oldSelf.algorithm)")
        .message(IMMUTABLE)
        .field_path(".algorithm"),
    validation = Rule::new("has(self.envelope) == has(oldSelf.envelope) && (!has(self.envelope) || self.envelope == oldSelf.envelope)")
        .message(IMMUTABLE)
        .field_path(".envelope"),
    validation = Rule::new("has(self.contentType) == has(oldSelf.contentType) && (!has(self.contentType) || self.contentType == oldSelf.contentType)")
        .message(IMMUTABLE)
        .field_path(".contentType"),
    validation = Rule::new("has(self.keySize) == has(oldSelf.keySize) && (!has(self.keySize) || self.keySize == oldSelf.keySize)")
        .message(IMMUTABLE)
        .field_path(".keySize"),
)]
pub struct SigningRunSpec {
    /// Where the payloads that are signed come from, up to 16. They are read beside each
    /// other. Without sources, records are random bytes. It cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<SourceSpec>", length(min = 1, max = 16))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("must not have a name twice; give each source a name of its own"))]
    pub sources: Option<Vec<SourceSpec>>,

    /// Number of records to make and to sign; with sources, the most that are admitted, and
    /// what lies beyond is not read. From 1 to 1000000000. Required without sources. It cannot
    /// change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 1_000_000_000))]
    pub record_count: Option<i64>,

    /// Size of each generated record in bytes. From 0 to 1048576 (1 MiB); 256 unless given. It
    /// cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 0, max = 1_048_576))]
    pub record_size: Option<i32>,

    /// How a payload that came before is known; with sources. Unless given, by its SHA-256; in a
    /// run that reads nothing but CloudEvents, by their source and id. It cannot change once the
    /// run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IdempotencySpec")]
    pub idempotency: Option<IdempotencySpec>,

    /// The SigningPolicy that judges what the sources offer, in the run's namespace. The run is
    /// judged by the version that is there when it begins, from its first record to its last.
    /// Unless given, all that can become a record does. It cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PolicyRef")]
    pub policy_ref: Option<PolicyRef>,

    /// What becomes of arrivals that cannot become records; with sources. It may change at any
    /// time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DeadLetterSpec")]
    pub dead_letter: Option<DeadLetterSpec>,

    /// When a batch that is not full is closed; with a source of http, for which it is 50ms after
    /// the batch's first record unless given. Without such a source, a batch waits until it is
    /// full or the run is sealed. It cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BatchingSpec")]
    pub batching: Option<BatchingSpec>,

    /// Where the signed records go, up to 8. Each batch is delivered to each of them once it is signed, and the run is
    /// complete once all are. Without sinks, signed records stay in the ledger only. It cannot change once the run
    /// exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<SinkSpec>", length(min = 1, max = 8))]
    #[x_kube(
        validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
            .message("must not have a name twice; give each sink a name of its own"),
        validation = Rule::new("self.all(one, !has(one.objects) || (has(one.objects.layout) && one.objects.layout.contains('{sink}')) || self.exists_one(other, has(other.objects) && other.objects.url == one.objects.url && has(other.objects.endpoint) == has(one.objects.endpoint) && (!has(one.objects.endpoint) || other.objects.endpoint == one.objects.endpoint) && (!one.objects.url.startsWith('az:') || (has(other.objects.credentialsSecretRef) == has(one.objects.credentialsSecretRef) && (!has(one.objects.credentialsSecretRef) || other.objects.credentialsSecretRef.name == one.objects.credentialsSecretRef.name))) && has(other.objects.layout) == has(one.objects.layout) && (!has(one.objects.layout) || other.objects.layout == one.objects.layout)))")
            .message("must not have two that write objects of the same names; give them other urls, or layouts with {sink}"),
    )]
    pub sinks: Option<Vec<SinkSpec>>,

    /// Who is told of what happens to the run, up to 8. The run does not wait for them: it is complete whether or not they were told.
    /// It cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<NotificationSpec>", length(min = 1, max = 8))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("must not have a name twice; give each notification a name of its own"))]
    pub notifications: Option<Vec<NotificationSpec>>,

    /// The keyring that the run signs with, in the run's namespace. The first run that names
    /// it makes it, from its keyCount, algorithm, keySize, envelope and contentType; other
    /// runs leave these out, or must agree. Without keyringRef, the run gets a keyring of its own, which is deleted
    /// with the run's part of the ledger. It cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyringRef")]
    pub keyring_ref: Option<KeyringRef>,

    /// Number of keys of the keyring. From 1 to 10000. Required, unless keyringRef names a
    /// keyring that exists. A key is in the hands of one signer at a time, so more signers
    /// than keys wait for each other. It cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 10_000))]
    pub key_count: Option<i32>,

    /// Number of records that a signer signs with one key before it gives the key back.
    /// From 1 to 100000, with ML-DSA fewer, so that its signatures have at most 64 MiB; the last
    /// batch of a run may hold fewer. It cannot change once the run exists.
    #[schemars(range(min = 1, max = 100_000))]
    #[x_kube(validation = Rule::new("self == oldSelf").message(IMMUTABLE))]
    pub batch_size: i32,

    /// Number of signers that work at the same time. From 0 to 1000; 2 unless given. 0 holds
    /// the run as suspend does. It may change at any time.
    #[serde(default = "default_parallelism")]
    #[schemars(range(min = 0, max = 1_000))]
    pub parallelism: i32,

    /// Signature algorithm by its JOSE name: RS256 (RSASSA-PKCS1-v1_5 with SHA-256), PS256
    /// (RSASSA-PSS with SHA-256), ES256 (ECDSA on P-256 with SHA-256), ES384 (on P-384 with
    /// SHA-384), ES256K (on secp256k1, the curve of Ethereum), EdDSA (Ed25519), ML-DSA-44,
    /// ML-DSA-65 or ML-DSA-87 (FIPS 204). Unless given, that of the keyring, which is made for
    /// RS256. It cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "named")]
    #[schemars(with = "JoseName")]
    pub algorithm: Option<Algorithm>,

    /// What is signed around each payload: Raw (nothing), JWS (RFC 7515, compact), JWSDetached
    /// (RFC 7797: the payload is not in it), COSESign1 (RFC 9052), DSSE, or EIP191 (a message of
    /// personal_sign; for ES256K). Unless given, that of the keyring, which is made with Raw. It
    /// cannot change once the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "named")]
    #[schemars(with = "EnvelopeName")]
    pub envelope: Option<Envelope>,

    /// What the envelope says of its content: the typ of a JWS, the content type of COSESign1,
    /// the payloadType of DSSE, which is application/octet-stream unless given. A media type without
    /// blanks and quotes; with JWS, JWSDetached and DSSE also a URI, or a word such as JWT, which
    /// JWSDetached does not take. With an envelope other than Raw and EIP191. It cannot change once
    /// the run exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 255),
        regex(pattern = "^[A-Za-z0-9][-A-Za-z0-9!#$%&^_.+/;=:?~]*$")
    )]
    pub content_type: Option<String>,

    /// Size of each RSA key in bits: 2048, 3072 or 4096. For RS256 and PS256 only. Unless
    /// given, that of the keyring, which is made with 2048. It cannot change once the run
    /// exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", extend("enum" = [2048, 3072, 4096]))]
    pub key_size: Option<i32>,

    /// Time for which a signer holds a key before it must renew its lease, such as 30s or
    /// 1m30s (units: h, m, s, ms). From 5s to 1h; 30s unless given. When a signer is lost
    /// without a trace, its key and batch are free again after this time. It may change at
    /// any time, for leases yet to be granted.
    #[serde(default)]
    #[x_kube(validation = Rule::new("duration(self) >= duration('5s') && duration(self) <= duration('1h')")
        .message("must be at least 5s and at most 1h"))]
    pub lease_duration: LeaseDuration,

    /// Whether the run is held: no signer works while it is true, and signing goes on where
    /// it stopped once it is false. False unless given.
    #[serde(default)]
    pub suspend: bool,

    /// Seconds for which the run may be under way before it fails and its signers are
    /// stopped, counted from its start or from when it was last resumed. Once every record
    /// is signed, it no longer counts: sinks are waited for. From 1 to 31536000 (a year);
    /// no limit unless given. A greater value lets a run that failed by it go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 31_536_000))]
    pub active_deadline_seconds: Option<i64>,

    /// Seconds after which a run that is complete, or failed for good, is deleted as if by
    /// hand: its deletionPolicy decides what becomes of the ledger. From 0 to 31536000 (a
    /// year); never deleted unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<i64>,

    /// Number of signer pods that may fail before the run counts as failed. Pods that were
    /// evicted or stopped, or that gave up because the database was away, are not counted.
    /// From 0 to 1000; 6 unless given. A greater value lets a run that failed by it go on.
    #[serde(default = "default_backoff_limit")]
    #[schemars(range(min = 0, max = 1_000))]
    pub backoff_limit: i32,

    /// How the signer pods are to be made: where they run, with which resources, and what
    /// they are marked with. A change replaces the pods that are at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SignerTemplate")]
    pub signer_template: Option<SignerTemplate>,

    /// Whether the run is audited once it is complete: AtCompletion reads every record and
    /// verifies every signature, beside other runs, and the condition Verified says what came
    /// of it; Never leaves that to `chancery verify`. AtCompletion unless given. It may change
    /// at any time.
    #[serde(default)]
    pub audit: AuditPolicy,

    /// What becomes of the run's records, keys and signatures when the SigningRun is
    /// deleted: Retain keeps them in the ledger, Delete removes them. Retain unless given.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

const IMMUTABLE: &str =
    "cannot change once the run exists; use another name for a different run, or put back the old value";

fn default_parallelism() -> i32 {
    2
}

fn default_backoff_limit() -> i32 {
    6
}

impl SigningRunSpec {
    /// A spec of generated records, with the fields that have no default; all else is as if left out of a
    /// manifest.
    pub fn new(record_count: i64, key_count: i32, batch_size: i32) -> Self {
        Self {
            sources: None,
            record_count: Some(record_count),
            record_size: None,
            idempotency: None,
            policy_ref: None,
            dead_letter: None,
            batching: None,
            sinks: None,
            notifications: None,
            keyring_ref: None,
            key_count: Some(key_count),
            batch_size,
            parallelism: default_parallelism(),
            algorithm: None,
            envelope: None,
            content_type: None,
            key_size: None,
            lease_duration: LeaseDuration::default(),
            suspend: false,
            active_deadline_seconds: None,
            ttl_seconds_after_finished: None,
            backoff_limit: default_backoff_limit(),
            signer_template: None,
            audit: AuditPolicy::default(),
            deletion_policy: DeletionPolicy::default(),
        }
    }
}

/// A keyring, by its name in the namespace of the object that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyringRef {
    /// Name of the keyring: lower-case letters, digits and hyphens, at most 63 characters.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// A policy, by its name in the namespace of the object that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRef {
    /// Name of the SigningPolicy: lower-case letters, digits and hyphens, at most 63 characters.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// Whether a run is audited by the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AuditPolicy {
    /// Once it is complete.
    #[default]
    AtCompletion,
    /// Not by the operator.
    Never,
}

/// What becomes of a run's part of the ledger when the run is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Records, keys and signatures stay.
    #[default]
    Retain,
    /// Records, keys and signatures are removed.
    Delete,
}
