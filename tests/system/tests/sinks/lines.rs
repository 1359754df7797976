//! What a sink is given that takes lines of JSON: what an export writes, and what both audits make of the same batch.

use chancery_kit::{Chancery, TestLedger, TestRun};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::sign;

/// The digests of what was delivered, in the order of the batches.
async fn digests(ledger: &TestLedger) -> anyhow::Result<Vec<Vec<u8>>> {
    let digests = "SELECT digest FROM chancery.deliveries ORDER BY batch";
    Ok(sqlx::query_scalar(digests).fetch_all(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn a_sink_is_given_the_lines_that_an_export_writes() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(7).keys(1).envelope("JWS").sink_of_lines("out").seeded(&ledger).await?;
    sign(&run).await?;
    assert_eq!(run.deliver().await?, 1);
    let exported = Chancery::on(&ledger.url)?.run(&["export", "demo", "signed"]).await?.expect_code(0)?;
    assert_eq!(exported.stdout.lines().count(), 7);
    assert_eq!(digests(&ledger).await?, [Sha256::digest(exported.stdout).to_vec()]);
    run.assert_audit_holds().await
}

/// The audits share no code, and each makes the lines anew: with another byte, one of them would find a violation.
#[tokio::test]
async fn both_audits_make_the_same_of_a_batch_in_each_envelope() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    for (algorithm, envelope) in [
        ("RS256", "JWSDetached"),
        ("ES256", "DSSE"),
        ("ES384", "JWS"),
        ("ES256K", "EIP191"),
        ("EdDSA", "COSESign1"),
        ("EdDSA", "DSSE"),
        ("ES256K", "Raw"),
    ] {
        let name = format!("{}-{}", algorithm.to_lowercase(), envelope.to_lowercase());
        let run = TestRun::new().named(&name).records(5).batch_size(3).keys(1).algorithm(algorithm);
        let run = run.envelope(envelope).sink_of_lines("out").seeded(&ledger).await?;
        sign(&run).await?;
        assert_eq!(run.deliver().await?, 2);
        run.assert_audit_holds().await.map_err(|error| error.context(name))?;
    }
    let mut digests = digests(&ledger).await?;
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 14, "no two of them are alike");
    Ok(())
}

/// A run with a policy: what that said of a record goes with it, to whoever looks, and both audits make the same of it.
#[tokio::test]
async fn what_a_policy_said_of_a_record_is_in_its_line() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    std::fs::write(
        folder.path().join("a.txt"),
        (0..9).map(|n| format!("{{\"n\":{n}}}\n")).collect::<String>(),
    )?;
    let policy = json!({
        "validations": [
            {"name": "small", "expression": "record.n < 7", "message": "a \"large\" n\u{fc}mber", "action": "Flag"},
            {"name": "tell", "expression": "record.n != 2", "message": "two", "action": "Alert"},
            {"name": "also", "expression": "record.n != 2 && record.n != 8", "message": "two\nor eight", "action": "Alert"},
        ],
        "scores": [{"name": "odd", "expression": "record.n % 2 == 1", "points": 30}],
        "thresholds": {"reject": 1000},
    });
    let run =
        TestRun::new().keys(1).batch_size(4).reads("files", folder.path()).judged_by("numbers", &policy);
    let run = run.sink_of_lines("out").created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    sign(&run).await?;
    assert_eq!(run.deliver().await?, 3);
    let exported = Chancery::on(&ledger.url)?.run(&["export", "demo", "signed"]).await?.expect_code(0)?;
    let lines = exported.stdout.lines().map(serde_json::from_str::<Value>);
    let marks: Vec<_> = lines.map(|line| Ok(line?.get("marks").cloned())).collect::<anyhow::Result<_>>()?;
    let large = json!({"rule": "small", "action": "Flag", "message": "a \"large\" n\u{fc}mber"});
    let eight = json!({"rule": "also", "action": "Alert", "message": "two\nor eight"});
    let two = json!({"rule": "tell", "action": "Alert", "message": "two"});
    assert_eq!(marks[2], Some(json!({"hits": [eight, two]})), "alerts alone, by the names of their rules");
    assert_eq!(marks[7].as_ref().map(|marks| &marks["score"]), Some(&json!(30)));
    assert_eq!(marks[7].as_ref().map(|marks| &marks["hits"][0]), Some(&large));
    assert_eq!(marks[7].as_ref().map(|marks| &marks["hits"][1]["rule"]), Some(&json!("odd")));
    assert_eq!(marks[8], Some(json!({"hits": [large, eight]})), "in the order of the policy, and no points");
    assert!(
        marks.iter().enumerate().all(|(at, marks)| marks.is_some() == [2, 7, 8].contains(&at)),
        "{marks:?}"
    );
    run.assert_audit_holds().await
}
