//! `chancery run` with sources, and what the other commands tell of such a run.

use std::collections::BTreeMap;

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, children_of, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::{file, lines};

fn manifest(sources: &str) -> Manifest {
    Manifest::new().without("recordCount").without("recordSize").with("sources", sources)
}

fn of_folder(folder: &std::path::Path, format: &str) -> String {
    format!(
        "[{{name: files, objects: {{url: \"file://{}\"}}, format: {{type: {format}}}}}]",
        folder.display()
    )
}

#[tokio::test]
async fn a_folder_of_files_is_signed_audited_and_exported() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 2_000).chain(lines(0, 10)).chain(["no json".to_owned()]))?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = manifest(&of_folder(folder.path(), "NDJSON"));
    let summary = chancery.sign(&manifest, &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&2_000.into(), &"passed".into()), "{summary}");
    assert_eq!(summary["arrivals"]["received"], 2_011, "{summary}");
    assert_eq!(summary["arrivals"]["duplicates"], 10, "{summary}");
    assert_eq!(summary["arrivals"]["dead"], 1, "{summary}");

    let export = async |what| {
        let lines = chancery.run(&["export", "demo", what]).await?.expect_code(0)?.stdout;
        lines
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<Value>, _>>()
            .map_err(anyhow::Error::from)
    };
    let records = export("records").await?;
    assert_eq!(records.len(), 2_000);
    assert_eq!(
        (&records[0]["source"], &records[0]["position"]),
        (&"files".into(), &0.into()),
        "{}",
        records[0]
    );
    assert_eq!(records[0]["digest"].as_str().map(str::len), Some(64));
    let mut states = BTreeMap::<String, usize>::new();
    for arrival in export("arrivals").await? {
        *states.entry(arrival["state"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let expected = [("Admitted", 2_000), ("Dead", 1), ("Duplicate", 10)];
    assert!(states.iter().map(|(state, count)| (state.as_str(), *count)).eq(expected), "{states:?}");
    let dead = export("dead-letters").await?;
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (&dead[0]["stage"], &dead[0]["raw"]),
        (&"Parse".into(), &"bm8ganNvbg==".into()),
        "{}",
        dead[0]
    );

    // Again: there is nothing left to do.
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    // Another source under the same name is another run.
    let other = manifest.with("sources", of_folder(folder.path(), "Lines"));
    let refused = chancery.sign(&other, &[]).await?.expect_code(2)?;
    assert!(refused.stderr.contains("spec.sources"), "{}", refused.stderr);
    Ok(())
}

#[tokio::test]
async fn a_run_with_too_many_dead_letters_says_so_and_goes_on_once_it_may() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 20).flat_map(|line| [line, "no json".to_owned()]))?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = manifest(&of_folder(folder.path(), "NDJSON"));
    let few = manifest.clone().with("deadLetter", "{limit: 3}");
    let stopped = chancery.sign(&few, &[]).await?.expect_code(2)?;
    assert!(stopped.stderr.contains("it has 20, and spec.deadLetter.limit allows 3"), "{}", stopped.stderr);
    let many = manifest.with("deadLetter", "{limit: 30}");
    let summary = chancery.sign(&many, &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!(summary["signed"], 20, "{summary}");
    Ok(())
}

/// Each gets one sentence that says what was given and what to do, and leaves no run behind.
#[tokio::test]
async fn bad_sources_get_a_sentence_and_leave_the_ledger_as_it_was() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 3))?;
    let chancery = Chancery::on(&ledger.url)?;
    let here = folder.path().display();
    let source = |objects: &str, format: &str| {
        manifest(&format!("[{{name: one, objects: {objects}, format: {format}}}]"))
    };
    let good = of_folder(folder.path(), "Lines");
    let before = ledger.fingerprint().await?;
    for (manifest, words) in [
        (
            source("{url: \"ftp://host/a\"}", "{type: Lines}"),
            "source one: objects.url is `ftp://host/a`, whose scheme is unknown",
        ),
        (
            source("{url: \"file:///nowhere/at/all\"}", "{type: Lines}"),
            "source one: the source file:///nowhere/at/all does not exist",
        ),
        (
            source(&format!("{{url: \"file://{here}\", include: [\"*.gz\"]}}"), "{type: Lines}"),
            "matches: 1 are there",
        ),
        (
            source(&format!("{{url: \"file://{here}\", include: [\"[\"]}}"), "{type: Lines}"),
            "the pattern `[` of objects.include cannot be read",
        ),
        (
            source("{url: \"s3://bucket\", endpoint: \"http://169.254.169.254\"}", "{type: Lines}"),
            "is refused",
        ),
        (source(&format!("{{url: \"file://{here}\"}}"), "{type: Text}"), "spec.sources[0].format.type"),
        (
            source(&format!("{{url: \"file://{here}\"}}"), "{type: Lines, delimiter: \";\"}"),
            "applies to the format CSV only",
        ),
        (manifest(&good).with("recordSize", 5), "spec.recordSize"),
        (manifest(&good).with("idempotency", "{by: Expression}"), "spec.idempotency.expression"),
        (manifest("[]"), "spec.sources"),
        (
            manifest(&format!("{}, {}", good.trim_end_matches(']'), good.trim_start_matches('['))),
            "must not have a name twice",
        ),
        (Manifest::new().without("recordCount"), "spec.recordCount"),
        (Manifest::new().with("deadLetter", "{limit: 3}"), "applies to runs with sources only"),
    ] {
        let ended = chancery.sign(&manifest, &[]).await?.expect_code(2)?;
        let said = ended.stderr.lines().last().unwrap_or_default();
        assert!(ended.stderr.contains(words), "{words}\n{}", ended.stderr);
        assert!(said.starts_with("error: ") || ended.stderr.contains("error: "), "{said}");
        assert_eq!(ledger.fingerprint().await?, before, "{words}");
    }
    Ok(())
}

