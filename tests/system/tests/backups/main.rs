//! `docs/operating/backups.md`, followed word by word with PostgreSQL's own programs. On the new servers neither the
//! name of the superuser nor any role is that of the original.

mod page;
mod plain_server;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use chancery_kit::{
    Chancery, Manifest, SeededRun, TestLedger, TestRun, eventually, independent_audit, throw_away,
};
use chancery_local_postgres::find_binaries;
use chancery_store::lease::Acquired;
use sqlx::{Connection, PgConnection};

use crate::page::{Page, blocks};
use crate::plain_server::PlainServer;

const LEASE: Duration = Duration::from_secs(5);

fn manifest() -> Manifest {
    Manifest::new().with("leaseDuration", "5s")
}

/// The run of [`manifest`], with a lease that nobody will ever close.
async fn run_with_an_open_lease(ledger: &TestLedger) -> anyhow::Result<SeededRun<'_>> {
    let run = TestRun::new().lease_duration(LEASE).seeded(ledger).await?;
    let mut session = run.session("gone-with-the-backup").await?;
    let acquired = session.acquire().await?.0;
    ensure!(matches!(acquired, Acquired::Leased(_)), "no lease: {acquired:?}");
    Ok(run)
}

/// The folder in which a person follows the page, with the manifest and the KEK of the run.
fn follow(run: &SeededRun<'_>) -> anyhow::Result<Page> {
    let page = Page::open()?;
    page.write("run.yaml", &manifest().to_string())?;
    page.write("kek", &std::fs::read_to_string(&run.kek_file)?)?;
    Ok(page)
}

/// What the page promises of a ledger that was restored: the run is whole, and so are both audits.
async fn assert_restored(url: &str, said: &str) -> anyhow::Result<()> {
    ensure!(said.contains("audit"), "{said}");
    for run in ["demo", "kept"] {
        Chancery::on(url)?.run(&["verify", run]).await?.expect_code(0)?;
        if let Some(report) = independent_audit(url, "default", run).await? {
            ensure!(report.holds, "{run}: {report:#?}");
        }
    }
    let mut connection = PgConnection::connect(url).await?;
    let outcome = "SELECT outcome::text FROM chancery.leases WHERE holder = 'gone-with-the-backup'";
    let outcome: Option<String> = sqlx::query_scalar(outcome).fetch_one(&mut connection).await?;
    ensure!(outcome.as_deref() == Some("expired"), "the lease that was open: {outcome:?}");
    let signatures = "SELECT count(*) FROM chancery.signatures s JOIN chancery.runs r ON r.id = s.run_id
                       WHERE r.name = 'demo'";
    let signatures: i64 = sqlx::query_scalar(signatures).fetch_one(&mut connection).await?;
    ensure!(signatures == 200, "{signatures} signatures");
    Ok(())
}

/// A ledger of two runs: `kept` is complete, `demo` has an open lease.
async fn two_runs(ledger: &TestLedger) -> anyhow::Result<SeededRun<'_>> {
    TestRun::new().named("kept").seeded(ledger).await?.finish().await?;
    run_with_an_open_lease(ledger).await
}

#[tokio::test]
async fn a_dump_is_restored_on_a_new_server_as_the_page_says_and_signing_goes_on() -> anyhow::Result<()> {
    let original = throw_away();
    let ledger = TestLedger::create(&original, "ledger").await?;
    let run = two_runs(&ledger).await?;
    let page = follow(&run)?;
    let [dump, owner, restore, administrator, go_on] = blocks("Dump and restore")?;
    page.run(&dump, &[("DATABASE_URL", &ledger.url)])?;
    // What the backup does not have: it is signed anew.
    let signed = run.start_signer("later")?.ended().await?;
    ensure!(signed.0 == Some(0), "{}", signed.1);

    let server = PlainServer::init(&page, "new", "administrator")?;
    let admin = server.url("postgres", "administrator");
    let new = server.url("chancery", "chancery");
    let in_database = server.url("chancery", "administrator");
    let urls = [
        ("ADMIN_URL", admin.as_str()),
        ("ADMIN_URL_OF_THE_DATABASE", &in_database),
        ("NEW_DATABASE_URL", &new),
    ];
    page.run(&owner, &urls)?;
    page.run(&restore, &urls)?;
    page.run(&administrator, &urls)?;
    let said = page.run(&go_on, &urls)?;
    assert_restored(&new, &said).await
}

