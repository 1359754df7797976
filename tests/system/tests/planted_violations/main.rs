//! Ledgers that were broken by hand in every way that the audits claim to catch. `chancery verify` names
//! exactly the laws that are broken, and what broke them; the independent audit finds the same.
//!
//! Two complete runs are signed by a real signer each, and two more with one ring lease by lease, then robbed of everything that protects them. Each case
//! works on a copy, as somebody who owns the database.

mod ahead;
mod arrivals;
mod asked;
mod batches;
mod by_hand;
mod deliveries;
mod events;
mod judged;
mod keys;
mod leases;
mod letters;
mod log;
mod records;
mod rings;
mod runs;
mod shared;
mod signatures;
mod unseen;

use std::collections::{BTreeSet, HashMap};

use anyhow::ensure;
use chancery_kit::{
    Chancery, Ended, IndependentReport, TestLedger, TestRun, independent_audit, independent_keyring_audit,
    server,
};
use sqlx::AssertSqlSafe;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The run `demo`, number 1: 60 records, 5 keys, 15 batches of 4; so batch 5 holds the records 17 to 20.
/// The run `other`, number 2: 8 records, 2 keys, the leases 16 and 17.
/// The runs `one` and `two`, numbers 3 and 4, with the ring `shared`, number 3: see the module of that name.
/// The runs `first`, `second` and `third`, numbers 6 to 8, with the ring `files`, and with sources: see `arrivals`.
/// The run `judged`, number 9, with sources and a policy: see `judged`. The run `letters`, number 10: see `letters`.
/// The run `asked`, number 11, whose policy asks a webhook: see `asked`.
/// The run `delivered`, number 12, with sinks: see `deliveries`. The run `told`, number 13, which tells somebody: see `events`.
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
               AND n.conparentid = 0 AND n.contype <> 't' LIMIT 1;
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
    /// What the independent audit has to name; `{key 5}` is the key with which batch 5 of `demo` was signed,
    /// `{key A}` the first of the shared ring.
    names: &'static str,
    /// Every law that is broken by it, by number.
    laws: &'static [u8],
    /// What `chancery verify` says, among other things.
    says: &'static [&'static str],
}

/// What is audited: a run with its ring, and the ring alone if it has a name.
#[derive(Clone, Copy)]
struct Audited {
    run: &'static str,
    keyring: Option<&'static str>,
}

const DEMO: Audited = Audited { run: "demo", keyring: None };

/// The URL of a copy of the unprotected ledger, changed by `sql`, and what its keys are called.
async fn tampered_with(name: &str, sql: &str) -> anyhow::Result<(String, HashMap<String, Uuid>)> {
    static MADE: OnceCell<()> = OnceCell::const_new();
    MADE.get_or_try_init(make_original).await?;
    let ledger = TestLedger::copy(server(), name, ORIGINAL).await?;
    let keys = "SELECT 'key ' || batch, key_id FROM chancery.leases WHERE run_id = 1
                UNION ALL SELECT 'key ' || chr(64 + number), id FROM chancery.keys WHERE keyring_id = 3";
    let keys: Vec<(String, Uuid)> = sqlx::query_as(keys).fetch_all(ledger.ledger.pool()).await?;
    ledger.execute(AssertSqlSafe(format!("SET session_replication_role = replica; {sql}"))).await?;
    let TestLedger { ledger, url, .. } = ledger;
    ledger.close().await;
    Ok((url, keys.into_iter().collect()))
}

async fn make_original() -> anyhow::Result<()> {
    let ledger = TestLedger::create(server(), ORIGINAL).await?;
    let run = TestRun::new().records(60).keys(5).batch_size(4).seeded(&ledger).await?;
    // One signer: it holds two keys at a time, so that at each choice there is another one that could be taken wrongly.
    let (code, log) = run.start_signer("one")?.ended().await?;
    ensure!(code == Some(0), "{log}");
    run.assert_audit_holds().await?;
    TestRun::new().named("other").records(8).keys(2).batch_size(4).seeded(&ledger).await?.finish().await?;
    // The cases rely on it: nothing was given back, so batches were leased in their order.
    let aligned = "SELECT bool_and(id = batch AND id = use_sequence) AND count(*) = 15
                     FROM chancery.leases WHERE run_id = 1";
    let aligned: bool = sqlx::query_scalar(aligned).fetch_one(ledger.ledger.pool()).await?;
    ensure!(aligned, "batch 5 is to be signed under lease 5, and so on");
    shared::make(&ledger.ledger, &ledger.url.parse()?).await?;
    arrivals::make(&ledger).await?;
    judged::make(&ledger).await?;
    letters::make(&ledger).await?;
    asked::make(&ledger).await?;
    deliveries::make(&ledger).await?;
    events::make(&ledger).await?;
    ledger.execute(UNPROTECT).await?;
    ahead::check(&ledger.ledger).await?;
    ledger.ledger.close().await;
    Ok(())
}

