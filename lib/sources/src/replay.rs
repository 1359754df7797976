//! Whether a run can be read again, as far as that can be told before another one is made for it.

use chancery_api::ReplaySelect;
use chancery_store::Run;

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A command without a cluster.
    Command,
    /// A SigningRun.
    SigningRun,
}

/// Why a run cannot be read again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReadAgain {
    /// It is on its way out.
    #[error("the run {0} is being deleted; name another with run.name")]
    Deleted(String),
    /// It has nothing of what is asked for, and never will.
    #[error(
        "the run {0} has generated records: none of them is a dead letter or rejected; read its records with run.select: All, or name another run with run.name"
    )]
    Generated(String),
    /// A command asks for what a cluster's SigningRun has.
    #[error(
        "the run {0} was made for a SigningRun of a cluster, and only a SigningRun of its namespace reads it again; apply one with this source on the cluster"
    )]
    OfCluster(String),
    /// A SigningRun asks for what no SigningRun has.
    #[error(
        "the run {0} was made without a cluster, and only `chancery run` reads it again; name a run that a SigningRun of this namespace has made with run.name"
    )]
    OfCommand(String),
    /// It may still get more.
    #[error("the run {0} is not sealed yet, and may still get more; it can be read again once it is")]
    Unsealed(String),
    /// Its sinks, or those whom it tells, are described as no version up to this one does.
    #[error(
        "the run {0} has sinks or notifications that this version does not know; use the version that made it"
    )]
    Unknown(String),
}

/// Whether this of the run can be read again by that reader. The ledger looks again when the source is listed, since
/// it may have changed by then.
///
/// # Errors
///
/// [`NotReadAgain`], what lasts before what passes.
pub fn may_be_read_again(found: &Run, reader: Reader, select: ReplaySelect) -> Result<(), NotReadAgain> {
    let name = || found.name.clone();
    if found.deleted {
        return Err(NotReadAgain::Deleted(name()));
    }
    // As the ledger compares them: by the uid of the namespace.
    let by_command = found.owner.namespace_uid.is_some_and(|uid| uid.is_nil());
    match reader {
        Reader::Command if !by_command => return Err(NotReadAgain::OfCluster(name())),
        Reader::SigningRun if found.owner.has_no_cluster() => return Err(NotReadAgain::OfCommand(name())),
        Reader::Command | Reader::SigningRun => {}
    }
    match select {
        ReplaySelect::DeadLetters | ReplaySelect::Rejected if found.input.generated().is_some() => {
            return Err(NotReadAgain::Generated(name()));
        }
        ReplaySelect::DeadLetters | ReplaySelect::Rejected | ReplaySelect::All => {}
    }
    if found.sealed { Ok(()) } else { Err(NotReadAgain::Unsealed(name())) }
}

#[cfg(test)]
mod tests;
