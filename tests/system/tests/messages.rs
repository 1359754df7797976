//! Each message of each family says its cause, once, and what it says is so.

use std::process::Stdio;

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, TestRun, eventually, program, server};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::Command;

/// The parts of a message that stand there twice. Short words do, such as `error`.
fn said_twice(message: &str) -> Vec<&str> {
    let parts = message.split([':', ';', '\n', '(', ')']).map(str::trim).filter(|part| part.len() > 12);
    let mut seen = std::collections::BTreeSet::new();
    parts.filter(|part| !seen.insert(*part)).collect()
}

/// Fails unless the command said why it failed, without saying anything twice.
fn assert_said_once(what: &str, ended: &Ended, words: &[&str]) {
    assert!(ended.code.is_some_and(|code| code != 0), "{what}: {ended:?}");
    let (_log, message) = ended.stderr.split_once("error: ").unwrap_or_default();
    let twice = said_twice(message);
    assert!(twice.is_empty(), "{what}: {twice:?} is there twice: {}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{what}: {word:?} is not in: {}", ended.stderr);
    }
}

/// Fails if a line of a log says something twice.
fn assert_logged_once(what: &str, log: &str) {
    assert!(!log.is_empty(), "{what}: nothing was said");
    for line in log.lines() {
        let twice = said_twice(line);
        assert!(twice.is_empty(), "{what}: {twice:?} is there twice: {line}");
    }
}

#[test]
fn a_cause_that_is_there_twice_is_found() {
    let tripled = "error: the database refused it: a great misfortune\n  because: a great misfortune\n";
    assert_eq!(said_twice(tripled), ["a great misfortune"]);
}

#[tokio::test]
async fn no_message_about_files_and_arguments_says_its_cause_twice() -> anyhow::Result<()> {
    let chancery = Chancery::on(&TestLedger::empty_database().await?)?;
    let manifest = chancery.write("manifest.yaml", &Manifest::new().to_string())?;
    let manifest = manifest.to_string_lossy();
    let short = chancery.write("short", "too short")?;
    let bad = chancery.write("bad.yaml", "kind: [")?;
    let invalid = chancery.write("invalid.yaml", &Manifest::new().with("keyCount", 0).to_string())?;
    let (short, bad, invalid) = (short.to_string_lossy(), bad.to_string_lossy(), invalid.to_string_lossy());
    for (what, arguments, words) in [
        ("no manifest", &["run", "-f", "/nowhere/demo.yaml"][..], &["cannot be read", "No such file"][..]),
        ("no YAML", &["run", "-f", &bad], &["not valid YAML"]),
        ("an invalid manifest", &["run", "-f", &invalid], &["keyCount"]),
        ("no KEK", &["run", "-f", &manifest, "--kek-file", "/nowhere/kek"], &["KEK file", "No such file"]),
        ("a short KEK", &["run", "-f", &manifest, "--kek-file", &short], &["holds no KEK", "32 raw bytes"]),
        ("no folder", &["run", "-f", &manifest, "--data-dir", "/proc/nowhere"], &["cannot be made"]),
    ] {
        assert_said_once(what, &chancery.run(arguments).await?, words);
    }
    let missing = "/nowhere/chancery-signer";
    let command = chancery.command(&["run", "-f", &manifest]).env("CHANCERY_SIGNER", missing).spawn()?;
    assert_said_once("no signer", &Ended::of(command).await?, &["cannot be started", "No such file"]);
    let private = Chancery::private()?;
    let command = private.command(&["run", "-f", &manifest]).env("PG_BINDIR", "/nowhere").spawn()?;
    assert_said_once("no PostgreSQL", &Ended::of(command).await?, &["no PostgreSQL server programs"]);
    Ok(())
}

