//! SigningPolicies: whether runs can be judged by each, and by which version, in its status. Nothing is done per run: a run is
//! judged by the version that is pinned as it is made.

pub(crate) mod controller;
pub(crate) mod error;
pub(crate) mod reading;
pub(crate) mod reconcile;
pub(crate) mod status;

pub use error::PolicyError;
pub use reconcile::{PolicyContext, WatchedPolicy, on_error, reconcile};
