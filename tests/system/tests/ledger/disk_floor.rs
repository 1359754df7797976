//! `chancery run` on its private PostgreSQL, on a disk that has hardly any room: no record is made, and it goes on by itself.
//! Needs the right to mount for a small disk; without it, that test says so and does nothing.

use std::process::Stdio;

use chancery_kit::{Chancery, Manifest, SmallDisk};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

const SAID: &str = "the disk of the private PostgreSQL has";

/// Reads standard error up to the line with these words; returns all that was said.
async fn until(child: &mut Child, words: &str) -> anyhow::Result<String> {
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.as_mut().expect("standard error")).lines();
    while let Some(line) = lines.next_line().await? {
        said.push_str(&line);
        said.push('\n');
        if line.contains(words) {
            return Ok(said);
        }
    }
    anyhow::bail!("it ended without {words:?}: {said}")
}

#[tokio::test]
async fn below_the_floor_a_run_waits_and_goes_on_once_there_is_room() -> anyhow::Result<()> {
    let Some(disk) = SmallDisk::mount(200)? else { return Ok(()) };
    let chancery = Chancery::private()?;
    let file = chancery.write("manifest.yaml", &Manifest::new().to_string())?;
    let data = disk.path().join("data");
    let mut command = chancery.command(&["run", "--file", &file.to_string_lossy()]);
    command.args(["--disk-floor", "220Mi", "--output", "json"]).env("CHANCERY_DATA_DIR", &data);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let said = until(&mut child, SAID).await?;
    assert!(said.contains("of which 220.0 MiB stay free") && said.contains("--disk-floor"), "{said}");
    disk.resize(2 << 20)?;
    until(&mut child, "has room again").await?;
    let ended = chancery_kit::Ended::of(child).await?.expect_code(0)?;
    let summary = ended.json()?;
    assert_eq!((&summary["audit"], &summary["signed"]), (&"passed".into(), &200.into()), "{summary}");
    Ok(())
}

#[tokio::test]
async fn a_run_that_waits_for_room_stops_when_it_is_asked_to() -> anyhow::Result<()> {
    let chancery = Chancery::private()?;
    let more = ["--disk-floor", "7Pi"];
    let mut child = chancery.start_signing(&Manifest::new(), &more)?;
    until(&mut child, SAID).await?;
    let pid = child.id().expect("it runs");
    assert!(tokio::process::Command::new("kill").arg(pid.to_string()).status().await?.success());
    chancery_kit::Ended::of(child).await?.expect_code(130)?;

    chancery.sign(&Manifest::new(), &[]).await?.expect_code(0)?;
    Ok(())
}
