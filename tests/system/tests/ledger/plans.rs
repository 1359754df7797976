//! A session plans each statement of the lease protocol once, and keeps the plan for as long as it lives.

use std::fmt::Display;

use anyhow::Context as _;
use chancery_kit::{SeededRun, TestLedger, TestRun};
use chancery_store::lease::{Acquired, Payloads};
use chancery_store::query;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// Stores a batch of one record, with a signature that no one will verify.
fn batch_store(lease: impl Display, record: impl Display) -> String {
    format!(
        "chancery.batch_store({lease}, 'token', {record}, {record}, decode(repeat('00', 64), 'hex'), true, 'aws-lc-rs')"
    )
}

/// A session of a run's login, in which statements are planned as in a signer's.
async fn signers_session(run: &SeededRun<'_>) -> anyhow::Result<PgConnection> {
    let settings =
        query::ALL.iter().find(|query| query.name == "signer_settings").context("no such query")?;
    let mut session = PgConnection::connect(&run.url()?).await?;
    sqlx::raw_sql(settings.sql).execute(&mut session).await?;
    Ok(session)
}

/// Signs so many batches in one session, within the server.
async fn sign(session: &mut PgConnection, run: &SeededRun<'_>, batches: i64) -> anyhow::Result<()> {
    let sql = format!(
        "DO $$
         DECLARE
             a record;
             use_floor bigint := 0;
             batch_floor bigint := 1;
         BEGIN
             FOR number IN 1..{batches} LOOP
                 SELECT * INTO STRICT a FROM chancery.lease_acquire(
                     {run}, '{uid}', 'one', sha256('token'), use_floor, batch_floor);
                 ASSERT a.answer = 'leased', a.answer;
                 use_floor := a.use_floor;
                 batch_floor := a.batch_floor;
                 PERFORM {store};
             END LOOP;
         END $$",
        run = run.run.id,
        uid = run.run.uid,
        store = batch_store("a.lease_id", "a.first_record")
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(session).await?;
    Ok(())
}

/// The next acquire, with the floors that a signer has by now.
async fn acquire(run: &SeededRun<'_>) -> anyhow::Result<String> {
    let floors = "SELECT (SELECT min(last_use) FROM chancery.keys WHERE keyring_id = $1),
                         (SELECT max(batch) + 1 FROM chancery.leases WHERE keyring_id = $1)";
    let floors = sqlx::query(floors).bind(run.run.keyring.id).fetch_one(run.ledger.ledger.pool()).await?;
    let (used, batch): (i64, i64) = (floors.get(0), floors.get(1));
    let (id, uid) = (run.run.id, run.run.uid);
    Ok(format!(
        "SELECT * FROM chancery.lease_acquire({id}, '{uid}', 'one', sha256('token'), {used}, {batch})"
    ))
}

/// The store of the one lease that is open.
async fn store(run: &SeededRun<'_>) -> anyhow::Result<String> {
    let open =
        "SELECT l.id, b.first_record FROM chancery.leases l JOIN chancery.batches b USING (run_id, batch)
                 WHERE l.run_id = $1 AND l.outcome IS NULL";
    let open = sqlx::query(open).bind(run.run.id).fetch_one(run.ledger.ledger.pool()).await?;
    let (lease, first): (i64, i64) = (open.get(0), open.get(1));
    Ok(format!("SELECT {}", batch_store(lease, first)))
}

/// Pages that a statement looks at, with all that it calls.
async fn pages(session: &mut PgConnection, sql: String) -> anyhow::Result<i64> {
    let explain = AssertSqlSafe(format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}"));
    let plan: Value = sqlx::query_scalar(explain).fetch_one(session).await?;
    let count = |name: &str| plan[0]["Plan"][name].as_i64().unwrap_or_default();
    Ok(count("Shared Hit Blocks") + count("Shared Read Blocks"))
}

/// Of an acquire and of a store.
async fn pages_a_batch(session: &mut PgConnection, run: &SeededRun<'_>) -> anyhow::Result<[i64; 2]> {
    let acquired = pages(session, acquire(run).await?).await?;
    Ok([acquired, pages(session, store(run).await?).await?])
}

#[tokio::test]
async fn plans_that_were_made_on_an_empty_ledger_hold_as_it_grows() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // The planner is sure that it is empty, and is not told better: that would have the session plan anew.
    ledger.execute("VACUUM ANALYZE chancery.leases").await?;
    ledger.execute("ALTER TABLE chancery.leases SET (autovacuum_enabled = false)").await?;
    // As many keys as keep a unique index from having many dead entries of one key: this is all one transaction.
    let run = TestRun::new().records(3_000).keys(500).batch_size(1).seeded(&ledger).await?;
    let mut session = signers_session(&run).await?;
    sign(&mut session, &run, 30).await?;
    let few = pages_a_batch(&mut session, &run).await?;
    sign(&mut session, &run, 2_500).await?;
    let many = pages_a_batch(&mut session, &run).await?;
    for (call, few, many) in [("acquire", few[0], many[0]), ("store", few[1], many[1])] {
        assert!(few > 0, "{call} looks at no page");
        // Indexes have become a level deeper, and dead entries lie beside the living.
        assert!(many < 3 * few, "{call} looks at {many} pages after 2,500 batches, at {few} before");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_signer_asks_for_opens_no_table_of_another_run() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    for name in ["two", "three", "four"] {
        TestRun::new().named(name).seeded(&ledger).await?;
    }
    let run = TestRun::new().batch_size(1).seeded(&ledger).await?;
    let mut session = signers_session(&run).await?;
    // After the fifth time a plan for any run would be tried.
    sign(&mut session, &run, 20).await?;
    let acquire = acquire(&run).await?;
    let mut transaction = session.begin().await?;
    let lease = sqlx::query(AssertSqlSafe(acquire)).fetch_one(&mut *transaction).await?;
    let (lease, first): (i64, i64) = (lease.get("lease_id"), lease.get("first_record"));
    let store = batch_store(lease, first);
    sqlx::query(AssertSqlSafe(format!("SELECT {store}"))).execute(&mut *transaction).await?;
    let locked = "SELECT array_agg(DISTINCT c.relname::text ORDER BY c.relname::text) FROM pg_locks l
                    JOIN pg_class c ON c.oid = l.relation
                   WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relname ~ '_[0-9]+$'";
    let locked: Vec<String> = sqlx::query_scalar(locked).fetch_one(&mut *transaction).await?;
    let own = ["batches", "signature_blocks"].map(|table| format!("{table}_{}", run.run.id));
    assert_eq!(locked, own);
    transaction.rollback().await?;

    let mut signer = run.session("signer").await?;
    let Acquired::Leased(lease) = signer.acquire().await?.0 else { anyhow::bail!("no lease") };
    signer.fetch(lease.first_record, lease.last_record, &mut Payloads::default()).await?;
    let said = "SELECT query FROM pg_stat_activity WHERE application_name = 'signer'";
    let said: String = sqlx::query_scalar(said).fetch_one(ledger.ledger.pool()).await?;
    assert!(said.contains(&format!("FROM durable, chancery.records_{} r", run.run.id)), "{said}");
    Ok(())
}

#[tokio::test]
async fn what_holds_a_run_up_is_read_without_the_log_of_its_ring() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // As for a session that is as old as the ledger, and for a ledger of which nothing is known.
    ledger.execute("VACUUM ANALYZE chancery.leases").await?;
    ledger.execute("ALTER TABLE chancery.leases SET (autovacuum_enabled = false)").await?;
    let run = TestRun::new().records(3_000).keys(500).batch_size(1).seeded(&ledger).await?;
    let mut owner = PgConnection::connect(&ledger.url).await?;
    let mut session = signers_session(&run).await?;
    let open = query::ALL.iter().find(|query| query.name == "leases_open").context("no such query")?;
    let prepare = format!("SET plan_cache_mode = force_generic_plan; PREPARE open (int[]) AS {}", open.sql);
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut owner).await?;
    let execute = format!("EXECUTE open(ARRAY[{}])", run.run.id);
    sign(&mut session, &run, 30).await?;
    let mut one = run.session("one").await?;
    anyhow::ensure!(matches!(one.acquire().await?.0, Acquired::Leased(_)), "no lease");
    let few = pages(&mut owner, execute.clone()).await?;
    sign(&mut session, &run, 2_500).await?;
    let many = pages(&mut owner, execute).await?;
    assert!(few > 0 && many < 3 * few, "{many} pages after 2,500 batches, {few} before");
    Ok(())
}

