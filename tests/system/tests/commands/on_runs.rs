//! `chancery status`, `verify` and `delete` on a run that is there.

use chancery_kit::{Chancery, Manifest, TestLedger, TestRun};
use chancery_store::lease::Acquired;
use serde_json::Value;

/// A ledger with a complete run of 200 records in 20 batches, named `demo`.
async fn with_demo() -> anyhow::Result<(TestLedger, Chancery)> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    chancery.sign(&Manifest::new(), &[]).await?.expect_code(0)?;
    Ok((ledger, chancery))
}

async fn status(chancery: &Chancery) -> anyhow::Result<Vec<Value>> {
    let status = chancery.run(&["status", "--output", "json"]).await?.expect_code(0)?.json()?;
    Ok(status["runs"].as_array().cloned().unwrap_or_default())
}

/// The run's own tables that are left.
async fn partitions(ledger: &TestLedger) -> anyhow::Result<i64> {
    let own = "SELECT count(*) FROM pg_tables WHERE schemaname = 'chancery' AND tablename ~ '_[0-9]+$'";
    Ok(sqlx::query_scalar(own).fetch_one(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn status_shows_every_run_and_how_far_it_is() -> anyhow::Result<()> {
    let (ledger, chancery) = with_demo().await?;
    let other = TestRun::new().named("other").seeded(&ledger).await?;
    let mut session = other.session("someone").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };

    let runs = status(&chancery).await?;
    let seen: Vec<_> = runs
        .iter()
        .map(|run| (run["name"].as_str(), run["phase"].as_str(), run["signed"].as_i64()))
        .collect();
    let wanted = [(Some("demo"), Some("Complete"), Some(200)), (Some("other"), Some("Signing"), Some(0))];
    assert_eq!(seen, wanted);
    assert_eq!((&runs[1]["batchesLeased"], &runs[1]["keysLeased"]), (&1.into(), &1.into()));

    let table = chancery.run(&["status"]).await?.expect_code(0)?.stdout;
    for word in ["NAMESPACE", "demo", "Complete", "100%", "other", "Signing", "0%"] {
        assert!(table.contains(word), "{word} in:\n{table}");
    }
    let one = chancery.run(&["status", "default/demo"]).await?.expect_code(0)?.stdout;
    assert!(one.contains("demo") && !one.contains("other"), "{one}");
    session.abandon(&lease).await?;
    other.finish().await
}

#[tokio::test]
async fn verify_prints_a_line_a_law_with_what_it_counted() -> anyhow::Result<()> {
    let (_ledger, chancery) = with_demo().await?;
    let text = chancery.run(&["verify", "demo"]).await?.expect_code(0)?.stdout;
    let lines: Vec<_> = text.lines().collect();
    let counted =
        ["200 records, 200 signatures", "200 signatures verified", "20 batches", "20 leases", "20 choices"];
    assert_eq!(lines.len(), counted.len(), "{text}");
    for ((line, counted), number) in lines.into_iter().zip(counted).zip(1..) {
        assert!(line.starts_with("holds") && line.contains(&format!("law {number} ")), "{line}");
        assert!(line.contains(counted), "{counted} in: {line}");
    }
    Ok(())
}

#[tokio::test]
async fn verify_names_a_signature_that_was_altered_and_exits_1() -> anyhow::Result<()> {
    let (ledger, chancery) = with_demo().await?;
    ledger
        .execute(
            "SET session_replication_role = replica;
             UPDATE chancery.signature_blocks b
                SET signatures = set_byte(b.signatures, p.place, get_byte(b.signatures, p.place) # 1)
               FROM (SELECT (octet_length(signatures) / (last_record - first_record + 1) * (123 - first_record) + 7)::integer
                       FROM chancery.signature_blocks WHERE 123 BETWEEN first_record AND last_record) p (place)
              WHERE 123 BETWEEN b.first_record AND b.last_record",
        )
        .await?;
    let text = chancery.run(&["verify", "demo"]).await?.expect_code(1)?.stdout;
    assert!(text.contains("the signature of record 123 is not true"), "{text}");
    assert_eq!((text.matches("BROKEN").count(), text.matches("holds").count()), (1, 4), "{text}");

    let report = chancery.run(&["verify", "demo", "--output", "json"]).await?.expect_code(1)?.json()?;
    assert_eq!((&report["run"], &report["laws"][1]["violations"]), (&"default/demo".into(), &1.into()));

    // The run itself says so too, when it is asked for again.
    let summary = chancery.sign(&Manifest::new(), &["--output", "json"]).await?.expect_code(1)?.json()?;
    assert_eq!(summary["audit"], "failed", "{summary}");
    Ok(())
}

#[tokio::test]
async fn verify_of_a_run_that_is_not_signed_yet_names_what_is_missing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut session = run.session("someone").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
    let text = Chancery::on(&ledger.url)?.run(&["verify", "demo"]).await?.expect_code(1)?.stdout;
    assert!(text.contains("the records 1 to 200 are without a signature"), "{text}");
    assert_eq!((text.matches("BROKEN").count(), text.matches("holds").count()), (1, 4), "{text}");
    session.abandon(&lease).await?;
    run.finish().await
}

#[tokio::test]
async fn delete_leaves_nothing_of_a_run_and_its_name_free() -> anyhow::Result<()> {
    let (ledger, chancery) = with_demo().await?;
    chancery.sign(&Manifest::new().named("other"), &[]).await?.expect_code(0)?;
    assert_eq!(partitions(&ledger).await?, 6);

    let ended = chancery.run(&["delete", "demo"]).await?.expect_code(0)?;
    assert!(ended.stdout.contains("deleted default/demo: 200 records"), "{}", ended.stdout);
    assert_eq!(partitions(&ledger).await?, 3);
    for table in ["runs", "keyrings"] {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM chancery.{table}"));
        let count: i64 = sqlx::query_scalar(count).fetch_one(ledger.ledger.pool()).await?;
        assert_eq!(count, 1, "{table}");
    }
    let names: Vec<_> = status(&chancery).await?.into_iter().map(|run| run["name"].clone()).collect();
    assert_eq!(names, ["other"]);
    let gone = chancery.run(&["verify", "demo"]).await?.expect_code(2)?;
    assert!(gone.stderr.contains("there is no run default/demo"), "{}", gone.stderr);

    // Another run may have the name, whatever its shape.
    chancery.sign(&Manifest::new().of(30, 2, 7), &[]).await?.expect_code(0)?;
    chancery.run(&["verify", "other"]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn delete_is_refused_while_a_signer_is_at_work_unless_forced() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let chancery = Chancery::on(&ledger.url)?;
    let mut session = run.session("busy-signer").await?;
    assert!(matches!(session.acquire().await?.0, Acquired::Leased(_)));

    let before = ledger.fingerprint().await?;
    let refused = chancery.run(&["delete", "demo"]).await?.expect_code(2)?;
    assert!(
        refused.stderr.contains("busy-signer") && refused.stderr.contains("--force"),
        "{}",
        refused.stderr
    );
    assert_eq!(ledger.fingerprint().await?, before);

    chancery.run(&["delete", "demo", "--force"]).await?.expect_code(0)?;
    assert_eq!(partitions(&ledger).await?, 0);
    let acquired = session.acquire().await;
    assert!(acquired.is_err(), "its login went with the run: {acquired:?}");
    Ok(())
}
