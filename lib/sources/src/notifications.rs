//! Notifications: what the ledger is told of them.

use chancery_api::{HttpNotification, NotificationSpec, SecretRef, ValidatedRun};
use chancery_reading::check_url;
use chancery_sinks::{HttpOfNotification, NotificationDescription};
use chancery_store::{NotificationOfRun, Notifications};

use crate::sinks::BadDescription;

/// With so many refusals, an event is given up.
const ATTEMPTS: i32 = 4;

/// The notifications of a run, as the ledger keeps them: without any secret.
#[must_use]
pub fn for_ledger(notifications: &[NotificationSpec]) -> Notifications {
    let of_run = |one: &NotificationSpec| {
        let NotificationSpec { name, http: HttpNotification { url, secret_ref }, events } = one;
        let described = NotificationDescription::Http(HttpOfNotification {
            url: url.clone(),
            signed: secret_ref.is_some(),
        });
        NotificationOfRun {
            name: name.clone(),
            description: serde_json::to_value(described).unwrap_or_default(),
            events: events.iter().map(|event| event.name().to_owned()).collect(),
            attempt_limit: ATTEMPTS,
        }
    };
    Notifications(notifications.iter().map(of_run).collect())
}

/// Whom a run without a cluster tells, as a manifest asks for it. A Secret is named there only to say that there is one: what is in it
/// comes from the environment.
///
/// # Errors
///
/// The ledger describes them in words that are not known.
pub fn asked(notification: &NotificationOfRun) -> Result<NotificationSpec, serde_json::Error> {
    let NotificationOfRun { name, description, events, attempt_limit: _ } = notification;
    let NotificationDescription::Http(HttpOfNotification { url, signed }) =
        serde_json::from_value(description.clone())?;
    let secret_ref = signed.then(|| SecretRef { name: name.clone() });
    let events = events.iter().map(|event| serde_json::from_value(event.clone().into()));
    Ok(NotificationSpec {
        name: name.clone(),
        http: HttpNotification { url, secret_ref },
        events: events.collect::<Result<_, _>>()?,
    })
}

/// Looks at what can be seen of whoever is told of a run, without asking anybody: the first that cannot be is named.
///
/// # Errors
///
/// What its description has wrong.
pub fn check(run: &ValidatedRun) -> Result<(), (String, BadDescription)> {
    for one in &run.notifications {
        check_url(&one.http.url).map_err(|error| (one.name.clone(), BadDescription::Url(error)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chancery_api::{SigningRun, SigningRunSpec, validate};
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn what_is_pinned_of_a_notification_has_no_secret() {
        let asked = json!([
            {"name": "ops", "http": {"url": "https://ops.example/events", "secretRef": {"name": "key"}},
             "events": ["run.completed", "batch.signed"]},
            {"name": "here", "http": {"url": "http://127.0.0.1:8080"}, "events": ["run.started"]},
        ]);
        let notifications = Some(from_value(asked).expect("notifications"));
        let spec = SigningRunSpec { notifications, ..SigningRunSpec::new(10, 1, 10) };
        let run = validate(&SigningRun::new("demo", spec)).expect("a run");
        let Notifications(pinned) = for_ledger(&run.notifications);
        let of = |name: &str, http, events: &[&str]| NotificationOfRun {
            name: name.to_owned(),
            description: json!({ "http": http }),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            attempt_limit: 4,
        };
        let signed = json!({"url": "https://ops.example/events", "signed": true});
        let plain = json!({"url": "http://127.0.0.1:8080", "signed": false});
        let expected =
            [of("ops", signed, &["run.completed", "batch.signed"]), of("here", plain, &["run.started"])];
        assert_eq!(pinned, expected);
        // Of one that is made as it was, the same is kept.
        let anew: Vec<_> = pinned.iter().map(|one| super::asked(one).expect("a notification")).collect();
        assert_eq!(for_ledger(&anew), Notifications(pinned));
        assert_eq!(check(&run), Ok(()));
    }

    #[test]
    fn nobody_is_told_where_machines_keep_their_credentials() {
        let asked = json!([{"name": "ops", "http": {"url": "https://metadata.google.internal/"}, "events": ["run.started"]}]);
        let notifications = Some(from_value(asked).expect("notifications"));
        let spec = SigningRunSpec { notifications, ..SigningRunSpec::new(10, 1, 10) };
        let run = validate(&SigningRun::new("demo", spec)).expect("a run");
        assert_eq!(check(&run).expect_err("a metadata service").0, "ops");
    }
}
