//! Manifests: whoever has the objects, requests or rows can tell by them, without the ledger, that none is missing and none was altered.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use chancery_kit::{
    Chancery, Conduct, DeliveryProcess, Finished, SeededRun, TestLedger, TestRun, WebhookServer, eventually,
    independent_program, server,
};
use chancery_statement::{StatementKey, TrustedKeys};
use chancery_stating::{Made, Step, step};
use chancery_store::delivery::DeliveryTask;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::places::{Kind, MANIFEST_TYPE, Places};
use crate::{LONG, is_complete, sign, standing};

fn url_of(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

/// A sink that is brought what it refused again at once.
fn to(folder: &Path, layout: &str) -> Value {
    json!({
        "objects": {"url": url_of(folder), "format": "NDJSON", "layout": layout},
        "backoff": {"duration": "1ms", "maxDuration": "2ms"},
    })
}

fn read(folder: &Path, name: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(folder.join(name)).context(name.to_owned())?)?)
}

/// Makes all statements about the run.
async fn state(run: &SeededRun<'_>, key: &StatementKey) -> anyhow::Result<()> {
    let mut made = Made::default();
    let now = || "2026-11-29T12:00:00Z".to_owned();
    while step(&run.ledger.ledger, &run.run, key, now, &mut made).await? != Step::Stated {}
    Ok(())
}

/// What the program of the page says of a folder, by its manifest.
async fn by_the_page(folder: &Path, manifest: &str) -> anyhow::Result<(Option<i32>, String)> {
    let page = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/manifests.md"),
    )?;
    let (_, program) = page.split_once("```python\n").context("a program")?;
    let (program, _) = program.split_once("```").context("its end")?;
    let mut command = Command::new("python3");
    command.args(["-c", program, manifest]).current_dir(folder).stdin(Stdio::null());
    let ended = command.output().await?;
    Ok((ended.status.code(), String::from_utf8(ended.stderr)?))
}

