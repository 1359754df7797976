//! A ledger with many runs: what is asked, and what is locked, does not grow with them.

use anyhow::Context as _;
use chancery_kit::{Chancery, TestLedger, TestRun, talkative_server};
use chancery_local_postgres::ThrowAway;
use chancery_store::query;
use sqlx::{Connection, PgConnection};

/// Makes the runs `FROM..TO`, which have neither keys nor records.
async fn make_runs(ledger: &TestLedger, numbers: std::ops::Range<u32>) -> anyhow::Result<()> {
    for number in numbers {
        TestRun::new().named(&format!("run-{number}")).created(ledger).await?;
    }
    Ok(())
}

/// Statements about the ledger that `chancery` has sent to the server so far. What it sends as it connects does not
/// count: how many connections it opens depends on how fast the first is free again.
fn statements(server: &ThrowAway) -> anyhow::Result<usize> {
    let log = std::fs::read_to_string(server.log())?;
    // The further lines of an entry begin with a tab.
    let log = log.replace("\n\t", " ");
    let connecting = query::ALL.iter().find(|query| query.name == "ledger_uid").context("the query")?;
    let is_one = |line: &&str| {
        line.strip_prefix("chancery|LOG:").is_some_and(|rest| {
            let rest = rest.trim_start();
            let is_sent = rest.starts_with("execute ") || rest.starts_with("statement: ");
            is_sent && rest.contains("chancery.") && !rest.contains(connecting.sql.trim_end())
        })
    };
    Ok(log.lines().filter(is_one).count())
}

/// Tables of runs that somebody has locked; autovacuum does not count.
async fn locked_tables(ledger: &TestLedger) -> anyhow::Result<Vec<String>> {
    let locked = "SELECT DISTINCT c.relname::text
                    FROM pg_locks l
                    JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
                    JOIN pg_stat_activity a ON a.pid = l.pid AND a.backend_type = 'client backend'
                    JOIN pg_class c ON c.oid = l.relation
                   WHERE c.relname ~ '^(records|batches|signature_blocks)_[0-9]+$' ORDER BY 1";
    Ok(sqlx::query_scalar(locked).fetch_all(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn status_asks_as_much_of_many_runs_as_of_one() -> anyhow::Result<()> {
    let server = talkative_server();
    let ledger = TestLedger::create(&server, "ledger").await?;
    let chancery = Chancery::on(&ledger.url)?;
    let mut asked = Vec::new();
    for runs in [0..1, 1..12] {
        let count = runs.end;
        make_runs(&ledger, runs).await?;
        let before = statements(&server)?;
        let shown = chancery.run(&["status", "-o", "json"]).await?.expect_code(0)?.json()?;
        assert_eq!(shown["runs"].as_array().map(Vec::len), Some(count as usize), "{shown}");
        asked.push(statements(&server)? - before);
    }
    assert!(asked.iter().all(|asked| *asked > 0), "the log names no statement");
    assert_eq!(asked.first(), asked.last(), "statements for 1 run, for 12 runs");
    Ok(())
}

#[tokio::test]
async fn looking_at_the_progress_of_runs_locks_the_tables_of_none() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    run.session("one").await?.acquire().await?;
    make_runs(&ledger, 0..3).await?;
    let progress = query::ALL.iter().find(|query| query.name == "run_progress").context("the query")?;
    let mut looking = PgConnection::connect(&ledger.url).await?;
    let mut transaction = looking.begin().await?;
    let all: Vec<i32> = (1..=4).collect();
    for asked in [&all[..1], &all[..]] {
        let rows = sqlx::query(progress.sql).bind(asked).fetch_all(&mut *transaction).await?;
        assert_eq!(rows.len(), asked.len());
    }
    let locked = locked_tables(&ledger).await?;
    assert!(locked.is_empty(), "{locked:?}");
    Ok(())
}

#[tokio::test]
async fn an_audit_locks_the_tables_of_no_other_run() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keyring("ring").seeded(&ledger).await?;
    let other = TestRun::new().named("other").keyring("ring").seeded_beside(&run).await?;
    make_runs(&ledger, 0..3).await?;
    let mut snapshot = ledger.ledger.snapshot().await?;
    let audited = snapshot.run("default", "demo").await?;
    let mut reader = snapshot.reader().await?;
    let runs = reader.runs(&audited.keyring).await?;
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [run.run.id, other.run.id]);
    reader.strays(&audited, 200, 20, 10).await?;
    reader.keyring_strays(&audited.keyring, 10).await?;
    for run in &runs {
        reader.leaseless_batches(run, 10).await?;
    }
    let locked = locked_tables(&ledger).await?;
    let of_other_runs = |table: &String| !runs.iter().any(|run| table.ends_with(&format!("_{}", run.id)));
    assert!(!locked.is_empty() && !locked.iter().any(of_other_runs), "{locked:?}");
    reader.begin_again().await?;
    let locked = locked_tables(&ledger).await?;
    assert!(locked.is_empty(), "{locked:?}");
    Ok(())
}
