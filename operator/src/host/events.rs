//! Publishes Events, one after the other, beside the reconciles: no reconcile waits for an Event.

use std::collections::HashMap;
use std::time::Duration;

use chancery_api::Reason;
use chancery_process::chain;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::host::cut::cut;

/// Who publishes them.
const CONTROLLER: &str = "chancery-operator";

/// For how long what is told again is counted on the Event that there is.
const COUNTED: Duration = Duration::from_secs(6 * 60);

/// Longest note of an Event, in bytes: an API server takes 1,024.
const NOTE_BYTES: usize = 1_000;

/// An Event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub(crate) warning: bool,
    pub(crate) reason: Reason,
    pub(crate) note: String,
    /// How often it happened.
    pub(crate) times: i32,
}

impl NewEvent {
    pub(crate) fn normal(reason: Reason, note: impl Into<String>) -> Self {
        Self { warning: false, reason, note: note.into(), times: 1 }
    }

    pub(crate) fn warning(reason: Reason, note: impl Into<String>) -> Self {
        Self { warning: true, reason, note: note.into(), times: 1 }
    }

    /// What happened so many times, told at once.
    pub(crate) fn many(self, times: i64) -> Self {
        Self { times: i32::try_from(times).unwrap_or(i32::MAX), ..self }
    }
}

/// Takes Events to publish.
#[derive(Clone, Debug)]
pub struct EventSender(mpsc::UnboundedSender<(NewEvent, ObjectReference)>);

/// Publishes them.
pub struct EventPublisher {
    client: Client,
    /// Names this process in each of them.
    instance: String,
    told: HashMap<Told, Published>,
    pending: mpsc::UnboundedReceiver<(NewEvent, ObjectReference)>,
}

/// What is told again is counted on the Event that there is. Of another text it is another Event: the text is what a person
/// reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Told {
    about: Option<String>,
    event: (bool, Reason, String),
}

/// An Event that is there.
#[derive(Clone, Debug)]
struct Published {
    name: String,
    count: i32,
    last: Instant,
}

/// The two ends of a queue of Events. `instance` names this process in each of them.
#[must_use]
pub fn event_queue(client: Client, instance: &str) -> (EventSender, EventPublisher) {
    let (sender, pending) = mpsc::unbounded_channel();
    let publisher = EventPublisher { client, instance: instance.to_owned(), told: HashMap::new(), pending };
    (EventSender(sender), publisher)
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

    async fn publish(&mut self, event: NewEvent, about: &ObjectReference) {
        let reason = event.reason;
        // An Event that is lost changes nothing: the conditions are the contract.
        if let Err(error) = self.create_or_count(event, about).await {
            let error = chain(&error);
            tracing::warn!(error, %reason, object = about.name, "an Event could not be published; it is lost");
        }
    }

    async fn create_or_count(&mut self, event: NewEvent, about: &ObjectReference) -> Result<(), kube::Error> {
        let api: Api<Event> =
            Api::namespaced(self.client.clone(), about.namespace.as_deref().unwrap_or("default"));
        let now = MicroTime(Timestamp::now());
        self.told.retain(|_, published| published.last.elapsed() < COUNTED);
        let NewEvent { warning, reason, note, times } = event;
        let told = Told { about: about.uid.clone(), event: (warning, reason, note.clone()) };
        if let Some(published) = self.told.get_mut(&told) {
            let (count, last) = (published.count.saturating_add(times), Instant::now());
            let series = json!({"series": {"count": count, "lastObservedTime": now}});
            match api.patch(&published.name, &PatchParams::default(), &Patch::Merge(series)).await {
                Ok(_) => {
                    (published.count, published.last) = (count, last);
                    return Ok(());
                }
                // It was kept for long enough, or somebody has deleted it.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        let name = format!("{}.{:016x}", about.name.as_deref().unwrap_or_default(), rand::random::<u64>());
        let created = Event {
            metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
            action: Some(reason.to_string()),
            event_time: Some(now.clone()),
            note: Some(cut(note, NOTE_BYTES)),
            reason: Some(reason.to_string()),
            regarding: Some(about.clone()),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            // An API server takes no series of one.
            series: (times > 1).then(|| EventSeries { count: times, last_observed_time: now.clone() }),
            type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
            ..Event::default()
        };
        api.create(&PostParams::default(), &created).await?;
        self.told.insert(told, Published { name, count: times, last: Instant::now() });
        Ok(())
    }
}
