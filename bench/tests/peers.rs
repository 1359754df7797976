//! Every peer keeps the rules, and the check finds one that does not. No speed is looked at.

use std::io::{self, Write};

use chancery_bench::peers::check::check;
use chancery_bench::peers::peer::Peer;
use chancery_bench::peers::plain::{self, Library, Order};
use chancery_bench::peers::server::Server;
use chancery_bench::peers::trial::{Trial, Until};
use chancery_bench::peers::work::{Template, Work};
use chancery_keyring::Algorithm;
use chancery_kit::eventually;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

const WORK: Work = Work { algorithm: Algorithm::EdDsa, records: 300, keys: 5, batch: 100 };

async fn keeps_the_rules(peer: Peer) {
    if let Err(missing) = peer.installed() {
        // Not by `println!`, which is held back where the test passes.
        let _ = writeln!(io::stdout(), "skipped: {missing}");
        return;
    }
    let server = Server::start().await.unwrap();
    for algorithm in [Algorithm::Rs256, Algorithm::EdDsa] {
        let work = Work { algorithm, ..WORK };
        let template = Template::seed(&server, work).await.unwrap();
        let setting = peer.settings()[0];
        let trial = Trial::of(&server, &template, work, peer, setting, Until::Stored).await.unwrap();
        assert_eq!((trial.records, trial.wrong), (300, None), "{algorithm}");
    }
}

#[tokio::test]
async fn graphile_worker_keeps_the_rules() {
    keeps_the_rules(Peer::GraphileWorker).await;
}

#[tokio::test]
async fn pg_boss_keeps_the_rules() {
    keeps_the_rules(Peer::PgBoss).await;
}

#[tokio::test]
async fn procrastinate_keeps_the_rules() {
    keeps_the_rules(Peer::Procrastinate).await;
}

#[tokio::test]
async fn plain_rust_keeps_the_rules() {
    keeps_the_rules(Peer::Plain).await;
    keeps_the_rules(Peer::PlainAwsLc).await;
}

#[tokio::test]
async fn an_unsigned_record_is_found() {
    assert_found("DELETE FROM work.signatures WHERE record = 300", "299 signatures for 300 records").await;
}

#[tokio::test]
async fn a_signature_of_another_record_is_found() {
    let swapped = "UPDATE work.signatures SET signature = (SELECT signature FROM work.signatures WHERE record = 1) \
                   WHERE record = 2";
    assert_found(swapped, "the signature of record 2 is not valid").await;
}

#[tokio::test]
async fn a_batch_with_two_keys_is_found() {
    assert_found("UPDATE work.signatures SET key = key % 5 + 1 WHERE record = 7", "1 of another key").await;
}

#[tokio::test]
async fn a_key_in_two_hands_at_once_is_found() {
    // All batches by one key, from the same instant on.
    let shared = "UPDATE work.uses SET key = 1, taken_at = '2026-01-01'; UPDATE work.signatures SET key = 1";
    assert_found(shared, "2 overlaps").await;
}

/// What the check says of a good result that was then tampered with.
async fn assert_found(tampering: &str, wanted: &str) {
    let server = Server::start().await.unwrap();
    let template = Template::seed(&server, WORK).await.unwrap();
    let url = template.copy(&server, "tampered").await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    execute(&mut connection, "INSERT INTO work.batches (batch) VALUES (1), (2), (3)").await;
    let order = Order { algorithm: "EdDSA".to_owned(), batch: 100, concurrency: 2 };
    let worker = tokio::spawn(async move { plain::work(&url, Library::AwsLc, order).await });
    eventually("every batch is stored", async || {
        let stored = sqlx::query("SELECT count(*) FROM work.uses").fetch_one(&mut connection).await.unwrap();
        stored.get::<i64, _>(0) == 3
    })
    .await;
    worker.abort();
    assert_eq!(check(&mut connection, WORK).await.unwrap(), None);
    execute(&mut connection, tampering).await;
    assert_eq!(check(&mut connection, WORK).await.unwrap().as_deref(), Some(wanted));
}

async fn execute(connection: &mut PgConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await.unwrap();
}
