//! `chancery dead-letters` and `chancery gc`, and what they say.

use chancery_kit::{Chancery, Manifest, TestLedger, independent_audit};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::{file, lines};

fn manifest(folder: &std::path::Path) -> Manifest {
    let source = format!(
        "[{{name: files, objects: {{url: \"file://{}\"}}, format: {{type: NDJSON}}}}]",
        folder.display()
    );
    Manifest::new().without("recordCount").without("recordSize").with("sources", source)
}

/// A signed run of five lines and three dead letters.
async fn signed(chancery: &Chancery, folder: &std::path::Path) -> anyhow::Result<()> {
    let dead = ["no json", "nor this", "\u{7}\u{1b}[2J"];
    file(folder, "a.ndjson", lines(0, 5).chain(dead.map(str::to_owned)))?;
    chancery.sign(&manifest(folder), &[]).await?.expect_code(0)?;
    Ok(())
}

async fn asked(chancery: &Chancery, arguments: &[&str]) -> anyhow::Result<Value> {
    let arguments = [&["dead-letters"], arguments, &["-o", "json"]].concat();
    chancery.run(&arguments).await?.expect_code(0)?.json()
}

async fn refused(chancery: &Chancery, arguments: &[&str]) -> anyhow::Result<String> {
    let ended = chancery.run(&[&["dead-letters"], arguments].concat()).await?.expect_code(2)?;
    Ok(ended.stderr)
}

async fn holds(ledger: &TestLedger, chancery: &Chancery, run: &str) -> anyhow::Result<()> {
    chancery.run(&["verify", run]).await?.expect_code(0)?;
    let report = independent_audit(&ledger.url, "default", run).await?;
    assert!(report.as_ref().is_none_or(|report| report.holds), "{report:#?}");
    Ok(())
}

#[tokio::test]
async fn letters_are_selected_shown_discarded_and_redriven_into_another_run() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    signed(&chancery, folder.path()).await?;
    let names = async |more: &[&str]| -> anyhow::Result<Vec<(String, String)>> {
        let listed = asked(&chancery, &[&["list", "demo"], more].concat()).await?;
        let letters = listed["deadLetters"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(letters.iter().map(|letter| (text(&letter["letter"]), text(&letter["state"]))).collect())
    };
    let all = names(&[]).await?;
    assert!(all.len() == 3 && all.iter().all(|(_, state)| state == "kept"), "{all:?}");
    assert_eq!(names(&["--stage", "Policy"]).await?, []);
    assert_eq!(names(&["--older-than", "1h"]).await?, []);
    assert_eq!(names(&["--newer-than", "1h", "--source", "files"]).await?.len(), 3);
    assert_eq!(names(&["--selector", "bytes == 8 && stage == 'Parse'"]).await?, [all[1].clone()]);

    // As text where it can be shown, else in base64.
    let (first, third) = (all[0].0.as_str(), all[2].0.as_str());
    let shown = asked(&chancery, &["show", "demo", first]).await?;
    assert_eq!(
        (&shown["text"], &shown["bytes"], &shown["whole"]),
        (&json!("no json"), &json!(7), &json!(true))
    );
    assert_eq!((&shown["stage"], &shown["history"]), (&json!("Parse"), &json!([])), "{shown}");
    let hidden = asked(&chancery, &["show", "demo", third]).await?;
    assert_eq!((&hidden["text"], &hidden["raw"]), (&Value::Null, &json!("BxtbMko=")));
    let text = chancery.run(&["dead-letters", "show", "demo", first]).await?.expect_code(0)?.stdout;
    assert!(text.contains("Stage:     Parse\n") && text.ends_with("\nno json\n"), "{text}");

    let discarded = asked(&chancery, &["discard", "demo", "--selector", "bytes == 5"]).await?;
    assert_eq!(discarded, json!({"run": "default/demo", "act": 1, "discarded": 1}));
    let redrive = ["redrive", "demo", "--into", "demo-2", "--selector", "bytes == 7"];
    let summary = asked(&chancery, &redrive).await?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&json!(1), &json!("passed")), "{summary}");
    // Asked again, it goes on with what it was given.
    let again = asked(&chancery, &["redrive", "demo", "--into", "demo-2"]).await?;
    assert_eq!(again["signed"], 1, "{again}");
    let others = ["redrive", "demo", "--into", "demo-2", "--selector", "bytes == 8"];
    let said = refused(&chancery, &others).await?;
    let words = "that demo-2 reads were selected by `selector bytes == 7`, which is act 2";
    assert!(said.contains(words), "{said}");
    let states: Vec<String> = names(&[]).await?.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["redriven", "kept", "discarded"]);
    let third_shown = asked(&chancery, &["show", "demo", third]).await?;
    assert_eq!((&third_shown["state"], &third_shown["bytes"]), (&json!("discarded"), &Value::Null));
    let log = asked(&chancery, &["log", "demo"]).await?;
    let acts = log["acts"].as_array().expect("acts");
    assert_eq!((acts.len(), &acts[0]["kind"], &acts[1]["into"]), (2, &json!("Discard"), &json!("demo-2")));
    assert_eq!((&acts[1]["letters"], &acts[1]["selection"]), (&json!(1), &json!("selector bytes == 7")));
    assert!(acts.iter().all(|act| act["by"].as_str().is_some_and(|by| by.contains('@'))), "{log}");
    let table = chancery.run(&["dead-letters", "log", "demo"]).await?.expect_code(0)?.stdout;
    assert!(table.contains("read by demo-2") && table.contains("discarded"), "{table}");
    let table = chancery.run(&["dead-letters", "list", "demo"]).await?.expect_code(0)?.stdout;
    assert!(table.contains("redriven into demo-2"), "{table}");
    holds(&ledger, &chancery, "demo").await?;
    holds(&ledger, &chancery, "demo-2").await
}

