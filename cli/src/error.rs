//! Why a command fails, and the exit code that tells what to do.

use std::io;
use std::path::PathBuf;

use chancery_api::ManifestError;
use chancery_audit::AuditError;
use chancery_gateway::{ListenError, TokenError};
use chancery_keyring::{Envelope, OpenDataKeyError, WrapDataKeyError};
use chancery_process::{Exit, KekFileError, StatementKeyFileError};
use chancery_sources::asking::AskError;
use chancery_sources::generated::SourceError;
use chancery_sources::letters::{LettersError, SelectionError};
use chancery_sources::objects;
use chancery_sources::pin::NotPinned;
use chancery_sources::replay::NotReadAgain;
use chancery_sources::sinks;
use chancery_stating::StatingError;
use chancery_store::StoreError;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("the manifest {path} cannot be read: {reason}; name a file that holds a SigningRun with -f")]
    ManifestFile { path: PathBuf, reason: io::Error },
    #[error("{path}: {reason}")]
    Manifest { path: PathBuf, reason: ManifestError },
    #[error(
        "the policy {path} cannot be read: {reason}; name a file that holds a SigningPolicy, or - for standard input"
    )]
    PolicyFile { path: PathBuf, reason: io::Error },
    #[error("the answers {path} cannot be used: {reason}; wanted is a line of JSON for each record")]
    AnswersFile { path: PathBuf, reason: String },
    #[error("{path}: {reason}")]
    Policy { path: PathBuf, reason: NotPinned },
    #[error("{path}: {reason}")]
    Asking { path: PathBuf, reason: Box<AskError> },
    #[error(
        "{path}: the run is judged by the policy {policy}, which the file does not hold; put the SigningPolicy, and the ConfigMaps that it reads, into the same file, with a line of --- between them"
    )]
    NoPolicy { path: PathBuf, policy: String },
    #[error(
        "{path}: the file holds the policy {policy}, and the run does not name it; name it with spec.policyRef, or leave the policy out"
    )]
    UnnamedPolicy { path: PathBuf, policy: String },
    #[error(transparent)]
    KekFile(#[from] KekFileError),
    #[error(transparent)]
    StatementKeyFile(#[from] StatementKeyFileError),
    #[error("the trusted key {path} cannot be used: {reason}; name a file with a public key in PEM")]
    TrustedKey { path: PathBuf, reason: String },
    #[error(
        "the statements {path} cannot be read: {reason}; `chancery export RUN statements` writes such a file"
    )]
    KeptStatement { path: PathBuf, reason: String },
    #[error("the proof {path} cannot be read: {reason}; `chancery prove RUN RECORD` writes one")]
    Proof { path: PathBuf, reason: String },
    #[error(
        "the file {path} cannot be written: {reason}; name another, or make room and rights for this one"
    )]
    WriteFile { path: PathBuf, reason: io::Error },
    #[error(transparent)]
    Stating(#[from] StatingError),
    #[error("the folder {path} cannot be made: {reason}; name another with --data-dir")]
    DataDir { path: PathBuf, reason: io::Error },
    #[error(transparent)]
    PrivatePostgres(#[from] chancery_local_postgres::Error),
    #[error(
        "there is no ledger in {path}: nothing was run here yet; name its folder with --data-dir, or a database with --database-url"
    )]
    NoLedger { path: PathBuf },
    #[error(
        "the data key of the run {run} is wrapped with the KEK whose fingerprint is {wanted}; the KEK file {path} holds another, at hand is {given}: name the file of the KEK that it was wrapped with (--kek-file, or --former-kek-file if another takes its place)"
    )]
    OtherKek { run: String, wanted: String, given: String, path: PathBuf },
    #[error(
        "{left} keyrings are still wrapped by other KEKs: {why}; give those KEKs with --former-kek-file, and run again"
    )]
    KeyringsLeft { left: i64, why: String },
    #[error(transparent)]
    DataKey(#[from] OpenDataKeyError),
    #[error(transparent)]
    WrapDataKey(#[from] WrapDataKeyError),
    #[error("the run {0} is being deleted; `chancery delete {0}` finishes that, then the name is free again")]
    BeingDeleted(String),
    #[error(
        "the run {0} of this ledger was made for a SigningRun of a cluster, so it is left alone; give the run another name, or take it over with --adopt UID (`chancery status {0}` shows the uid): its SigningRun is then refused"
    )]
    OfCluster(String),
    #[error(
        "the run {run} was made for a SigningRun of a cluster, so its dead letters are signed by another SigningRun of its namespace: write its manifest with `chancery dead-letters redrive {run} --into {into} -o yaml`, and give that to `kubectl apply -f -`"
    )]
    RedriveOnCluster { run: String, into: String },
    #[error(transparent)]
    Selector(SelectionError),
    #[error(transparent)]
    Letters(#[from] LettersError),
    #[error(
        "the run {run} has no dead letter {letter}; `chancery dead-letters list {run}` lists those that there are"
    )]
    NoLetter { run: String, letter: String },
    #[error(
        "no dead letter of the deliveries of {0} is selected; `chancery dead-letters list {0} --deliveries` lists those that there are"
    )]
    NoDeliveries(String),
    #[error("the run {0} delivers to no sink, or is gone: it has no dead letters of deliveries")]
    NoSinks(String),
    #[error(
        "nothing says which dead letters of the deliveries of {0} are discarded; give --sink, --batch or --reason, or --all"
    )]
    DiscardNoDelivery(String),
    #[error(
        "nothing says which dead letters of {0} are discarded; give --stage, --rule, --reason, --source, --older-than, --newer-than or --selector, or --all"
    )]
    DiscardNothing(String),
    #[error(
        "the dead letters of {0} are redriven in it, which needs no manifest; name another run that reads them with --into"
    )]
    ManifestOfNoRun(String),
    #[error("the run {run} is being signed by {holders}; stop them first, or delete with --force")]
    InUse { run: String, holders: String },
    #[error(
        "in the run {run}, no lease is open of {holders}; `chancery lease list {run}` lists those that are"
    )]
    NothingHeld { run: String, holders: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    BadSource(#[from] objects::SourceError),
    #[error("source {name}: {reason}; nothing was changed in the ledger")]
    NotReadAgain { name: String, reason: NotReadAgain },
    #[error(
        "the intake program cannot be started: {0}; it belongs beside `chancery`, or where CHANCERY_INTAKE says"
    )]
    IntakeProgram(io::Error),
    #[error(
        "the sources could not be read to their end: {last}; what was admitted is kept, and the same command goes on"
    )]
    IntakeFailed { last: String, exit: Exit },
    #[error("sink {name}: {reason}; nothing was changed in the ledger")]
    BadSink { name: String, reason: sinks::SinkError },
    #[error("notification {name}: {reason}; nothing was changed in the ledger")]
    BadNotification { name: String, reason: sinks::BadDescription },
    #[error(
        "the delivery program cannot be started: {0}; it belongs beside `chancery`, or where CHANCERY_DELIVERY says"
    )]
    DeliveryProgram(io::Error),
    #[error(
        "not all could be delivered: {last}; what was signed and delivered until then is kept, and the same command goes on"
    )]
    DeliveryFailed { last: String, exit: Exit },
    #[error(
        "the run {run} has deliveries that were given up: {batches}, the first of batch {batch} to the sink {sink}: {why}; `chancery dead-letters list {run} --deliveries` lists them; correct what they name, take them up again with `chancery dead-letters redrive {run} --deliveries`, and run again"
    )]
    GivenUp { run: String, batches: usize, sink: String, batch: i64, why: String },
    #[error(
        "the run {run} has a manifest that was given up, of the sink {sink}: {why}; correct what that names, take the manifest up again with `chancery dead-letters redrive {run} --deliveries`, and run again"
    )]
    ManifestGivenUp { run: String, sink: String, why: String },
    #[error(
        "the run {run} is suspended by its dead letters: it has {dead}, and spec.deadLetter.limit allows {limit}; look at them with `chancery dead-letters list {run}`; then redrive them with `chancery dead-letters redrive {run}`, or raise the limit, and run again to go on"
    )]
    TooManyDead { run: String, dead: i64, limit: i64 },
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(
        "the signer program cannot be started: {0}; it belongs beside `chancery`, or where CHANCERY_SIGNER says"
    )]
    SignerProgram(io::Error),
    #[error("{0}; what was signed until then is kept, and the same command goes on")]
    LostWhileSigning(StoreError),
    #[error(
        "every signer ended before the run was complete, after {restarts} restarts; the last one: {last}"
    )]
    SignersFailed { restarts: u32, last: String, exit: Exit },
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("the file {path} cannot be read: {reason}; name one with records, or - for standard input")]
    RecordsFile { path: PathBuf, reason: io::Error },
    #[error(
        "no API is served from {path}: start `chancery serve`, or name its folder with --data-dir, or its place with --url"
    )]
    NoApi { path: PathBuf },
    #[error(
        "{url} is no place of an API; give http://HOST:PORT or unix:/PATH, or https://HOST:PORT for a cluster"
    )]
    ApiUrl { url: String },
    #[error(
        "{url} is another machine, and without TLS everybody on the way could read the token; give https://HOST:PORT"
    )]
    ApiInClear { url: String },
    #[error(
        "no token is given for {url}; name the file that holds it with --token-file: on a cluster, the token of a ServiceAccount"
    )]
    NoTokenFile { url: String },
    #[error("the file of authorities {path} cannot be used: {reason}; name another with --ca-file")]
    CaFile { path: PathBuf, reason: String },
    #[error(
        "nobody who is trusted vouches for the API: {0}; name the file of the authority that does with --ca-file"
    )]
    ApiUntrusted(String),
    #[error("{0}")]
    RunName(String),
    #[error("{0}; what was answered before is kept, and the same command may be run again without harm")]
    ApiAway(String),
    #[error("the API refuses: {0}")]
    ApiRefuses(String),
    #[error("the keyring cannot be exported: {0}; `chancery verify` says what is wrong with it")]
    NotExported(String),
    #[error("--format is of `signed`: everything else that can be exported has one form")]
    OneForm,
    #[error(
        "the records of {run} are in the envelope {envelope}, so none can be written as {wanted}; without --format each is written with what it has"
    )]
    OtherEnvelope { run: String, envelope: Envelope, wanted: Envelope },
    #[error("standard output cannot be written: {0}")]
    Write(io::Error),
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
}

