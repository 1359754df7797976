//! What a delivery does: it is given signed batches, brings them to a sink, and says what became of them; and so it does with events, of
//! which somebody is told.
//! `migrations/functions/` says what each call keeps.

mod dead;
mod manifest;
mod session;
mod task;
mod telling;

pub use dead::{
    ActedOnDeliveries, DeliveriesAct, DeliveriesActed, DeliveryLetter, DeliveryMove, WhichDeliveries,
};
pub use manifest::{BatchOfManifest, ManifestHead, ManifestOfSink, TakenManifest};
pub use session::{DeliveryRun, DeliverySession, Digested, Refused, SinkWork};
pub use task::{Delivery, DeliveryRefusal, DeliveryTask, SignedRecord, TakenDeliveries};
pub use telling::{
    Event, NotificationTask, NotificationWork, Reached, RecordEvent, RefusedEvent, TakenEvents, Unreachable,
};
