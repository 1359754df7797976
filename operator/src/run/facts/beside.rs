//! What works for a run beside its signers: an intake, or a delivery.

use chancery_api::Reason;

use crate::run::facts::job::{JobView, PodView, Trouble};

/// What reads the sources of a run, or delivers to its sinks, in the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BesideView {
    pub(crate) job: Option<JobView>,
    pub(crate) pods: Vec<PodView>,
    /// What the cluster says of pods that do not come to run.
    pub(crate) trouble: Option<Trouble>,
    /// Why the sources or sinks are not used as the run describes them; and whether that passes by itself.
    pub(crate) refusal: Option<Refusal>,
}

/// Why sources or sinks are not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}
