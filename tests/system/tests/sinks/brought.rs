//! What a delivery brings to a folder or a bucket: each batch once, whole, whatever died in between.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use chancery_kit::{
    Chancery, DeliveryProcess, Point, S3Server, SeededRun, SmallDisk, StepRelay, TestLedger, TestRun,
    eventually, server, throw_away,
};
use serde_json::json;

use crate::{is_complete, sign, standing};

/// More than any delivery of these tests asks for.
const MOST: usize = 60;

fn url_of(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

/// Every file below a folder, by its path in it.
pub(crate) fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// What an export writes of a run, batch by batch, under the names that its batches have.
async fn exported(run: &SeededRun<'_>) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let name = &run.run.name;
    let exported = Chancery::on(&run.ledger.url)?.run(&["export", name, "signed"]).await?.expect_code(0)?;
    let mut batches: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for line in exported.stdout.lines() {
        let batch = serde_json::from_str::<serde_json::Value>(line)?["batch"].as_i64().context("a batch")?;
        let file = batches.entry(format!("{name}/{batch:010}.ndjson")).or_default();
        file.extend_from_slice(line.as_bytes());
        file.push(b'\n');
    }
    Ok(batches)
}

/// The folder has each batch of the run once, and its manifest, and nothing else.
async fn has_all(folder: &Path, run: &SeededRun<'_>) -> anyhow::Result<()> {
    let (mut found, expected) = (files(folder)?, exported(run).await?);
    let manifest = found.remove(&format!("{}/manifest.json", run.run.name)).context("a manifest")?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
    anyhow::ensure!(manifest["counts"]["delivered"] == expected.len(), "{manifest}");
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    anyhow::ensure!(
        names(&found) == names(&expected),
        "{:?} instead of {:?}",
        names(&found),
        names(&expected)
    );
    for (name, content) in expected {
        anyhow::ensure!(found.get(&name) == Some(&content), "{name} has another content");
    }
    Ok(())
}

#[tokio::test]
async fn a_folder_has_each_batch_as_an_export_writes_it_compressed_where_the_layout_says_so()
-> anyhow::Result<()> {
    let (ledger, plain, packed) = (TestLedger::new().await?, tempfile::tempdir()?, tempfile::tempdir()?);
    let run = TestRun::new().records(45).envelope("JWS").sink_to("plain", &url_of(plain.path()), &json!({}));
    let layout = json!({"layout": "{namespace}/{sink}/{run}-{batch}.ndjson.gz"});
    let run = run.sink_to("packed", &url_of(packed.path()), &layout).seeded(&ledger).await?;
    // Signed while it is delivered: the delivery waits for what comes.
    let mut delivery = run.start_delivery("me").await?;
    sign(&run).await?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert!(is_complete(&run).await?, "{log}");
    has_all(plain.path(), &run).await?;
    let found = files(packed.path())?;
    assert_eq!(
        found.len(),
        6,
        "five batches, and {:?}",
        found.get("default/packed/demo.manifest.json").map(Vec::len)
    );
    for (name, content) in exported(&run).await? {
        let batch = name.trim_start_matches("demo/");
        let stored = found.get(&format!("default/packed/demo-{batch}.gz")).context(name)?;
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&stored[..]).read_to_end(&mut unpacked)?;
        assert_eq!(unpacked, content);
    }
    // Whoever comes later finds nothing to do.
    run.bring().await?;
    run.assert_audit_holds().await
}

/// Where a server listens, and the name of the database of a URL.
pub(crate) fn way_to(url: &str) -> (std::path::PathBuf, String) {
    let socket = server().socket_dir().join(format!(".s.PGSQL.{}", server().port()));
    let path = url.split('?').next().unwrap_or_default();
    (socket, path.rsplit('/').next().unwrap_or_default().to_owned())
}

