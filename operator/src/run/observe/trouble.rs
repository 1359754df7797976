//! What the cluster says of pods that do not come to run. Of most causes nothing is in the status of a Job or a pod: a
//! missing ServiceAccount, a quota, a volume that cannot be mounted, a sandbox that cannot be made. Their Events tell.

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::run::apply::error::server_message;
use crate::run::context::Context;
use crate::run::decide::starting::{is_overdue, may_lack_something};
use crate::run::facts::{JobView, PodState, PodView, Trouble};

/// Of many Events, the first tell enough.
const MOST_EVENTS: u32 = 50;

/// What the Events say of a Job that has no pods, or of a pod that has not begun to run for long, or takes longer than its
/// volumes should; nothing is asked while pods come up as they should.
pub(super) async fn trouble(
    context: &Context,
    job: Option<&JobView>,
    pods: &[PodView],
    now: Timestamp,
) -> Option<Trouble> {
    let job = job.filter(|job| job.expects_pods())?;
    let (uid, since) = match pods {
        // A Job that was resumed may have had other troubles before.
        [] => (job.live.uid()?, job.started_at?),
        pods if pods.iter().any(|pod| matches!(pod.state, PodState::Running { .. })) => return None,
        pods => {
            let overdue = pods.iter().find(|pod| is_overdue(pod, now));
            let asked = overdue.or_else(|| pods.iter().find(|pod| may_lack_something(pod, now)))?;
            (asked.uid().to_owned(), Timestamp::MIN)
        }
    };
    let namespace = job.live.namespace().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(context.services.client.clone(), &namespace);
    let parameters = ListParams::default().fields(&format!("regarding.uid={uid}")).limit(MOST_EVENTS);
    match api.list(&parameters).await {
        Ok(events) => said(events.items, since),
        Err(error) => Some(Trouble::Unreadable(server_message(&error))),
    }
}

/// The last thing that was said: a warning, or else what is under way.
fn said(mut events: Vec<Event>, since: Timestamp) -> Option<Trouble> {
    let at = |event: &Event| {
        let series = event.series.as_ref().map(|series| series.last_observed_time.0);
        let deprecated = event.deprecated_last_timestamp.as_ref().map(|time| time.0);
        series
            .or(deprecated)
            .or_else(|| event.event_time.as_ref().map(|time| time.0))
            .unwrap_or(Timestamp::MIN)
    };
    let is_warning = |event: &Event| event.type_.as_deref() == Some("Warning");
    events.retain(|event| !is_warning(event) || at(event) >= since);
    let last = events.into_iter().max_by_key(|event| (is_warning(event), at(event)))?;
    Some(Trouble::Said {
        is_warning: is_warning(&last),
        reason: last.reason.unwrap_or_default(),
        message: last.note.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(type_: &str, reason: &str, at: &str) -> Event {
        serde_json::from_value(json!({
            "type": type_, "reason": reason, "note": "words", "deprecatedLastTimestamp": at,
        }))
        .expect("an Event")
    }

    fn reason_of(events: Vec<Event>) -> Option<String> {
        match said(events, Timestamp::UNIX_EPOCH)? {
            Trouble::Said { reason, .. } => Some(reason),
            Trouble::Unreadable(_) => None,
        }
    }

    #[test]
    fn the_last_warning_tells_more_than_what_is_under_way() {
        let pulling = || event("Normal", "Pulling", "2026-01-01T00:00:09Z");
        let mount = || event("Warning", "FailedMount", "2026-01-01T00:00:01Z");
        let sandbox = || event("Warning", "FailedCreatePodSandBox", "2026-01-01T00:00:05Z");
        assert_eq!(reason_of(vec![]), None);
        assert_eq!(reason_of(vec![pulling()]).as_deref(), Some("Pulling"));
        assert_eq!(reason_of(vec![mount(), pulling(), sandbox()]).as_deref(), Some("FailedCreatePodSandBox"));
    }

    #[test]
    fn a_trouble_of_before_the_job_was_resumed_is_over() {
        let refused = event("Warning", "FailedCreate", "1969-12-31T23:59:00Z");
        assert_eq!(reason_of(vec![refused]), None);
    }
}
