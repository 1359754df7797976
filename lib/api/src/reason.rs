//! The reasons of conditions and Events: names that programs compare, so each exists once.

use std::fmt;

use crate::condition::ConditionType;

/// Makes the enum and its names of one list.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Why a condition holds or does not, or what an Event reports.
        ///
        /// `docs/reference/conditions.md` says what each means and what to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: [Self; [$(stringify!($name)),*].len()] = [$(Self::$name),*];

            /// The name, as a condition and an Event bear it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

reasons! {
    /// Every key is in the run's keyring. Also an Event.
    KeyringReady,
    /// Keys are missing in the run's keyring.
    KeyringNotReady,
    /// Every record is in the ledger, and no record comes any more. Also an Event.
    Sealed,
    /// More records are to come.
    NotSealed,
    /// The sources are being read, and more records may come.
    Reading,
    /// Programs push records, and more may come.
    Receiving,
    /// `spec.suspend` is true, or `spec.parallelism` is 0. Also an Event.
    Suspended,
    /// More payloads are dead letters than `spec.deadLetter.limit` allows.
    TooManyDeadLetters,
    /// Neither is `spec.suspend` true, nor `spec.parallelism` 0.
    NotSuspended,
    /// Every record has a stored signature.
    AllSigned,
    /// Records without a signature are left.
    NotAllSigned,
    /// Every sink has every batch.
    AllDelivered,
    /// Batches are still to be delivered.
    NotAllDelivered,
    /// Sinks refused batches so often that they were given up. Also an Event.
    DeadDeliveries,
    /// A sink cannot be reached; it is waited for.
    SinkUnavailable,
    /// Every sink answers. Also an Event.
    SinksAvailable,
    /// The audit begins once the run is complete.
    AuditPending,
    /// The run is being audited.
    Auditing,
    /// The audit could not be made; the operator retries.
    AuditFailed,
    /// `spec.audit` is Never.
    NotAudited,
    /// An audit of the complete run found no law broken. Also an Event.
    LawsHold,
    /// An audit of the complete run found a law broken. Also an Event.
    LawsBroken,
    /// The run has not failed.
    NotFailed,
    /// The spec cannot be used.
    InvalidSpec,
    /// The operator's KEK file cannot be used.
    InvalidKek,
    /// None of the operator's KEKs has wrapped the data key of the run's keyring.
    WrongKek,
    /// The ledger held the run and no longer does.
    LedgerLost,
    /// The ledger holds another run of this name.
    NameTaken,
    /// The ledger holds a run of this name that was made for another object.
    NotAdopted,
    /// The keyring that the run names was made for another namespace.
    KeyringNotAdopted,
    /// The run asks for more than it, or its namespace, may have.
    BeyondLimits,
    /// The keyring that the run names is another one than the run asks for.
    KeyringDiffers,
    /// There is no keyring of the name, and the run does not say how many keys to make.
    KeyringUnknown,
    /// Runs can be judged by the policy.
    PolicyReady,
    /// The policy is not there, or nothing can be judged by it.
    PolicyNotReady,
    /// `spec.signerTemplate` asks for what is not allowed.
    SignerTemplateNotAllowed,
    /// A source names a Secret or a claim that is not allowed, or a file of a node.
    SourceNotAllowed,
    /// A source cannot be read as it is described.
    SourceInvalid,
    /// An intake pod reported that it cannot work as it is configured, or that a source refuses it.
    IntakeMisconfigured,
    /// More intake pods failed than `backoffLimit` allows.
    IntakeFailed,
    /// A sink names a Secret or a claim that is not allowed, or a file of a node.
    SinkNotAllowed,
    /// A sink cannot be written to as it is described.
    SinkInvalid,
    /// A delivery pod reported that it cannot work as it is configured.
    DeliveryMisconfigured,
    /// More delivery pods failed than `backoffLimit` allows.
    DeliveryFailed,
    /// `activeDeadlineSeconds` passed before the run was complete.
    DeadlineExceeded,
    /// A signer pod reported that it can never work as it is configured.
    SignerMisconfigured,
    /// More signer pods failed than `backoffLimit` allows.
    SignersFailed,
    /// The run is not in the ledger yet.
    Pending,
    /// Keys are being made, or the first records. Also an Event.
    Seeding,
    /// Signers sign records.
    Signing,
    /// The ledger's database cannot be used.
    DatabaseUnavailable,
    /// The database has too little room left for the records that are still to be made.
    DatabaseNearlyFull,
    /// The API server does not let the operator read the run's namespace.
    NamespaceUnreadable,
    /// An earlier run of this name is being removed from the ledger.
    NameBeingDeleted,
    /// Making records failed; the operator retries.
    SourceFailed,
    /// A source does not answer, or a run that is read again is not sealed yet; it is asked again.
    SourceUnavailable,
    /// The run, its namespace or the database is at a limit: nothing more is read for now.
    IntakeHeld,
    /// The intake pod does not start.
    IntakeNotStarting,
    /// Every record is signed, and batches are being delivered.
    Delivering,
    /// The delivery pod does not start.
    DeliveryNotStarting,
    /// A Job of the name of the signers', the intake's or the delivery's belongs to something else.
    JobNameTaken,
    /// The Job waits until Kueue admits it.
    Queued,
    /// The signer pods do not start.
    SignersNotStarting,
    /// Signers sign records, and others of the run do not start.
    SomeSignersNotStarting,
    /// Signers that do not renew their leases, or renew them for longer than a batch takes, hold the keys, or the batches that
    /// are left.
    KeysHeld,
    /// Every key of the ring is in the hands of other runs' signers, which renew their leases.
    WaitingForKeys,
    /// Signers run and lease nothing, although keys and batches are free.
    SignersIdle,
    /// The run is being deleted and its signers still run.
    SignersStopping,
    /// The run is being removed from the ledger.
    DeletingFromLedger,
    /// Removing the run from the ledger failed; the operator retries.
    DeletionFailed,
    /// The API server refused the signers' Job.
    JobRefused,
    /// The API server refused the signers' Secret.
    SecretRefused,
    /// The API server refused a change of the SigningRun.
    ChangeRefused,
    /// The ledger refused a change.
    LedgerRefused,
    /// Another installation of Chancery operates the run.
    OperatedByAnother,
    /// What the ledger held under the name of another object was taken over.
    Adopted,
    /// What was taken over stays in the ledger, although `deletionPolicy` is Delete.
    AdoptedKept,
    /// Payloads could not become records, the first of the run. Their number is in the status.
    DeadLetters,
    /// A rule of the run's policy raised alerts.
    PolicyAlert,
    /// An object changed while it was read: nothing of the rest of it is read.
    ObjectChanged,
    /// A source that did not answer, or was not there yet, is read.
    SourceAvailable,
    /// The intake's Job was created.
    IntakeStarted,
    /// The intake's Job is replaced, because its pods must differ.
    ReplacingIntake,
    /// What an intake pod had in hand when it ended was given back.
    IntakeReleased,
    /// The delivery's Job was created.
    DeliveryStarted,
    /// The delivery's Job is replaced, because its pods must differ.
    ReplacingDelivery,
    /// What a delivery pod had in hand when it ended was given back.
    DeliveryReleased,
    /// The signers' Job was created.
    SignersStarted,
    /// The number of signers was changed.
    SignersScaled,
    /// The Job is replaced, because its pods must differ.
    ReplacingSigners,
    /// The signers' Secret is missing, or holds what is no longer right: another is made.
    ReplacingSecret,
    /// A signer pod failed.
    SignerFailed,
    /// Leases of signers that had ended were released.
    LeasesReleased,
    /// The database answers again.
    DatabaseAvailable,
    /// A run that had failed continues.
    Recovered,
    /// A suspended run continues.
    Resumed,
    /// Nothing holds the signers up any more.
    SigningContinues,
    /// Every record was signed.
    Completed,
    /// `ttlSecondsAfterFinished` passed; the SigningRun is deleted.
    Expired,
    /// Every record is signed: nothing is left to do.
    Complete,
}

