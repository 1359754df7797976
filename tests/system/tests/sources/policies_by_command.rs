//! Runs with a policy, by the commands of people.

use chancery_kit::{Chancery, Manifest, TestLedger};
use serde_json::{Value, json};

use crate::policies::policy;
use crate::{file, lines};

fn manifest(folder: &std::path::Path) -> Manifest {
    let sources = format!(
        "[{{name: files, objects: {{url: \"file://{}\"}}, format: {{type: NDJSON}}}}]",
        folder.display()
    );
    Manifest::new().without("recordCount").without("recordSize").with("sources", sources)
}

#[tokio::test]
async fn a_run_is_judged_by_the_policy_of_its_file_and_verified_by_what_was_pinned() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 12))?;
    let chancery = Chancery::on(&ledger.url)?;
    let run = manifest(folder.path());
    let summary = chancery.sign(&run.clone().judged_by("numbers", &policy()), &["-o", "json"]).await?;
    let summary = summary.expect_code(0)?.json()?;
    let wanted = json!({"received": 12, "admitted": 10, "duplicates": 0, "dead": 1, "rejected": 1, "flagged": 4, "alerts": 1});
    assert_eq!((&summary["arrivals"], &summary["audit"]), (&wanted, &json!("passed")));

    let export = async |what| -> anyhow::Result<Vec<Value>> {
        let lines = chancery.run(&["export", "demo", what]).await?.expect_code(0)?.stdout;
        lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    };
    let arrivals = export("arrivals").await?;
    let rejected = arrivals.iter().find(|arrival| arrival["state"] == "Rejected").expect("one");
    assert_eq!((&rejected["rule"], &rejected["reason"]), (&json!("not-three"), &json!("three is refused")));
    assert_eq!(rejected["policy"].as_str().map(str::len), Some(64), "{rejected}");
    let flagged = async |what| -> anyhow::Result<usize> {
        let is_flagged = |line: &&Value| line["flags"][0]["rule"] == "small";
        Ok(export(what).await?.iter().filter(is_flagged).count())
    };
    assert_eq!((flagged("records").await?, flagged("arrivals").await?), (4, 4));
    assert_eq!(export("dead-letters").await?[0]["rule"], "of-six");
    let listed = async |filter: [&str; 2]| -> anyhow::Result<usize> {
        let arguments = ["dead-letters", "list", "demo", "-o", "json", filter[0], filter[1]];
        let letters = chancery.run(&arguments).await?.expect_code(0)?.json()?;
        Ok(letters["deadLetters"].as_array().map_or(0, Vec::len))
    };
    assert_eq!((listed(["--rule", "of-six"]).await?, listed(["--rule", "small"]).await?), (1, 0));
    assert_eq!((listed(["--stage", "Policy"]).await?, listed(["--stage", "Parse"]).await?), (1, 0));
    assert_eq!(listed(["--reason", "no such reason"]).await?, 0);
    let verified = chancery.run(&["verify", "demo", "--policy"]).await?.expect_code(0)?.stdout;
    assert!(verified.contains("12 arrivals, 12 judged again"), "{verified}");

    // A changed policy holds for the next run, and this one goes on with its own.
    let edited =
        json!({"validations": [{"name": "none", "expression": "record.number < 0", "message": "none"}]});
    let again = chancery.sign(&run.clone().judged_by("numbers", &edited), &["-o", "json"]).await?;
    assert_eq!(again.expect_code(0)?.json()?["arrivals"], wanted);
    let next =
        chancery.sign(&run.clone().named("next").judged_by("numbers", &edited), &["-o", "json"]).await?;
    assert_eq!(next.expect_code(0)?.json()?["arrivals"]["rejected"], 12);
    let other = chancery.sign(&run.judged_by("others", &policy()), &[]).await?.expect_code(2)?;
    assert!(other.stderr.contains("spec.policyRef.name"), "{}", other.stderr);
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_missing_or_cannot_judge_a_run_is_refused_with_a_sentence() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 1))?;
    let chancery = Chancery::on(&ledger.url)?;
    let run = || manifest(folder.path());
    let wrong = json!({"validations": [{"name": "wrong", "expression": "row.number == 1", "message": "no"}]});
    let table = json!({
        "lookups": [{"name": "rates", "configMapRef": {"name": "fx"}}],
        "validations": [{"name": "known", "expression": "lookup('rates', record.number) == 1", "message": "no"}],
    });
    for (manifest, says) in [
        (
            run().with("policyRef", "{name: numbers}"),
            "judged by the policy numbers, which the file does not hold",
        ),
        (
            run().judged_by("others", &policy()).with("policyRef", "{name: numbers}"),
            "which the file does not hold",
        ),
        (run().judged_by("numbers", &policy()).without("policyRef"), "the run does not name it"),
        (run().judged_by("numbers", &wrong), "spec.validations[0].expression"),
        (run().judged_by("numbers", &table), "the ConfigMap fx is not there"),
        (Manifest::new().judged_by("numbers", &policy()), "applies to runs with sources only; leave it out"),
    ] {
        let refused = chancery.sign(&manifest, &[]).await?.expect_code(2)?;
        assert!(refused.stderr.contains(says), "{says:?} is not in {}", refused.stderr);
    }
    let runs: i64 =
        sqlx::query_scalar("SELECT count(*) FROM chancery.runs").fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(runs, 0);
    Ok(())
}
