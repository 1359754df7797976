//! What the deliveries of all runs have in common.

use crate::run::pods_template::PodsTemplate;
use crate::run::sinks_allowed::SinksAllowed;

/// What the deliveries of all runs have in common, beside what signers have too: how the database is reached.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// The image of the delivery.
    pub image: String,
    /// The ServiceAccount of the pods.
    pub service_account: Option<String>,
    /// Senders to each sink.
    pub senders: u16,
    /// How the pods are made.
    pub template: PodsTemplate,
    /// What the sinks of a run may name.
    pub allowed: SinksAllowed,
}