impl Reason {
    /// The reason of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// The reasons that a condition of this type may have. While `Failed` is true, `Progressing` may
    /// also have the reason of that failure.
    #[must_use]
    pub const fn of_condition(type_: ConditionType) -> &'static [Self] {
        match type_ {
            ConditionType::KeyringReady => &[Self::KeyringReady, Self::KeyringNotReady],
            ConditionType::Sealed => &[Self::Sealed, Self::NotSealed, Self::Reading, Self::Receiving],
            ConditionType::Suspended => &[Self::Suspended, Self::TooManyDeadLetters, Self::NotSuspended],
            ConditionType::Complete => &[Self::AllSigned, Self::NotAllSigned, Self::NotAllDelivered],
            ConditionType::Verified => &[
                Self::AuditPending,
                Self::Auditing,
                Self::AuditFailed,
                Self::NotAudited,
                Self::LawsHold,
                Self::LawsBroken,
            ],
            ConditionType::Failed => &[
                Self::NotFailed,
                Self::InvalidSpec,
                Self::InvalidKek,
                Self::WrongKek,
                Self::LedgerLost,
                Self::NameTaken,
                Self::NotAdopted,
                Self::KeyringNotAdopted,
                Self::BeyondLimits,
                Self::KeyringDiffers,
                Self::KeyringUnknown,
                Self::PolicyNotReady,
                Self::SignerTemplateNotAllowed,
                Self::SourceNotAllowed,
                Self::SourceInvalid,
                Self::IntakeMisconfigured,
                Self::IntakeFailed,
                Self::SinkNotAllowed,
                Self::SinkInvalid,
                Self::DeliveryMisconfigured,
                Self::DeliveryFailed,
                Self::DeadlineExceeded,
                Self::SignerMisconfigured,
                Self::SignersFailed,
            ],
            ConditionType::Progressing => &[
                Self::Pending,
                Self::Seeding,
                Self::Signing,
                Self::Receiving,
                Self::Suspended,
                Self::TooManyDeadLetters,
                Self::Complete,
                Self::DatabaseUnavailable,
                Self::DatabaseNearlyFull,
                Self::NamespaceUnreadable,
                Self::PolicyNotReady,
                Self::NameBeingDeleted,
                Self::SourceFailed,
                Self::SourceUnavailable,
                Self::IntakeHeld,
                Self::IntakeNotStarting,
                Self::Delivering,
                Self::SinkUnavailable,
                Self::DeliveryNotStarting,
                Self::JobNameTaken,
                Self::Queued,
                Self::SignersNotStarting,
                Self::SomeSignersNotStarting,
                Self::KeysHeld,
                Self::WaitingForKeys,
                Self::SignersIdle,
                Self::SignersStopping,
                Self::DeletingFromLedger,
                Self::DeletionFailed,
                Self::JobRefused,
                Self::SecretRefused,
                Self::ChangeRefused,
                Self::LedgerRefused,
            ],
            ConditionType::Delivered => &[Self::AllDelivered, Self::NotAllDelivered, Self::DeadDeliveries],
            ConditionType::SinkUnavailable => &[Self::SinkUnavailable, Self::SinksAvailable],
            ConditionType::Ready => &[Self::PolicyReady, Self::PolicyNotReady],
        }
    }

    /// The reasons of Events that report something which is no failure and no obstacle. Every failure and
    /// most obstacles are also reported, once, by an Event of the same reason.
    pub const OF_EVENTS: [Self; 33] = [
        Self::Seeding,
        Self::KeyringReady,
        Self::Sealed,
        Self::Suspended,
        Self::OperatedByAnother,
        Self::Adopted,
        Self::AdoptedKept,
        Self::DeadLetters,
        Self::PolicyAlert,
        Self::ObjectChanged,
        Self::SourceAvailable,
        Self::IntakeStarted,
        Self::ReplacingIntake,
        Self::IntakeReleased,
        Self::DeadDeliveries,
        Self::SinksAvailable,
        Self::DeliveryStarted,
        Self::ReplacingDelivery,
        Self::DeliveryReleased,
        Self::SignersStarted,
        Self::SignersScaled,
        Self::ReplacingSigners,
        Self::ReplacingSecret,
        Self::SignerFailed,
        Self::LeasesReleased,
        Self::DatabaseAvailable,
        Self::Recovered,
        Self::Resumed,
        Self::SigningContinues,
        Self::Completed,
        Self::LawsHold,
        Self::LawsBroken,
        Self::Expired,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;
