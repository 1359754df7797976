//! A database of any encoding holds a ledger: what Chancery stores and asks is ASCII, which all encodings have in
//! common.

use std::path::{Path, PathBuf};

use chancery_kit::{Chancery, Manifest, independent_audit, server};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The URL of a new database of this encoding.
async fn database(encoding: &str) -> anyhow::Result<String> {
    let name = format!("in_{}", encoding.to_lowercase());
    let mut admin = PgConnection::connect(&server().url("postgres")).await?;
    let create = format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    );
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await?;
    Ok(server().url(&name))
}

#[tokio::test]
async fn a_database_of_any_encoding_holds_a_ledger() -> anyhow::Result<()> {
    for encoding in ["LATIN1", "WIN1252", "EUC_JP", "SQL_ASCII"] {
        let url = database(encoding).await?;
        let chancery = Chancery::on(&url)?;
        let summary = chancery.sign(&Manifest::new(), &["-o", "json"]).await?.expect_code(0)?.json()?;
        assert_eq!(summary["audit"], "passed", "{encoding}: {summary}");
        let records = chancery.run(&["export", "demo", "records"]).await?.expect_code(0)?;
        assert_eq!(records.stdout.lines().count(), 200, "{encoding}");
        if let Some(report) = independent_audit(&url, "default", "demo").await? {
            assert!(report.holds, "{encoding}: {report:#?}");
        }
        chancery.run(&["delete", "demo"]).await?.expect_code(0)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_the_database_cannot_spell_is_one_of_no_run() -> anyhow::Result<()> {
    let url = database("LATIN2").await?;
    let chancery = Chancery::on(&url)?;
    chancery.sign(&Manifest::new(), &[]).await?.expect_code(0)?;
    for command in
        [&["verify", "日本"][..], &["status", "日本"], &["export", "日本", "keys"], &["delete", "a/日本"]]
    {
        let ended = chancery.run(command).await?.expect_code(2)?;
        assert!(ended.stderr.contains("日本"), "{command:?}: {}", ended.stderr);
    }
    Ok(())
}

fn sql_files(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sql_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn whatever_the_database_is_told_is_ascii() -> anyhow::Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["migrations", "lib/store/queries"] {
        sql_files(&project.join(folder), &mut files)?;
    }
    assert!(files.len() > 50, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let line = text.lines().find(|line| !line.is_ascii());
        assert_eq!(line, None, "{}", file.display());
    }
    Ok(())
}
