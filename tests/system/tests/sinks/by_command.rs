//! `chancery run` delivers: from a folder to a folder, to a sink that is away, and to one that refuses.

use std::fs;
use std::path::Path;

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, children_of, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::process::Child;

const PAGE: &str = include_str!("../../../../docs/operating/sinks.md");
const EXAMPLE: &str = include_str!("../../../../examples/folder-to-folder.yaml");

/// A run of 20 batches with one sink, a folder.
fn to(folder: &Path, more: &Value) -> Manifest {
    let mut sink = json!({"name": "out", "objects": {"url": format!("file://{}", folder.display())}});
    for (field, value) in more.as_object().into_iter().flatten() {
        sink[field] = value.clone();
    }
    Manifest::new().with("sinks", json!([sink]))
}

/// The same with a sink of which a refusal may be tried again once, where somebody else has put this file of the run's folder.
fn with_one_try(folder: &Path, taken: &Path) -> anyhow::Result<Manifest> {
    fs::create_dir(folder.join("demo"))?;
    fs::write(taken, "somebody else's")?;
    let backoff = json!({"duration": "1ms", "maxDuration": "1ms"});
    Ok(to(folder, &json!({"retryStrategy": {"limit": 1, "backoff": backoff}})))
}

/// The files of the run's folder.
fn delivered(folder: &Path) -> anyhow::Result<Vec<String>> {
    let files = fs::read_dir(folder.join("demo"))?;
    let mut names: Vec<_> = files
        .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    names.sort();
    Ok(names)
}

/// What an export of signed records has is what the files hold, one after the other.
async fn has_all(chancery: &Chancery, folder: &Path) -> anyhow::Result<()> {
    let exported = chancery.run(&["export", "demo", "signed"]).await?.expect_code(0)?.stdout;
    let mut found = String::new();
    // Behind the batches: their names are numbers.
    for name in delivered(folder)?.into_iter().filter(|name| !name.starts_with("manifest")) {
        found.push_str(&fs::read_to_string(folder.join("demo").join(name))?);
    }
    anyhow::ensure!(found == exported, "{} bytes instead of {}", found.len(), exported.len());
    Ok(())
}

/// What `chancery status` says of the run and of its sink.
async fn status(chancery: &Chancery) -> anyhow::Result<(String, Value)> {
    let shown = chancery.run(&["status", "demo", "-o", "json"]).await?.expect_code(0)?.json()?;
    let run = &shown["runs"][0];
    Ok((run["phase"].as_str().unwrap_or_default().to_owned(), run["sinks"][0].clone()))
}

fn pid_of(child: &Child) -> anyhow::Result<i32> {
    Ok(child.id().ok_or_else(|| anyhow::anyhow!("it has ended"))?.try_into()?)
}

/// Starts the run, and waits until all is signed, and known that the sink is away. Then only the delivery is left.
async fn until_only_the_sink_is_waited_for(
    chancery: &Chancery,
    ledger: &TestLedger,
    manifest: &Manifest,
) -> anyhow::Result<(Child, i32)> {
    let run = chancery.start_signing(manifest, &["--output", "json"])?;
    let is_away =
        "SELECT count(*) FROM chancery.sinks WHERE last_error LIKE 'the folder % is not there; create it'";
    eventually("the sink is away", async || {
        let found = sqlx::query_scalar::<_, i64>(is_away).fetch_one(ledger.ledger.pool()).await;
        found.is_ok_and(|found| found > 0)
    })
    .await;
    let supervisor = pid_of(&run)?;
    eventually("all is signed, and no signer is left", async || {
        let signed = "SELECT count(*) FROM chancery.signatures";
        let signed = sqlx::query_scalar::<_, i64>(signed).fetch_one(ledger.ledger.pool()).await;
        signed.is_ok_and(|signed| signed == 200) && children_of(supervisor).len() == 1
    })
    .await;
    Ok((run, children_of(supervisor)[0]))
}

