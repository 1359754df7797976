//! Sinks: what the ledger is told of them.

use chancery_api::{HttpSink, ObjectsSink, RetryStrategySpec, SinkFormat, SinkSpec, TableSink, ValidatedRun};
use chancery_reading::{Credentials, FinalError, Settings};
use chancery_sinks::{
    BadSink, ContentFormat, HttpOfSink, ObjectSink, ObjectsOfSink, Of, PinnedSink, SinkDescription,
    TableOfSink,
};
use chancery_store::{SinkOfRun, Sinks};
use uuid::Uuid;

use crate::access::{Access, AccessError};

/// The sinks of a run, as the ledger keeps them: without any secret.
#[must_use]
pub fn for_ledger(sinks: &[SinkSpec]) -> Sinks {
    let of_run = |sink: &SinkSpec| {
        let RetryStrategySpec { limit, backoff } = sink.retry_strategy.clone().unwrap_or_default();
        let pinned = PinnedSink { kind: described(sink), backoff };
        SinkOfRun {
            name: sink.name.clone(),
            description: serde_json::to_value(pinned).unwrap_or_default(),
            ordered: sink.ordered,
            // The first attempt is no retry.
            attempt_limit: limit + 1,
        }
    };
    Sinks(sinks.iter().map(of_run).collect())
}

/// Looks at what can be seen of the sinks of a run without asking anybody for it: the first that cannot be is named.
///
/// # Errors
///
/// What its description has wrong.
pub fn check(run: &ValidatedRun) -> Result<(), (String, BadSink)> {
    for sink in &run.sinks {
        let SinkDescription::Objects(objects) = described(sink) else { continue };
        // What it is checked for does not follow from the uid.
        let of = Of { uid: Uuid::nil(), namespace: &run.namespace, run: &run.name, sink: &sink.name };
        match ObjectSink::open(&objects, of, &Credentials::Anonymous, Settings::default()) {
            // Its credentials, which are not at hand, say it.
            Err(BadSink::Store(FinalError::NoAccount { .. })) | Ok(_) => {}
            Err(error) => return Err((sink.name.clone(), error)),
        }
    }
    Ok(())
}

/// Why a sink cannot be used as it is described.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The description itself.
    #[error(transparent)]
    Bad(#[from] BadSink),
    /// The rights with which it is written to.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// Looks at the sinks of a run, and at the rights that there are for them, without asking anybody: one that is away is waited for. The first
/// that cannot be is named.
///
/// # Errors
///
/// [`SinkError`].
pub fn look_at(run: &ValidatedRun, access: &Access) -> Result<(), (String, SinkError)> {
    check(run).map_err(|(name, reason)| (name, reason.into()))?;
    for sink in &run.sinks {
        if let SinkDescription::Objects(objects) = described(sink) {
            let looked = access.store(&sink.name, &objects.url);
            looked.map_err(|reason| (sink.name.clone(), reason.into()))?;
        }
    }
    Ok(())
}

fn described(sink: &SinkSpec) -> SinkDescription {
    let SinkSpec { name: _, objects, http, table, ordered: _, retry_strategy: _ } = sink;
    if let Some(HttpSink { url, secret_ref }) = http {
        return SinkDescription::Http(HttpOfSink { url: url.clone(), signed: secret_ref.is_some() });
    }
    if let Some(TableSink { url, url_secret_ref: _, table }) = table {
        return SinkDescription::Table(TableOfSink { url: url.clone(), table: table.clone() });
    }
    // The schema has seen to it that there is one of them.
    let nothing = || ObjectsSink {
        url: String::new(),
        endpoint: None,
        region: None,
        credentials_secret_ref: None,
        volume_claim: None,
        format: SinkFormat::default(),
        layout: None,
    };
    let ObjectsSink { url, endpoint, region, credentials_secret_ref: _, volume_claim: _, format, layout } =
        objects.clone().unwrap_or_else(nothing);
    let format = match format {
        SinkFormat::Ndjson => ContentFormat::Ndjson,
        SinkFormat::Parquet => ContentFormat::Parquet,
    };
    let layout = layout.unwrap_or_else(|| format.layout().to_owned());
    SinkDescription::Objects(ObjectsOfSink { url, endpoint, region, format, layout })
}

#[cfg(test)]
mod tests {
    use chancery_api::{SigningRun, SigningRunSpec, validate};
    use serde_json::{Value, from_value, json};

    use super::*;

    fn run(sinks: Value) -> ValidatedRun {
        let sinks = from_value(sinks).expect("sinks");
        let spec = SigningRunSpec { sinks: Some(sinks), ..SigningRunSpec::new(10, 1, 10) };
        validate(&SigningRun::new("demo", spec)).expect("a run")
    }

    #[test]
    fn what_is_pinned_of_a_sink_has_its_defaults_and_no_secret() {
        let asked = run(json!([
            {"name": "lines", "objects": {"url": "s3://signed/a", "region": "eu-west-1", "credentialsSecretRef": {"name": "key"}}},
            {"name": "rows", "objects": {"url": "file:///signed", "volumeClaim": "files", "format": "Parquet"}, "ordered": true,
             "retryStrategy": {"limit": 0, "backoff": {"duration": "1s"}}},
            {"name": "hook", "http": {"url": "https://hook.example/signed", "secretRef": {"name": "key"}}},
            {"name": "mine", "table": {"urlSecretRef": {"name": "key", "key": "url"}, "table": "public.signed"}},
        ]));
        let Sinks(pinned) = for_ledger(&asked.sinks);
        let usual = json!({"duration": "2s", "factor": 2, "maxDuration": "1m", "jitter": "0.2"});
        let mut quick = usual.clone();
        quick["duration"] = json!("1s");
        let expected = [
            (
                json!({"objects": {"url": "s3://signed/a", "region": "eu-west-1", "format": "NDJSON", "layout": "{run}/{batch}.ndjson"}, "backoff": usual}),
                false,
                4,
            ),
            (
                json!({"objects": {"url": "file:///signed", "format": "Parquet", "layout": "{run}/{batch}.parquet"}, "backoff": quick}),
                true,
                1,
            ),
            (json!({"http": {"url": "https://hook.example/signed"}, "backoff": usual}), false, 4),
            (json!({"table": {"table": "public.signed"}, "backoff": usual}), false, 4),
        ];
        let found: Vec<_> =
            pinned.into_iter().map(|sink| (sink.description, sink.ordered, sink.attempt_limit)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_url_that_cannot_be_is_said_before_a_run_is_made() {
        let bad = run(json!([
            {"name": "good", "objects": {"url": "s3://signed"}},
            {"name": "bad", "objects": {"url": "ftp://signed"}},
        ]));
        assert_eq!(check(&bad).expect_err("ftp is no store").0, "bad");
        let good = run(json!([
            {"name": "store", "objects": {"url": "az://signed"}},
            {"name": "hook", "http": {"url": "https://hook.example"}},
        ]));
        assert_eq!(check(&good), Ok(()));
    }
}
