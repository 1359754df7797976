//! Why an effect could not be carried out.

use std::path::PathBuf;

use chancery_api::Reason;
use chancery_keyring::{OpenDataKeyError, WrapDataKeyError};
use chancery_process::KekFileError;
use chancery_sources::pin::NotPinned;
use chancery_store::StoreError;

use crate::run::decide::decision::Cause;

/// Why an effect could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server refused a change of the SigningRun.
    #[error("the API server refused a change of the SigningRun: {}", server_message(.0))]
    Object(kube::Error),
    /// The API server refused a Job of the run.
    #[error("the API server refused a Job of the run: {}", server_message(.0))]
    Job(kube::Error),
    /// The API server refused a Secret of the run.
    #[error("the API server refused a Secret of the run: {}", server_message(.0))]
    Secret(kube::Error),
    /// The API server does not give the policy of the run, or what that reads.
    #[error(
        "the API server does not let the operator read the policy of the run: {}; the operator's role needs get on signingpolicies and configmaps, as the chart gives it", server_message(.0)
    )]
    PolicyUnread(kube::Error),
    /// There is no policy of that name.
    #[error(
        "there is no SigningPolicy {0}, which the run names with spec.policyRef; apply it, or name another in a new run"
    )]
    NoPolicy(String),
    /// Nothing can be judged by the policy.
    #[error(transparent)]
    Policy(#[from] NotPinned),
    /// It names a Secret that may not be named.
    #[error("{0}")]
    BeyondAllowed(String),
    /// The ledger refused, or did not answer.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// The ledger cannot be used; why.
    #[error("{0}")]
    Away(String),
    /// The API server does not tell the uid of the run's namespace.
    #[error(
        "the API server does not let the operator read the run's namespace, whose uid is kept with the run: {}; the operator's role needs get on namespaces, as the chart gives it", server_message(.0)
    )]
    Namespace(kube::Error),
    /// The SigningRun is not of the namespace that has its name now, or an API server gives no uids.
    #[error("the SigningRun and its namespace do not belong together any more: the namespace was made anew")]
    NoIdentity,
    /// The KEK file cannot be used.
    #[error(transparent)]
    Kek(#[from] KekFileError),
    /// The data key of the run's ring does not open.
    #[error(transparent)]
    DataKey(#[from] OpenDataKeyError),
    /// A fresh data key cannot be wrapped.
    #[error(transparent)]
    WrapDataKey(#[from] WrapDataKeyError),
    /// The CA that signers are given cannot be read.
    #[error(
        "the CA for signers, {path}, cannot be read: {reason}; database.tls.ca of the chart's values names it"
    )]
    Ca {
        /// Its file.
        path: PathBuf,
        /// What the operating system says.
        reason: std::io::Error,
    },
}

/// The message of an API server, without what the client adds: that says the same again.
pub(crate) fn server_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(refusal) if !refusal.message.is_empty() => refusal.message.clone(),
        other => other.to_string(),
    }
}

impl ApplyError {
    /// Why the run has failed, if this is no obstacle that passes when the effect is retried: the run asks for
    /// something that the ledger cannot give.
    pub(crate) fn failure(&self) -> Option<Cause> {
        let reason = match self {
            Self::Ledger(StoreError::KeyringDiffers { .. }) => Reason::KeyringDiffers,
            Self::Ledger(StoreError::KeyringUnknown(_)) => Reason::KeyringUnknown,
            Self::Ledger(StoreError::KeyringOfAnother { .. }) => Reason::KeyringNotAdopted,
            Self::Ledger(StoreError::BeyondLimits(_)) => Reason::BeyondLimits,
            Self::NoPolicy(_) | Self::Policy(_) | Self::BeyondAllowed(_) => Reason::PolicyNotReady,
            _ => return None,
        };
        Some(Cause::new(reason, self.to_string()))
    }

    /// The variant's name, for a metric.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Object(_) => "Object",
            Self::Job(_) => "Job",
            Self::Secret(_) => "Secret",
            Self::PolicyUnread(_) | Self::NoPolicy(_) | Self::Policy(_) | Self::BeyondAllowed(_) => "Policy",
            Self::Ledger(_) => "Ledger",
            Self::Away(_) => "DatabaseUnavailable",
            Self::Namespace(_) | Self::NoIdentity => "Namespace",
            Self::Kek(_) => "Kek",
            Self::DataKey(_) => "DataKey",
            Self::WrapDataKey(_) => "WrapDataKey",
            Self::Ca { .. } => "Ca",
        }
    }
}
