//! Sinks: what the ledger is told of them.

use std::collections::HashMap;

use chancery_api::{ObjectsSink, RetryStrategySpec, SecretRef, SinkFormat, SinkSpec, ValidatedRun};
use chancery_reading::{Credentials, FinalError, PostError, Settings, check_url};
use chancery_sinks::{
    BadSink, ContentFormat, HttpAccess, HttpOfSink, HttpSink, ObjectSink, ObjectsOfSink, Of, PinnedSink,
    SinkDescription, TableOfSink, TableSink,
};
use chancery_store::{SinkOfRun, Sinks};
use uuid::Uuid;

use crate::access::{Access, AccessError, ServiceAccess};

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

/// A sink of a run without a cluster, as a manifest asks for it. A Secret is named there only to say that there is one: what is in it
/// comes from the environment.
///
/// # Errors
///
/// The ledger describes it in words that are not known.
pub fn asked(sink: &SinkOfRun) -> Result<SinkSpec, serde_json::Error> {
    let PinnedSink { kind, backoff } = serde_json::from_value(sink.description.clone())?;
    let mut asked = SinkSpec {
        name: sink.name.clone(),
        objects: None,
        http: None,
        table: None,
        ordered: sink.ordered,
        retry_strategy: Some(RetryStrategySpec { limit: sink.attempt_limit - 1, backoff }),
    };
    match kind {
        SinkDescription::Objects(ObjectsOfSink { url, endpoint, region, format, layout }) => {
            asked.objects = Some(ObjectsSink {
                url,
                endpoint,
                region,
                credentials_secret_ref: None,
                volume_claim: None,
                format: match format {
                    ContentFormat::Ndjson => SinkFormat::Ndjson,
                    ContentFormat::Parquet => SinkFormat::Parquet,
                },
                layout: Some(layout),
            });
        }
        SinkDescription::Http(HttpOfSink { url, signed }) => {
            let secret_ref = signed.then(|| SecretRef { name: sink.name.clone() });
            asked.http = Some(chancery_api::HttpSink { url, secret_ref });
        }
        SinkDescription::Table(TableOfSink { url, table }) => {
            asked.table = Some(chancery_api::TableSink { url, url_secret_ref: None, table });
        }
    }
    Ok(asked)
}

/// What a description of a sink, or of whoever is told, has wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDescription {
    /// A sink.
    #[error(transparent)]
    Sink(#[from] BadSink),
    /// Where requests are to go.
    #[error("http.url: {0}")]
    Url(PostError),
    /// Another sink of the run has such a name: of its first batch, or of its manifest.
    #[error(
        "objects.layout: its objects, or its manifest, would have the names of those of {0}; give it another url, or a layout with {{sink}}"
    )]
    SameNames(String),
}