/// Kills a delivery at each step of what it says to the database in turn; another one goes on. Of a batch that is at the sink already,
/// the other one sees that it is.
async fn killed_at_every_step(point: Point) -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (socket, database) = way_to(&ledger.url);
    for step in 1..MOST {
        let folder = tempfile::tempdir()?;
        let run = TestRun::new().named(&format!("step-{step}")).records(4).keys(1).batch_size(2);
        let run = run.sink_to("out", &url_of(folder.path()), &json!({})).seeded(&ledger).await?;
        sign(&run).await?;
        let relay = StepRelay::to(&socket, step, point).await?;
        let url = run.delivery_url_by(&relay.url("nobody", &database)).await?;
        let mut delivery = DeliveryProcess::start(&url, &run.run.name, "killed", &[], &[])?;
        let ended = tokio::select! {
            ended = delivery.ended() => Some(ended?),
            () = relay.stands() => None,
        };
        if let Some((code, log)) = ended {
            assert_eq!(code, Some(0), "{log}");
            assert!(step > 6, "there are more steps than {step}");
            has_all(folder.path(), &run).await?;
            return run.assert_audit_holds().await;
        }
        delivery.kill().await?;
        relay.cut();
        ledger.ledger.release_deliveries(&run.run, &["killed".to_owned()]).await?;
        run.bring().await.with_context(|| format!("killed at step {step}, {point:?}"))?;
        has_all(folder.path(), &run).await.with_context(|| format!("killed at step {step}, {point:?}"))?;
        assert_eq!(standing(&run).await?, [(2, 0, 0)]);
        // Audits take longer than all else.
        if step % 8 == 1 {
            run.assert_audit_holds().await?;
        }
    }
    anyhow::bail!("a delivery has more than {MOST} steps");
}

#[tokio::test]
async fn a_delivery_that_is_killed_before_any_step_brings_each_batch_once() -> anyhow::Result<()> {
    killed_at_every_step(Point::Unasked).await
}

#[tokio::test]
async fn a_delivery_that_is_killed_before_it_hears_of_any_step_brings_each_batch_once() -> anyhow::Result<()>
{
    killed_at_every_step(Point::Unanswered).await
}

/// What was left of an attempt that was broken off in the middle of a file is gone, and the file is whole.
#[tokio::test]
async fn what_is_left_of_a_file_that_was_half_written_is_removed() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run =
        TestRun::new().records(20).sink_to("out", &url_of(folder.path()), &json!({})).seeded(&ledger).await?;
    sign(&run).await?;
    std::fs::create_dir(folder.path().join("demo"))?;
    std::fs::write(folder.path().join("demo/0000000001.ndjson#1"), "half of")?;
    run.bring().await?;
    has_all(folder.path(), &run).await?;
    run.assert_audit_holds().await
}

#[tokio::test]
async fn another_object_under_the_name_of_a_batch_is_left_as_it_is_and_the_batch_is_a_dead_letter()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run =
        TestRun::new().records(30).sink_to("out", &url_of(folder.path()), &json!({})).seeded(&ledger).await?;
    sign(&run).await?;
    std::fs::create_dir(folder.path().join("demo"))?;
    let taken = folder.path().join("demo/0000000002.ndjson");
    std::fs::write(&taken, "somebody else's")?;
    run.bring().await?;
    assert_eq!(std::fs::read_to_string(&taken)?, "somebody else's");
    assert_eq!(standing(&run).await?, [(2, 1, 0)]);
    let why: String = sqlx::query_scalar("SELECT last_error FROM chancery.deliveries WHERE state = 'Dead'")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert!(why.starts_with("another object is there under the name"), "{why}");
    run.assert_audit_holds().await
}

