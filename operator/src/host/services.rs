//! What the reconciles of every kind use.

use std::sync::Arc;

use kube::Client;

use crate::host::complaints::Complaints;
use crate::host::database::Database;
use crate::host::events::EventSender;
use crate::host::metrics::Metrics;

/// The services of one operator process, while it leads.
#[derive(Clone)]
pub struct Services {
    /// The client of the API server.
    pub client: Client,
    /// What the operators of this installation write into the runs that they operate: the namespace and the name of their
    /// leader's Lease.
    pub installation: Arc<str>,
    /// The ledger's database.
    pub database: Arc<Database>,
    /// Takes the Events that are to be published.
    pub events: EventSender,
    /// Says what goes wrong with the API server.
    pub complaints: Arc<Complaints>,
    /// Counts what the operator does.
    pub metrics: Arc<Metrics>,
}
