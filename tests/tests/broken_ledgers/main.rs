//! The audit on ledgers that were broken in every way it claims to catch: it names exactly the laws that
//! are broken, and what broke them.
//!
//! One complete run is signed by two real signers, then robbed of everything that protects it. Each case
//! works on a copy of it.

mod leases;

use std::collections::HashMap;

use chancery_audit::{AuditOptions, Report, audit};
use chancery_tests::{TestLedger, TestRun, server};
use sqlx::AssertSqlSafe;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// 60 records, 5 keys, 15 batches of 4; so batch 5 holds the records 17 to 20.
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
    /// Every law that is broken by it, by number.
    laws: &'static [u8],
    /// What is said, among other things; `{key 5}` is the key with which batch 5 was signed.
    says: &'static [&'static str],
}

/// A copy of the unprotected ledger.
async fn copy(name: &str) -> anyhow::Result<TestLedger> {
    static MADE: OnceCell<()> = OnceCell::const_new();
    MADE.get_or_try_init(make_original).await?;
    TestLedger::copy(server(), name, ORIGINAL).await
}

async fn make_original() -> anyhow::Result<()> {
    let ledger = TestLedger::create(server(), ORIGINAL).await?;
    let run = TestRun::new().records(60).keys(5).batch_size(4).seeded(&ledger).await?;
    let mut signers = [run.start_signer("one")?, run.start_signer("two")?];
    for signer in &mut signers {
        let (code, log) = signer.ended().await?;
        anyhow::ensure!(code == Some(0), "{log}");
    }
    run.assert_audit_holds().await?;
    // The cases rely on it: nothing was given back, so batches were leased in their order.
    let aligned = "SELECT bool_and(id = batch AND id = use_sequence) AND count(*) = 15 FROM chancery.leases";
    let aligned: bool = sqlx::query_scalar(aligned).fetch_one(ledger.ledger.pool()).await?;
    anyhow::ensure!(aligned, "batch 5 is to be signed under lease 5, and so on");
    ledger.execute(UNPROTECT).await?;
    ledger.ledger.close().await;
    Ok(())
}

async fn audited(ledger: &TestLedger) -> anyhow::Result<Report> {
    Ok(audit(&ledger.ledger, "default", "demo", &AuditOptions::default(), |_| {}).await?)
}

async fn keys_of_batches(ledger: &TestLedger) -> anyhow::Result<HashMap<i64, Uuid>> {
    let keys: Vec<(i64, Uuid)> =
        sqlx::query_as("SELECT batch, key_id FROM chancery.leases").fetch_all(ledger.ledger.pool()).await?;
    Ok(keys.into_iter().collect())
}