#[tokio::test]
async fn a_manifest_names_every_object_keys_and_statements_and_shows_offline_that_nothing_is_missing()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = TestRun::new().records(45).envelope("JWS");
    let run = run.sink_to("out", &url_of(folder.path()), &json!({"layout": "{run}/{batch}.ndjson.gz"}));
    let run = run.seeded(&ledger).await?;
    assert_eq!(ledger.ledger.state_manifests(&run.run).await?, 1);
    sign(&run).await?;
    let mut delivery = run.start_delivery("me").await?;
    eventually("every batch is there", async || standing(&run).await.is_ok_and(|sinks| sinks == [(5, 0, 0)]))
        .await;
    assert!(!is_complete(&run).await?, "the manifest waits for the statements, and the run for the manifest");
    let (key, _) = StatementKey::generate()?;
    state(&run, &key).await?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert!(is_complete(&run).await?);
    run.assert_audit_holds().await?;

    let manifest = read(folder.path(), "demo/manifest.json")?;
    assert_eq!(manifest["counts"], json!({"records": 45, "batches": 5, "delivered": 5, "dead": 0}));
    assert_eq!(manifest["objects"][4]["lastRecord"], 45);
    assert_eq!((&manifest["uid"], &manifest["manifest"]), (&json!(run.run.uid), &json!(1)));
    let chancery = Chancery::on(&ledger.url)?;
    let jwks = chancery.run(&["export", "demo", "jwks"]).await?.expect_code(0)?;
    let jwks: Value = serde_json::from_str(&jwks.stdout)?;
    let known = jwks["keys"].as_array().context("keys")?;
    let keys = manifest["keys"].as_array().context("keys")?;
    assert!(!keys.is_empty() && keys.iter().all(|key| known.contains(key)), "{keys:?}");
    let stated = chancery.run(&["export", "demo", "statements"]).await?.expect_code(0)?;
    let stated: Vec<Value> = stated.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(manifest["statements"], json!(stated));
    let mut trusted = TrustedKeys::default();
    trusted.trust(&key.public().to_pem())?;
    for statement in stated {
        serde_json::from_value::<chancery_statement::Envelope>(statement)?.open(&trusted)?;
    }

    // Whoever has the folder alone, and the public key of statements.
    let (at, pem) = (folder.path().join("demo/manifest.json"), folder.path().join("statement.pub"));
    std::fs::write(&pem, key.public().to_pem())?;
    let (at, pem, folder_name) =
        (at.to_string_lossy(), pem.to_string_lossy(), folder.path().to_string_lossy());
    let check = async || {
        independent_program("check_manifest", &[&at, "--folder", &folder_name, "--trusted-key", &pem]).await
    };
    let whole = check().await?;
    assert!(whole.as_ref().is_none_or(|found| found.code == 0), "{whole:?}");
    assert_eq!(by_the_page(folder.path(), "demo/manifest.json").await?, (Some(0), String::new()));
    let object = folder.path().join("demo/0000000003.ndjson.gz");
    let kept = std::fs::read(&object)?;
    // Altered, gone, or another one in its place.
    let other = std::fs::read(folder.path().join("demo/0000000002.ndjson.gz"))?;
    for now in [Some(other), None] {
        match now {
            Some(bytes) => std::fs::write(&object, bytes)?,
            None => std::fs::remove_file(&object)?,
        }
        let found = check().await?;
        assert!(
            found.as_ref().is_none_or(|found| found.code == 1 && found.stdout.contains("batch 3")),
            "{found:?}"
        );
        let (code, said) = by_the_page(folder.path(), "demo/manifest.json").await?;
        assert_eq!((code, said.as_str()), (Some(1), "batch 3 is not there\n"));
    }
    std::fs::write(&object, kept)?;
    // A manifest that somebody else has made, without the last batch.
    let mut shorter = manifest.clone();
    shorter["objects"].as_array_mut().context("objects")?.pop();
    shorter["counts"] = json!({"records": 40, "batches": 4, "delivered": 4, "dead": 0});
    std::fs::write(folder.path().join("demo/manifest.json"), shorter.to_string())?;
    assert_eq!(by_the_page(folder.path(), "demo/manifest.json").await?.0, Some(0), "that believes it");
    let found = check().await?;
    assert!(
        found.as_ref().is_none_or(|found| found.code == 1 && found.stdout.contains("Sealed")),
        "{found:?}"
    );
    Ok(())
}

/// The statement of the page that says which batches of a table are not whole.
fn by_the_table() -> anyhow::Result<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/manifests.md");
    let page = std::fs::read_to_string(page)?;
    let (_, sql) = page.split_once("```sql\n").context("a statement")?;
    Ok(sql.split_once("```").context("its end")?.0.to_owned())
}

