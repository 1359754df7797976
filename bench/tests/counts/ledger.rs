//! What the ledger is asked for, by the very program that a pod runs.

use chancery_kit::{SignerProcess, TestLedger, TestRun, eventually, quiet_server};
use chancery_local_postgres::ThrowAway;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::bounds::hold;
use crate::proxy::Proxy;

const BATCH: i64 = 100;

/// Columns of `pg_stat_database`.
const TRANSACTIONS: &str = "xact_commit + xact_rollback";
const PAGES: &str = "blks_hit + blks_read";

/// Of one run, or of the difference between two.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    round_trips: f64,
    transactions: f64,
    waits: f64,
    pages: f64,
    wal_seeding: f64,
    wal_signing: f64,
}

/// Two runs of unlike size are signed: what a signer asks for once, whatever its work, is in both.
#[tokio::test]
async fn the_ledger_is_asked_for_no_more_than_before() -> anyhow::Result<()> {
    let server = quiet_server();
    let (few, many) = (20, 60);
    let small = count(&server, "EdDSA", few).await?;
    let large = count(&server, "EdDSA", many).await?;
    let batches = (many - few) as f64;
    let records = batches * BATCH as f64;
    hold("round trips per batch", (large.round_trips - small.round_trips) / batches);
    hold("transactions per batch", (large.transactions - small.transactions) / batches);
    hold("waits for the disk per batch", (large.waits - small.waits) / batches);
    hold("pages looked at per batch", (large.pages - small.pages) / batches);
    let wal = (large.wal_signing - small.wal_signing) / records;
    hold("WAL bytes per record signed with EdDSA in batches of 100", wal);
    let wal = (large.wal_seeding - small.wal_seeding) / records;
    hold("WAL bytes per record seeded with 64 bytes", wal);
    Ok(())
}

/// Of 256 bytes each, so that the signatures of a batch are in four times as many pieces.
#[tokio::test]
async fn signatures_of_rsa_are_written_with_no_more_around_them_than_before() -> anyhow::Result<()> {
    let server = quiet_server();
    let (few, many) = (5, 15);
    let small = count(&server, "RS256", few).await?;
    let large = count(&server, "RS256", many).await?;
    let wal = (large.wal_signing - small.wal_signing) / ((many - few) * BATCH) as f64;
    hold("WAL bytes per record signed with RS256 in batches of 100", wal);
    Ok(())
}

async fn count(server: &ThrowAway, algorithm: &str, batches: i64) -> anyhow::Result<Counts> {
    let database = format!("counts_{}_{batches}", algorithm.to_lowercase());
    let mut watch = Watch::new(server, &database).await?;
    let ledger = TestLedger::create(server, &database).await?;
    let before_seeding = watch.wal().await?;
    let run = TestRun::new().algorithm(algorithm).records(batches * BATCH).batch_size(BATCH);
    let run = run.seeded(&ledger).await?;
    let wal_seeding = watch.wal().await? - before_seeding;

    // What a session has counted is sure to be published only once it has ended.
    ledger.ledger.pool().close().await;
    watch.until_nobody_is_connected().await;
    let (transactions, pages) = (watch.statistic(TRANSACTIONS).await?, watch.statistic(PAGES).await?);
    let (waits, wal) = (watch.waits().await?, watch.wal().await?);
    let proxy = Proxy::start(server.socket_dir())?;
    // One slot: it never meets another that has the last batch, so it never waits and asks again.
    let alone = ["--threads", "1", "--lookahead", "0"];
    let mut signer = SignerProcess::start(
        &run.url_by(&proxy.url(&ledger.url))?,
        &run.run.name,
        "one",
        &run.data_key_file,
        &alone,
    )?;
    let (code, log) = signer.ended().await?;
    anyhow::ensure!(code == Some(0), "the signer ended with {code:?}: {log}");
    watch.until_nobody_is_connected().await;
    Ok(Counts {
        round_trips: proxy.round_trips() as f64,
        transactions: watch.statistic(TRANSACTIONS).await? - transactions,
        waits: watch.waits().await? - waits,
        pages: watch.statistic(PAGES).await? - pages,
        wal_seeding,
        wal_signing: watch.wal().await? - wal,
    })
}

/// Looks at a database from without, so as not to be counted.
struct Watch {
    connection: PgConnection,
    database: String,
}

impl Watch {
    async fn new(server: &ThrowAway, database: &str) -> anyhow::Result<Self> {
        let connection = PgConnection::connect(&server.url("postgres")).await?;
        Ok(Self { connection, database: database.to_owned() })
    }

    /// Bytes of WAL since the beginning of the cluster.
    async fn wal(&mut self) -> anyhow::Result<f64> {
        let sql = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS wal";
        Ok(sqlx::query(sql).fetch_one(&mut self.connection).await?.get("wal"))
    }

    /// How often the WAL was brought to the disk. On a quiet server, only by a session that waits for that.
    async fn waits(&mut self) -> anyhow::Result<f64> {
        let sql = "SELECT wal_sync::float8 AS waits FROM pg_stat_wal";
        Ok(sqlx::query(sql).fetch_one(&mut self.connection).await?.get("waits"))
    }

    /// Of the database, by `pg_stat_database`.
    async fn statistic(&mut self, what: &'static str) -> anyhow::Result<f64> {
        let sql = format!("SELECT ({what})::float8 FROM pg_stat_database WHERE datname = $1");
        let counted = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&self.database);
        Ok(counted.fetch_one(&mut self.connection).await?)
    }

    async fn until_nobody_is_connected(&mut self) {
        let sql = "SELECT count(*) AS sessions FROM pg_stat_activity WHERE datname = $1";
        eventually("nobody is connected", async || {
            let row = sqlx::query(sql).bind(&self.database).fetch_one(&mut self.connection).await;
            row.is_ok_and(|row| row.get::<i64, _>("sessions") == 0)
        })
        .await;
    }
}
