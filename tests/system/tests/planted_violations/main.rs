//! Ledgers that were broken by hand in every way that the audits claim to catch. `chancery verify` names
//! exactly the laws that are broken, and what broke them; the independent audit finds the same.
//!
//! Two complete runs are signed by real signers, then robbed of everything that protects them. Each case
//! works on a copy, as somebody who owns the database.

mod batches;
mod keys;
mod leases;
mod log;
mod records;
mod runs;
mod signatures;
mod unseen;

use std::collections::{BTreeSet, HashMap};

use anyhow::ensure;
use chancery_kit::{Chancery, Ended, TestLedger, TestRun, independent_audit, server};
use sqlx::AssertSqlSafe;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The run `demo`, number 1: 60 records, 5 keys, 15 batches of 4; so batch 5 holds the records 17 to 20.
/// The run `other`, number 2: 8 records, 2 keys, the leases 16 and 17.
const ORIGINAL: &str = "unprotected";

const UNPROTECT: &str = "
    SET session_replication_role = replica;
    DO $$
    DECLARE
        v record;
    BEGIN
        LOOP
            -- One at a time: dropping one may drop others with it.
            SELECT n.conrelid::regclass AS place, n.conname AS name INTO v FROM pg_constraint n
             WHERE n.connamespace = 'chancery'::regnamespace AND n.coninhcount = 0 AND n.conrelid <> 0
               AND n.conparentid = 0 LIMIT 1;
            EXIT WHEN NOT FOUND;
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', v.place, v.name);
        END LOOP;
        LOOP
            SELECT c.oid::regclass AS name INTO v FROM pg_class c
             WHERE c.relnamespace = 'chancery'::regnamespace AND c.relkind IN ('i', 'I')
               AND NOT c.relispartition LIMIT 1;
            EXIT WHEN NOT FOUND;
            EXECUTE format('DROP INDEX %s', v.name);
        END LOOP;
    END
    $$";

/// One way to break a ledger.
struct Case {
    what: &'static str,
    /// Run without triggers.
    sql: &'static str,
    /// What the independent audit has to name; `{key 5}` is the key with which batch 5 was signed.
    names: &'static str,
    /// Every law that is broken by it, by number.
    laws: &'static [u8],
    /// What `chancery verify` says, among other things.
    says: &'static [&'static str],
}

/// The URL of a copy of the unprotected ledger, changed by `sql`, and the key of each batch before that.
async fn tampered_with(name: &str, sql: &str) -> anyhow::Result<(String, HashMap<i64, Uuid>)> {
    static MADE: OnceCell<()> = OnceCell::const_new();
    MADE.get_or_try_init(make_original).await?;
    let ledger = TestLedger::copy(server(), name, ORIGINAL).await?;
    let keys: Vec<(i64, Uuid)> = sqlx::query_as("SELECT batch, key_id FROM chancery.leases WHERE run_id = 1")
        .fetch_all(ledger.ledger.pool())
        .await?;
    ledger.execute(AssertSqlSafe(format!("SET session_replication_role = replica; {sql}"))).await?;
    let TestLedger { ledger, url } = ledger;
    ledger.close().await;
    Ok((url, keys.into_iter().collect()))
}

async fn make_original() -> anyhow::Result<()> {
    let ledger = TestLedger::create(server(), ORIGINAL).await?;
    let run = TestRun::new().records(60).keys(5).batch_size(4).seeded(&ledger).await?;
    let mut signers = [run.start_signer("one")?, run.start_signer("two")?];
    for signer in &mut signers {
        let (code, log) = signer.ended().await?;
        ensure!(code == Some(0), "{log}");
    }
    run.assert_audit_holds().await?;
    TestRun::new().named("other").records(8).keys(2).batch_size(4).seeded(&ledger).await?.finish().await?;
    // The cases rely on it: nothing was given back, so batches were leased in their order.
    let aligned = "SELECT bool_and(id = batch AND id = use_sequence) AND count(*) = 15
                     FROM chancery.leases WHERE run_id = 1";
    let aligned: bool = sqlx::query_scalar(aligned).fetch_one(ledger.ledger.pool()).await?;
    ensure!(aligned, "batch 5 is to be signed under lease 5, and so on");
    ledger.execute(UNPROTECT).await?;
    ledger.ledger.close().await;
    Ok(())
}

async fn verify(url: &str) -> anyhow::Result<Ended> {
    Chancery::on(url)?.run(&["verify", "demo"]).await
}

/// Breaks a copy a case, and checks what both audits say of it. All cases that went wrong are told.
async fn each_is_caught(family: &str, cases: &[Case]) -> anyhow::Result<()> {
    let mut missed = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let (url, keys) = tampered_with(&format!("{family}_{number}"), case.sql).await?;
        if let Err(error) = is_caught(case, &url, &keys).await {
            missed.push(format!("{family} {}: {error:#}", case.what));
        }
    }
    ensure!(missed.is_empty(), "{} of {} cases:\n{}", missed.len(), cases.len(), missed.join("\n"));
    Ok(())
}

async fn is_caught(case: &Case, url: &str, keys: &HashMap<i64, Uuid>) -> anyhow::Result<()> {
    let Case { what: _, sql: _, names, laws, says } = case;
    let with_keys = |words: &str| {
        keys.iter().fold(words.to_owned(), |words, (batch, key)| {
            words.replace(&format!("{{key {batch}}}"), &key.to_string())
        })
    };

    let Ended { code, stdout, stderr } = verify(url).await?;
    ensure!(code == Some(1), "ended with {code:?}: {stdout}{stderr}");
    let broken: Vec<u8> = (1..=5).filter(|law| stdout.contains(&format!("BROKEN  law {law} "))).collect();
    ensure!(broken == *laws, "found broken {broken:?}\n{stdout}");
    for words in says.iter().map(|words| with_keys(words)) {
        ensure!(stdout.contains(&words), "{words:?} is not in\n{stdout}");
    }

    let Some(report) = independent_audit(url, "default", "demo").await? else { return Ok(()) };
    let found: BTreeSet<u8> = report.violations.iter().map(|violation| violation.law).collect();
    ensure!(laws.iter().any(|law| found.contains(law)), "independently: {report:#?}");
    let named = with_keys(names);
    ensure!(
        report.violations.iter().any(|violation| is_named(&violation.sentence, &named)),
        "independently: {named:?} is not in {report:#?}"
    );
    Ok(())
}

/// Whether the name stands there as a whole: `record 1` is not in `record 17`.
fn is_named(sentence: &str, name: &str) -> bool {
    sentence
        .match_indices(name)
        .any(|(at, _)| !sentence[at + name.len()..].starts_with(|next: char| next.is_ascii_alphanumeric()))
}

#[tokio::test]
async fn a_ledger_that_nobody_touched_holds_although_nothing_protects_it() -> anyhow::Result<()> {
    let (url, _) = tampered_with("untouched", "").await?;
    verify(&url).await?.expect_code(0)?;
    if let Some(report) = independent_audit(&url, "default", "demo").await? {
        assert!(report.holds, "{report:#?}");
    }
    let left = "SELECT (SELECT count(*) FROM pg_constraint WHERE connamespace = 'chancery'::regnamespace
                          AND conrelid <> 0)
                     + (SELECT count(*) FROM pg_indexes WHERE schemaname = 'chancery')";
    let ledger = TestLedger::copy(server(), "untouched_copy", "untouched").await?;
    let left: i64 = sqlx::query_scalar(left).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(left, 0, "constraints and indexes");
    Ok(())
}
