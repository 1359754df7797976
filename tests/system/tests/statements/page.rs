//! The page on statements, followed word by word.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use chancery_kit::{Manifest, program};
use chancery_statement::StatementKey;

use crate::World;

/// The commands of the page for a shell, in order.
fn blocks() -> anyhow::Result<Vec<String>> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating/statements.md");
    let page = std::fs::read_to_string(page)?;
    Ok(page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect())
}

#[tokio::test]
async fn every_command_of_the_page_does_what_it_says() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new()).await?;
    let folder = world.chancery.folder();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::copy(world.trusted(), folder.join("statement.pub"))?;
    std::os::unix::fs::symlink(project.join("tests"), folder.join("tests"))?;
    let python = project.join(".tools/independent-audit/bin");
    let programs = program("chancery").parent().context("a folder")?.to_owned();
    let path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let path = std::env::join_paths([python.clone(), programs].into_iter().chain(path))?;

    let (mut followed, mut said) = (0, String::new());
    for block in blocks()? {
        // There is no cluster here, and perhaps not the second program's package.
        if block.contains("kubectl") || (block.contains("python3") && !python.is_dir()) {
            continue;
        }
        let ended = Command::new("sh")
            .args(["-euc", &block])
            .current_dir(folder)
            .env("PATH", &path)
            .env("DATABASE_URL", &world.ledger.url)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()?;
        said = String::from_utf8(ended.stdout)?;
        let wrong = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "{block}\n{said}\n{wrong}");
        followed += 1;
    }
    ensure!(followed >= 6, "only {followed} blocks were followed");
    // The last ones make a key and tell its id.
    let key = StatementKey::from_pem(&std::fs::read_to_string(folder.join("statement.key"))?)?;
    assert!(said.starts_with(&key.public().id().to_string()), "{said}");
    assert_eq!(key.public().to_pem(), std::fs::read_to_string(folder.join("statement.pub"))?);
    Ok(())
}