/// Looks at what can be seen of the sinks of a run without asking anybody for it: the first that cannot be is named.
///
/// # Errors
///
/// What its description has wrong.
pub fn check(run: &ValidatedRun) -> Result<(), (String, BadDescription)> {
    // What is there is known by its store and its path in that.
    let mut taken: HashMap<(String, String), &str> = HashMap::new();
    for sink in &run.sinks {
        let checked = match described(sink) {
            SinkDescription::Objects(objects) => {
                // What it is checked for does not follow from the uid.
                let of = Of { uid: Uuid::nil(), namespace: &run.namespace, run: &run.name, sink: &sink.name };
                match ObjectSink::open(&objects, of, &Credentials::Anonymous, Settings::default()) {
                    Ok(open) => {
                        let store = store_of(&objects);
                        let other = open.first().into_iter().find_map(|path| {
                            taken
                                .insert((store.clone(), path), &sink.name)
                                .filter(|other| *other != sink.name)
                        });
                        other.map_or(Ok(()), |other| Err(BadDescription::SameNames(other.to_owned())))
                    }
                    // Its credentials, which are not at hand, say it.
                    Err(BadSink::Store(FinalError::NoAccount { .. })) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            }
            SinkDescription::Http(http) => check_url(&http.url).map_err(BadDescription::Url),
            // Its database may be named in a Secret, which is not at hand.
            SinkDescription::Table(_) => Ok(()),
        };
        checked.map_err(|error| (sink.name.clone(), error))?;
    }
    Ok(())
}

/// Which store it is: the url as far as its bucket, and where that is found.
fn store_of(objects: &ObjectsOfSink) -> String {
    let (scheme, rest) = objects.url.split_once("://").unwrap_or_default();
    let bucket = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{bucket} {}", objects.endpoint.as_deref().unwrap_or_default().trim_end_matches('/'))
}

/// Why a sink cannot be used as it is described.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The description itself.
    #[error(transparent)]
    Bad(#[from] BadDescription),
    /// What its requests are signed with, or the name of its table.
    #[error(transparent)]
    Sink(#[from] BadSink),
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
        // What it is looked at for does not follow from the uid.
        let of = Of { uid: Uuid::nil(), namespace: &run.namespace, run: &run.name, sink: &sink.name };
        looked_at(&described(sink), of, access).map_err(|error| (sink.name.clone(), error))?;
    }
    Ok(())
}

fn looked_at(sink: &SinkDescription, of: Of<'_>, access: &Access) -> Result<(), SinkError> {
    match sink {
        SinkDescription::Objects(objects) => drop(access.store(of.sink, &objects.url)?),
        SinkDescription::Http(http) => {
            let ServiceAccess { secret, token, authorities } = access.service(of.sink)?;
            HttpSink::open(&http.url, of, HttpAccess { secret, token, authorities })?;
        }
        SinkDescription::Table(table) => {
            let database = access.database(of.sink, table.url.as_deref())?;
            TableSink::open(database, &table.table, of)?;
        }
    }
    Ok(())
}

fn described(sink: &SinkSpec) -> SinkDescription {
    let SinkSpec { name: _, objects, http, table, ordered: _, retry_strategy: _ } = sink;
    if let Some(chancery_api::HttpSink { url, secret_ref }) = http {
        return SinkDescription::Http(HttpOfSink { url: url.clone(), signed: secret_ref.is_some() });
    }
    if let Some(chancery_api::TableSink { url, url_secret_ref: _, table }) = table {
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
            (
                json!({"http": {"url": "https://hook.example/signed", "signed": true}, "backoff": usual}),
                false,
                4,
            ),
            (json!({"table": {"table": "public.signed"}, "backoff": usual}), false, 4),
        ];
        let found: Vec<_> =
            pinned.into_iter().map(|sink| (sink.description, sink.ordered, sink.attempt_limit)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_run_that_is_made_as_another_was_has_its_sinks() {
        let given = run(json!([
            {"name": "lines", "objects": {"url": "s3://signed/a", "endpoint": "https://store.example", "layout": "x/{run}/{batch}"}},
            {"name": "rows", "objects": {"url": "file:///signed", "format": "Parquet"}, "ordered": true,
             "retryStrategy": {"limit": 0, "backoff": {"duration": "1s"}}},
            {"name": "hook", "http": {"url": "https://hook.example/signed", "secretRef": {"name": "key"}}},
            {"name": "open", "http": {"url": "https://open.example/signed"}},
            {"name": "mine", "table": {"url": "postgres://me@host/db", "table": "public.signed"}},
        ]));
        let pinned = for_ledger(&given.sinks);
        let asked: Vec<_> = pinned.0.iter().map(|sink| asked(sink).expect("a sink")).collect();
        let anew = run(serde_json::to_value(asked).expect("JSON"));
        assert_eq!(for_ledger(&anew.sinks), pinned);
        let of_another_day = SinkOfRun { description: json!({"tape": {}}), ..pinned.0[0].clone() };
        super::asked(&of_another_day).expect_err("nobody knows it");
    }

    #[test]
    fn a_url_that_cannot_be_is_said_before_a_run_is_made() {
        let bad = run(json!([
            {"name": "good", "objects": {"url": "s3://signed"}},
            {"name": "bad", "objects": {"url": "ftp://signed"}},
        ]));
        assert_eq!(check(&bad).expect_err("ftp is no store").0, "bad");
        for url in ["https://169.254.169.254/signed", "https://hook.example:port/"] {
            let bad = run(json!([{"name": "hook", "http": {"url": url}}]));
            assert_eq!(check(&bad).expect_err("nobody is sent there").0, "hook", "{url}");
        }
        let good = run(json!([
            {"name": "store", "objects": {"url": "az://signed"}},
            {"name": "hook", "http": {"url": "https://hook.example"}},
        ]));
        assert_eq!(check(&good), Ok(()));
    }

    #[test]
    fn two_sinks_that_want_the_same_names_are_said_before_a_run_is_made() {
        let two = |one: Value, other: Value| {
            check(&run(json!([{"name": "one", "objects": one}, {"name": "other", "objects": other}])))
        };
        let at = |url: &str, layout: &str| json!({"url": url, "layout": layout});
        let in_store = |endpoint: &str| json!({"url": "s3://signed", "endpoint": endpoint});
        for (one, other) in [
            (json!({"url": "file:///a"}), at("file:///a", "{run}/{batch}.ndjson")),
            (json!({"url": "file:///a/"}), json!({"url": "file:///a"})),
            (at("s3://signed/a", "{run}/{batch}"), at("s3://signed", "a/{run}/{batch}")),
            (at("s3://signed", "{run}/{batch}.ndjson"), at("s3://signed", "{run}/{batch}.gz")),
            (in_store("https://one.example"), in_store("https://one.example/")),
        ] {
            let said = two(one.clone(), other.clone());
            let expected = BadDescription::SameNames("one".to_owned());
            assert_eq!(said, Err(("other".to_owned(), expected)), "{one} {other}");
        }
        for (one, other) in [
            (at("s3://signed", "{run}/{batch}.ndjson"), at("s3://signed", "{run}/{sink}/{batch}.ndjson")),
            (at("s3://signed", "{run}/{sink}-{batch}"), at("s3://signed", "{run}/{sink}-{batch}")),
            (at("s3://signed", "{run}/{batch}"), at("gs://signed", "{run}/{batch}")),
            (in_store("https://one.example"), in_store("https://other.example")),
        ] {
            assert_eq!(two(one.clone(), other.clone()), Ok(()), "{one} {other}");
        }
    }

    #[test]
    fn a_table_whose_database_nobody_names_is_said_before_a_run_is_made() {
        let table = json!({"urlSecretRef": {"name": "key", "key": "url"}, "table": "public.signed"});
        let lacking = run(json!([{"name": "mine", "table": table}]));
        assert_eq!(check(&lacking), Ok(()), "a Secret may have it");
        let (name, error) = look_at(&lacking, &Access::Environment).expect_err("there is no Secret");
        assert!(name == "mine" && matches!(error, SinkError::Access(AccessError::NoUrl)), "{error}");
    }
}
