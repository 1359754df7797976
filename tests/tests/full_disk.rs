//! A disk that fills in mid-run: the run stops with an error, and the same command continues it once there
//! is room. Needs the right to mount; without it the tests say so and do nothing.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;

use chancery_local_postgres::{ServerOptions, ThrowAway};
use chancery_tests::{Chancery, Ended, Manifest, throw_away};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr};

async fn execute(url: &str, sql: impl SqlSafeStr) -> anyhow::Result<()> {
    sqlx::raw_sql(sql).execute(&mut PgConnection::connect(url).await?).await?;
    Ok(())
}

/// A small file system in memory for a database of the given server; gone when dropped.
struct SmallDisk {
    /// Where it is mounted; the folder outlives the mount.
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// None without the right to mount.
    #[expect(clippy::print_stdout, reason = "who reads the output of a test learns that it did nothing")]
    fn mount(megabytes: u32) -> anyhow::Result<Option<Self>> {
        // The server's user has to pass through it.
        let everybody = std::fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(everybody).tempdir()?;
        let path = folder.path().to_owned();
        let size = format!("size={megabytes}m");
        if !mount(&["-t", "tmpfs", "-o", &size, "tmpfs", &path.to_string_lossy()]) {
            println!("skipped: needs root and mount");
            return Ok(None);
        }
        Ok(Some(Self { path, _folder: folder }))
    }

    /// Gives it to the owner of another folder.
    fn give_to_owner_of(&self, other: &str) -> anyhow::Result<()> {
        let owner = std::fs::metadata(other)?;
        Ok(chown(&self.path, Some(owner.uid()), Some(owner.gid()))?)
    }

    fn resize(&self, kilobytes: u64) -> anyhow::Result<()> {
        let size = format!("remount,size={kilobytes}k");
        anyhow::ensure!(mount(&["-o", &size, &self.path.to_string_lossy()]), "it can not be resized");
        Ok(())
    }

    fn used_kilobytes(&self) -> anyhow::Result<u64> {
        let output =
            std::process::Command::new("df").args(["--output=used", "-k"]).arg(&self.path).output()?;
        let used = String::from_utf8(output.stdout)?;
        Ok(used.lines().last().unwrap_or_default().trim().parse()?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Its files may still be open in a server that ends a little later.
        let unmounted = std::process::Command::new("umount").arg("--lazy").arg(&self.path).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn mount(arguments: &[&str]) -> bool {
    std::process::Command::new("mount").args(arguments).status().is_ok_and(|status| status.success())
}

/// A database on a small disk; what the whole server shares, its log above all, is elsewhere.
async fn on_small_disk(server: &ThrowAway, megabytes: u32) -> anyhow::Result<Option<(SmallDisk, String)>> {
    let postgres = server.url("postgres");
    let data: String = sqlx::query_scalar("SHOW data_directory")
        .fetch_one(&mut PgConnection::connect(&postgres).await?)
        .await?;
    let Some(disk) = SmallDisk::mount(megabytes)? else { return Ok(None) };
    disk.give_to_owner_of(&data)?;
    let place = disk.path.display();
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
    std::fs::set_permissions(&disk.path, std::fs::Permissions::from_mode(0o755))?;
    let server = ThrowAway::start(&disk.path, ServerOptions::default())?;
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