/// Nothing is changed but the folders, which are the tests' own.
#[tokio::test]
async fn the_example_is_signed_and_delivered_by_the_commands_of_its_page() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let own = |text: &str| {
        let own = folder.path().display();
        text.replace("/tmp/payments", &format!("{own}/payments"))
            .replace("/tmp/signed", &format!("{own}/signed"))
    };
    let make = PAGE.lines().find(|line| line.starts_with("mkdir ")).expect("a line that makes folders");
    assert!(EXAMPLE.contains(&format!("# Make both to try it: {make}\n")), "{make}");
    assert!(std::process::Command::new("sh").arg("-c").arg(own(make)).status()?.success(), "{make}");

    let chancery = Chancery::on(&ledger.url)?;
    let file = chancery.write("folder-to-folder.yaml", &own(EXAMPLE))?;
    let run = ["run", "-f", file.to_str().expect("a path")];
    let ended = chancery.run(&run).await?.expect_code(0)?;
    let said = PAGE.lines().find(|line| line.contains("delivered  ")).expect("what is said");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(ended.stdout.lines().any(|line| words(line) == words(said)), "{}", ended.stdout);
    let files = fs::read_dir(folder.path().join("signed/folder-to-folder"))?.count();
    assert_eq!(files, 11, "ten batches, and the manifest");

    let mut commands = 0;
    for line in PAGE.lines().filter_map(|line| line.strip_prefix("chancery ")) {
        let command = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        // Nothing was given up, so nothing can be taken up again.
        if words.contains(&"folder-to-folder") && !words.contains(&"redrive") {
            let ended = chancery.run(&words).await?;
            assert_eq!(ended.code, Some(0), "{command}: {}", ended.stderr);
            commands += 1;
        }
    }
    assert_eq!(commands, 4, "status, verify, export and a list");
    Ok(())
}

#[tokio::test]
async fn a_sink_that_is_away_is_waited_for_also_by_a_later_command() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let (chancery, out) = (Chancery::on(&ledger.url)?, folder.path().join("out"));
    let manifest = to(&out, &json!({}));
    let (run, delivery) = until_only_the_sink_is_waited_for(&chancery, &ledger, &manifest).await?;
    let (phase, sink) = status(&chancery).await?;
    assert_eq!(phase, "Delivering");
    assert_eq!((&sink["delivered"], &sink["pending"], &sink["dead"]), (&0.into(), &20.into(), &0.into()));
    assert!(sink["unavailableSince"].is_string(), "{sink}");
    // What is stated of the signatures does not wait for sinks.
    eventually("both statements are made", async || {
        let made = "SELECT count(*) FROM chancery.statements";
        let made = sqlx::query_scalar::<_, i64>(made).fetch_one(ledger.ledger.pool()).await;
        made.is_ok_and(|made| made == 2)
    })
    .await;
    kill(Pid::from_raw(pid_of(&run)?), Signal::SIGINT)?;
    let ended = Ended::of(run).await?.expect_code(130)?;
    for said in ["the sink out cannot be reached, and is waited for", "the same command continues"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(!chancery_kit::is_running(delivery), "no delivery outlives it");
    assert!(!out.exists(), "what is not there is not made");

    fs::create_dir(&out)?;
    let summary = chancery.sign(&manifest, &["-o", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["audit"], &summary["signedNow"]), (&"passed".into(), &0.into()), "{summary}");
    assert_eq!(summary["sinks"][0]["delivered"], 20, "{summary}");
    has_all(&chancery, &out).await?;
    // Nothing is left to do.
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    assert_eq!(status(&chancery).await?.0, "Complete");
    Ok(())
}

#[tokio::test]
async fn a_sink_that_comes_back_gets_all_from_a_delivery_that_was_started_again() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let (chancery, out) = (Chancery::on(&ledger.url)?, folder.path().join("out"));
    let (run, delivery) =
        until_only_the_sink_is_waited_for(&chancery, &ledger, &to(&out, &json!({"ordered": true}))).await?;
    let supervisor = pid_of(&run)?;
    kill(Pid::from_raw(delivery), Signal::SIGKILL)?;
    eventually("another took its place", async || {
        let now = children_of(supervisor);
        now.len() == 1 && now[0] != delivery
    })
    .await;
    fs::create_dir(&out)?;
    let ended = Ended::of(run).await?.expect_code(0)?;
    for said in ["starting it again", "the sink out can be reached again"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert_eq!(ended.json()?["audit"], "passed");
    has_all(&chancery, &out).await
}

