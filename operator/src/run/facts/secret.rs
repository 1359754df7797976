//! The Secrets that a run's pods are given.

/// The Secret of a run's signers, of its intake or of its delivery, as the ledger and the operator's memory have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretView {
    pub(crate) name: String,
    /// Tells what is in it.
    pub(crate) content: String,
    pub(crate) standing: SecretStanding,
}

/// Whether pods can be given a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretStanding {
    /// It was made, of what is right.
    Right,
    /// It was made, by another operator or before this one was started: what is right may have changed since.
    Unchecked,
    /// It may not be there, or it goes with an earlier run of this name.
    Unusable,
}
