//! A run that reads a claim, a table and another run at once.

use chancery_kit::bucket::Bucket;
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, StandIn};
use chancery_kit::{TestLedger, TlsServer};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::{give_claim, give_credentials, install, lines, source, spec};

#[tokio::test]
async fn a_claim_a_table_and_another_run_are_read_by_one_run() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("several").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;

    let bucket = Bucket::serve().await?;
    bucket.put("one.ndjson", format!("{}this is not JSON\n", lines(0, 40)));
    give_credentials(&namespace, "source-s3").await?;
    let first = ClusterRun::new(&namespace, "first").with_spec(spec(json!([source(&bucket, "source-s3")])));
    first.apply().await?;
    first.completes(&ledger).await?;

    // Of the lines of the files, some are the first run's.
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("today"))?;
    std::fs::write(folder.path().join("today/a.ndjson"), lines(30, 50))?;
    std::fs::write(folder.path().join("not-today.ndjson"), lines(500, 10))?;
    give_claim(&namespace, "source-inbox", folder.path()).await?;

    // The server wants a password, over TCP.
    let server = TlsServer::start().await?;
    let url = server.url("chancery", "127.0.0.1", "sslmode=disable");
    let mut table = PgConnection::connect(&url).await?;
    let made = "CREATE TABLE payments AS SELECT n AS id, 'row ' || n AS body FROM generate_series(1, 25) n";
    sqlx::raw_sql(made).execute(&mut table).await?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "source-db"}, "stringData": {"uri": url},
    });
    namespace.kubectl().apply(&secret.to_string()).await?;

    let inbox = json!({"url": "file:///volumes/source-inbox/today", "volumeClaim": "source-inbox"});
    let table = json!({
        "urlSecretRef": {"name": "source-db", "key": "uri"},
        "query": "SELECT id, body FROM payments", "orderBy": ["id"], "payload": "body",
    });
    let run = ClusterRun::new(&namespace, "demo").with_spec(spec(json!([
        {"name": "inbox", "objects": inbox, "format": {"type": "NDJSON"}},
        {"name": "rows", "table": table},
        {"name": "again", "run": {"name": "first", "select": "All"}},
    ])));
    run.apply().await?;
    run.completes(&ledger).await?;
    let status = run.get().await?["status"].clone();
    // Of 50 lines and 40 records, 10 are the same; the dead letter is signed as it was kept.
    assert_eq!(
        status["records"],
        json!({
            "total": 106, "seeded": 106, "signed": 106,
            "received": 116, "admitted": 106, "duplicate": 10, "rejected": 0, "dead": 0, "pending": 0,
        }),
        "{status}"
    );
    assert_eq!(
        status["sources"],
        json!([
            {"name": "inbox", "position": "end", "splits": 1, "lag": 0},
            {"name": "rows", "position": "end", "splits": 1, "lag": 0},
            {"name": "again", "position": "end", "splits": 2, "lag": 0},
        ]),
        "{status}"
    );
    let log = operator.log();
    assert!(
        !log.contains(chancery_kit::tls_server::PASSWORD) && !status.to_string().contains("correct-horse")
    );
    Ok(())
}
