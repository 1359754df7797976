//! A disk that fills in mid-run: the run stops with an error, and the same command continues it once there
//! is room. Needs the right to mount; without it the tests say so and do nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_kit::{Chancery, Ended, Manifest, SmallDisk, throw_away};
use chancery_local_postgres::{ServerOptions, ThrowAway};
use chancery_store::LedgerUrl;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr};

async fn execute(url: &str, sql: impl SqlSafeStr) -> anyhow::Result<()> {
    sqlx::raw_sql(sql).execute(&mut PgConnection::connect(url).await?).await?;
    Ok(())
}

/// A database on a small disk; what the whole server shares, its log above all, is elsewhere.
async fn on_small_disk(server: &ThrowAway, megabytes: u32) -> anyhow::Result<Option<(SmallDisk, String)>> {
    let postgres = server.url("postgres");
    let data: String = sqlx::query_scalar("SHOW data_directory")
        .fetch_one(&mut PgConnection::connect(&postgres).await?)
        .await?;
    let Some(disk) = SmallDisk::mount(megabytes)? else { return Ok(None) };
    disk.give_to_owner_of(&data)?;
    let place = disk.path().display();
    execute(&postgres, AssertSqlSafe(format!("CREATE TABLESPACE small LOCATION '{place}'"))).await?;
    execute(&postgres, "CREATE DATABASE cramped TABLESPACE small").await?;
    Ok(Some((disk, server.url("cramped"))))
}

/// The command ended because of the disk, and says so.
fn assert_stopped(ended: &Ended, words: &[&str]) {
    let Ended { code, stderr, .. } = ended;
    assert_eq!(*code, Some(2), "{ended:?}");
    assert!(words.iter().any(|word| stderr.contains(word)), "{stderr}");
}

/// The same command again signs all there is to sign.
async fn assert_continues(chancery: &Chancery, manifest: &Manifest) -> anyhow::Result<()> {
    let summary = chancery.sign(manifest, &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["audit"], &summary["signed"]), (&"passed".into(), &30_000.into()), "{summary}");
    Ok(())
}

#[tokio::test]
async fn a_disk_that_fills_while_seeding_stops_the_run_which_continues_once_there_is_room()
-> anyhow::Result<()> {
    let server = throw_away();
    let Some((disk, url)) = on_small_disk(&server, 16).await? else { return Ok(()) };
    let chancery = Chancery::on(&url)?;
    let manifest = Manifest::new().of(30_000, 4, 1_000).with("recordSize", 1_000);
    assert_stopped(&chancery.sign(&manifest, &[]).await?, &["no room left"]);
    disk.resize(256 << 10)?;
    assert_continues(&chancery, &manifest).await?;
    server.stop()?;
    Ok(())
}

#[tokio::test]
async fn a_disk_that_fills_while_signing_stops_the_run_which_continues_once_there_is_room()
-> anyhow::Result<()> {
    let server = throw_away();
    let Some((disk, url)) = on_small_disk(&server, 256).await? else { return Ok(()) };
    let chancery = Chancery::on(&url)?;
    let manifest = Manifest::new().of(30_000, 4, 1_000);
    // Seeded only, with plenty of room; then there is hardly any for signatures.
    chancery.sign(&manifest.clone().with("suspend", true), &[]).await?.expect_code(0)?;
    execute(&url, "CHECKPOINT").await?;
    disk.resize(disk.used_kilobytes()? + 1_024)?;
    assert_stopped(&chancery.sign(&manifest, &[]).await?, &["no room left"]);

    disk.resize(256 << 10)?;
    assert_continues(&chancery, &manifest).await?;
    server.stop()?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_whole_on_a_disk_that_fills_is_continued_with_once_there_is_room()
-> anyhow::Result<()> {
    let Some(disk) = SmallDisk::mount(80)? else { return Ok(()) };
    std::fs::set_permissions(disk.path(), std::fs::Permissions::from_mode(0o755))?;
    let server = ThrowAway::start(disk.path(), ServerOptions::default())?;
    execute(&server.url("postgres"), "CREATE DATABASE cramped").await?;
    let chancery = Chancery::on(&server.url("cramped"))?;
    let manifest = Manifest::new().of(30_000, 4, 1_000).with("recordSize", 2_000);
    // Without room for its log the server crashes; without room for a table it says so.
    let stopped = chancery.sign(&manifest, &[]).await?;
    assert_stopped(&stopped, &["no room left", "the database does not answer"]);
    disk.resize(1 << 20)?;
    server.start_again()?;
    assert_continues(&chancery, &manifest).await?;
    server.stop()?;
    Ok(())
}

/// PostgreSQL says so as an internal error: it cannot write a file that it keeps for each database.
#[tokio::test]
async fn a_session_that_a_full_disk_keeps_from_beginning_is_tried_again() -> anyhow::Result<()> {
    let server = throw_away();
    let Some((disk, url)) = on_small_disk(&server, 64).await? else { return Ok(()) };
    execute(&url, "CHECKPOINT").await?;
    disk.resize(disk.used_kilobytes()?)?;
    let files = walk(disk.path())?;
    let kept: Vec<_> = files.iter().filter(|file| file.ends_with("pg_internal.init")).collect();
    assert!(!kept.is_empty(), "{files:?}");
    for file in kept {
        std::fs::remove_file(file)?;
        // What it took must not be free for its successor.
        disk.resize(disk.used_kilobytes()?)?;
    }
    let refused = url.parse::<LedgerUrl>()?.connect(Duration::from_secs(5)).await.expect_err("no room");
    assert!(refused.to_string().contains("init file"), "{refused}");
    assert!(refused.is_transient(), "{refused:?}");
    disk.resize(64 << 10)?;
    url.parse::<LedgerUrl>()?.connect(Duration::from_secs(5)).await?;
    server.stop()?;
    Ok(())
}

/// All files below a folder.
fn walk(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(walk(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}
