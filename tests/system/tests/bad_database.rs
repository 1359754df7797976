//! Databases that cannot be used: exit code 2, a message that says why and what to do, and a ledger
//! that is as it was.

use chancery_kit::{
    Chancery, Ended, Manifest, TestLedger, eventually, fingerprint, program, server, throw_away,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr};

/// Fails unless the command was refused, saying all of `words`.
fn assert_refused(what: &str, ended: Ended, words: &[&str]) -> anyhow::Result<()> {
    let Ended { stdout, stderr, .. } =
        ended.expect_code(2).map_err(|error| error.context(what.to_owned()))?;
    assert_eq!(stdout, "", "{what}");
    for word in words {
        assert!(stderr.contains(word), "{what}: {word:?} is not in: {stderr}");
    }
    Ok(())
}

async fn execute(url: &str, sql: impl SqlSafeStr) -> anyhow::Result<()> {
    sqlx::raw_sql(sql).execute(&mut PgConnection::connect(url).await?).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = format!("postgres:///ledger?host={}&user=somebody", folder.path().display());
    for url in ["postgres://somebody@127.0.0.1:1/ledger", &socket] {
        let chancery = Chancery::on(url)?;
        for command in [&["status"][..], &["verify", "demo"]] {
            assert_refused(url, chancery.run(command).await?, &["the database does not answer"])?;
        }
        assert_refused(url, chancery.sign(&Manifest::new(), &[]).await?, &["the database does not answer"])?;
        assert!(!chancery.folder().join("data/kek").exists(), "no KEK was made");
    }
    Ok(())
}

#[tokio::test]
async fn a_url_that_can_not_be_read_is_refused_without_repeating_its_password() -> anyhow::Result<()> {
    for url in [
        "postgres://somebody:hunter2@127.0.0.1:port/ledger",
        "mysql://somebody:hunter2@127.0.0.1/ledger",
        "postgres://somebody:hunter2@[::1/ledger",
        "hunter2",
        "",
    ] {
        let words = ["the database URL cannot be read", "postgres://USER:PASSWORD@HOST:PORT/DATABASE"];
        let by_environment = Chancery::on(url)?.run(&["status"]).await?;
        let by_argument = Chancery::private()?.run(&["status", "--database-url", url]).await?;
        for ended in [by_environment, by_argument] {
            assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
            assert_refused(url, ended, &words)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_signer_does_not_repeat_a_password_either() -> anyhow::Result<()> {
    let signer = tokio::process::Command::new(program("chancery-signer"))
        .args(["--run", "demo", "--holder", "one", "--data-key-file", "/dev/null"])
        .env("DATABASE_URL", "postgres://somebody:hunter2@127.0.0.1:port/ledger")
        .output()
        .await?;
    let said = String::from_utf8(signer.stderr)?;
    assert!(!signer.status.success() && !said.contains("hunter2"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_login_that_is_refused_is_named_without_its_password() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "guarded").await?;
    ledger.execute("CREATE ROLE guest LOGIN PASSWORD 'open-sesame'").await?;
    let rules: String = sqlx::query_scalar("SHOW hba_file").fetch_one(ledger.ledger.pool()).await?;
    let others = std::fs::read_to_string(&rules)?;
    std::fs::write(&rules, format!("local all guest scram-sha-256\n{others}"))?;
    ledger.execute("SELECT pg_reload_conf()").await?;

    let wrong = server.url("guarded").replace("user=chancery", "user=guest&password=hunter2");
    eventually("the new rule holds", async || PgConnection::connect(&wrong).await.is_err()).await;
    let before = ledger.fingerprint().await?;
    let ended = Chancery::on(&wrong)?.sign(&Manifest::new(), &[]).await?;
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    assert_refused("another", ended, &["refuses the login", "guest", "check user and password"])?;
    let none = server.url("guarded").replace("user=chancery", "user=guest");
    assert_refused("none", Chancery::on(&none)?.run(&["status"]).await?, &["guest"])?;
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_named() -> anyhow::Result<()> {
    let ended = Chancery::on(&server().url("nowhere"))?.sign(&Manifest::new(), &[]).await?;
    assert_refused("nowhere", ended, &["the database does not exist", "nowhere", "create it"])
}

#[tokio::test]
async fn a_database_that_is_read_only_is_refused() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let url = &ledger.url;
    let before = fingerprint(url).await?;
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(ledger.ledger.pool()).await?;
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    ledger.execute(AssertSqlSafe(set)).await?;
    let ended = Chancery::on(url)?.sign(&Manifest::new(), &[]).await?;
    assert_refused("read-only", ended, &["the database is read-only", "primary"])?;
    assert_eq!(fingerprint(url).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_role_that_lacks_rights_is_refused() -> anyhow::Result<()> {
    let empty = TestLedger::empty_database().await?;
    let ledger = TestLedger::new().await?;
    execute(&empty, "CREATE ROLE plain LOGIN").await?;
    let before = ledger.fingerprint().await?;
    // Where there is no ledger yet, an administrator has to make its roles first.
    let no_roles = ["the roles of a ledger are missing", "chancery roles-sql"];
    for (url, words) in [(&empty, no_roles), (&ledger.url, ["lacks a right", "permission denied"])] {
        let as_plain = url.replace("user=chancery", "user=plain");
        let ended = Chancery::on(&as_plain)?.sign(&Manifest::new(), &[]).await?;
        assert_refused("run", ended, &words)?;
    }
    assert_eq!(fingerprint(&empty).await?, "");
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_ledger_newer_than_the_program_is_refused() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    ledger
        .execute(
            "INSERT INTO chancery.schema_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'from the future', true, '', 0)",
        )
        .await?;
    let before = ledger.fingerprint().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let words = ["the ledger is at version 999", "use a program at least as new"];
    assert_refused("run", chancery.sign(&Manifest::new(), &[]).await?, &words)?;
    assert_refused("status", chancery.run(&["status"]).await?, &words)?;
    assert_refused("delete", chancery.run(&["delete", "demo", "--force"]).await?, &words)?;
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}