/// Blocks that numbering the digests of a call reads, of which the ring had the first one before.
async fn blocks_to_number(
    owner: &mut PgConnection,
    run: &SeededRun<'_>,
    digests: i64,
) -> anyhow::Result<i64> {
    let (id, ring) = (run.run.id, run.run.keyring.id);
    // As admit_payloads leaves them: each has the number that it would have if all before it were new.
    let stored = format!(
        "INSERT INTO chancery.digests_{ring} (digest, record, keyring_id, run_id)
         SELECT sha256(int8send(n)), CASE n WHEN 1 THEN 1 ELSE 1000 + n END, {ring}, {id}
           FROM generate_series(1, {digests}::bigint) n"
    );
    let number = format!(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
         SELECT chancery.admit_numbers({id}, {ring}, 1000, 1000000,
                    ARRAY (SELECT sha256(int8send(n)) FROM generate_series(1, {digests}::bigint) n))"
    );
    let numbered = format!(
        "SELECT count(*) = {digests} - 1 AND max(record) = 999 + {digests} FROM chancery.digests_{ring} WHERE record > 1000"
    );
    let mut transaction = owner.begin().await?;
    sqlx::query(AssertSqlSafe(stored)).execute(&mut *transaction).await?;
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(number)).fetch_one(&mut *transaction).await?;
    let is_numbered: bool = sqlx::query_scalar(AssertSqlSafe(numbered)).fetch_one(&mut *transaction).await?;
    transaction.rollback().await?;
    anyhow::ensure!(is_numbered, "there are gaps among {digests} numbers");
    let blocks = ["Shared Hit Blocks", "Shared Read Blocks", "Temp Read Blocks"];
    Ok(blocks.iter().map(|name| plan[0]["Plan"][*name].as_i64().unwrap_or_default()).sum())
}