/// Waits until the ledger says that the sink cannot be reached.
pub(crate) async fn until_away(run: &SeededRun<'_>) -> String {
    let mut said = None;
    eventually("the sink is away", async || {
        let sinks = run.ledger.ledger.sinks_progress(&[run.run.id]).await;
        said = sinks.ok().and_then(|mut sinks| sinks.pop()?.last_error);
        said.is_some()
    })
    .await;
    said.unwrap_or_default()
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_waited_for_and_never_made() -> anyhow::Result<()> {
    let (ledger, parent) = (TestLedger::new().await?, tempfile::tempdir()?);
    let folder = parent.path().join("mounted-later");
    let run = TestRun::new().records(20).sink_to("out", &url_of(&folder), &json!({})).seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.start_delivery("me").await?;
    assert!(until_away(&run).await.contains("create it"));
    assert!(!folder.exists());
    std::fs::create_dir(&folder)?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    has_all(&folder, &run).await?;
    let attempts: i32 = sqlx::query_scalar("SELECT max(attempts) FROM chancery.deliveries")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(attempts, 0, "no attempt counts");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_full_disk_is_waited_for_and_holds_no_half_of_a_batch() -> anyhow::Result<()> {
    let (ledger, Some(disk)) = (TestLedger::new().await?, SmallDisk::mount(1)?) else { return Ok(()) };
    let run = TestRun::new().records(40).record_size(10_000).batch_size(5);
    let run = run.sink_to("out", &url_of(disk.path()), &json!({})).seeded(&ledger).await?;
    disk.resize(200)?;
    sign(&run).await?;
    let mut delivery = run.start_delivery("me").await?;
    until_away(&run).await;
    let whole = exported(&run).await?;
    for (name, content) in files(disk.path())?.into_iter().filter(|(name, _)| !name.contains('#')) {
        assert_eq!(whole.get(&name), Some(&content), "{name}");
    }
    disk.resize(4_000)?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    has_all(disk.path(), &run).await?;
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_delivery_that_is_stopped_gives_back_what_it_has() -> anyhow::Result<()> {
    let (ledger, parent) = (TestLedger::new().await?, tempfile::tempdir()?);
    let folder = parent.path().join("later");
    let run = TestRun::new().records(20).sink_to("out", &url_of(&folder), &json!({})).seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.start_delivery("me").await?;
    until_away(&run).await;
    delivery.terminate()?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    let held: i64 = sqlx::query_scalar("SELECT count(*) FROM chancery.deliveries WHERE holder IS NOT NULL")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(held, 0);
    std::fs::create_dir(&folder)?;
    run.bring().await?;
    has_all(&folder, &run).await?;
    run.assert_audit_holds().await
}

/// The server crashes in the middle: what was brought and not settled is brought once more, and known again.
#[tokio::test]
async fn a_server_that_crashes_while_batches_are_brought_loses_and_doubles_none() -> anyhow::Result<()> {
    let (server, folder) = (throw_away(), tempfile::tempdir()?);
    let ledger = TestLedger::create(&server, "ledger").await?;
    let run = TestRun::new().records(600).batch_size(2);
    let run = run.sink_to("out", &url_of(folder.path()), &json!({})).seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.start_delivery("me").await?;
    for wanted in [20, 120] {
        eventually("some are there", async || files(folder.path()).is_ok_and(|found| found.len() > wanted))
            .await;
        server.stop_immediate()?;
        server.start_again()?;
    }
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    has_all(folder.path(), &run).await?;
    assert_eq!(standing(&run).await?, [(300, 0, 0)]);
    run.assert_audit_holds().await
}

/// A bucket that is missing at first, and one that has a batch already.
#[tokio::test]
async fn a_bucket_has_each_batch_once_and_is_waited_for() -> anyhow::Result<()> {
    let Some(s3) = S3Server::start()? else { return Ok(()) };
    let (ledger, bucket) = (TestLedger::new().await?, s3.new_bucket().await?);
    let endpoint = json!({"endpoint": format!("http://127.0.0.1:{}", s3.port())});
    let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let run = TestRun::new().records(30).sink_to("out", &format!("s3://{bucket}/signed"), &endpoint);
    let run = run.sink_to("later", "s3://made-later/signed", &endpoint).seeded(&ledger).await?;
    sign(&run).await?;
    s3.put(&format!("{bucket}/signed/demo/0000000002.ndjson"), b"somebody else's").await?;
    let url = run.delivery_url().await?;
    let mut delivery = DeliveryProcess::start(&url, "demo", "one", &[], &keys)?;
    eventually("the first bucket has what it takes, the second is away", async || {
        standing(&run).await.is_ok_and(|sinks| sinks[0] == (2, 1, 0) && sinks[1].2 > 0)
    })
    .await;
    s3.put("made-later", b"").await?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(standing(&run).await?, [(2, 1, 0), (3, 0, 0)]);
    // Brought once more, as whoever did not hear that it was settled would: it is there, and counts.
    ledger
        .execute(
            "SET session_replication_role = replica;
             UPDATE chancery.deliveries SET state = 'Pending', object = NULL, digest = NULL, ended_at = NULL WHERE sink = 2;
             UPDATE chancery.sinks SET delivered = 0 WHERE sink = 2;
             UPDATE chancery.runs SET completed_at = NULL",
        )
        .await?;
    let (code, log) = DeliveryProcess::start(&url, "demo", "two", &[], &keys)?.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(standing(&run).await?, [(2, 1, 0), (3, 0, 0)]);
    run.assert_audit_holds().await
}
