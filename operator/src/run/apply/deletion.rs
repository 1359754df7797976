//! How one exact object is deleted.

use kube::api::Preconditions;

/// Restricts a deletion to the object with this uid: another of its name is not meant.
pub(super) fn only_this(uid: &Option<String>) -> Option<Preconditions> {
    Some(Preconditions { uid: uid.clone(), resource_version: None })
}

/// A deletion that finds the object gone, or another object of its name, has nothing to do.
pub(super) fn gone_is_fine(outcome: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match outcome {
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
        other => other,
    }
}
