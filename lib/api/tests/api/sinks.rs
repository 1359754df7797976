//! Sinks.

use chancery_api::{SinkFormat, SinkSpec, SourceSecret, TABLE_URL, validate};
use serde_json::{Value, json};

use crate::support::{accepted, refused, with};

fn validated(sinks: Value) -> Vec<SinkSpec> {
    validate(&accepted(&with("sinks", sinks))).unwrap().sinks
}

fn problem(sink: Value) -> String {
    let mut named = json!({"name": "out"});
    named.as_object_mut().unwrap().extend(sink.as_object().unwrap().clone());
    let problems = refused(&with("sinks", json!([named])));
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

fn objects(more: Value) -> Value {
    let mut objects = json!({"url": "file:///signed"});
    objects.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"objects": objects})
}

#[test]
fn each_kind_is_accepted_with_what_it_needs() {
    let sinks = validated(json!([
        {"name": "folder", "objects": {"url": "file:///signed"}},
        {"name": "bucket", "objects": {"url": "s3://signed/a", "endpoint": "https://s3.example", "region": "eu-west-1",
            "credentialsSecretRef": {"name": "key"}, "format": "Parquet", "layout": "{namespace}/{sink}/{run}-{batch}.parquet"}},
        {"name": "hook", "http": {"url": "https://hook.example/signed", "secretRef": {"name": "key"}}, "ordered": true},
        {"name": "near", "http": {"url": "http://127.0.0.1:8080/signed"}},
        {"name": "mine", "table": {"url": "postgres://writer@db.example/signed", "table": "public.signed"},
            "retryStrategy": {"limit": 19, "backoff": {"maxDuration": "1h"}}},
    ]));
    assert_eq!(sinks.len(), 5);
    assert!(!sinks[0].ordered && sinks[2].ordered);
    let folder = sinks[0].objects.as_ref().unwrap();
    assert_eq!((folder.format, folder.layout.as_ref()), (SinkFormat::Ndjson, None));
    assert_eq!(sinks[4].retry_strategy.as_ref().unwrap().limit, 19);
}

#[test]
fn a_sink_is_of_exactly_one_kind() {
    let both = json!({"objects": {"url": "file:///signed"}, "http": {"url": "https://hook.example"}});
    for sink in [json!({}), both] {
        let said = problem(sink);
        assert!(said.starts_with("spec.sinks[0]: "), "{said}");
        assert!(said.contains("needs exactly one of objects, http and table; name "), "{said}");
    }
}

#[test]
fn there_are_at_most_eight_and_each_has_a_name_of_its_own() {
    let sinks = |names: &[&str]| -> Value {
        let url = |place| format!("file:///signed/{place}");
        names
            .iter()
            .enumerate()
            .map(|(at, name)| json!({"name": name, "objects": {"url": url(at)}}))
            .collect()
    };
    validated(sinks(&["a", "b", "c", "d", "e", "f", "g", "h"]));
    for wrong in [sinks(&[]), sinks(&["a", "b", "c", "d", "e", "f", "g", "h", "i"])] {
        assert!(refused(&with("sinks", wrong))[0].starts_with("spec.sinks: "));
    }
    assert_eq!(
        refused(&with("sinks", sinks(&["a", "a"])))[0].split_once("must ").unwrap().1,
        "not have a name twice; give each sink a name of its own"
    );
    for name in ["", "Out", "a.b", "-a"] {
        let problems = refused(&with("sinks", sinks(&[name])));
        assert!(problems[0].starts_with("spec.sinks[0].name: "), "{problems:?}");
    }
}

#[test]
fn a_layout_gives_each_batch_of_each_run_a_name_below_the_url() {
    for good in [
        "{run}/{batch}",
        "{uid}/{batch}",
        "{run}/{uid}/{batch}",
        "{namespace}/{sink}/{run}/{batch}.ndjson.gz",
        "a=b/{run}-{batch}_.x/..c",
    ] {
        let sinks = validated(json!([{"name": "out", "objects": {"url": "file:///signed", "layout": good}}]));
        assert_eq!(sinks[0].objects.as_ref().unwrap().layout.as_deref(), Some(good));
    }
    for (layout, why) in [
        ("{run}.ndjson", "must name {run} or {uid}, and {batch}"),
        ("{batch}.ndjson", "must name {run} or {uid}, and {batch}"),
        ("{run}/{batch}/{record}", "may have ASCII letters"),
        ("{run}/{{batch}}", "may have ASCII letters"),
        ("{run}/{batch} x", "may have ASCII letters"),
        ("{run}/{batch}#1", "may have ASCII letters"),
        ("/{run}/{batch}", "must be a path below the url"),
        ("{run}//{batch}", "must be a path below the url"),
        ("{run}/../{batch}", "must be a path below the url"),
        ("./{run}/{batch}", "must be a path below the url"),
        ("{run}/{batch}/", "must be a path below the url"),
    ] {
        let said = problem(objects(json!({"layout": layout})));
        assert!(said.starts_with("spec.sinks[0].objects.layout: ") && said.contains(why), "{layout}: {said}");
    }
    let said = problem(objects(json!({"format": "Parquet", "layout": "{run}/{batch}.gz"})));
    assert!(said.contains("must not end with .gz for Parquet"), "{said}");
}

