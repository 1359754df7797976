//! The operator's login makes, watches and deletes runs. Whoever steals it can do that, and cannot rewrite what is stored.

use std::collections::BTreeSet;
use std::process::Stdio;

use chancery_kit::{Chancery, Ended, TestLedger, TestRun, program, throw_away};
use chancery_store::{Ledger, LedgerUrl, StoreError};
use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use crate::{PERMISSION_DENIED, assert_denied, refusal, stored, tables};

/// What the operator's statements write to themselves. Everything else is written by functions.
const WRITTEN: [&str; 4] = ["data_keys", "intakes", "run_secrets", "runs"];

async fn operator(ledger: &TestLedger) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&ledger.operator_url).await?)
}

#[tokio::test]
async fn an_operator_rewrites_nothing_that_is_signed_and_removes_nothing_from_a_table() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    run.finish().await?;
    let before = ledger.fingerprint().await?;
    let mut thief = operator(&ledger).await?;
    for (table, column) in stored(&ledger).await? {
        let mut statements = vec![
            format!("DELETE FROM chancery.{table}"),
            format!("TRUNCATE chancery.{table}"),
            format!("ALTER TABLE chancery.{table} DISABLE TRIGGER ALL"),
            format!("DROP TABLE chancery.{table}"),
        ];
        if !WRITTEN.contains(&table.as_str()) {
            statements.push(format!("INSERT INTO chancery.{table} DEFAULT VALUES"));
            statements.push(format!("UPDATE chancery.{table} SET {column} = NULL"));
        }
        for statement in statements {
            assert_denied(&mut thief, &statement).await?;
        }
    }
    for statement in [
        "UPDATE chancery.runs SET record_count = 1",
        "UPDATE chancery.runs SET keyring_id = 1",
        "UPDATE chancery.statements SET body = ''",
        "UPDATE chancery.batch_roots SET root = ''",
        "CREATE FUNCTION chancery.key_join(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
        "CREATE OR REPLACE FUNCTION chancery.run_of_session() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE chancery.records_99 ()",
        "CREATE ROLE accomplice",
        "SET ROLE chancery_logins",
        "SELECT wrapped_key FROM chancery.key_material",
    ] {
        assert_denied(&mut thief, statement).await?;
    }
    assert_eq!(ledger.fingerprint().await?, before);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn an_operator_takes_away_the_tables_of_no_run_that_is_not_deleted() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut thief = operator(&ledger).await?;
    for function in ["part_detach", "part_drop"] {
        for (table, number) in [
            ("records", run.run.id),
            ("batches", run.run.id),
            ("signature_blocks", run.run.id),
            ("arrivals", run.run.id),
            ("flags", run.run.id),
            ("alerts", run.run.id),
            ("originals", run.run.id),
            ("judgements", run.run.id),
            ("pendings", run.run.id),
            ("answers", run.run.id),
            ("traces", run.run.id),
            ("deliveries", run.run.id),
            ("events", run.run.id),
            ("digests", run.run.keyring.id),
        ] {
            let call = format!("SELECT chancery.{function}('{table}', {number})");
            assert_eq!(refusal(&mut thief, &call).await?.as_deref(), Some("55000"), "{call}");
        }
        for table in ["leases", "records_1; DROP TABLE chancery.leases", "RECORDS"] {
            let call = format!("SELECT chancery.{function}('{table}', 99)");
            assert_eq!(refusal(&mut thief, &call).await?.as_deref(), Some("22023"), "{call}");
        }
    }
    // Of one that is deleted, none is dropped that others still read with those of all runs.
    ledger.execute("UPDATE chancery.runs SET deleted_at = now()").await?;
    let call = format!("SELECT chancery.part_drop('records', {})", run.run.id);
    assert_eq!(refusal(&mut thief, &call).await?.as_deref(), Some("55000"));
    Ok(())
}