/// Breaks a copy a case and checks what the audit says of it.
async fn each_is_caught(family: &str, cases: &[Case]) -> anyhow::Result<()> {
    for (number, Case { what, sql, laws, says }) in cases.iter().enumerate() {
        let ledger = copy(&format!("{family}_{number}")).await?;
        let keys = keys_of_batches(&ledger).await?;
        ledger.execute(AssertSqlSafe(format!("SET session_replication_role = replica; {sql}"))).await?;
        let report = audited(&ledger).await?;
        let broken: Vec<_> =
            report.laws.iter().filter(|law| law.violations > 0).map(|law| law.law.number()).collect();
        assert_eq!(broken, *laws, "{what}: {:#?}", report.laws);
        let said: Vec<_> = report.laws.iter().flat_map(|law| &law.first).map(String::as_str).collect();
        for words in *says {
            let words = keys.iter().fold((*words).to_owned(), |words, (batch, key)| {
                words.replace(&format!("{{key {batch}}}"), &key.to_string())
            });
            assert!(said.iter().any(|said| said.contains(&words)), "{what}: {words:?} is not in {said:#?}");
        }
        ledger.ledger.close().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_ledger_that_nobody_touched_holds_although_nothing_protects_it() -> anyhow::Result<()> {
    let ledger = copy("untouched").await?;
    let report = audited(&ledger).await?;
    assert!(report.holds(), "{:#?}", report.laws);
    let left = "SELECT (SELECT count(*) FROM pg_constraint WHERE connamespace = 'chancery'::regnamespace
                          AND conrelid <> 0)
                     + (SELECT count(*) FROM pg_indexes WHERE schemaname = 'chancery')";
    let left: i64 = sqlx::query_scalar(left).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(left, 0, "constraints and indexes");
    Ok(())
}

#[tokio::test]
async fn a_signature_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "altered",
            sql:
                "UPDATE chancery.signatures SET signature = set_byte(signature, 3, get_byte(signature, 3) # 1)
                   WHERE record = 17",
            laws: &[2],
            says: &["the signature of record 17 is not true: it does not verify with key {key 5}"],
        },
        Case {
            what: "truncated",
            sql: "UPDATE chancery.signatures SET signature = substring(signature FOR 63) WHERE record = 17",
            laws: &[2],
            says: &["the signature of record 17 is not true"],
        },
        Case {
            what: "empty",
            sql: "UPDATE chancery.signatures SET signature = '' WHERE record = 60",
            laws: &[2],
            says: &["the signature of record 60 is not true"],
        },
        Case {
            what: "of another record",
            sql: "UPDATE chancery.signatures s SET signature = other.signature FROM chancery.signatures other
                   WHERE s.record = 17 AND other.record = 18",
            laws: &[2],
            says: &["the signature of record 17 is not true"],
        },
        Case {
            what: "deleted",
            sql: "DELETE FROM chancery.signatures WHERE record = 17",
            laws: &[1],
            says: &["record 17 is without a signature"],
        },
        Case {
            what: "several deleted",
            sql: "DELETE FROM chancery.signatures WHERE record BETWEEN 17 AND 20",
            laws: &[1],
            says: &["the records 17 to 20 are without a signature"],
        },
        Case {
            what: "duplicated",
            sql: "INSERT INTO chancery.signatures SELECT * FROM chancery.signatures WHERE record = 17",
            laws: &[1],
            says: &["record 17 has 2 signatures"],
        },
        Case {
            what: "beyond the run",
            sql: "INSERT INTO chancery.signatures
                  SELECT 61, lease_id, run_id, signature FROM chancery.signatures WHERE record = 60",
            laws: &[1],
            says: &["signature 61 is outside of the run"],
        },
        Case {
            what: "moved to another lease",
            sql: "UPDATE chancery.signatures SET lease_id = 6 WHERE record = 17",
            laws: &[2, 3],
            says: &[
                "the signature of record 17 is not true: it does not verify with key {key 6}",
                "record 17 of batch 5 was signed under lease 6, its batch under lease 5",
            ],
        },
        Case {
            what: "moved to a lease that never was",
            sql: "UPDATE chancery.signatures SET lease_id = 99 WHERE record = 17",
            laws: &[3, 4],
            says: &["the signature of record 17 was stored under lease 99, which is not in the log"],
        },
    ];
    each_is_caught("signature", &cases).await
}

#[tokio::test]
async fn a_record_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "altered",
            sql: "UPDATE chancery.records SET payload = set_byte(payload, 0, get_byte(payload, 0) # 1)
                   WHERE record = 17",
            laws: &[2],
            says: &["the signature of record 17 is not true"],
        },
        Case {
            what: "longer",
            sql: "UPDATE chancery.records SET payload = payload || '\\x00' WHERE record = 17",
            laws: &[1, 2],
            says: &["record 17 has 65 bytes instead of 64", "the signature of record 17 is not true"],
        },
        Case {
            what: "deleted",
            sql: "DELETE FROM chancery.records WHERE record = 17",
            laws: &[1],
            says: &["record 17 is missing"],
        },
        Case {
            what: "deleted with its signature",
            sql: "DELETE FROM chancery.records WHERE record = 60; DELETE FROM chancery.signatures WHERE record = 60",
            laws: &[1],
            says: &["record 60 is missing", "record 60 is without a signature"],
        },
        Case {
            what: "duplicated",
            sql: "INSERT INTO chancery.records SELECT * FROM chancery.records WHERE record = 17",
            laws: &[1],
            says: &["record 17 stands 2 times"],
        },
        Case {
            what: "beyond the run",
            sql: "INSERT INTO chancery.records SELECT 61, run_id, payload FROM chancery.records WHERE record = 60",
            laws: &[1],
            says: &["record 61 is outside of the run"],
        },
        Case {
            what: "before the run",
            sql: "INSERT INTO chancery.records SELECT 0, run_id, payload FROM chancery.records WHERE record = 60",
            laws: &[1],
            says: &["record 0 is outside of the run"],
        },
    ];
    each_is_caught("record", &cases).await
}

