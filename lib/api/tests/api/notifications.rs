//! Notifications.

use chancery_api::{EventType, NotificationSpec, SourceSecret, notification_folder, validate};
use serde_json::{Value, json};

use crate::support::{accepted, refused, sourced, with};

fn validated(notifications: Value) -> Vec<NotificationSpec> {
    validate(&accepted(&with("notifications", notifications))).unwrap().notifications
}

/// A notification with these fields, or others, in the place of its own.
fn one(more: &Value) -> Value {
    let mut one =
        json!({"name": "ops", "http": {"url": "https://ops.example/events"}, "events": ["run.completed"]});
    one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one
}

/// A run with a source that asks for confirmations, or does not, and these notifications.
fn asking(confirm: bool, notifications: Value) -> Value {
    let mut manifest = sourced();
    manifest["spec"]["sources"][0]["confirm"] = json!(confirm);
    manifest["spec"]["notifications"] = notifications;
    manifest
}

fn problem(more: &Value) -> String {
    let problems = refused(&with("notifications", json!([one(more)])));
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

#[test]
fn all_that_happens_can_be_told_to_whoever_is_near_or_far() {
    let all: Vec<_> = EventType::ALL.iter().map(|event| event.name()).collect();
    let notifications = json!([
        one(&json!({"events": all})),
        one(&json!({"name": "near", "http": {"url": "http://127.0.0.1:8080", "secretRef": {"name": "key"}}})),
    ]);
    let found = validate(&accepted(&asking(true, notifications))).unwrap().notifications;
    assert_eq!(found[0].events, EventType::ALL);
    let needed = SourceSecret { field: "http.secretRef", name: "key", key: None };
    assert_eq!((found[0].secret(), found[1].secret()), (None, Some(needed)));
    assert_eq!(notification_folder("near"), "notification.near");
}

#[test]
fn what_cannot_be_told_is_refused() {
    for (more, says) in [
        (json!({"events": ["run.paused"]}), "spec.notifications[0].events[0]"),
        (json!({"events": []}), "spec.notifications[0].events"),
        (json!({"events": ["run.started", "run.started"]}), "must not have an event twice"),
        (json!({"http": {"url": "http://ops.example/events"}}), "must begin with https://"),
        (json!({"http": {"url": "https://me:secret@ops.example/"}}), "must not hold a password"),
        (json!({"name": "Not a name"}), "spec.notifications[0].name"),
    ] {
        let said = problem(&more);
        assert!(said.contains(says), "{more}: {said}");
    }
}

#[test]
fn there_are_at_most_eight_and_each_has_a_name_of_its_own() {
    let named =
        |names: &[&str]| -> Value { names.iter().map(|name| one(&json!({ "name": name }))).collect() };
    validated(named(&["a", "b", "c", "d", "e", "f", "g", "h"]));
    for wrong in [named(&[]), named(&["a", "b", "c", "d", "e", "f", "g", "h", "i"])] {
        assert!(refused(&with("notifications", wrong))[0].starts_with("spec.notifications: "));
    }
    let twice = refused(&with("notifications", named(&["a", "a"])));
    assert!(twice[0].contains("must not have a name twice"), "{twice:?}");
}

#[test]
fn confirmations_are_asked_for_by_a_source_and_listed_by_a_notification_or_there_are_none() {
    let lists = || json!([one(&json!({"events": ["run.completed", "record.signed"]}))]);
    accepted(&asking(true, lists()));
    accepted(&asking(false, json!([one(&json!({}))])));
    let nobody = (
        "spec.sources: ",
        "must not ask for a confirmation that nobody gets; have a notification list record.signed",
    );
    let mut without = asking(true, Value::Null);
    without["spec"].as_object_mut().unwrap().remove("notifications");
    let nothing = (
        "spec.notifications: ",
        "must not list record.signed where no source asks for it; give a source confirm: true",
    );
    for (manifest, (path, says)) in [
        (asking(true, json!([one(&json!({}))])), nobody),
        (without, nobody),
        (asking(false, lists()), nothing),
        (with("notifications", lists()), nothing),
    ] {
        let said = refused(&manifest);
        assert!(said.len() == 1 && said[0].starts_with(path) && said[0].contains(says), "{said:?}");
    }
}
