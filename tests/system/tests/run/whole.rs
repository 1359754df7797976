//! `chancery run`: whole runs by the real program, each ended by the audit.

use chancery_keyring::Algorithm;
use chancery_kit::{Chancery, Ended, Manifest, TestLedger, eventually, working_in};
use serde_json::{Value, json};

/// Signs the manifest on a ledger of its own and returns the summary; the run has audited itself.
async fn signed(manifest: &Manifest, more: &[&str]) -> anyhow::Result<Value> {
    let ledger = TestLedger::new().await?;
    let arguments = [&["--output", "json"], more].concat();
    let summary = Chancery::on(&ledger.url)?.sign(manifest, &arguments).await?.expect_code(0)?.json()?;
    assert_eq!(summary["audit"], "passed", "{summary}");
    assert_eq!(summary["signed"], summary["records"], "{summary}");
    Ok(summary)
}

#[tokio::test]
async fn ten_thousand_records_are_signed_by_eight_signers_with_twenty_keys() -> anyhow::Result<()> {
    let summary = signed(&Manifest::new().of(10_000, 20, 50), &["--signers", "8"]).await?;
    for (field, value) in [
        ("run", json!("default/demo")),
        ("algorithm", json!("EdDSA")),
        ("records", json!(10_000)),
        ("signed", json!(10_000)),
        ("signedNow", json!(10_000)),
        ("keys", json!(20)),
        ("batches", json!(200)),
        ("signers", json!(8)),
        ("leasesExpired", json!(0)),
        ("leasesAbandoned", json!(0)),
    ] {
        assert_eq!(summary[field], value, "{field} of {summary}");
    }
    for field in ["elapsedSeconds", "signaturesPerSecond"] {
        assert!(summary[field].as_f64().is_some_and(|number| number > 0.0), "{field} of {summary}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_not_to_be_audited_is_not() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let manifest = Manifest::new().with("audit", "Never");
    let summary = Chancery::on(&ledger.url)?.sign(&manifest, &["--output", "json"]).await?;
    assert_eq!(summary.expect_code(0)?.json()?["audit"], "skipped");
    Ok(())
}

#[tokio::test]
async fn the_last_batch_may_be_shorter() -> anyhow::Result<()> {
    let summary = signed(&Manifest::new().of(1_003, 3, 10), &[]).await?;
    assert_eq!(summary["batches"], 101);
    Ok(())
}

#[tokio::test]
async fn more_signers_than_keys_share_them() -> anyhow::Result<()> {
    let summary = signed(&Manifest::new().of(1_000, 2, 20), &["--signers", "5"]).await?;
    assert_eq!(summary["signers"], 5);
    Ok(())
}

#[tokio::test]
async fn one_key_is_enough() -> anyhow::Result<()> {
    // More could not have a key at the same time.
    let summary = signed(&Manifest::new().of(500, 1, 20).with("parallelism", 4), &[]).await?;
    assert_eq!(summary["signers"], 1);
    Ok(())
}

#[tokio::test]
async fn a_batch_may_be_larger_than_the_run() -> anyhow::Result<()> {
    let summary = signed(&Manifest::new().of(30, 4, 1_000), &[]).await?;
    assert_eq!(summary["batches"], 1);
    Ok(())
}

#[tokio::test]
async fn one_record_is_a_run() -> anyhow::Result<()> {
    let summary = signed(&Manifest::new().of(1, 1, 1).with("recordSize", 1), &[]).await?;
    assert_eq!(summary["signed"], 1);
    Ok(())
}

#[tokio::test]
async fn each_algorithm_signs_a_run() -> anyhow::Result<()> {
    for algorithm in Algorithm::ALL.map(Algorithm::name) {
        let summary = signed(&Manifest::new().of(120, 3, 10).with("algorithm", algorithm), &[]).await?;
        assert_eq!(summary["algorithm"], algorithm);
    }
    Ok(())
}

#[tokio::test]
async fn larger_rsa_keys_sign_a_run() -> anyhow::Result<()> {
    for bits in [3072, 4096] {
        let manifest = Manifest::new().of(20, 1, 10).with("algorithm", "RS256").with("keySize", bits);
        signed(&manifest, &[]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn records_of_the_largest_size_are_signed() -> anyhow::Result<()> {
    signed(&Manifest::new().of(150, 2, 100).with("recordSize", 1_048_576), &[]).await?;
    Ok(())
}

#[tokio::test]
async fn the_json_object_is_all_that_is_on_standard_output() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let ended = Chancery::on(&ledger.url)?.sign(&Manifest::new(), &["-o", "json"]).await?.expect_code(0)?;
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert!(ended.json()?.is_object());
    Ok(())
}

#[tokio::test]
async fn the_table_tells_people_the_same() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let ended = Chancery::on(&ledger.url)?.sign(&Manifest::new(), &[]).await?.expect_code(0)?;
    for what in
        ["records", "signed", "keys", "batches", "signers", "elapsed", "signatures/s", "audit", "passed"]
    {
        assert!(ended.stdout.contains(what), "{what} in:\n{}", ended.stdout);
    }
    for stage in ["making keys", "making records", "signing", "auditing"] {
        assert!(ended.stderr.contains(stage), "{stage} in:\n{}", ended.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn two_runs_of_one_manifest_at_once_share_the_work() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // One folder: both are to use the KEK that the first of them makes.
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().of(6_000, 10, 20);
    let (one, two) = tokio::try_join!(
        chancery.sign(&manifest, &["--output", "json"]),
        chancery.sign(&manifest, &["--output", "json"]),
    )?;
    for ended in [one, two] {
        let summary = ended.expect_code(0)?.json()?;
        assert_eq!((&summary["audit"], &summary["signed"]), (&json!("passed"), &json!(6_000)), "{summary}");
    }
    Ok(())
}

#[tokio::test]
async fn a_suspended_run_is_seeded_and_not_signed_until_it_is_resumed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let suspended = Manifest::new().with("suspend", true);
    let summary = chancery.sign(&suspended, &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&json!(0), &json!("skipped")), "{summary}");
    let status = chancery.run(&["status", "demo", "--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!(status["runs"][0]["phase"], "Suspended", "{status}");
    assert_eq!(status["runs"][0]["seeded"], 200, "{status}");
    let summary = chancery.sign(&Manifest::new(), &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signedNow"], &summary["audit"]), (&json!(200), &json!("passed")), "{summary}");
    Ok(())
}

/// Runs the manifest to its end on a private PostgreSQL, of which nothing is left running afterwards.
async fn sign_in_private(chancery: &Chancery, manifest: &Manifest) -> anyhow::Result<Ended> {
    let run = chancery.start_signing(manifest, &["--output", "json"])?;
    eventually("the server runs", async || !working_in(chancery.folder()).is_empty()).await;
    let ended = Ended::of(run).await?.expect_code(0)?;
    eventually("no process of the server is left", async || working_in(chancery.folder()).is_empty()).await;
    Ok(ended)
}

#[tokio::test]
async fn a_private_postgresql_is_stopped_at_the_end_and_keeps_the_run() -> anyhow::Result<()> {
    let chancery = Chancery::private()?;
    let manifest = Manifest::new().of(2_000, 10, 20);
    let first = sign_in_private(&chancery, &manifest).await?.json()?;
    assert_eq!((&first["signedNow"], &first["audit"]), (&json!(2_000), &json!("passed")), "{first}");

    let again = sign_in_private(&chancery, &manifest).await?.json()?;
    assert_eq!(
        (&again["signedNow"], &again["audit"]),
        (&json!(0), &json!("passed")),
        "nothing is left to do"
    );

    let verified = chancery.run(&["verify", "demo"]).await?.expect_code(0)?;
    assert_eq!(verified.stdout.matches("holds").count(), 5, "{}", verified.stdout);
    assert!(working_in(chancery.folder()).is_empty());
    Ok(())
}
