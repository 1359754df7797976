//! What a sink is given that takes lines of JSON: what an export writes, and what both audits make of the same batch.

use chancery_kit::{Chancery, TestLedger, TestRun};
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