impl CliError {
    /// The same, when part of the run had been signed: a database that is away may be back soon.
    pub(crate) fn while_signing(self) -> Self {
        match self {
            Self::Store(error) | Self::Stating(StatingError::Store(error)) if error.is_transient() => {
                Self::LostWhileSigning(error)
            }
            other => other,
        }
    }

    /// What whoever typed the command should do.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Source(SourceError::Store(error))
            | Self::Audit(AuditError::Store(error))
            | Self::Stating(StatingError::Store(error))
                if error.is_transient() =>
            {
                Exit::TryAgain
            }
            Self::Letters(LettersError::Store(error)) if error.is_transient() => Exit::TryAgain,
            Self::Letters(LettersError::Store(error)) if is_defect(error) => Exit::Failed,
            Self::Store(error)
            | Self::Audit(AuditError::Store(error))
            | Self::Stating(StatingError::Store(error))
                if is_defect(error) =>
            {
                Exit::Failed
            }
            Self::Stating(
                StatingError::Incomplete { .. } | StatingError::NoEnd(_) | StatingError::Differs { .. },
            ) => Exit::Failed,
            Self::Audit(AuditError::Thread(_))
            | Self::DataKey(_)
            | Self::WrapDataKey(_)
            | Self::Signals(_)
            | Self::NotExported(_)
            | Self::SignerProgram(_)
            | Self::IntakeProgram(_)
            | Self::DeliveryProgram(_) => Exit::Failed,
            Self::Source(SourceError::Store(_)) => Exit::BadInput,
            Self::Source(_) => Exit::Failed,
            Self::SignersFailed { exit: Exit::NoRoom, .. }
            | Self::IntakeFailed { exit: Exit::NoRoom | Exit::NeverWorks, .. }
            | Self::DeliveryFailed { exit: Exit::NoRoom | Exit::NeverWorks, .. } => Exit::BadInput,
            Self::SignersFailed { exit, .. }
            | Self::IntakeFailed { exit, .. }
            | Self::DeliveryFailed { exit, .. } => *exit,
            Self::BadSource(error) if error.is_transient() => Exit::TryAgain,
            Self::LostWhileSigning(_) | Self::ApiAway(_) => Exit::TryAgain,
            Self::ManifestFile { .. }
            | Self::Manifest { .. }
            | Self::PolicyFile { .. }
            | Self::AnswersFile { .. }
            | Self::Policy { .. }
            | Self::Asking { .. }
            | Self::NoPolicy { .. }
            | Self::UnnamedPolicy { .. }
            | Self::KekFile(_)
            | Self::StatementKeyFile(_)
            | Self::TrustedKey { .. }
            | Self::KeptStatement { .. }
            | Self::Proof { .. }
            | Self::WriteFile { .. }
            | Self::Stating(_)
            | Self::DataDir { .. }
            | Self::PrivatePostgres(_)
            | Self::NoLedger { .. }
            | Self::OtherKek { .. }
            | Self::KeyringsLeft { .. }
            | Self::BeingDeleted(_)
            | Self::OfCluster(_)
            | Self::RedriveOnCluster { .. }
            | Self::Selector(_)
            | Self::Letters(_)
            | Self::NoLetter { .. }
            | Self::DiscardNothing(_)
            | Self::NoDeliveries(_)
            | Self::OneForm
            | Self::OtherEnvelope { .. }
            | Self::NoSinks(_)
            | Self::DiscardNoDelivery(_)
            | Self::ManifestOfNoRun(_)
            | Self::InUse { .. }
            | Self::NothingHeld { .. }
            | Self::BadSource(_)
            | Self::NotReadAgain { .. }
            | Self::TooManyDead { .. }
            | Self::BadSink { .. }
            | Self::BadNotification { .. }
            | Self::GivenUp { .. }
            | Self::ManifestGivenUp { .. }
            | Self::Token(_)
            | Self::Listen(_)
            | Self::RecordsFile { .. }
            | Self::NoApi { .. }
            | Self::ApiUrl { .. }
            | Self::ApiInClear { .. }
            | Self::NoTokenFile { .. }
            | Self::CaFile { .. }
            | Self::ApiUntrusted(_)
            | Self::RunName(_)
            | Self::ApiRefuses(_)
            | Self::Write(_)
            | Self::Store(_)
            | Self::Audit(AuditError::Store(_)) => Exit::BadInput,
        }
    }
}

/// Whether nobody can do anything about it but those who write the program, or whoever changed the ledger by hand.
fn is_defect(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt(_) | StoreError::Query { .. } | StoreError::Migration(_))
}
