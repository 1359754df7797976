//! What the sinks and the notifications of a run may name on a cluster. Whoever may write SigningRuns names Secrets, which an endpoint of theirs would see,
//! and claims, which would be written to: what may be named has to be allowed by whoever installed Chancery.

use std::str::FromStr;

use chancery_api::{NotificationSpec, SinkSpec, SourceSecret};
use serde::Deserialize;

use crate::run::names_allowed::{Files, NamesAllowed, table_without_secret};

/// What is allowed, as `delivery.allowed` of the chart's values lists it. Nothing is, unless it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SinksAllowed {
    /// What the names of Secrets may begin with.
    pub secret_prefixes: Vec<String>,
    /// What the names of PersistentVolumeClaims may begin with.
    pub claim_prefixes: Vec<String>,
}

impl FromStr for SinksAllowed {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

impl SinksAllowed {
    /// What the first sink or notification that asks for too much asks for, and what to do; none if all is allowed.
    #[must_use]
    pub fn refusal(&self, sinks: &[SinkSpec], notifications: &[NotificationSpec]) -> Option<String> {
        let of_sink = |sink: &SinkSpec| {
            let refused = self.secret(sink.secret()).or_else(|| self.files(sink)).or_else(|| table(sink))?;
            Some(format!("sink {}: {refused}", sink.name))
        };
        let of_notification = |notification: &NotificationSpec| {
            let refused = self.secret(notification.secret())?;
            Some(format!("notification {}: {refused}", notification.name))
        };
        sinks.iter().find_map(of_sink).or_else(|| notifications.iter().find_map(of_notification))
    }

    fn secret(&self, secret: Option<SourceSecret<'_>>) -> Option<String> {
        let secret = secret?;
        let value = "delivery.allowed.secretPrefixes";
        NamesAllowed { prefixes: &self.secret_prefixes, value }.secret(secret.field, secret.name)
    }

    fn files(&self, sink: &SinkSpec) -> Option<String> {
        let objects = sink.objects.as_ref()?;
        let (url, claim) = (&objects.url, objects.volume_claim.as_deref());
        let value = "delivery.allowed.claimPrefixes";
        NamesAllowed { prefixes: &self.claim_prefixes, value }.files(Files { url, claim, verb: "written to" })
    }
}

fn table(sink: &SinkSpec) -> Option<String> {
    let table = sink.table.as_ref()?;
    table.url_secret_ref.is_none().then(table_without_secret)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refusal(sink: Value) -> Option<String> {
        let prefixes = vec!["sink-".to_owned()];
        let allowed = SinksAllowed { secret_prefixes: prefixes, claim_prefixes: vec!["outbox-".to_owned()] };
        let mut named = json!({"name": "one"});
        named.as_object_mut().expect("a map").extend(sink.as_object().expect("a map").clone());
        allowed.refusal(&[serde_json::from_value(named).expect("a sink")], &[])
    }

    #[test]
    fn a_notification_names_secrets_by_the_same_prefixes() {
        let allowed = SinksAllowed { secret_prefixes: vec!["sink-".to_owned()], claim_prefixes: Vec::new() };
        let refused = |secret: &str| {
            let http = json!({"url": "https://ops.example/", "secretRef": {"name": secret}});
            let told = json!({"name": "ops", "http": http, "events": ["run.failed"]});
            allowed.refusal(&[], &[serde_json::from_value(told).expect("a notification")])
        };
        assert_eq!(refused("sink-ops"), None);
        let said = refused("chancery-kek").expect("it is refused");
        assert!(said.starts_with("notification ops: http.secretRef names the Secret chancery-kek"), "{said}");
    }

    #[test]
    fn a_secret_of_a_sink_is_named_by_a_prefix_that_is_allowed() {
        let objects = |secret: &str| json!({"objects": {"url": "s3://signed", "credentialsSecretRef": {"name": secret}}});
        let http =
            |secret: &str| json!({"http": {"url": "https://hook.example/", "secretRef": {"name": secret}}});
        let table = |secret: &str| json!({"table": {"urlSecretRef": {"name": secret, "key": "url"}, "table": "public.signed"}});
        for (sink, field) in [
            (&objects as &dyn Fn(&str) -> Value, "objects.credentialsSecretRef"),
            (&http, "http.secretRef"),
            (&table, "table.urlSecretRef"),
        ] {
            assert_eq!(refusal(sink("sink-a")), None, "{field}");
            assert_eq!(
                refusal(sink("chancery-kek")).expect("it is refused"),
                format!(
                    "sink one: {field} names the Secret chancery-kek, and wanted here is a name that begins with sink-; name another, or ask whoever installed Chancery to allow it in delivery.allowed.secretPrefixes of the chart's values"
                )
            );
            let said = refusal(sink("sink-a-delivery-0123456789")).expect("it is refused");
            assert!(said.contains("the Secrets of runs"), "{said}");
        }
        assert_eq!(refusal(json!({"objects": {"url": "s3://open"}})), None);
        let said = refusal(json!({"table": {"url": "postgres://u@db/d", "table": "public.signed"}}));
        assert!(said.expect("it is refused").contains("with table.urlSecretRef"));
    }

    #[test]
    fn files_of_a_sink_are_written_to_a_claim_that_is_allowed_and_inside_of_it() {
        let files = |url: &str, claim: Option<&str>| {
            let mut objects = json!({"url": url});
            if let Some(claim) = claim {
                objects["volumeClaim"] = json!(claim);
            }
            refusal(json!({ "objects": objects }))
        };
        assert_eq!(files("file:///volumes/outbox-a/signed", Some("outbox-a")), None);
        for (url, claim, wanted) in [
            ("file:///srv", None, "on a cluster files are written to a volume only"),
            ("file:///volumes/data", Some("data"), "delivery.allowed.claimPrefixes"),
            ("file:///volumes/outbox-a/../b", Some("outbox-a"), "without `..`"),
        ] {
            let said = files(url, claim).expect(url);
            assert!(said.starts_with("sink one: ") && said.contains(wanted), "{url}: {said}");
        }
    }
}
