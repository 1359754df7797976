//! SigningRuns as they are watched.

use chancery_api::{SigningRun, ValidatedRun};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;

/// A SigningRun as it is watched: one that cannot be read must not hide the others.
pub type Watched = DeserializeGuard<SigningRun>;

/// A reference to a run.
pub type RunRef = ObjectRef<Watched>;

/// The run that is being reconciled. A run whose spec cannot be used can be deleted, not worked on.
pub(crate) struct Target<'a> {
    pub(crate) reference: &'a RunRef,
    pub(crate) object: &'a SigningRun,
    pub(crate) run: Option<&'a ValidatedRun>,
}
