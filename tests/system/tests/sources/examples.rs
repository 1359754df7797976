//! The examples that read files are signed as they are, and the commands of their page work as they stand there.

use std::process::Command;

use chancery_kit::{Chancery, TestLedger};

const PAGE: &str = include_str!("../../../../docs/operating/sources.md");
const EXAMPLE: &str = include_str!("../../../../examples/files.yaml");

/// The folder of the page and of the example.
const FOLDER: &str = "/tmp/payments";

/// Nothing is changed but the folder, which is the tests' own.
#[tokio::test]
async fn the_example_of_files_is_signed_and_looked_at_by_the_commands_of_its_page() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let own = folder.path().join("payments");
    let own = own.to_str().expect("a path");
    let make = PAGE.lines().find(|line| line.starts_with("mkdir ")).expect("a line that makes files");
    assert!(EXAMPLE.contains(&format!("# Make one to try it: {make}\n")), "{make}");
    assert!(Command::new("sh").arg("-c").arg(make.replace(FOLDER, own)).status()?.success(), "{make}");
    assert_eq!(EXAMPLE.matches(FOLDER).count() - make.matches(FOLDER).count(), 1);

    let chancery = Chancery::on(&ledger.url)?;
    let file = chancery.write("files.yaml", &EXAMPLE.replace(FOLDER, own))?;
    let run = ["run", "-f", file.to_str().expect("a path"), "-o", "json"];
    let summary = chancery.run(&run).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&1_000.into(), &"passed".into()), "{summary}");

    let mut commands = 0;
    for line in PAGE.lines().filter_map(|line| line.strip_prefix("chancery ")) {
        let command = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        if words.contains(&"files") {
            let ended = chancery.run(&words).await?;
            assert_eq!(ended.code, Some(0), "{command}: {}", ended.stderr);
            commands += 1;
        }
    }
    assert_eq!(commands, 5, "status, three exports and verify");
    Ok(())
}
