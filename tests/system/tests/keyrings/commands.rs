//! `chancery run` on keyrings that runs share, `chancery keyring` and `chancery verify --keyring`.

use chancery_kit::{Chancery, Manifest, TestLedger};
use serde_json::json;

/// A run of the ring `shared` that says what keys the ring is to have.
fn maker(name: &str) -> Manifest {
    Manifest::new().named(name).with("keyringRef", "{name: shared}")
}

/// A run of the ring `shared` that takes the ring as it is.
fn taker(name: &str) -> Manifest {
    maker(name).without("keyCount").without("algorithm").with("batchSize", 7)
}

/// Fails unless the command was refused with exit code 2, saying all of `words`.
fn assert_refused(ended: chancery_kit::Ended, words: &[&str]) -> anyhow::Result<()> {
    let ended = ended.expect_code(2)?;
    assert_eq!(ended.stdout, "");
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in: {}", ended.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn two_runs_share_a_ring_that_outlives_them() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let none = chancery.sign(&maker("zero").with("suspend", true), &[]).await?.expect_code(0)?;
    assert!(!none.stderr.contains("error"), "{}", none.stderr);
    for manifest in [maker("one"), taker("two")] {
        let summary = chancery.sign(&manifest, &["-o", "json"]).await?.expect_code(0)?.json()?;
        assert_eq!((&summary["audit"], &summary["signed"]), (&json!("passed"), &json!(200)), "{summary}");
        assert_eq!((&summary["algorithm"], &summary["keys"]), (&json!("EdDSA"), &json!(4)), "{summary}");
    }
    let listed = chancery.run(&["keyring", "list", "-o", "json"]).await?.expect_code(0)?.json()?;
    // 20 batches of 10 and 29 of 7.
    let ring = json!({
        "namespace": "default", "name": "shared", "algorithm": "EdDSA", "keys": 4, "keyCount": 4, "runs": 3,
        "uses": 49,
    });
    let mut listed = listed["keyrings"].clone();
    let owner = listed[0].as_object_mut().and_then(|ring| ring.remove("owner")).unwrap_or_default();
    assert_eq!(listed, json!([ring]));
    assert_eq!(owner["namespaceUid"], "00000000-0000-0000-0000-000000000000", "no cluster's");
    let table = chancery.run(&["keyring", "list"]).await?.expect_code(0)?.stdout;
    let maker = owner["objectUid"].as_str().unwrap_or("no uid");
    for word in ["NAMESPACE", "ALGORITHM", "default", "shared", "EdDSA", "4/4", "49", "MADE FOR", maker] {
        assert!(table.contains(word), "{word} in:\n{table}");
    }
    let verified = chancery.run(&["verify", "--keyring", "shared"]).await?.expect_code(0)?.stdout;
    let laws: Vec<_> = verified.lines().collect();
    assert_eq!(laws.len(), 2, "{verified}");
    assert!(laws[0].starts_with("holds") && laws[0].contains("law 4"), "{verified}");
    assert!(laws[1].starts_with("holds") && laws[1].contains("law 5"), "{verified}");

    let refused = chancery.run(&["keyring", "delete", "shared"]).await?;
    assert_refused(
        refused,
        &["runs sign with the keyring default/shared (3 in this ledger)", "delete them first"],
    )?;
    for run in ["zero", "one", "two"] {
        chancery.run(&["delete", run]).await?.expect_code(0)?;
        chancery.run(&["verify", "--keyring", "default/shared"]).await?.expect_code(0)?;
    }
    let deleted = chancery.run(&["keyring", "delete", "shared"]).await?.expect_code(0)?;
    assert!(deleted.stdout.contains("deleted the keyring default/shared"), "{}", deleted.stdout);
    let table = chancery.run(&["keyring", "list"]).await?.expect_code(0)?.stdout;
    assert!(table.contains("no keyring has a name"), "{table}");
    for command in [&["keyring", "delete", "shared"][..], &["verify", "--keyring", "shared"]] {
        let words = ["there is no keyring default/shared in this ledger", "chancery keyring list"];
        assert_refused(chancery.run(command).await?, &words)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_asks_for_another_ring_than_there_is_is_refused() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let words = ["there is no keyring default/shared", "does not say how many keys to make", "spec.keyCount"];
    assert_refused(chancery.sign(&taker("two"), &[]).await?, &words)?;
    chancery.sign(&maker("one"), &[]).await?.expect_code(0)?;
    let before = ledger.fingerprint().await?;
    for other in [maker("two").with("keyCount", 9), maker("two").with("algorithm", "RS256")] {
        let words = ["the keyring default/shared is another one", "algorithm EdDSA, keyCount 4", "leave"];
        assert_refused(chancery.sign(&other, &[]).await?, &words)?;
    }
    // A run does not move to another ring.
    for other in [maker("one").with("keyringRef", "{name: other}"), Manifest::new().named("one")] {
        assert_refused(chancery.sign(&other, &[]).await?, &["spec.keyringRef.name", "shared"])?;
    }
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_ring_that_is_there_is_opened_with_its_own_kek_only() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    Chancery::on(&ledger.url)?.sign(&maker("one"), &[]).await?.expect_code(0)?;
    // From another folder, where there is no KEK yet, none is made: it could not open the keys.
    let elsewhere = Chancery::on(&ledger.url)?;
    assert_refused(
        elsewhere.sign(&taker("two"), &[]).await?,
        &["the KEK file", "cannot be read", "--kek-file"],
    )?;
    assert!(!elsewhere.folder().join("data/kek").exists());
    let other = elsewhere.folder().join("other-kek");
    chancery_process::create_kek_file(&other)?;
    let given = ["--kek-file", &other.to_string_lossy()];
    assert_refused(elsewhere.sign(&taker("two"), &given).await?, &["fingerprint", "other-kek"])?;
    let runs = "SELECT count(*) FROM chancery.runs";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(runs).fetch_one(ledger.ledger.pool()).await?,
        1,
        "nothing is left of it"
    );
    Ok(())
}
