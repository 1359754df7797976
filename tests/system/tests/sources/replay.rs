//! A run that reads another one again.

use std::time::Duration;

use chancery_kit::{Chancery, Manifest, SeededRun, TestLedger, TestRun};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::{counted, file, lines, payloads};

/// A signed run of some lines and three dead letters, of which one was not kept to its end.
async fn first<'l>(ledger: &'l TestLedger, folder: &std::path::Path) -> anyhow::Result<SeededRun<'l>> {
    let offered =
        lines(0, 30).chain(["no json".to_owned(), "nor this".to_owned(), "x".repeat((1 << 20) + 5)]);
    file(folder, "a.ndjson", offered)?;
    let run = TestRun::new().named("first").keys(1).keyring("shared");
    let run =
        run.reads_as("files", folder, &json!({"type": "NDJSON"})).created(ledger).await?.stocked().await?;
    run.take_in().await?;
    run.finish().await?;
    assert_eq!(counted(&run).await?, (33, 30, 0, 3));
    Ok(run)
}

#[tokio::test]
async fn dead_letters_are_read_again_as_they_were_kept() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let first = first(&ledger, folder.path()).await?;
    let again = TestRun::new().named("again").keys(1).keyring("shared").replays("first", "DeadLetters");
    let again = again.created_beside(&first).await?.stocked().await?;
    again.take_in().await?;
    assert_eq!(counted(&again).await?, (3, 2, 0, 1));
    assert_eq!(payloads(&again).await?, ["no json", "nor this"]);
    again.finish().await
}

/// Nothing is rejected by a run that has no policy.
#[tokio::test]
async fn what_a_run_rejected_is_nothing_and_is_said_to_be() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let first = first(&ledger, folder.path()).await?;
    let again = TestRun::new().named("again").keys(1).replays("first", "Rejected");
    let again = again.created_beside(&first).await?.stocked().await?;
    let (code, log) = again.start_intake("one").await?.ended().await?;
    assert_eq!((code, counted(&again).await?), (Some(0), (0, 0, 0, 0)), "{log}");
    assert!(log.contains("the run first rejected nothing"), "{log}");
    again.finish().await?;

    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().named("third").without("recordCount").without("recordSize");
    let manifest = manifest.with("sources", "[{name: again, run: {name: first, select: Rejected}}]");
    let summary = chancery.sign(&manifest, &["-o", "json"]).await?.expect_code(0)?;
    assert!(summary.stderr.contains("the run first rejected nothing"), "{}", summary.stderr);
    assert_eq!(summary.json()?["signed"], 0);
    Ok(())
}

#[tokio::test]
async fn all_of_a_run_is_duplicates_in_its_own_ring_and_signed_again_in_another() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let first = first(&ledger, folder.path()).await?;
    let same = TestRun::new().named("same").keys(1).keyring("shared").replays("first", "All");
    let same = same.created_beside(&first).await?.stocked().await?;
    let other = TestRun::new().named("other").keys(1).replays("first", "All");
    let other = other.created_beside(&first).await?.stocked().await?;
    for (run, counts) in [(&same, (33, 2, 30, 1)), (&other, (33, 32, 0, 1))] {
        run.take_in().await?;
        assert_eq!(counted(run).await?, counts);
        run.finish().await?;
    }
    Ok(())
}

#[tokio::test]
async fn generated_records_can_be_read_again_too() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let first = TestRun::new().named("first").records(2_500).seeded(&ledger).await?;
    let again = TestRun::new().named("again").keys(1).replays("first", "All");
    let again = again.created_beside(&first).await?.stocked().await?;
    again.take_in().await?;
    assert_eq!(counted(&again).await?, (2_500, 2_500, 0, 0));
    let same = "SELECT bool_and(a.payload = b.payload) FROM chancery.records a JOIN chancery.records b USING (record)
                 WHERE a.run_id = $1 AND b.run_id = $2";
    let same: bool = sqlx::query_scalar(same)
        .bind(first.run.id)
        .bind(again.run.id)
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert!(same);
    again.finish().await
}

#[tokio::test]
async fn a_run_that_is_not_there_is_said_so() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(1).replays("nowhere", "All").created(&ledger).await?.stocked().await?;
    let (code, log) = run.start_intake("one").await?.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(
        log.contains("the run nowhere cannot be read again: there is no other run of that name"),
        "{log}"
    );

    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().named("two").without("recordCount").without("recordSize");
    let manifest = manifest.with("sources", "[{name: again, run: {name: nowhere}}]");
    let before = ledger.fingerprint().await?;
    let refused = chancery.sign(&manifest, &[]).await?.expect_code(2)?;
    assert!(refused.stderr.contains("there is no run default/nowhere"), "{}", refused.stderr);
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

