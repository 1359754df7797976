//! Publishes Events, one after the other, beside the reconciles: no reconcile waits for an Event.

use chancery_api::Reason;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::mpsc;

use crate::host::cut::cut;

/// Longest note of an Event, in bytes: an API server takes 1,024.
const NOTE_BYTES: usize = 1_000;

/// An Event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub(crate) warning: bool,
    pub(crate) reason: Reason,
    pub(crate) note: String,
}

impl NewEvent {
    pub(crate) fn normal(reason: Reason, note: impl Into<String>) -> Self {
        Self { warning: false, reason, note: note.into() }
    }

    pub(crate) fn warning(reason: Reason, note: impl Into<String>) -> Self {
        Self { warning: true, reason, note: note.into() }
    }
}

/// Takes Events to publish.
#[derive(Clone, Debug)]
pub struct EventSender(mpsc::UnboundedSender<(NewEvent, ObjectReference)>);

/// Publishes them.
pub struct EventPublisher {
    recorder: Recorder,
    pending: mpsc::UnboundedReceiver<(NewEvent, ObjectReference)>,
}

/// The two ends of a queue of Events. `instance` names this process in each of them.
#[must_use]
pub fn event_queue(client: Client, instance: &str) -> (EventSender, EventPublisher) {
    let reporter =
        Reporter { controller: "chancery-operator".to_owned(), instance: Some(instance.to_owned()) };
    let (sender, pending) = mpsc::unbounded_channel();
    (EventSender(sender), EventPublisher { recorder: Recorder::new(client, reporter), pending })
}

impl EventSender {
    /// Queues an Event about an object.
    pub(crate) fn send(&self, event: NewEvent, about: ObjectReference) {
        // Nothing receives only when the operator ends.
        let _queued = self.0.send((event, about));
    }
}

impl EventPublisher {
    /// Publishes Events as they come, for ever.
    pub(crate) async fn keep(&mut self) {
        while let Some((event, about)) = self.pending.recv().await {
            self.publish(event, &about).await;
        }
    }

    /// Publishes the Events that are queued now.
    pub async fn finish(&mut self) {
        while let Ok((event, about)) = self.pending.try_recv() {
            self.publish(event, &about).await;
        }
    }

    async fn publish(&self, event: NewEvent, about: &ObjectReference) {
        let reason = event.reason;
        // An Event that is lost changes nothing: the conditions are the contract.
        if let Err(error) = self.recorder.publish(&event.into(), about).await {
            tracing::warn!(%error, %reason, object = about.name, "an Event could not be published; it is lost");
        }
    }
}

impl From<NewEvent> for Event {
    fn from(NewEvent { warning, reason, note }: NewEvent) -> Self {
        Self {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            action: reason.to_string(),
            reason: reason.to_string(),
            note: Some(cut(note, NOTE_BYTES)),
            secondary: None,
        }
    }
}
