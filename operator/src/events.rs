//! Publishes Events, one after the other, beside the reconciles: no run waits for what is only told.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::Recorder;
use tokio::sync::mpsc;

use crate::build::News;

/// Takes what is to be told.
#[derive(Clone, Debug)]
pub(crate) struct Teller(mpsc::UnboundedSender<(News, ObjectReference)>);

/// Tells it.
pub(crate) struct Telling {
    recorder: Recorder,
    pending: mpsc::UnboundedReceiver<(News, ObjectReference)>,
}

/// The two ends of a queue of Events.
pub(crate) fn queue(recorder: Recorder) -> (Teller, Telling) {
    let (sender, pending) = mpsc::unbounded_channel();
    (Teller(sender), Telling { recorder, pending })
}

impl Teller {
    /// Has an Event published about an object, soon.
    pub(crate) fn tell(&self, news: News, about: ObjectReference) {
        // Nobody listens only when the operator ends.
        let _told = self.0.send((news, about));
    }
}

impl Telling {
    /// Publishes what comes, for ever.
    pub(crate) async fn keep(&mut self) {
        while let Some((news, about)) = self.pending.recv().await {
            self.publish(news, &about).await;
        }
    }

    /// Publishes what is pending.
    pub(crate) async fn finish(&mut self) {
        while let Ok((news, about)) = self.pending.try_recv() {
            self.publish(news, &about).await;
        }
    }

    async fn publish(&self, news: News, about: &ObjectReference) {
        let reason = news.reason.clone();
        // An Event that is lost changes nothing: the conditions are the contract.
        if let Err(error) = self.recorder.publish(&news.into(), about).await {
            tracing::warn!(%error, reason, run = about.name, "an Event could not be published");
        }
    }
}