/// Whoever has what a service was sent, or the rows of a table, and the public key of statements. Of some records, a policy said something; some
/// came in a trace.
#[tokio::test]
async fn a_service_and_a_table_get_manifests_that_show_offline_that_nothing_is_missing() -> anyhow::Result<()>
{
    let (ledger, files) = (TestLedger::new().await?, tempfile::tempdir()?);
    let events: String = (0..9)
        .map(|n| {
            let trace = (n % 2 == 0).then(|| format!("00-{:032x}-{:016x}-01", n + 1, n + 1));
            let event = json!({"specversion": "1.0", "type": "t", "source": "s", "id": n.to_string(), "n": n, "traceparent": trace});
            format!("{event}\n")
        })
        .collect();
    std::fs::write(files.path().join("a.ndjson"), events)?;
    let policy = json!({
        "validations": [{"name": "small", "expression": "record.n < 7", "message": "a \"large\" n\u{fc}mber", "action": "Flag"}],
        "scores": [{"name": "odd", "expression": "record.n % 2 == 1", "points": 30}],
        "thresholds": {"reject": 1000},
    });
    let places = Places::new(server(), &ledger, &[Kind::Http, Kind::Table]).await?;
    let run = TestRun::new().keys(1).batch_size(4).judged_by("numbers", &policy);
    let run = run.reads_as("files", files.path(), &json!({"type": "CloudEvents"}));
    let run = places.to_all(run).created(&ledger).await?.stocked().await?;
    assert_eq!(ledger.ledger.state_manifests(&run.run).await?, 2);
    run.take_in().await?;
    sign(&run).await?;
    let (key, _) = StatementKey::generate()?;
    state(&run, &key).await?;
    places.bring(&run).await?;
    places.have_all(&run).await?;
    run.assert_audit_holds().await?;

    let kept = tempfile::tempdir()?;
    let at = |name: &str| kept.path().join(name).to_string_lossy().into_owned();
    std::fs::write(at("statement.pub"), key.public().to_pem())?;
    let check = async |manifest: &str, more: [&str; 2]| {
        let (manifest, pem) = (at(manifest), at("statement.pub"));
        independent_program("check_manifest", &[&[&manifest, "--trusted-key", &pem][..], &more[..]].concat())
            .await
    };
    let says = |found: &Option<Finished>, code: i32, words: &str| {
        found.as_ref().is_none_or(|found| found.code == code && found.stdout.contains(words))
    };

    // A service keeps each body under its id, or adds it to a file.
    std::fs::create_dir(at("bodies"))?;
    let mut lines = BTreeMap::new();
    for call in places.http.calls() {
        let id = call.headers.get("webhook-id").context("an id")?;
        if call.headers.get("content-type").is_some_and(|is| is == MANIFEST_TYPE) {
            std::fs::write(at("of-http.json"), &call.body)?;
        } else {
            std::fs::write(kept.path().join("bodies").join(id), &call.body)?;
            lines.insert(id.clone(), call.body);
        }
    }
    // In the order of ids, which is that of no batches.
    std::fs::write(at("lines"), lines.values().map(String::as_str).collect::<String>())?;
    for more in [["--folder", &at("bodies")], ["--lines", &at("lines")]] {
        let found = check("of-http.json", more).await?;
        assert!(says(&found, 0, "complete: 9 records in 3 batches"), "{more:?}: {found:?}");
    }
    assert_eq!(
        by_the_page(&kept.path().join("bodies"), &at("of-http.json")).await?,
        (Some(0), String::new())
    );
    let (gone, _) = lines.pop_first().context("a body")?;
    std::fs::remove_file(kept.path().join("bodies").join(gone))?;
    std::fs::write(at("lines"), lines.values().map(String::as_str).collect::<String>())?;
    for more in [["--folder", &at("bodies")], ["--lines", &at("lines")]] {
        let found = check("of-http.json", more).await?;
        assert!(says(&found, 1, "NOT COMPLETE"), "{more:?}: {found:?}");
    }
    let (code, said) = by_the_page(&kept.path().join("bodies"), &at("of-http.json")).await?;
    assert!(code == Some(1) && said.ends_with("is not there\n"), "{said}");

    // Of a table, the rows.
    let manifest: String = sqlx::query_scalar("SELECT manifest::text FROM public.signed_manifests")
        .fetch_one(ledger.ledger.pool())
        .await?;
    std::fs::write(at("of-table.json"), manifest)?;
    let rows = async || -> anyhow::Result<()> {
        let rows = "SELECT to_json(s)::text FROM public.signed s ORDER BY digest";
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(ledger.ledger.pool()).await?;
        Ok(std::fs::write(at("rows"), rows.join("\n"))?)
    };
    let not_whole = async || -> anyhow::Result<Vec<i64>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(by_the_table()?)).fetch_all(ledger.ledger.pool()).await?;
        Ok(rows.iter().map(|row| sqlx::Row::get(row, "batch")).collect())
    };
    rows().await?;
    let found = check("of-table.json", ["--rows", &at("rows")]).await?;
    assert!(says(&found, 0, "complete: 9 records in 3 batches"), "{found:?}");
    assert_eq!(not_whole().await?, [0_i64; 0]);
    for (altered, batch, words) in [
        ("UPDATE public.signed SET marks = '{\"hits\": []}' WHERE record = 8", None, "batch 2: "),
        ("UPDATE public.signed SET traceparent = NULL WHERE record = 1", None, "batch 1: "),
        ("UPDATE public.signed SET payload = 'another' WHERE record = 9", Some(3), "batch 3: "),
        ("DELETE FROM public.signed WHERE record = 9", Some(3), "batch 3: record 9 is not there"),
    ] {
        ledger.execute(altered).await?;
        rows().await?;
        let found = check("of-table.json", ["--rows", &at("rows")]).await?;
        assert!(says(&found, 1, words), "{altered}: {found:?}");
        assert_eq!(not_whole().await?, batch.into_iter().collect::<Vec<i64>>(), "{altered}");
    }
    Ok(())
}

