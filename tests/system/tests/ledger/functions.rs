//! The functions of the ledger are put in place again when their text has changed, and a ledger from before they
//! were files of their own is refused.

use chancery_kit::{Chancery, Manifest, TestLedger, TestRun, fingerprint};
use chancery_store::{Ledger, StoreError};
use sqlx::{Connection, PgConnection};

/// Every function: its signature, its whole text, who may call it, and which row of the catalogue it is.
async fn functions(ledger: &TestLedger) -> anyhow::Result<Vec<(String, String, String, String)>> {
    let functions =
        "SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), coalesce(p.proacl::text, ''),
                            p.oid::text
                       FROM pg_proc p WHERE p.pronamespace = 'chancery'::regnamespace ORDER BY 1";
    Ok(sqlx::query_as(functions).fetch_all(ledger.ledger.pool()).await?)
}

/// The same without what a function that is made anew cannot keep.
fn without_row(functions: &[(String, String, String, String)]) -> Vec<(&str, &str, &str)> {
    functions.iter().map(|(name, text, rights, _)| (&**name, &**text, &**rights)).collect()
}

#[tokio::test]
async fn a_function_whose_text_has_changed_is_put_in_place_again_and_no_other_is_touched()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let before = functions(&ledger).await?;
    ledger
        .execute(
            "CREATE OR REPLACE FUNCTION chancery.lease_abandon(p_lease bigint, p_token bytea) RETURNS boolean
             LANGUAGE sql AS 'SELECT false';
             GRANT EXECUTE ON FUNCTION chancery.lease_abandon(bigint, bytea) TO PUBLIC;
             UPDATE chancery.functions SET hash = 'of another text' WHERE name = 'lease_abandon'",
        )
        .await?;
    assert_ne!(without_row(&functions(&ledger).await?), without_row(&before));
    ledger.ledger.migrate().await?;
    let after = functions(&ledger).await?;
    assert_eq!(without_row(&after), without_row(&before));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.3 == after.3, !before.0.ends_with("lease_abandon(bigint,bytea)"), "{}", before.0);
    }
    TestRun::new().seeded(&ledger).await?.finish().await
}

#[tokio::test]
async fn a_function_that_was_never_noted_is_put_in_place() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let before = (functions(&ledger).await?, ledger.fingerprint().await?);
    ledger
        .execute(
            "DROP FUNCTION chancery.run_settle(integer);
             DELETE FROM chancery.functions WHERE name = 'run_settle'",
        )
        .await?;
    ledger.ledger.migrate().await?;
    assert_eq!(without_row(&functions(&ledger).await?), without_row(&before.0));
    assert_eq!(ledger.fingerprint().await?, before.1);
    Ok(())
}

#[tokio::test]
async fn a_function_whose_parameters_have_changed_leaves_no_twin() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let before = functions(&ledger).await?;
    ledger
        .execute(
            "DROP FUNCTION chancery.lease_renew(bigint, bytea);
             CREATE FUNCTION chancery.lease_renew(p_lease bigint, p_seconds integer) RETURNS double precision
             LANGUAGE sql AS 'SELECT 1.0';
             CREATE FUNCTION chancery.lease_renew(p_lease text) RETURNS double precision
             LANGUAGE sql AS 'SELECT 1.0';
             UPDATE chancery.functions SET hash = 'of another text' WHERE name = 'lease_renew'",
        )
        .await?;
    ledger.ledger.migrate().await?;
    assert_eq!(without_row(&functions(&ledger).await?), without_row(&before));
    Ok(())
}

/// What a ledger of eight numbered migrations had: its functions were among them.
const FORMER: &str = "
    CREATE SCHEMA chancery;
    CREATE TABLE chancery.schema_migrations (
        version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(),
        success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
    INSERT INTO chancery.schema_migrations (version, description, success, checksum, execution_time)
    SELECT n, 'former', true, '\\x00', 1 FROM generate_series(1, 8) n;
    CREATE TABLE chancery.runs (id integer PRIMARY KEY, seeded_at timestamptz);
    INSERT INTO chancery.runs VALUES (1, now())";

#[tokio::test]
async fn a_ledger_from_before_is_refused_with_what_to_do_and_untouched() -> anyhow::Result<()> {
    let url = TestLedger::empty_database().await?;
    sqlx::raw_sql(FORMER).execute(&mut PgConnection::connect(&url).await?).await?;
    let before = fingerprint(&url).await?;
    let ledger = Ledger::connect(url.parse()?, 2).await?;
    for refused in [ledger.migrate().await, ledger.check_version().await] {
        assert!(matches!(refused, Err(StoreError::FormerLedger)), "{refused:?}");
    }
    let chancery = Chancery::on(&url)?;
    for ended in [chancery.sign(&Manifest::new(), &[]).await?, chancery.run(&["status"]).await?] {
        let said = ended.expect_code(2)?.stderr;
        for words in ["made by an earlier version of Chancery", "DROP SCHEMA chancery CASCADE"] {
            assert!(said.contains(words), "{words:?} is not in: {said}");
        }
    }
    assert_eq!(fingerprint(&url).await?, before);
    assert!(!chancery.folder().join("data/kek").exists(), "no KEK was made");
    Ok(())
}

#[tokio::test]
async fn a_ledger_whose_tables_were_made_by_another_text_is_refused_with_what_to_do() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    ledger.execute(r"UPDATE chancery.schema_migrations SET checksum = '\x00' WHERE version = 1").await?;
    let before = ledger.fingerprint().await?;
    let refused = ledger.ledger.migrate().await;
    assert!(matches!(refused, Err(StoreError::FormerLedger)), "{refused:?}");
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}
