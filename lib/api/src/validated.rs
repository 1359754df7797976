//! A run whose every field is known to be good.

use std::time::Duration;

use crate::expression::Expression;
use crate::lease_duration::LeaseDuration;
use crate::manifest::Problem;
use crate::names::DEFAULT_NAMESPACE;
use crate::notification::NotificationSpec;
use crate::signer_template::SignerTemplate;
use crate::signing_run::{AuditPolicy, DeletionPolicy, SigningRun, SigningRunSpec};
use crate::sink::SinkSpec;
use crate::source::{EVENT_IDENTITY, FormatType, IdempotencyBy, IdempotencySpec, SourceSpec};
use chancery_keyring::{Algorithm, Envelope};

/// A run that passed every check, with its defaults filled in.
///
/// Only [`validate`](crate::validate) makes one, so whoever is given one need not check
/// anything again.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValidatedRun {
    /// Namespace of the run; `default` if the manifest names none.
    pub namespace: String,
    /// Name of the run, unique within its namespace: a DNS label of at most 52 characters.
    pub name: String,
    /// Where its records come from.
    pub input: RunInput,
    /// Where its signed records go; no two of one name.
    pub sinks: Vec<SinkSpec>,
    /// Who is told of what happens to it; no two of one name.
    pub notifications: Vec<NotificationSpec>,
    /// The keyring to sign with.
    pub keyring: KeyringChoice,
    /// Number of records in each batch but the last, 1 to 100,000.
    pub batch_size: u32,
    /// Number of signers at a time, 1 to 1,000.
    pub parallelism: u32,
    /// Time for which a lease is granted, 5 s to 1 h.
    pub lease_duration: Duration,
    /// Whether no signer is to work now.
    pub suspend: bool,
    /// How long the run may be under way before it fails, if there is a limit.
    pub active_deadline: Option<Duration>,
    /// How long the run is kept once it is finished, if it is not kept for good.
    pub ttl_after_finished: Option<Duration>,
    /// Number of signer pods that may fail before the run counts as failed, 0 to 1,000.
    pub backoff_limit: u32,
    /// How the signer pods are to be made.
    pub signer_template: SignerTemplate,
    /// Whether the operator audits the run.
    pub audit: AuditPolicy,
    /// What becomes of the run's part of the ledger when the run is deleted.
    pub deletion_policy: DeletionPolicy,
}

/// Where the records of a run come from.
#[derive(Clone, Debug, PartialEq)]
pub enum RunInput {
    /// Random bytes.
    Generated {
        /// Number of records, 1 to 1,000,000,000.
        record_count: u64,
        /// Size of each record in bytes, 0 to 1,048,576.
        record_size: u32,
    },
    /// Payloads from outside.
    Sources(ValidatedSources),
}

impl RunInput {
    /// How many records a run will have: none while nobody knows.
    #[must_use]
    pub const fn record_count(&self) -> Option<u64> {
        match self {
            Self::Generated { record_count, record_size: _ } => Some(*record_count),
            Self::Sources(_) => None,
        }
    }

    /// Whether programs push them.
    #[must_use]
    pub fn is_pushed(&self) -> bool {
        match self {
            Self::Generated { .. } => false,
            Self::Sources(sources) => sources.sources.iter().any(|source| source.http.is_some()),
        }
    }
}

/// The sources of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidatedSources {
    /// At least one; no two of one name.
    pub sources: Vec<SourceSpec>,
    /// How a payload that came before is known.
    pub idempotency: Idempotency,
    /// Whether the manifest says so.
    pub idempotency_is_given: bool,
    /// For how long after the run is deleted its keyring still knows its payloads.
    pub digest_window: Duration,
    /// The most records that are admitted, if there is a limit.
    pub record_limit: Option<u64>,
    /// The policy that judges them, by its name in the namespace of the run.
    pub policy: Option<String>,
    /// What becomes of arrivals that cannot become records.
    pub dead_letter: DeadLetters,
    /// Once this time has passed since its first record, a batch is closed that is not full; none in a run to which
    /// nothing is pushed.
    pub batching_period: Option<Duration>,
}

/// How a payload that came before is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// By its SHA-256.
    Content,
    /// By the value of this expression, which compiles.
    Expression(String),
    /// Not at all.
    None,
}