/// A ring without a name is the run's own, and so is made anew with it.
#[tokio::test]
async fn the_run_that_signs_letters_has_the_envelope_and_the_sinks_of_the_first() -> anyhow::Result<()> {
    let (ledger, folder, brought) = (TestLedger::new().await?, tempfile::tempdir()?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    file(folder.path(), "a.ndjson", lines(0, 5).chain(["no json".to_owned()]))?;
    for (name, algorithm, envelope, content_type) in
        [("words", "EdDSA", "JWS", Some("JWT")), ("ether", "ES256K", "EIP191", None)]
    {
        let out = brought.path().join(name);
        std::fs::create_dir(&out)?;
        let sinks = format!("[{{name: out, objects: {{url: \"file://{}\"}}}}]", out.display());
        let first =
            manifest(folder.path()).named(name).with("algorithm", algorithm).with("envelope", envelope);
        let first = content_type.into_iter().fold(first, |first, text| first.with("contentType", text));
        chancery.sign(&first.with("sinks", sinks), &[]).await?.expect_code(0)?;
        let into = format!("{name}-2");
        let summary = asked(&chancery, &["redrive", name, "--into", &into]).await?;
        assert_eq!((&summary["signed"], &summary["audit"]), (&json!(1), &json!("passed")), "{summary}");

        let made = ledger.ledger.find_run("default", &into).await?.keyring;
        assert_eq!(
            (&*made.algorithm, &*made.envelope, made.content_type.as_deref()),
            (algorithm, envelope, content_type)
        );
        let exported = chancery.run(&["export", &into, "signed"]).await?.expect_code(0)?.stdout;
        assert_eq!(std::fs::read_to_string(out.join(&into).join("0000000001.ndjson"))?, exported);
        // As often as it is asked for, it is the same run.
        asked(&chancery, &["redrive", name, "--into", &into]).await?;
        holds(&ledger, &chancery, &into).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_its_dead_letters_suspend_takes_them_up_and_goes_on() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 20).chain((0..3).map(|number| format!("no json {number}"))))?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = manifest(folder.path()).with("deadLetter", "{limit: 2}");
    let stopped = chancery.sign(&manifest, &[]).await?.expect_code(2)?;
    assert!(stopped.stderr.contains("`chancery dead-letters redrive default/demo`"), "{}", stopped.stderr);
    let taken = asked(&chancery, &["redrive", "demo"]).await?;
    let wanted =
        json!({"run": "default/demo", "act": 1, "admitted": 3, "duplicates": 0, "rejected": 0, "dead": 0});
    assert_eq!(taken, wanted);
    let summary = chancery.sign(&manifest, &["-o", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&json!(23), &json!("passed")), "{summary}");
    let log = asked(&chancery, &["log", "demo"]).await?;
    assert_eq!(log["acts"][0]["became"]["admitted"], 3, "{log}");
    holds(&ledger, &chancery, "demo").await
}