#[tokio::test]
async fn an_operator_reads_every_table_but_no_private_key() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let _run = TestRun::new().seeded(&ledger).await?;
    let mut operator = operator(&ledger).await?;
    for (table, _) in tables(&ledger).await?.into_iter().filter(|(table, _)| !table.ends_with("_1")) {
        let refused = refusal(&mut operator, &format!("TABLE chancery.{table}")).await?;
        let expected = (table == "key_material").then_some(PERMISSION_DENIED);
        assert_eq!(refused.as_deref(), expected, "{table}");
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_takes_no_part_in_signing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let callable: Vec<String> = sqlx::query_scalar(
        "SELECT proname::text FROM pg_proc WHERE pronamespace = 'chancery'::regnamespace
            AND has_function_privilege('chancery_operator', oid, 'EXECUTE')",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;
    let callable: BTreeSet<_> = callable.iter().map(String::as_str).collect();
    assert!(callable.contains("run_create") && callable.contains("run_remove"), "{callable:?}");
    for function in crate::CALLABLE.into_iter().filter(|name| *name != "ledger_version") {
        assert!(!callable.contains(function), "{function}");
    }
    Ok(())
}

#[tokio::test]
async fn with_the_operators_login_everything_is_done_that_people_ask_for() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    run.finish().await?;
    let chancery = Chancery::on(&ledger.operator_url)?;
    chancery.run(&["verify", "demo"]).await?.expect_code(0)?;
    chancery.run(&["status", "demo"]).await?.expect_code(0)?;
    chancery.run(&["export", "demo", "signatures"]).await?.expect_code(0)?;
    chancery.run(&["delete", "demo"]).await?.expect_code(0)?;
    let gone = ledger.ledger.find_run("default", "demo").await;
    assert!(matches!(gone, Err(StoreError::NoRun(_))), "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn an_operator_of_another_version_than_the_ledger_says_who_has_to_migrate() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    ledger
        .execute("UPDATE chancery.functions SET hash = 'another' WHERE name IN ('run_seal', 'run_create')")
        .await?;
    let operator = Ledger::connect(ledger.operator_url.parse()?, 2).await?;
    let refused = operator.migrate().await.expect_err("it may not replace functions");
    assert!(matches!(refused, StoreError::NotMigrated { first: "run_create", others: 2 }), "{refused}");
    assert!(refused.to_string().contains("`chancery-operator migrate`"), "{refused}");
    ledger.ledger.migrate().await?;
    operator.migrate().await?;

    let empty = TestLedger::empty_database().await?;
    let stranger = empty.replace("user=chancery", "user=test_operator");
    let refused = Ledger::connect(stranger.parse()?, 2).await?.migrate().await.expect_err("no ledger");
    assert!(matches!(refused, StoreError::LacksRights(_)), "{refused}");
    Ok(())
}

#[tokio::test]
async fn the_program_migrates_with_nothing_but_the_variables_that_the_chart_gives_it() -> anyhow::Result<()> {
    let server = throw_away();
    let owner = server.url("chancery");
    owner.parse::<LedgerUrl>()?.create_database().await?;
    let operator = owner.replace("user=chancery", "user=operator&password=secret");
    for _ in 0..2 {
        let child = Command::new(program("chancery-operator"))
            .arg("migrate")
            .env_clear()
            .env("DATABASE_URL", &owner)
            .env("CHANCERY_OPERATOR_DATABASE_URL", &operator)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ended::of(child).await?.expect_code(0)?;
    }
    Ledger::connect(operator.parse()?, 2).await?.migrate().await?;
    Ok(())
}

#[tokio::test]
async fn the_owner_makes_the_operators_login_once() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "chancery").await?;
    let url = |login: &str| -> anyhow::Result<LedgerUrl> {
        Ok(server
            .url("chancery")
            .replace("user=chancery", &format!("user={login}&password=of%26its+own"))
            .parse()?)
    };
    let wanted = url("o'perator")?;
    for _ in 0..2 {
        ledger.ledger.make_operator(&wanted).await?;
        Ledger::connect(wanted.clone(), 2).await?.migrate().await?;
    }
    let kept: String = sqlx::query_scalar("SELECT rolpassword FROM pg_authid WHERE rolname = $1")
        .bind("o'perator")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert!(kept.starts_with("SCRAM-SHA-256$4096:"), "{kept}");

    // One that somebody made before joins the role, and one that has more rights is refused.
    ledger.execute("CREATE ROLE earlier; CREATE ROLE mighty LOGIN SUPERUSER").await?;
    ledger.ledger.make_operator(&url("earlier")?).await?;
    Ledger::connect(url("earlier")?, 2).await?.migrate().await?;
    for login in ["mighty", "chancery"] {
        let refused = ledger.ledger.make_operator(&url(login)?).await;
        assert!(matches!(refused, Err(StoreError::OwnerAsOperator(_))), "{login}: {refused:?}");
    }
    Ok(())
}