/// Each gets one sentence that says what to do, and leaves no run behind.
#[tokio::test]
async fn a_run_that_cannot_be_read_again_gets_a_sentence_and_leaves_the_ledger_as_it_was()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    TestRun::new().named("random").keys(1).records(20).seeded(&ledger).await?;
    TestRun::new().named("open").keys(1).records(20).created(&ledger).await?;
    let folder = tempfile::tempdir()?;
    let reading = TestRun::new().named("reading").keys(1).reads("files", folder.path());
    reading.created(&ledger).await?;
    for (name, set) in [("going", "deleted_at = clock_timestamp()"), ("cluster", "namespace_uid = uid")] {
        TestRun::new().named(name).keys(1).records(20).seeded(&ledger).await?;
        let set = AssertSqlSafe(format!("UPDATE chancery.runs SET {set} WHERE name = $1"));
        sqlx::query(set).bind(name).execute(ledger.ledger.pool()).await?;
    }
    let before = ledger.fingerprint().await?;
    let chancery = Chancery::on(&ledger.url)?;
    for (run, words) in [
        ("{name: random}", "source again: the run random has generated records"),
        ("{name: random, select: DeadLetters}", "read its records with run.select: All"),
        ("{name: open, select: All}", "the run open is not sealed yet"),
        ("{name: reading}", "the run reading is not sealed yet"),
        ("{name: going, select: All}", "the run going is being deleted"),
        ("{name: cluster, select: All}", "was made for a SigningRun of a cluster"),
    ] {
        let source = format!("[{{name: again, run: {run}}}]");
        let manifest = Manifest::new().named("two").without("recordCount").without("recordSize");
        let refused = chancery.sign(&manifest.with("sources", source), &[]).await?.expect_code(2)?;
        assert!(refused.stderr.contains(words), "{words}\n{}", refused.stderr);
        assert!(refused.stderr.contains("nothing was changed in the ledger"), "{}", refused.stderr);
        assert_eq!(ledger.fingerprint().await?, before, "{words}");
    }
    Ok(())
}

/// A signed run of five lines and a dead letter, made by a command.
async fn signed(chancery: &Chancery, folder: &std::path::Path) -> anyhow::Result<()> {
    let lines = (0..5).map(|number| format!("{{\"payment\": {number}}}")).chain(["no json".to_owned()]);
    file(folder, "a.ndjson", lines)?;
    let source = format!(
        "[{{name: files, objects: {{url: \"file://{}\"}}, format: {{type: NDJSON}}}}]",
        folder.display()
    );
    let manifest = Manifest::new().without("recordCount").without("recordSize").with("sources", source);
    let manifest = manifest.with("deadLetter", "{limit: 7, retention: 90m}");
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn dead_letters_are_listed_and_redriven_by_commands() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    signed(&chancery, folder.path()).await?;
    let listed =
        chancery.run(&["dead-letters", "list", "demo", "-o", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!(listed["deadLetters"][0]["bytes"], 7, "{listed}");
    let table = chancery.run(&["dead-letters", "list", "demo"]).await?.expect_code(0)?.stdout;
    assert!(table.contains("it is not one JSON value"), "{table}");
    let redrive = ["dead-letters", "redrive", "demo", "--into", "demo-2", "-o", "json"];
    let summary = chancery.run(&redrive).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&1.into(), &"passed".into()), "{summary}");
    let kept = ledger.ledger.find_run("default", "demo-2").await?;
    let sources = kept.input.sources().expect("sources");
    let first = ledger.ledger.find_run("default", "demo").await?;
    assert_eq!(Some(sources.dead_letter), first.input.sources().map(|sources| sources.dead_letter));
    assert_eq!((sources.dead_letter.limit, sources.dead_letter.retention.as_secs()), (7, 90 * 60));
    Ok(())
}

#[tokio::test]
async fn a_redrive_is_written_as_a_manifest_that_keeps_how_payloads_are_known() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 5).chain(["no json".to_owned()]))?;
    let first = TestRun::new().named("first").keys(1).keyring("shared").known_by("record.number");
    let first = first.dead_limit(9).digest_window(Duration::from_secs(7_200));
    let first = first.reads_as("files", folder.path(), &json!({"type": "NDJSON"}));
    let first = first.created(&ledger).await?.stocked().await?;
    first.take_in().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let redrive = ["dead-letters", "redrive", "first", "--into", "second", "-o", "yaml"];
    let written = chancery.run(&redrive).await?.expect_code(0)?.stdout;
    assert!(ledger.ledger.find_run("default", "second").await.is_err(), "nothing is made");
    let manifest = chancery_api::parse(&written)?;
    let written = serde_json::to_value(&manifest.spec)?;
    assert_eq!(
        written["idempotency"],
        json!({"by": "Expression", "expression": "record.number", "window": "2h"}),
        "{written}"
    );
    assert_eq!(written["deadLetter"], json!({"retention": "1h", "limit": 9}), "{written}");
    assert_eq!(written["keyringRef"], json!({"name": "shared"}), "{written}");
    assert_eq!(
        written["sources"],
        json!([{"name": "dead-letters", "confirm": false, "run": {"name": "first", "select": "DeadLetters"}}]),
        "{written}"
    );
    Ok(())
}

#[tokio::test]
async fn dead_letters_of_a_clusters_run_are_redriven_by_a_manifest_only() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    signed(&chancery, folder.path()).await?;
    let of_cluster = "UPDATE chancery.runs SET namespace_uid = uid";
    sqlx::query(of_cluster).execute(ledger.ledger.pool()).await?;
    let redrive = ["dead-letters", "redrive", "demo", "--into", "demo-2"];
    let refused = chancery.run(&redrive).await?.expect_code(2)?;
    let written = "`chancery dead-letters redrive default/demo --into demo-2 -o yaml`";
    assert!(refused.stderr.contains(written), "{}", refused.stderr);
    assert!(ledger.ledger.find_run("default", "demo-2").await.is_err(), "nothing is made");
    let manifest = chancery.run(&[&redrive[..], &["-o", "yaml"]].concat()).await?.expect_code(0)?.stdout;
    let manifest = chancery_api::parse(&manifest)?;
    assert_eq!(manifest.metadata.name.as_deref(), Some("demo-2"));
    assert_eq!(manifest.metadata.namespace.as_deref(), Some("default"));
    Ok(())
}