/// Each gets one sentence that says what to do, and changes nothing.
#[tokio::test]
async fn what_cannot_be_done_with_letters_gets_a_sentence() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    signed(&chancery, folder.path()).await?;
    let before = ledger.fingerprint().await?;
    for (arguments, words) in [
        (
            &["discard", "demo"][..],
            "nothing says which dead letters of default/demo are discarded; give --stage",
        ),
        (&["discard", "demo", "--stage", "Fetch"], "no dead letter of the run default/demo is selected"),
        (&["discard", "nowhere", "--all"], "there is no run default/nowhere"),
        (
            &["redrive", "demo"],
            "the dead letters of the run default/demo are not redriven in it: it is sealed; name another run",
        ),
        (&["redrive", "demo", "-o", "yaml"], "name another run that reads them with --into"),
        (
            &["redrive", "demo", "--into", "demo-2", "--rule", "none"],
            "no dead letter of the run default/demo is selected",
        ),
        (&["list", "demo", "--selector", "verdict == 1"], "the selector: names `verdict`"),
        (&["list", "demo", "--selector", "age >"], "wanted is a CEL expression over a dead letter"),
        (&["list", "demo", "--older-than", "soon"], "soon"),
        (
            &["discard", "demo", "--reason", ""],
            "the reason that dead letters are selected by is empty, and would leave none out; give a text",
        ),
        (&["show", "demo", "files/1/999999"], "the run default/demo has no dead letter files/1/999999"),
        (&["show", "demo", "other/1/0"], "has no dead letter other/1/0"),
        (&["show", "demo", "files"], "a dead letter is named SOURCE/SPLIT/POSITION"),
    ] {
        let said = refused(&chancery, arguments).await?;
        assert!(said.contains(words), "{arguments:?}: {words}\n{said}");
    }
    // One of which the selector cannot say it is left out, which is said.
    let said = refused(&chancery, &["discard", "demo", "--selector", "record.amount > 1"]).await?;
    assert!(
        said.contains("the selector fails for 3, for the first because: the payload is not JSON"),
        "{said}"
    );
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn gc_removes_what_is_past_its_time_and_says_so() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    signed(&chancery, folder.path()).await?;
    let gc = async |more: &[&str]| chancery.run(&[&["gc"], more].concat()).await?.expect_code(0);
    assert!(gc(&[]).await?.stdout.contains("nothing is kept for longer than it is to be"));
    // As the superuser whom no trigger stops: all of it is 15 days old, and a policy is left behind.
    let mut owner = PgConnection::connect(&ledger.url).await?;
    for sql in [
        "SET session_replication_role = replica",
        "UPDATE chancery.arrivals SET arrived_at = arrived_at - interval '15 days'",
        "UPDATE chancery.intakes SET sweep_at = sweep_at - interval '15 days'",
        "INSERT INTO chancery.policies (hash, text) VALUES (sha256('{}'), '{}')",
        "INSERT INTO chancery.digests (digest, record, keyring_id, run_id) SELECT sha256('x'), 1, keyring_id, 9999 FROM chancery.runs",
        "INSERT INTO chancery.kept_digests (run_id, keyring_id, until) SELECT 9999, keyring_id, now() FROM chancery.runs",
    ] {
        sqlx::raw_sql(sql).execute(&mut owner).await?;
    }
    let before = ledger.fingerprint().await?;
    let due = json!([{"run": "default/demo", "letters": 3, "bytes": 20}]);
    let would = gc(&["--dry-run", "-o", "json"]).await?.json()?;
    assert_eq!(would, json!({"dryRun": true, "deadLetters": due, "digests": 1, "policies": 1}));
    assert!(gc(&["--dry-run"]).await?.stdout.contains("WOULD BE REMOVED"));
    assert_eq!(ledger.fingerprint().await?, before);
    let swept = gc(&["-o", "json"]).await?.json()?;
    assert_eq!(swept, json!({"dryRun": false, "deadLetters": due, "digests": 1, "policies": 1}));
    assert!(gc(&[]).await?.stdout.contains("nothing is kept for longer"));
    let kept = asked(&chancery, &["list", "demo"]).await?;
    assert_eq!(
        (&kept["deadLetters"][0]["state"], &kept["deadLetters"][0]["bytes"]),
        (&json!("swept"), &Value::Null)
    );
    // What was swept cannot be judged anew.
    let said = refused(&chancery, &["redrive", "demo", "--into", "demo-2"]).await?;
    assert!(said.contains("the bytes of 3 are not there to their end"), "{said}");
    Ok(())
}