#[tokio::test]
async fn a_batch_that_a_sink_refuses_is_given_up_and_delivered_once_it_is_taken_up_again()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    let taken = folder.path().join("demo/0000000002.ndjson");
    let manifest = with_one_try(folder.path(), &taken)?;
    for _ in 0..2 {
        let ended = chancery.sign(&manifest, &["-o", "json"]).await?.expect_code(2)?;
        let summary = ended.json()?;
        assert_eq!(
            (&summary["audit"], &summary["sinks"][0]["dead"]),
            (&"passed".into(), &1.into()),
            "{summary}"
        );
        let said = "the run default/demo has deliveries that were given up: 1, the first of batch 2 to the sink out: another object is there";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    let tries: i32 = sqlx::query_scalar("SELECT attempts FROM chancery.deliveries WHERE state = 'Dead'")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(tries, 2, "once, and once again");
    assert_eq!(fs::read_to_string(&taken)?, "somebody else's");

    fs::remove_file(&taken)?;
    chancery.run(&["dead-letters", "redrive", "demo", "--deliveries"]).await?.expect_code(0)?;
    let summary = chancery.sign(&manifest, &["-o", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["audit"], &summary["sinks"][0]["dead"]), (&"passed".into(), &0.into()), "{summary}");
    has_all(&chancery, folder.path()).await
}

#[tokio::test]
async fn a_manifest_that_a_sink_refuses_is_given_up_and_delivered_once_it_is_taken_up_again()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    let taken = folder.path().join("demo/manifest.json");
    let manifest = with_one_try(folder.path(), &taken)?;
    for _ in 0..2 {
        let ended = chancery.sign(&manifest, &["-o", "json"]).await?.expect_code(2)?;
        let summary = ended.json()?;
        assert_eq!(
            (&summary["audit"], &summary["sinks"][0]["dead"]),
            (&"passed".into(), &0.into()),
            "{summary}"
        );
        let said =
            "the run default/demo has a manifest that was given up, of the sink out: another object is there";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }

    chancery.run(&["dead-letters", "redrive", "demo", "--deliveries"]).await?.expect_code(0)?;
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    assert_eq!(fs::read_to_string(&taken)?, "somebody else's");
    assert!(folder.path().join("demo/manifest-2.json").is_file());
    has_all(&chancery, folder.path()).await
}

#[tokio::test]
async fn a_sink_that_cannot_be_is_said_before_anything_is_stored_and_another_is_no_change_of_it()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let chancery = Chancery::on(&ledger.url)?;
    let sinks = |url: &str| Manifest::new().with("sinks", json!([{"name": "out", "objects": {"url": url}}]));
    let ended = chancery.sign(&sinks("ftp://host/signed"), &[]).await?.expect_code(2)?;
    assert!(
        ended.stderr.contains("sink out: ") && ended.stderr.contains("nothing was changed"),
        "{}",
        ended.stderr
    );
    let file = chancery.write("half.yaml", &sinks("s3://bucket/signed").to_string())?;
    let mut half = chancery.command(&["run", "-f", file.to_str().expect("a path")]);
    half.env("AWS_ACCESS_KEY_ID", "key").env_remove("AWS_SECRET_ACCESS_KEY");
    let ended = Ended::of(half.spawn()?).await?.expect_code(2)?;
    assert!(ended.stderr.contains("AWS_SECRET_ACCESS_KEY is not set"), "{}", ended.stderr);
    let runs: i64 =
        sqlx::query_scalar("SELECT count(*) FROM chancery.runs").fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(runs, 0);

    let run = to(folder.path(), &json!({}));
    chancery.sign(&run, &["--skip-audit"]).await?.expect_code(0)?;
    let ended = chancery.sign(&to(&folder.path().join("other"), &json!({})), &[]).await?.expect_code(2)?;
    assert!(ended.stderr.contains("spec.sinks: it is ["), "{}", ended.stderr);
    // What has its default is as if it were left out.
    let written_out = to(folder.path(), &json!({"ordered": false, "retryStrategy": {"limit": 3}}));
    chancery.sign(&written_out, &["--skip-audit"]).await?.expect_code(0)?;
    Ok(())
}