#[tokio::test]
async fn payloads_among_which_there_is_a_duplicate_are_numbered_in_one_pass() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    std::fs::write(folder.path().join("a.txt"), "one\n")?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    let mut owner = PgConnection::connect(&ledger.url).await?;
    // The planner is sure that the ring knows little, and is not told better.
    let (id, ring) = (run.run.id, run.run.keyring.id);
    let digests = format!("chancery.digests_{ring}");
    let former = format!(
        "INSERT INTO {digests} (digest, record, keyring_id, run_id)
         SELECT sha256(int8send(-n)), n, {ring}, {id} FROM generate_series(1, 300::bigint) n"
    );
    ledger.execute(AssertSqlSafe(former)).await?;
    ledger.execute(AssertSqlSafe(format!("ALTER TABLE {digests} SET (autovacuum_enabled = false)"))).await?;
    ledger.execute(AssertSqlSafe(format!("VACUUM ANALYZE {digests}"))).await?;
    // A list of a few thousand numbers is a file then, and each look through it is counted.
    sqlx::raw_sql("SET work_mem = '64kB'").execute(&mut owner).await?;
    let few = blocks_to_number(&mut owner, &run, 2_000).await?;
    let many = blocks_to_number(&mut owner, &run, 8_000).await?;
    assert!(few > 0 && many < 6 * few, "{many} blocks for 8,000 payloads, {few} for 2,000");
    Ok(())
}
