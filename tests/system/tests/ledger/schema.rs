//! The ledger itself: its migrations, its queries, and what its schema refuses whoever asks.

use std::collections::BTreeSet;
use std::path::Path;

use chancery_keyring::Algorithm;
use chancery_kit::{Chancery, Manifest, TestLedger, TestRun, fingerprint, server, throw_away};
use chancery_store::lease::{Acquired, Library};
use chancery_store::migrate::program_version;
use chancery_store::{Ledger, StoreError, query};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr};

async fn applied(url: &str) -> anyhow::Result<Vec<i64>> {
    let versions = "SELECT version FROM chancery.schema_migrations WHERE success ORDER BY version";
    Ok(sqlx::query_scalar(versions).fetch_all(&mut PgConnection::connect(url).await?).await?)
}

#[tokio::test]
async fn two_processes_that_migrate_an_empty_database_at_once_take_turns() -> anyhow::Result<()> {
    let url = TestLedger::empty_database().await?;
    let programs = [Chancery::on(&url)?, Chancery::on(&url)?];
    let (one, two) = (Manifest::new().named("one"), Manifest::new().named("two"));
    let (one, two) = tokio::try_join!(programs[0].sign(&one, &[]), programs[1].sign(&two, &[]))?;
    one.expect_code(0)?;
    two.expect_code(0)?;
    assert_eq!(applied(&url).await?, (1..=program_version()).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn ledgers_of_one_server_may_be_made_at_once() -> anyhow::Result<()> {
    // Roles belong to the whole server, and this one has none of ours yet.
    let server = throw_away();
    let made = (0..6).map(|number| {
        let server = &server;
        async move { TestLedger::create(server, &format!("ledger_{number}")).await }
    });
    for ledger in futures::future::try_join_all(made).await? {
        ledger.ledger.check_version().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_migrated_ledger_is_left_as_it_is() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let before = ledger.fingerprint().await?;
    ledger.ledger.migrate().await?;
    assert_eq!(ledger.fingerprint().await?, before);
    run.finish().await
}

#[tokio::test]
async fn a_newer_ledger_is_refused_and_untouched() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    ledger
        .execute(
            "INSERT INTO chancery.schema_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'from the future', true, '', 0)",
        )
        .await?;
    let before = ledger.fingerprint().await?;
    for refused in [ledger.ledger.migrate().await, ledger.ledger.check_version().await] {
        assert!(matches!(refused, Err(StoreError::NewerLedger { ledger: 999, .. })), "{refused:?}");
    }
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_ledger_that_is_missing_or_older_is_not_used_before_it_is_migrated() -> anyhow::Result<()> {
    let url = TestLedger::empty_database().await?;
    let ledger = Ledger::connect(url.parse()?, 2).await?;
    let refused = ledger.check_version().await;
    assert!(matches!(refused, Err(StoreError::OlderLedger { ledger: 0, .. })), "{refused:?}");
    assert_eq!(fingerprint(&url).await?, "");
    ledger.migrate().await?;
    ledger.check_version().await?;
    Ok(())
}

#[tokio::test]
async fn every_query_is_accepted_by_the_ledger_and_every_file_is_a_query() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let mut connection = PgConnection::connect(&ledger.url).await?;
    for query in query::ALL {
        let prepared = connection.prepare(query.sql.into_sql_str()).await;
        assert!(prepared.is_ok(), "{}: {:?}", query.name, prepared.err());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lib/store/queries");
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        files.insert(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    }
    let names: BTreeSet<_> = query::ALL.iter().map(|query| query.name.to_owned()).collect();
    assert_eq!(files, names);
    Ok(())
}

/// What the database says when it refuses a statement, by its SQLSTATE.
async fn refusal(ledger: &TestLedger, sql: &str) -> anyhow::Result<String> {
    match ledger.execute(AssertSqlSafe(sql.to_owned())).await {
        Ok(()) => anyhow::bail!("{sql} was not refused"),
        Err(error) => match error.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(refusal)) => Ok(refusal.code().unwrap_or_default().into_owned()),
            _ => Err(error),
        },
    }
}

const UNIQUE_VIOLATION: &str = "23505";
const CHECK_VIOLATION: &str = "23514";
const EXCLUSION_VIOLATION: &str = "23P01";
const RESTRICT_VIOLATION: &str = "23001";

#[tokio::test]
async fn the_schema_itself_refuses_what_would_break_a_law() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // Two batches of two: the first is signed, the second in hand.
    let run = TestRun::new().records(4).batch_size(2).keys(2).seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    for store in [true, false] {
        let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
        if store {
            session.store(&lease, &[&[7_u8; 64][..]; 2], Library::AwsLcRs).await?;
        }
    }
    let before = ledger.fingerprint().await?;
    let lease = |columns: &str| {
        format!(
            "INSERT INTO chancery.leases
                 (run_id, batch, keyring_id, key_id, holder, use_sequence, acquired_at, expires_at, duration,
                  signed_at, released_at, outcome)
             SELECT run_id, batch, keyring_id, key_id, holder, use_sequence + 2, acquired_at, expires_at,
                    duration, signed_at, released_at, outcome
               FROM (SELECT {columns}) altered"
        )
    };
    let of = "run_id, keyring_id, holder, acquired_at, expires_at, duration";
    let (signed, open) = ("FROM chancery.leases WHERE batch = 1", "FROM chancery.leases WHERE batch = 2");
    for (what, sql, code) in [
        ("an altered payload", "UPDATE chancery.records SET payload = '' WHERE record = 1".to_owned(), RESTRICT_VIOLATION),
        ("a record taken away", "DELETE FROM chancery.records WHERE record = 1".to_owned(), RESTRICT_VIOLATION),
        ("an altered signature", "UPDATE chancery.signature_blocks SET signatures = ''".to_owned(), RESTRICT_VIOLATION),
        ("a signature taken away", "DELETE FROM chancery.signature_blocks".to_owned(), RESTRICT_VIOLATION),
        ("another batch size", "UPDATE chancery.runs SET batch_size = 3".to_owned(), RESTRICT_VIOLATION),
        ("another record count", "UPDATE chancery.runs SET record_count = 5".to_owned(), RESTRICT_VIOLATION),
        ("another keyring", "UPDATE chancery.runs SET keyring_id = keyring_id".to_owned(), RESTRICT_VIOLATION),
        ("a run that is open again", "UPDATE chancery.runs SET record_count = NULL, sealed_at = NULL".to_owned(), RESTRICT_VIOLATION),
        ("another last record", "UPDATE chancery.batches SET last_record = 3 WHERE batch = 1".to_owned(), RESTRICT_VIOLATION),
        ("another reason to close", "UPDATE chancery.batches SET closed_by = 'Period'".to_owned(), RESTRICT_VIOLATION),
        ("another algorithm", "UPDATE chancery.keyrings SET algorithm = 'ES256'".to_owned(), RESTRICT_VIOLATION),
        ("another envelope", "UPDATE chancery.keyrings SET envelope = envelope".to_owned(), RESTRICT_VIOLATION),
        ("another name of a ring", "UPDATE chancery.keyrings SET name = 'mine'".to_owned(), RESTRICT_VIOLATION),
        ("another source", "UPDATE chancery.generated_sources SET record_count = 5".to_owned(), RESTRICT_VIOLATION),
        (
            "a payload that is too large",
            "INSERT INTO chancery.records (record, run_id, payload)
             SELECT 5, run_id, decode(repeat('00', 1048577), 'hex') FROM chancery.records WHERE record = 1".to_owned(),
            CHECK_VIOLATION,
        ),
        ("a key that left before it was used", "UPDATE chancery.keys SET state = 'retired', retired_use = 0, retired_at = now() WHERE last_use > 0".to_owned(), CHECK_VIOLATION),
        ("a key that left without an instant", "UPDATE chancery.keys SET state = 'retired', retired_use = 9".to_owned(), CHECK_VIOLATION),
        (
            "a second signature for each record of a batch",
            "INSERT INTO chancery.signature_blocks SELECT * FROM chancery.signature_blocks".to_owned(),
            UNIQUE_VIOLATION,
        ),
        (
            "a second signature for one of them",
            "INSERT INTO chancery.signature_blocks
             SELECT 2, 2, lease_id, run_id, substring(signatures FROM 65) FROM chancery.signature_blocks".to_owned(),
            EXCLUSION_VIOLATION,
        ),
        (
            "a block that reaches into the next batch",
            "INSERT INTO chancery.signature_blocks
             SELECT 3, 5, lease_id, run_id, signatures || substring(signatures FOR 64) FROM chancery.signature_blocks".to_owned(),
            CHECK_VIOLATION,
        ),
        (
            "signatures whose batch they do not begin, without those before",
            "INSERT INTO chancery.signature_blocks
             SELECT 4, 4, lease_id, run_id, substring(signatures FROM 65) FROM chancery.signature_blocks".to_owned(),
            EXCLUSION_VIOLATION,
        ),
        (
            "a signature that is short of a byte",
            "INSERT INTO chancery.signature_blocks
             SELECT 3, 4, lease_id, run_id, substring(signatures FROM 2) FROM chancery.signature_blocks".to_owned(),
            CHECK_VIOLATION,
        ),
        (
            "signatures of records that end before they begin",
            "INSERT INTO chancery.signature_blocks SELECT 4, 3, lease_id, run_id, '' FROM chancery.signature_blocks".to_owned(),
            CHECK_VIOLATION,
        ),
        (
            "a second record of a number",
            "INSERT INTO chancery.records SELECT * FROM chancery.records WHERE record = 1".to_owned(),
            UNIQUE_VIOLATION,
        ),
        (
            "a second open lease for a key",
            lease(&format!("{of}, use_sequence, key_id, 99 AS batch, NULL::timestamptz AS signed_at,
                            NULL::timestamptz AS released_at, NULL::chancery.lease_outcome AS outcome {open}")),
            UNIQUE_VIOLATION,
        ),
        (
            "a second live lease for a batch",
            lease(&format!("{of}, use_sequence, gen_random_uuid() AS key_id, batch, NULL::timestamptz AS signed_at,
                            NULL::timestamptz AS released_at, NULL::chancery.lease_outcome AS outcome {open}")),
            UNIQUE_VIOLATION,
        ),
        (
            "a lease for a batch that is signed",
            lease(&format!("{of}, use_sequence, gen_random_uuid() AS key_id, batch, NULL::timestamptz AS signed_at,
                            NULL::timestamptz AS released_at, NULL::chancery.lease_outcome AS outcome {signed}")),
            UNIQUE_VIOLATION,
        ),
        (
            "a use sequence given twice",
            lease(&format!("{of}, use_sequence - 2 AS use_sequence, gen_random_uuid() AS key_id, 99 AS batch,
                            NULL::timestamptz AS signed_at, NULL::timestamptz AS released_at,
                            NULL::chancery.lease_outcome AS outcome {open}")),
            UNIQUE_VIOLATION,
        ),
        (
            "a lease that ends before it begins",
            "UPDATE chancery.leases SET outcome = 'abandoned', released_at = acquired_at WHERE batch = 2".to_owned(),
            CHECK_VIOLATION,
        ),
        (
            "a key given back by a lease that has not ended",
            "UPDATE chancery.leases SET released_at = clock_timestamp() WHERE batch = 2".to_owned(),
            CHECK_VIOLATION,
        ),
        (
            "a leased batch without a lease",
            "UPDATE chancery.batches SET lease_id = NULL WHERE batch = 2".to_owned(),
            CHECK_VIOLATION,
        ),
    ] {
        let refused = refusal(&ledger, &sql).await.map_err(|error| error.context(what))?;
        assert_eq!(refused, code, "{what}");
    }
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn an_owner_that_is_no_superuser_can_do_all_that_a_run_takes() -> anyhow::Result<()> {
    let server = server();
    let mut admin = PgConnection::connect(&server.url("postgres")).await?;
    for statement in ["CREATE ROLE plain_owner LOGIN CREATEROLE", "CREATE DATABASE owned OWNER plain_owner"] {
        sqlx::raw_sql(statement).execute(&mut admin).await?;
    }
    let url = server.url("owned").replace("user=chancery", "user=plain_owner");
    let chancery = Chancery::on(&url)?;
    let summary = chancery.sign(&Manifest::new(), &["-o", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["audit"], &summary["signed"]), (&"passed".into(), &200.into()), "{summary}");
    chancery.run(&["delete", "demo"]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn the_ledger_and_the_keyring_know_the_same_algorithms() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let stored = "SELECT unnest(enum_range(NULL::chancery.algorithm))::text";
    let stored: Vec<String> = sqlx::query_scalar(stored).fetch_all(ledger.ledger.pool()).await?;
    assert_eq!(stored, Algorithm::ALL.map(Algorithm::name));
    Ok(())
}