/// What is dead is named with its reason, and once it is taken up again and delivered, another manifest says so.
#[tokio::test]
async fn after_a_dead_letter_is_delivered_another_manifest_takes_the_place_of_the_first() -> anyhow::Result<()>
{
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = TestRun::new().records(30).sink_of("out", to(folder.path(), "all/{run}-{batch}"));
    let run = run.seeded(&ledger).await?;
    sign(&run).await?;
    std::fs::create_dir(folder.path().join("all"))?;
    let taken = folder.path().join("all/demo-0000000002");
    std::fs::write(&taken, "somebody else's")?;
    run.bring().await?;
    assert_eq!(standing(&run).await?, [(2, 1, 0)]);
    let first = read(folder.path(), "all/demo.manifest.json")?;
    let why = first["objects"][1]["dead"].as_str().context("a reason")?;
    assert!(why.starts_with("another object is there under the name"), "{why}");
    assert_eq!(first["counts"], json!({"records": 30, "batches": 3, "delivered": 2, "dead": 1}));
    assert_eq!(first["statements"], json!([]), "nobody states anything of this run");
    run.assert_audit_holds().await?;

    std::fs::remove_file(&taken)?;
    let redrive = ["dead-letters", "redrive", "demo", "--deliveries"];
    Chancery::on(&ledger.url)?.run(&redrive).await?.expect_code(0)?;
    assert!(is_complete(&run).await?);
    run.assert_audit_holds().await?;
    run.bring().await?;
    assert_eq!(standing(&run).await?, [(3, 0, 0)]);
    let second = read(folder.path(), "all/demo.manifest-2.json")?;
    assert_eq!(second["counts"], json!({"records": 30, "batches": 3, "delivered": 3, "dead": 0}));
    assert_eq!(
        (&second["objects"][1]["name"], &second["manifest"]),
        (&json!("all/demo-0000000002"), &json!(2))
    );
    assert_eq!(read(folder.path(), "all/demo.manifest.json")?, first, "the first one stays");
    assert_eq!(by_the_page(folder.path(), "all/demo.manifest-2.json").await?.0, Some(0));
    run.assert_audit_holds().await
}

/// Something is taken up again while the manifest is on its way: what that says is not so any more, and it settles nothing.
#[tokio::test]
async fn a_manifest_that_was_on_its_way_when_a_letter_was_taken_up_settles_nothing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).sink_of_lines("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    let manifest = loop {
        match delivery.take(1, 1, LONG).await? {
            DeliveryTask::Deliver(taken) if taken.batches[0].batch == 2 => {
                delivery.fail(&taken, &[crate::refused(2)]).await?;
            }
            DeliveryTask::Deliver(taken) => {
                let there = run.content(&mut delivery, &taken, &taken.batches[0]).await?;
                assert_eq!(delivery.settle(&taken, &[there]).await?, 1);
            }
            DeliveryTask::Manifest(manifest) => break manifest,
            other => anyhow::bail!("{other:?}"),
        }
    };
    assert_eq!(manifest.number, 1);
    assert!(matches!(delivery.take(1, 1, LONG).await?, DeliveryTask::Wait(_)), "it is in somebody's hands");
    assert_eq!(delivery.manifest_batches(&manifest, 0, 10).await?.len(), 2);
    let redrive = ["dead-letters", "redrive", "demo", "--deliveries"];
    Chancery::on(&ledger.url)?.run(&redrive).await?.expect_code(0)?;
    assert!(delivery.manifest_batches(&manifest, 0, 10).await?.is_empty());
    assert!(!delivery.settle_manifest(&manifest, "demo/manifest.json", &[7; 32]).await?);
    assert!(!is_complete(&run).await?);
    assert_eq!(run.deliver().await?, 1);
    let numbers: Vec<i32> = ledger.ledger.manifests(&run.run).await?.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [2]);
    assert!(is_complete(&run).await?);
    run.assert_audit_holds().await
}