#[tokio::test]
async fn a_dump_that_a_superuser_restored_with_its_rights_is_put_right_as_well() -> anyhow::Result<()> {
    let original = throw_away();
    let ledger = TestLedger::create(&original, "ledger").await?;
    let run = two_runs(&ledger).await?;
    let page = follow(&run)?;
    let [dump, owner, _, administrator, go_on] = blocks("Dump and restore")?;
    page.run(&dump, &[("DATABASE_URL", &ledger.url)])?;

    let server = PlainServer::init(&page, "new", "administrator")?;
    let admin = server.url("postgres", "administrator");
    let (new, new_as_admin) = (server.url("chancery", "chancery"), server.url("chancery", "administrator"));
    page.run(&owner, &[("ADMIN_URL", &admin)])?;
    let restore = "pg_restore --no-owner --role=chancery --dbname=\"$URL\" chancery.dump 2> errors && exit 1
                   grep -c 'role \"chancery_signer\" does not exist' errors";
    page.run(restore, &[("URL", &new_as_admin)])?;
    page.run(&administrator, &[("ADMIN_URL_OF_THE_DATABASE", &new_as_admin)])?;
    let said = page.run(&go_on, &[("NEW_DATABASE_URL", &new)])?;
    assert_restored(&new, &said).await
}

#[tokio::test]
async fn a_server_goes_back_to_a_moment_as_the_page_says_and_signing_goes_on() -> anyhow::Result<()> {
    if !find_binaries()?.program("pg_basebackup").is_file() {
        return page::skipped("no pg_basebackup beside PostgreSQL's server programs");
    }
    let original = throw_away();
    let ledger = TestLedger::create(&original, "ledger").await?;
    TestRun::new().named("kept").seeded(&ledger).await?.finish().await?;
    let page = Page::open()?;
    let [archive, base, back, go_on] = blocks("Point-in-time recovery")?;
    let backup = page.folder_of_the_server("backup/wal")?;
    let backup = backup.parent().and_then(|folder| folder.to_str()).context("a path in UTF-8")?.to_owned();
    let here = |block: &str| block.replace("/backup", &backup);

    let mut admin = PgConnection::connect(&original.url("postgres")).await?;
    for statement in here(&archive).split_inclusive(";\n") {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut admin).await?;
    }
    original.stop_immediate()?;
    original.start_again()?;
    let admin_url = original.url("postgres");
    page.run_as_the_server(&here(&base), &[("ADMIN_URL", &admin_url)])?;

    let run = run_with_an_open_lease(&ledger).await?;
    page.write("run.yaml", &manifest().to_string())?;
    page.write("kek", &std::fs::read_to_string(&run.kek_file)?)?;
    let mut admin = PgConnection::connect(&admin_url).await?;
    let moment: String = sqlx::query_scalar("SELECT clock_timestamp()::text").fetch_one(&mut admin).await?;
    // What is taken back: the run is signed to its end.
    let signed = run.start_signer("later")?.ended().await?;
    ensure!(signed.0 == Some(0), "{}", signed.1);
    let last: String =
        sqlx::query_scalar("SELECT pg_walfile_name(pg_switch_wal())").fetch_one(&mut admin).await?;
    eventually("the archive has it all", async || {
        let archived = "SELECT coalesce(last_archived_wal >= $1, false) FROM pg_stat_archiver";
        sqlx::query_scalar(archived).bind(&last).fetch_one(&mut admin).await.is_ok_and(|done: bool| done)
    })
    .await;
    original.stop_immediate()?;

    let server = PlainServer::place(&page, "new")?;
    server.settle_in(&format!("{backup}/base"))?;
    let data = server.data();
    page.run_as_the_server(&here(&back), &[("NEW_DATA", data), ("MOMENT", &moment)])?;
    let superuser = chancery_local_postgres::SUPERUSER;
    let new = server.url("ledger", superuser);
    eventually("the new server takes writes", async || {
        let Ok(mut connection) = PgConnection::connect(&new).await else { return false };
        let writes = "SELECT NOT pg_is_in_recovery()";
        sqlx::query_scalar(writes).fetch_one(&mut connection).await.is_ok_and(|writes: bool| writes)
    })
    .await;
    let mut connection = PgConnection::connect(&new).await?;
    let later = "SELECT count(*) FROM chancery.leases WHERE holder = 'later'";
    let later: i64 = sqlx::query_scalar(later).fetch_one(&mut connection).await?;
    ensure!(later == 0, "{later} leases of after the moment");
    let said = page.run(&go_on, &[("NEW_DATABASE_URL", &new)])?;
    assert_restored(&new, &said).await
}