#[test]
fn no_two_sinks_want_the_same_names() {
    let two = |one: Value, other: Value| json!([{"name": "one", "objects": one}, {"name": "other", "objects": other}]);
    let at = |url: &str| json!({"url": url});
    let laid_out = |url: &str, layout: &str| json!({"url": url, "layout": layout});
    let of = |endpoint: &str| json!({"url": "s3://signed", "endpoint": endpoint});
    for good in [
        two(at("file:///a"), at("file:///b")),
        two(laid_out("file:///a", "{run}/{sink}/{batch}"), laid_out("file:///a", "{run}/{sink}/{batch}")),
        two(laid_out("file:///a", "one/{run}/{batch}"), laid_out("file:///a", "other/{run}/{batch}")),
        two(of("https://one.example"), of("https://other.example")),
        two(of("https://one.example"), at("s3://signed")),
    ] {
        assert_eq!(validated(good).len(), 2);
    }
    let parquet = json!({"url": "file:///a", "format": "Parquet"});
    for bad in [
        two(at("file:///a"), at("file:///a")),
        // Their manifests would have one name.
        two(at("file:///a"), parquet),
        two(of("https://one.example"), of("https://one.example")),
        two(laid_out("file:///a", "{run}/x/{batch}"), laid_out("file:///a", "{run}/x/{batch}")),
    ] {
        let said = refused(&with("sinks", bad.clone()));
        assert!(
            said.len() == 1 && said[0].contains("give them other urls, or layouts with {sink}"),
            "{bad}: {said:?}"
        );
    }
}

#[test]
fn no_url_holds_a_password_and_none_goes_in_clear_to_another_machine() {
    for (sink, why) in [
        (json!({"http": {"url": "http://hook.example"}}), "must begin with https://"),
        (json!({"http": {"url": "http://127.0.0.1.example/"}}), "must begin with https://"),
        (json!({"http": {"url": "https://u:secret@hook.example"}}), "must not hold a password"),
        (
            json!({"table": {"url": "postgres://u:secret@h/d", "table": "public.signed"}}),
            "must not hold a password",
        ),
        (
            json!({"table": {"url": "postgres:///d?password=secret", "table": "public.signed"}}),
            "must not hold a password",
        ),
        (json!({"table": {"table": "public.signed"}}), "give urlSecretRef"),
    ] {
        let said = problem(sink.clone());
        assert!(said.contains(why) && !said.contains("secret@"), "{sink}: {said}");
    }
}

#[test]
fn a_table_is_named_with_its_schema() {
    for table in ["signed", "a.b.c", "public.", ".signed", "public.\"signed\"", "public.signed; DROP"] {
        let said = problem(json!({"table": {"url": "postgres://u@h/d", "table": table}}));
        assert!(
            said.contains("must be a schema and a table") || said.contains("too short"),
            "{table}: {said}"
        );
    }
}

#[test]
fn retries_have_the_bounds_of_the_ledger() {
    for (retry, path) in [
        (json!({"limit": 20}), "spec.sinks[0].retryStrategy.limit: 20 must be at most 19 for a sink"),
        (
            json!({"backoff": {"maxDuration": "2h"}}),
            "spec.sinks[0].retryStrategy.backoff.maxDuration: \"2h\" must be at most 1h for a sink",
        ),
    ] {
        let mut sink = objects(json!({}));
        sink["retryStrategy"] = retry;
        let said = problem(sink);
        assert!(said.starts_with(path), "{said}");
    }
}

#[test]
fn a_sink_names_at_most_one_secret() {
    let sinks = validated(json!([
        {"name": "bucket", "objects": {"url": "s3://signed", "credentialsSecretRef": {"name": "one"}, "volumeClaim": "files"}},
        {"name": "hook", "http": {"url": "https://hook.example", "secretRef": {"name": "two"}}},
        {"name": "mine", "table": {"urlSecretRef": {"name": "three", "key": "uri"}, "table": "public.signed"}},
        {"name": "folder", "objects": {"url": "file:///signed"}},
    ]));
    let secrets: Vec<_> = sinks.iter().map(SinkSpec::secret).collect();
    let secret = |field, name, key| Some(SourceSecret { field, name, key });
    assert_eq!(
        secrets,
        [
            secret("objects.credentialsSecretRef", "one", None),
            secret("http.secretRef", "two", None),
            secret("table.urlSecretRef", "three", Some(("uri", TABLE_URL))),
            None
        ]
    );
    assert_eq!(sinks[0].volume_claim(), Some("files"));
    assert_eq!(sinks[1].volume_claim(), None);
}