/// Whoever has it prolongs that; once its time has run out, another one has it.
#[tokio::test]
async fn a_manifest_that_takes_long_stays_with_whoever_brings_it() -> anyhow::Result<()> {
    let (ledger, service) = (TestLedger::new().await?, WebhookServer::scoring().await?);
    let described = json!({"http": {"url": service.url()}, "backoff": {"duration": "1ms"}});
    let run = TestRun::new().records(10).sink_of("hook", described).seeded(&ledger).await?;
    ledger.ledger.state_manifests(&run.run).await?;
    sign(&run).await?;
    let process = DeliveryProcess::start(
        &run.delivery_url().await?,
        "demo",
        "me",
        &["--hold", "5", "--senders", "1"],
        &[],
    )?;
    eventually("the batch is there", async || standing(&run).await.is_ok_and(|sinks| sinks == [(1, 0, 0)]))
        .await;
    service.conduct(Conduct::Silent);
    let (key, _) = StatementKey::generate()?;
    state(&run, &key).await?;
    service.called(2).await;
    let over = "UPDATE chancery.manifests SET not_before = now() - interval '1 second'";
    let is_held = "SELECT not_before > now() AND holder = 'me' FROM chancery.manifests";
    ledger.execute(over).await?;
    eventually("it is prolonged", async || {
        sqlx::query_scalar(is_held).fetch_one(ledger.ledger.pool()).await.unwrap_or_default()
    })
    .await;
    process.kill().await?;
    ledger.execute(over).await?;
    let (mut one, mut other) = (run.delivery("one").await?, run.delivery("other").await?);
    let DeliveryTask::Manifest(of_one) = one.take(1, 1, LONG).await? else { anyhow::bail!("no manifest") };
    ledger.execute(over).await?;
    assert!(one.renew_manifest(&of_one, LONG).await?);
    assert!(matches!(other.take(1, 1, LONG).await?, DeliveryTask::Wait(_)));
    ledger.execute(over).await?;
    let DeliveryTask::Manifest(of_other) = other.take(1, 1, LONG).await? else {
        anyhow::bail!("no manifest")
    };
    assert!(!one.renew_manifest(&of_one, LONG).await?);
    run.settle_manifest(&mut other, &of_other, "hook").await?;
    assert!(matches!(other.take(1, 1, LONG).await?, DeliveryTask::Done));
    assert!(is_complete(&run).await?);
    run.assert_audit_holds().await
}

/// As a batch is: a manifest that is refused is given up, and is taken up again with the letters of its sink.
#[tokio::test]
async fn another_object_under_the_name_of_a_manifest_is_left_as_it_is_until_somebody_moves_it()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = TestRun::new()
        .records(10)
        .sink_of("out", to(folder.path(), "{run}/{batch}.ndjson"))
        .seeded(&ledger)
        .await?;
    sign(&run).await?;
    std::fs::create_dir(folder.path().join("demo"))?;
    let taken = folder.path().join("demo/manifest.json");
    std::fs::write(&taken, "somebody else's")?;
    run.bring().await?;
    assert_eq!(std::fs::read_to_string(&taken)?, "somebody else's");
    run.assert_audit_holds().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let listed = chancery.run(&["dead-letters", "list", "demo", "--deliveries"]).await?.expect_code(0)?;
    assert!(listed.stdout.contains("out/manifest"), "{}", listed.stdout);
    chancery
        .run(&["dead-letters", "redrive", "demo", "--deliveries", "--sink", "out"])
        .await?
        .expect_code(0)?;
    chancery.run(&["dead-letters", "redrive", "demo", "--deliveries"]).await?.expect_code(2)?;
    run.bring().await?;
    assert_eq!(read(folder.path(), "demo/manifest-2.json")?["counts"]["delivered"], 1);
    run.assert_audit_holds().await
}