#[tokio::test]
async fn no_message_about_the_database_says_its_cause_twice() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    ledger.execute("CREATE ROLE stranger LOGIN").await?;
    let stranger = ledger.url.replace("user=chancery", "user=stranger");
    for (what, url, words) in [
        ("no URL", "mysql://localhost/ledger", "cannot be read"),
        ("TCP", "postgres://somebody@127.0.0.1:1/ledger", "Connection refused"),
        ("a socket", "postgres:///ledger?host=/nowhere&user=somebody", "No such file"),
        ("no database", &server().url("nowhere"), "does not exist"),
        ("no role", &ledger.url.replace("user=chancery", "user=nobody_at_all"), "nobody_at_all"),
        ("no rights", &stranger, "permission denied"),
    ] {
        let chancery = Chancery::on(url)?;
        for ended in [chancery.run(&["status"]).await?, chancery.sign(&Manifest::new(), &[]).await?] {
            assert_said_once(what, &ended, &[words]);
        }
        let signer = Command::new(program("chancery-signer"))
            .args(["--run", "demo", "--holder", "one", "--reconnect-for", "0", "--data-key-file"])
            .arg(TestRun::new().seeded(&TestLedger::new().await?).await?.data_key_file.as_path())
            .env("DATABASE_URL", url)
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()?;
        let ended = Ended::of(signer).await?;
        assert_logged_once(what, &ended.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn a_statement_that_the_server_cancels_is_not_called_a_server_that_does_not_answer()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let mut other = PgConnection::connect(&ledger.url).await?;
    let mut lock = other.begin().await?;
    sqlx::raw_sql("LOCK TABLE chancery.runs IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await?;
    let asking = Chancery::on(&ledger.url)?.start(&["status"])?;
    eventually("it waits, and is cancelled", async || {
        let cancel = "SELECT coalesce(bool_or(pg_cancel_backend(pid)), false) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        sqlx::query_scalar(cancel).fetch_one(ledger.ledger.pool()).await.is_ok_and(|cancelled| cancelled)
    })
    .await;
    let ended = Ended::of(asking).await?;
    assert_said_once("cancelled", &ended, &["the database answers", "gave up", "canceling statement"]);
    assert!(!ended.stderr.contains("does not answer"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn a_limit_of_the_server_is_called_a_limit_and_the_run_continues_once_it_is_dealt_with()
-> anyhow::Result<()> {
    for (code, said) in [("53400", "temporary file size exceeds temp_file_limit (1kB)"), ("54000", XIDS)] {
        let ledger = TestLedger::new().await?;
        let run = TestRun::new().seeded(&ledger).await?;
        let refusal = format!(
            "CREATE FUNCTION at_limit() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION '{said}' USING ERRCODE = '{code}', HINT = 'Ask whoever runs it.'; END $$;
             CREATE TRIGGER at_limit BEFORE INSERT ON chancery.leases EXECUTE FUNCTION at_limit()"
        );
        ledger.execute(AssertSqlSafe(refusal)).await?;
        let (ended, log) = run.start_signer("one")?.ended().await?;
        // The Job of a cluster tries again: 78 would fail the run for good.
        assert_eq!(ended, Some(74), "{log}");
        assert!(log.contains("the database has reached a limit") && log.contains(said), "{log}");
        assert!(log.contains("Ask whoever runs it."), "{log}");
        assert_logged_once(code, &log);
        ledger.execute("DROP TRIGGER at_limit ON chancery.leases").await?;
        run.finish().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_audit_that_exceeds_the_limit_of_temporary_files_is_no_violation() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // The lease log is sorted by the instants at which keys went back.
    TestRun::new().records(2_000).batch_size(1).seeded(&ledger).await?.finish().await?;
    let database: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(ledger.ledger.pool()).await?;
    for setting in ["work_mem = '64kB'", "temp_file_limit = '1kB'"] {
        ledger.execute(AssertSqlSafe(format!("ALTER DATABASE {database} SET {setting}"))).await?;
    }
    let ended = Chancery::on(&ledger.url)?.run(&["verify", "demo"]).await?.expect_code(2)?;
    assert_said_once(
        "verify",
        &ended,
        &["the database has reached a limit", "exceeds temp_file_limit (1kB)"],
    );
    Ok(())
}

const XIDS: &str = "database is not accepting commands to avoid wraparound data loss in database \"other\"";