#[tokio::test]
async fn status_shows_what_each_source_offered_how_far_it_is_and_what_its_last_error_was()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 20).chain(lines(0, 3)).chain(["no json".to_owned()]))?;
    file(folder.path(), "b.ndjson", lines(20, 30))?;
    let chancery = Chancery::on(&ledger.url)?;
    chancery.sign(&manifest(&of_folder(folder.path(), "NDJSON")), &[]).await?.expect_code(0)?;
    let status = async |arguments: &[&str]| chancery.run(arguments).await?.expect_code(0);
    let json = status(&["status", "demo", "-o", "json"]).await?.json()?;
    let run = &json["runs"][0];
    let arrivals = json!({
        "received": 34, "admitted": 30, "duplicates": 3, "dead": 1, "rejected": 0, "pending": 0, "flagged": 0, "alerts": 0,
    });
    assert_eq!(run["arrivals"], arrivals, "{json}");
    let source = json!({
        "name": "files", "listed": true, "splits": 2, "splitsDone": 2,
        "received": 34, "admitted": 30, "duplicates": 3, "dead": 1, "rejected": 0, "pending": 0, "attempts": 0,
    });
    assert_eq!(run["sources"], json!([source]), "{json}");
    let table = status(&["status", "demo"]).await?.stdout;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let of_source = table.lines().find(|line| line.trim_start().starts_with("files")).map(words);
    assert_eq!(of_source, Some(words("files 2/2 34 30 3 1 0 0 0")), "{table}");
    let of_all = table.lines().find(|line| line.trim_start().starts_with("all")).map(words);
    assert_eq!(of_all, Some(words("all 2/2 34 30 3 1 0 0")), "{table}");
    assert!(!status(&["status"]).await?.stdout.contains("SPLITS"));

    // What fails is shown until it goes on.
    let failing = "UPDATE chancery.sources SET listed_at = NULL, attempts = 4, last_error = 'no answer'";
    let mut owner = sqlx::PgConnection::connect(&ledger.url).await?;
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut owner).await?;
    sqlx::raw_sql(failing).execute(&mut owner).await?;
    let json = status(&["status", "demo", "-o", "json"]).await?.json()?;
    let source = &json["runs"][0]["sources"][0];
    assert_eq!((&source["attempts"], &source["lastError"]), (&4.into(), &"no answer".into()), "{json}");
    let table = status(&["status", "demo"]).await?.stdout;
    let of_source = table.lines().find(|line| line.trim_start().starts_with("files")).map(words);
    assert_eq!(of_source, Some(words("files - 34 30 3 1 0 0 4 no answer")), "{table}");

    // Nothing of it for records that are generated.
    let generated = Chancery::on(&ledger.url)?;
    generated.sign(&Manifest::new().named("random"), &[]).await?.expect_code(0)?;
    let json = generated.run(&["status", "random", "-o", "json"]).await?.expect_code(0)?.json()?;
    let run = &json["runs"][0];
    assert!(run.get("arrivals").is_none() && run.get("sources").is_none(), "{json}");
    Ok(())
}

#[tokio::test]
async fn an_intake_that_somebody_else_asks_to_stop_is_started_again() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 60_000))?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = manifest(&of_folder(folder.path(), "NDJSON")).with("batchSize", 1_000);
    let run = chancery.start_signing(&manifest, &["--output", "json", "--skip-audit"])?;
    eventually("it reads", async || {
        let received = "SELECT coalesce(sum(received), 0)::bigint FROM chancery.intakes";
        sqlx::query_scalar::<_, i64>(received)
            .fetch_one(ledger.ledger.pool())
            .await
            .is_ok_and(|received| received > 0)
    })
    .await;
    let command = i32::try_from(run.id().unwrap_or_default())?;
    let is_intake = |pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm"))
            .is_ok_and(|name| name.trim_end() == "chancery-intake")
    };
    let intake = children_of(command).into_iter().find(is_intake);
    kill(Pid::from_raw(intake.expect("it reads still")), Signal::SIGTERM)?;
    let summary = Ended::of(run).await?.expect_code(0)?.json()?;
    assert_eq!(summary["signed"], 60_000, "{summary}");
    Ok(())
}