impl Idempotency {
    /// Of a run that says nothing of it.
    fn unless_given(sources: &[SourceSpec]) -> Self {
        let is_event = |source: &SourceSpec| {
            source.format.as_ref().is_some_and(|format| format.r#type == FormatType::CloudEvents)
        };
        if sources.iter().all(is_event) { Self::Expression(EVENT_IDENTITY.to_owned()) } else { Self::Content }
    }

    fn from_checked(spec: &IdempotencySpec) -> Result<Self, Problem> {
        let IdempotencySpec { by, expression, window: _ } = spec;
        Ok(match (by, expression) {
            (IdempotencyBy::Content, _) => Self::Content,
            (IdempotencyBy::None, _) => Self::None,
            (IdempotencyBy::Expression, expression) => {
                let text = expression.as_deref().unwrap_or_default();
                Expression::compile(text).map_err(|error| {
                    Problem::new("spec.idempotency.expression", format!("{text:?} {error}"))
                })?;
                Self::Expression(text.to_owned())
            }
        })
    }
}

/// What becomes of arrivals that cannot become records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// More of them suspend the run.
    pub limit: u64,
    /// How long their bytes are kept.
    pub retention: Duration,
}

/// Bytes of a generated record, unless somebody wants others.
const RECORD_SIZE: u32 = 256;

/// The keyring that a run asks for. What is left out is taken from the keyring that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringChoice {
    /// Name of the keyring; none for a keyring of the run's own.
    pub name: Option<String>,
    /// Signature algorithm, if the run asks for one.
    pub algorithm: Option<Algorithm>,
    /// What is signed around each payload, if the run asks for something.
    pub envelope: Option<Envelope>,
    /// What the envelope says of its content, if the run asks for something.
    pub content_type: Option<String>,
    /// Size of each RSA key in bits, if the run asks for one.
    pub key_size: Option<u32>,
    /// Number of keys, 1 to 10,000, if the run asks for one. A run without a named keyring does.
    pub key_count: Option<u32>,
}

impl KeyringChoice {
    /// The algorithm of a keyring that is made for this run.
    pub fn algorithm_to_make(&self) -> Algorithm {
        self.algorithm.unwrap_or(Algorithm::Rs256)
    }

    /// The size in bits of the keys of a keyring that is made for this run: 2048 unless given, for the RSA
    /// algorithms; else none.
    pub fn key_size_to_make(&self) -> Option<u32> {
        self.key_size.or(self.algorithm_to_make().is_rsa().then_some(2048))
    }
}

impl ValidatedRun {
    /// Takes over the fields of a run that the schema and its rules have passed.
    ///
    /// # Errors
    ///
    /// A value does not fit its type, which the schema's bounds rule out.
    pub(crate) fn from_checked(run: &SigningRun) -> Result<Self, Problem> {
        // No `..`: a field that is added to the spec must be thought of here.
        let SigningRunSpec {
            sources,
            record_count,
            record_size,
            idempotency,
            policy_ref,
            dead_letter,
            batching,
            sinks,
            notifications,
            keyring_ref,
            key_count,
            batch_size,
            parallelism,
            algorithm,
            envelope,
            content_type,
            key_size,
            lease_duration,
            suspend,
            active_deadline_seconds,
            ttl_seconds_after_finished,
            backoff_limit,
            signer_template,
            audit,
            deletion_policy,
        } = &run.spec;
        let metadata = &run.metadata;
        let keyring = KeyringChoice {
            name: keyring_ref.as_ref().map(|keyring| keyring.name.clone()),
            algorithm: *algorithm,
            envelope: *envelope,
            content_type: content_type.clone(),
            key_size: key_size.map(|bits| fitting("spec.keySize", bits)).transpose()?,
            key_count: key_count.map(|count| fitting("spec.keyCount", count)).transpose()?,
        };
        let record_count = record_count.map(|count| fitting("spec.recordCount", count)).transpose()?;
        let input = match sources {
            None => RunInput::Generated {
                record_count: record_count
                    .ok_or_else(|| Problem::new("spec.recordCount", "missing".to_owned()))?,
                record_size: record_size.map_or(Ok(RECORD_SIZE), |size| fitting("spec.recordSize", size))?,
            },
            Some(sources) => {
                let dead_letter = dead_letter.clone().unwrap_or_default();
                let window = idempotency.as_ref().and_then(|idempotency| idempotency.window.as_ref());
                let window = window.map(LeaseDuration::to_std).transpose();
                RunInput::Sources(ValidatedSources {
                    sources: sources.clone(),
                    idempotency: match idempotency {
                        Some(given) => Idempotency::from_checked(given)?,
                        None => Idempotency::unless_given(sources),
                    },
                    idempotency_is_given: idempotency.is_some(),
                    digest_window: window
                        .map_err(|error| Problem::new("spec.idempotency.window", error.to_string()))?
                        .unwrap_or_default(),
                    record_limit: record_count,
                    policy: policy_ref.as_ref().map(|policy| policy.name.clone()),
                    dead_letter: DeadLetters {
                        limit: fitting("spec.deadLetter.limit", dead_letter.limit)?,
                        retention: dead_letter
                            .retention
                            .to_std()
                            .map_err(|error| Problem::new("spec.deadLetter.retention", error.to_string()))?,
                    },
                    batching_period: sources
                        .iter()
                        .any(|source| source.http.is_some())
                        .then(|| batching.clone().unwrap_or_default().period.to_std())
                        .transpose()
                        .map_err(|error| Problem::new("spec.batching.period", error.to_string()))?,
                })
            }
        };
        Ok(Self {
            namespace: metadata.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            name: metadata.name.clone().unwrap_or_default(),
            input,
            sinks: sinks.clone().unwrap_or_default(),
            notifications: notifications.clone().unwrap_or_default(),
            keyring,
            batch_size: fitting("spec.batchSize", *batch_size)?,
            parallelism: fitting("spec.parallelism", *parallelism)?,
            lease_duration: lease_duration
                .to_std()
                .map_err(|error| Problem::new("spec.leaseDuration", error.to_string()))?,
            suspend: *suspend || *parallelism == 0,
            active_deadline: seconds("spec.activeDeadlineSeconds", *active_deadline_seconds)?,
            ttl_after_finished: seconds("spec.ttlSecondsAfterFinished", *ttl_seconds_after_finished)?,
            backoff_limit: fitting("spec.backoffLimit", *backoff_limit)?,
            signer_template: signer_template.clone().unwrap_or_default(),
            audit: *audit,
            deletion_policy: *deletion_policy,
        })
    }

