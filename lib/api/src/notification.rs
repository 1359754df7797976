//! Who is told of what happens to a run, as a person asks for it.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::SecretRef;
use crate::source_secret::SourceSecret;

/// Whom to tell, and of what.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationSpec {
    /// Name of the notification, unique within the run: lower-case letters, digits and hyphens, at
    /// most 63 characters.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// Where events are sent, each as a CloudEvent.
    pub http: HttpNotification,

    /// Of what it is told.
    #[schemars(length(min = 1, max = 9))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other == one))")
        .message("must not have an event twice; leave out the second"))]
    pub events: Vec<EventType>,
}

/// A service that is told of events.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpNotification {
    /// Where they are sent: `https://HOST/PATH`, or `http://127.0.0.1:PORT/PATH` on the same machine. The service has to say that it takes
    /// them: it answers OPTIONS with `WebHook-Allowed-Origin`.
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new(r"self.startsWith('https://') || self.matches('^http://(localhost|127[.]0[.]0[.]1|\\[::1\\])(:[0-9]+)?(/|$)')")
        .message("must begin with https://, or be of this machine, such as http://127.0.0.1:8080/events"))]
    #[x_kube(validation = Rule::new("!self.matches('^[a-z]+://[^/]*@')")
        .message("must not hold a password; requests are signed with the key that secretRef names"))]
    pub url: String,

    /// The Secret of the run's namespace whose key `secret` requests are signed with, as Standard Webhooks has it. It may have
    /// ca.crt, the certificates in PEM of the authorities that vouch for the service, in the place of the public ones. `chancery run` has no
    /// Secrets: it takes the key from CHANCERY_WEBHOOK_SECRET in its own environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub secret_ref: Option<SecretRef>,
}

/// Something that happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EventType {
    /// The run is in the ledger.
    #[serde(rename = "run.started")]
    RunStarted,
    /// The run is complete: all is signed and, with sinks, delivered.
    #[serde(rename = "run.completed")]
    RunCompleted,
    /// The run failed, with reason and message; once for each reason.
    #[serde(rename = "run.failed")]
    RunFailed,
    /// A batch is signed.
    #[serde(rename = "batch.signed")]
    BatchSigned,
    /// A record is signed that came from a source with `confirm`; one event per record.
    #[serde(rename = "record.signed")]
    RecordSigned,
    /// A rule of the policy rejected payloads; one event tells of all that were rejected together.
    #[serde(rename = "record.rejected")]
    RecordRejected,
    /// Payloads could not become records; one event tells of all that were given up together.
    #[serde(rename = "record.dead")]
    RecordDead,
    /// The policy raised alerts; one event tells of all that were raised together.
    #[serde(rename = "policy.alert")]
    PolicyAlert,
    /// A batch was given up for a sink.
    #[serde(rename = "delivery.dead")]
    DeliveryDead,
}

impl EventType {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::RunStarted,
        Self::RunCompleted,
        Self::RunFailed,
        Self::BatchSigned,
        Self::RecordSigned,
        Self::RecordRejected,
        Self::RecordDead,
        Self::PolicyAlert,
        Self::DeliveryDead,
    ];

    /// As a manifest and the ledger have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunStarted => "run.started",
            Self::RunCompleted => "run.completed",
            Self::RunFailed => "run.failed",
            Self::BatchSigned => "batch.signed",
            Self::RecordSigned => "record.signed",
            Self::RecordRejected => "record.rejected",
            Self::RecordDead => "record.dead",
            Self::PolicyAlert => "policy.alert",
            Self::DeliveryDead => "delivery.dead",
        }
    }
}

/// The folder with what a notification needs, beside those of sinks: no sink has a dot in its name.
#[must_use]
pub fn notification_folder(name: &str) -> String {
    format!("notification.{name}")
}

impl NotificationSpec {
    /// The Secret that it is told with, if it names one. Its files are in the folder that [`notification_folder`] says.
    #[must_use]
    pub fn secret(&self) -> Option<SourceSecret<'_>> {
        let secret = self.http.secret_ref.as_ref()?;
        Some(SourceSecret { field: "http.secretRef", name: &secret.name, key: None })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn an_event_is_called_alike_in_a_manifest_and_in_the_ledger() {
        for event in EventType::ALL {
            assert_eq!(to_value(event).expect("a text"), json!(event.name()));
            assert_eq!(from_value::<EventType>(json!(event.name())).expect("an event"), event);
        }
    }
}
