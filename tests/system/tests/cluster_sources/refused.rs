//! Sources that are refused: by the operator, and by the API server itself.

use chancery_kit::TestLedger;
use chancery_kit::bucket::Bucket;
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, condition};
use serde_json::{Value, json};

use crate::{install, source, spec};

#[tokio::test]
async fn sources_that_are_not_allowed_or_cannot_be_are_said_and_leave_the_ledger_as_it_was()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("refused").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let bucket = Bucket::serve().await?;
    let files = json!({"name": "files", "format": {"type": "Lines"}, "objects": {"url": "file:///etc"}});
    for (name, source, reason) in [
        ("kek", source(&bucket, "chancery-kek"), "SourceNotAllowed"),
        ("node", files, "SourceNotAllowed"),
        ("nobody", json!({"name": "again", "run": {"name": "unknown"}}), "SourceInvalid"),
    ] {
        let run = ClusterRun::new(&namespace, name).with_spec(spec(json!([source])));
        run.apply().await?;
        let failed = run.until_condition("Failed", "True").await;
        assert_eq!(failed["reason"], reason, "{failed}");
        assert!(!run.is_in(&ledger).await?, "{name}");
        assert!(condition(&run.get().await?, "Failed").is_some());
    }
    Ok(())
}

#[tokio::test]
async fn the_rules_for_sources_hold_on_an_api_server() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("rules").await?;
    let bucket = Bucket::serve().await?;
    let good = source(&bucket, "source-s3");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut spec = spec(json!([good]));
        change(&mut spec);
        spec
    };
    let cases: [(Value, &str); 7] = [
        (with(&|spec| spec["sources"][0]["run"] = json!({"name": "other"})), "needs exactly one of"),
        (
            with(&|spec| {
                spec["sources"][0].as_object_mut().map(|source| source.remove("format"));
            }),
            "format",
        ),
        (with(&|spec| spec["sources"] = json!([good, good])), "must not have a name twice"),
        (with(&|spec| spec["recordSize"] = json!(16)), "applies to generated records only"),
        (
            with(&|spec| spec["sources"][0]["format"]["header"] = json!(true)),
            "applies to the format CSV only",
        ),
        (with(&|spec| spec["sources"][0]["objects"]["volumeClaim"] = json!("Not A Name")), "volumeClaim"),
        (with(&|spec| spec["deadLetter"] = json!({"retention": "0s"})), "must be at least 1s"),
    ];
    for (spec, wanted) in cases {
        let run = ClusterRun::new(&namespace, "bad").with_spec(spec.clone());
        let refused = namespace.kubectl().try_apply(&run.manifest()).await?;
        assert!(refused.code != Some(0) && refused.stderr.contains(wanted), "{spec}: {refused:?}");
    }
    let run = ClusterRun::new(&namespace, "good").with_spec(spec(json!([good])));
    run.apply().await?;
    let mut other = good.clone();
    other["name"] = json!("another");
    let changed = ClusterRun::new(&namespace, "good").with_spec(spec(json!([other])));
    let refused = namespace.kubectl().try_apply(&changed.manifest()).await?;
    assert!(refused.stderr.contains("cannot change once the run exists"), "{refused:?}");
    let raised = ClusterRun::new(&namespace, "good")
        .with_spec(spec(json!([good])))
        .with("deadLetter", json!({"limit": 5, "retention": "1h"}));
    raised.apply().await
}