#[tokio::test]
async fn a_batch_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "deleted",
            sql: "DELETE FROM chancery.batches WHERE batch = 5",
            laws: &[3],
            says: &["batch 5 is missing"],
        },
        Case {
            what: "duplicated",
            sql: "INSERT INTO chancery.batches SELECT * FROM chancery.batches WHERE batch = 5",
            laws: &[3],
            says: &["batch 5 stands 2 times"],
        },
        Case {
            what: "beyond the run",
            sql: "INSERT INTO chancery.batches (batch, run_id, first_record, last_record)
                  SELECT 16, id, 61, 64 FROM chancery.runs",
            laws: &[3],
            says: &["batch 16 is outside of the run"],
        },
        Case {
            what: "of another range",
            sql: "UPDATE chancery.batches SET last_record = 21 WHERE batch = 5",
            laws: &[3],
            says: &["batch 5 holds the records 17 to 21 instead of 17 to 20"],
        },
        Case {
            what: "under another lease",
            sql: "UPDATE chancery.batches SET lease_id = 6 WHERE batch = 5",
            laws: &[3],
            says: &[
                "batch 5 is marked signed under lease 6, which is no signed lease of this batch",
                "record 17 of batch 5 was signed under lease 5, its batch under lease 6",
            ],
        },
        Case {
            what: "marked unsigned",
            sql: "UPDATE chancery.batches SET state = 'unsigned', lease_id = NULL WHERE batch = 5",
            laws: &[3],
            says: &["record 17 of batch 5 was signed under lease 5, its batch under lease none"],
        },
    ];
    each_is_caught("batch", &cases).await
}

#[tokio::test]
async fn a_key_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "another valid public key",
            sql: "UPDATE chancery.key_material m SET public_key = other.public_key FROM chancery.key_material other
                   WHERE m.key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)
                     AND other.key_id = (SELECT key_id FROM chancery.leases WHERE id = 4)",
            laws: &[2],
            says: &["the signature of record 17 is not true: it does not verify with key {key 5}"],
        },
        Case {
            what: "no public key",
            sql: "UPDATE chancery.key_material SET public_key = '\\xdeadbeef'
                   WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            laws: &[2],
            says: &["the signature of record 17 is not true: the public key of {key 5} can not be read"],
        },
        Case {
            what: "another algorithm",
            sql: "UPDATE chancery.key_material SET algorithm = 'ES256'
                   WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            laws: &[2],
            says: &["record 17 is not true: key {key 5} is for ES256, the run signs with EdDSA"],
        },
        Case {
            what: "no material",
            sql: "DELETE FROM chancery.key_material
                   WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            laws: &[2],
            says: &["record 17 is not true: key {key 5} has no material"],
        },
        Case {
            what: "not in the ring",
            sql: "DELETE FROM chancery.keys WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            laws: &[2, 5],
            says: &[
                "record 17 is not true: key {key 5} is not in the ring of demo",
                "lease 5 took key {key 5}, which is not in the ring",
            ],
        },
        Case {
            what: "another last use",
            sql: "UPDATE chancery.keys SET last_use = 99
                   WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 15)",
            laws: &[5],
            says: &["key {key 15} says that its last use was 99, the log says 15"],
        },
    ];
    each_is_caught("key", &cases).await
}