async fn verify(url: &str, run: &str) -> anyhow::Result<Ended> {
    Chancery::on(url)?.run(&["verify", run]).await
}

async fn verify_keyring(url: &str, keyring: &str) -> anyhow::Result<Ended> {
    Chancery::on(url)?.run(&["verify", "--keyring", keyring]).await
}

/// Breaks a copy per case, and checks what both audits say of `demo`. All cases that went wrong are told.
async fn each_is_caught(family: &str, cases: &[Case]) -> anyhow::Result<()> {
    each_of_is_caught(DEMO, family, cases).await
}

async fn each_of_is_caught(audited: Audited, family: &str, cases: &[Case]) -> anyhow::Result<()> {
    let mut missed = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let (url, keys) = tampered_with(&format!("{family}_{number}"), case.sql).await?;
        if let Err(error) = is_caught(audited, case, &url, &keys).await {
            missed.push(format!("{family} {}: {error:#}", case.what));
        }
    }
    ensure!(missed.is_empty(), "{} of {} cases:\n{}", missed.len(), cases.len(), missed.join("\n"));
    Ok(())
}

async fn is_caught(
    audited: Audited,
    case: &Case,
    url: &str,
    keys: &HashMap<String, Uuid>,
) -> anyhow::Result<()> {
    let Case { what: _, sql: _, names, laws, says } = case;
    let with_keys = |words: &str| {
        keys.iter().fold(words.to_owned(), |words, (name, key)| {
            words.replace(&format!("{{{name}}}"), &key.to_string())
        })
    };

    ahead::is_audited_alike(url, audited.run).await?;
    let stdout = is_broken(verify(url, audited.run).await?, laws)?;
    for words in says.iter().map(|words| with_keys(words)) {
        ensure!(stdout.contains(&words), "{words:?} is not in\n{stdout}");
    }
    if let Some(report) = independent_audit(url, "default", audited.run).await? {
        is_found(&report, laws)?;
        let named = with_keys(names);
        ensure!(
            report.violations.iter().any(|violation| is_named(&violation.sentence, &named)),
            "independently: {named:?} is not in {report:#?}"
        );
    }

    let Some(keyring) = audited.keyring else { return Ok(()) };
    let of_ring: Vec<u8> = laws.iter().copied().filter(|law| matches!(law, 4 | 5)).collect();
    is_broken(verify_keyring(url, keyring).await?, &of_ring)?;
    match independent_keyring_audit(url, "default", keyring).await? {
        Some(report) => is_found(&report, &of_ring),
        None => Ok(()),
    }
}

/// What `chancery verify` printed, which found exactly these laws broken.
fn is_broken(ended: Ended, laws: &[u8]) -> anyhow::Result<String> {
    let Ended { code, stdout, stderr } = ended;
    ensure!(code == Some(1), "ended with {code:?}: {stdout}{stderr}");
    let broken: Vec<u8> = [1, 2, 3, 4, 5, 7, 8]
        .into_iter()
        .filter(|law| stdout.contains(&format!("BROKEN  law {law} ")))
        .collect();
    ensure!(broken == *laws, "found broken {broken:?}\n{stdout}");
    Ok(stdout)
}

fn is_found(report: &IndependentReport, laws: &[u8]) -> anyhow::Result<()> {
    let found: BTreeSet<u8> = report.violations.iter().map(|violation| violation.law).collect();
    ensure!(laws.iter().any(|law| found.contains(law)), "independently: {report:#?}");
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
    for run in ["demo", "other", "one", "two"] {
        verify(&url, run).await?.expect_code(0)?;
        ahead::is_audited_alike(&url, run).await?;
        if let Some(report) = independent_audit(&url, "default", run).await? {
            assert!(report.holds, "{run}: {report:#?}");
        }
    }
    verify_keyring(&url, "shared").await?.expect_code(0)?;
    if let Some(report) = independent_keyring_audit(&url, "default", "shared").await? {
        assert!(report.holds, "{report:#?}");
    }
    let left = "SELECT (SELECT count(*) FROM pg_constraint WHERE connamespace = 'chancery'::regnamespace
                          AND conrelid <> 0 AND contype <> 't')
                     + (SELECT count(*) FROM pg_indexes WHERE schemaname = 'chancery')";
    let ledger = TestLedger::copy(server(), "untouched_copy", "untouched").await?;
    let left: i64 = sqlx::query_scalar(left).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(left, 0, "constraints and indexes");
    Ok(())
}