    /// Why it is held, if it is, and what lets it go on.
    #[must_use]
    pub const fn held_by(&self) -> (&'static str, &'static str) {
        if self.parallelism == 0 {
            ("spec.parallelism is 0", "once spec.parallelism is greater than 0")
        } else {
            ("spec.suspend is true", "once spec.suspend is false")
        }
    }

    /// How many signers can work at the same time on a keyring of so many keys while so many batches are
    /// unsigned: as many as `parallelism` asks for, but no more than there are keys and batches for, and at least
    /// one, which finds that nothing is left.
    #[must_use]
    pub fn signers(&self, keys: u32, unsigned_batches: u64) -> u32 {
        let batches = u32::try_from(unsigned_batches).unwrap_or(u32::MAX);
        self.parallelism.min(keys).min(batches).max(1)
    }
}

fn seconds(path: &str, value: Option<i64>) -> Result<Option<Duration>, Problem> {
    value.map(|seconds| fitting(path, seconds).map(Duration::from_secs)).transpose()
}

fn fitting<From, To: TryFrom<From>>(path: &str, value: From) -> Result<To, Problem>
where
    From: Copy + std::fmt::Display,
{
    To::try_from(value).map_err(|_| Problem::new(path, format!("{value} is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_signers_as_can_have_a_key_and_a_batch() {
        let spec = SigningRunSpec::new(1_000, 1, 100);
        let run = crate::validate(&SigningRun::new("demo", spec)).unwrap();
        let signers =
            |parallelism, keys, unsigned| ValidatedRun { parallelism, ..run.clone() }.signers(keys, unsigned);
        assert_eq!(signers(3, 4, 10), 3, "as many as are asked for");
        assert_eq!(signers(30, 4, 10), 4, "no more than there are keys");
        assert_eq!(signers(30, 40, 5), 5, "no more than there are batches to sign");
        assert_eq!(signers(30, 40, u64::MAX), 30, "however many batches there are");
        assert_eq!(signers(30, 40, 0), 1, "at least one, which finds that nothing is left");
    }

    #[test]
    fn a_run_that_is_scaled_to_nothing_is_held() {
        let spec = SigningRunSpec { parallelism: 0, ..SigningRunSpec::new(1_000, 1, 100) };
        let run = crate::validate(&SigningRun::new("demo", spec)).unwrap();
        assert!(run.suspend);
        assert_eq!(run.held_by().0, "spec.parallelism is 0");
    }

    #[test]
    fn the_key_size_is_2048_for_rsa_and_none_for_the_rest() {
        for algorithm in Algorithm::ALL {
            let mut spec = SigningRunSpec::new(1, 1, 1);
            spec.algorithm = Some(algorithm);
            let run = crate::validate(&SigningRun::new("demo", spec)).unwrap();
            assert_eq!(run.keyring.key_size_to_make(), algorithm.is_rsa().then_some(2048), "{algorithm}");
        }
    }
}
