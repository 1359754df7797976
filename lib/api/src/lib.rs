//! The custom resources `SigningRun` and `SigningPolicy`: their types, their validation and their names.
//!
//! Nothing here reads a file, opens a connection or looks at a clock. The schema that
//! [`crd_yaml`] and [`policy_crd_yaml`] print is the one source of every bound, choice and default: an API server
//! enforces it in a cluster, and [`parse`], [`validate`] and [`check_update`] enforce the
//! very same one where there is no API server.

pub mod condition;
mod crd;
mod expression;
pub mod format;
mod lease_duration;
mod manifest;
mod named;
pub mod names;
mod notification;
mod policy_secret;
pub mod quantity;
mod reason;
mod reference;
mod signer_template;
mod signing_policy;
mod signing_run;
mod sink;
mod sink_secret;
mod source;
mod source_secret;
mod status;
mod validated;

pub use chancery_keyring::{Algorithm, Envelope};
pub use crd::{crd_yaml, policy_crd_yaml};
pub use expression::{Expression, ExpressionError, RECORD, SyntaxError, with_parsed};
pub use lease_duration::{InvalidDuration, LeaseDuration};
pub use manifest::{
    FieldChange, Kind, ManifestError, Place, PolicyFile, Problem, RunFile, check_policy, check_update,
    manifest_yaml, parse, parse_policy, validate,
};
pub use notification::{EventType, HttpNotification, NotificationSpec, notification_folder};
pub use policy_secret::{PolicySecret, WEBHOOK_SECRET, lookup_folder, webhook_folder};
pub use reason::Reason;
pub use reference::{signing_policy_page, signing_run_page};
pub use signer_template::SignerTemplate;
pub use signing_policy::{
    ActionSpec, BackoffSpec, ConfigMapRef, EnrichmentSpec, ExpressionSpec, FailurePolicy, LookupSpec,
    QueryLookup, RecordSchema, RetryStrategySpec, ScoreSpec, SigningPolicy, SigningPolicySpec,
    SigningPolicyStatus, ThresholdsSpec, Unmatched, ValidationSpec, WebhookAdds, WebhookSpec,
};
pub use signing_run::{AuditPolicy, DeletionPolicy, KeyringRef, PolicyRef, SigningRun, SigningRunSpec};
pub use sink::{HttpSink, ObjectsSink, SinkFormat, SinkSpec, TableSink};
pub use source::{
    BatchingSpec, DeadLetterSpec, EVENT_IDENTITY, EventMode, FormatType, HttpSource, IdempotencyBy,
    IdempotencySpec, ObjectsSource, ReplaySelect, RunSource, SecretKeyRef, SecretRef, SourceFormat,
    SourceSpec, TableSource,
};
pub use source_secret::{SourceSecret, TABLE_URL};
pub use status::{
    BatchCounts, KeyCounts, KeyringStatus, Phase, PolicyStatus, RecordCounts, SignerCounts, SigningRunStatus,
    SinkStatus, SourceStatus, StatementStatus, StatementsStatus,
};
pub use validated::{DeadLetters, Idempotency, KeyringChoice, RunInput, ValidatedRun, ValidatedSources};
