//! What an operator needs whatever kind of object it reconciles. Nothing here knows a kind.

pub(crate) mod background;
pub(crate) mod client;
pub(crate) mod complaints;
pub(crate) mod controller;
pub(crate) mod cut;
pub(crate) mod database;
pub(crate) mod events;
pub(crate) mod kinds;
pub(crate) mod leader;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod services;
pub(crate) mod triggers;
pub(crate) mod turns;
pub(crate) mod watch;

pub use background::WorkState;
pub use complaints::Complaints;
pub use database::Database;
pub use events::{EventPublisher, EventSender, NewEvent, event_queue};
pub use leader::{Candidate, Lead};
pub use metrics::Metrics;
pub use services::Services;
pub use triggers::Triggers;
