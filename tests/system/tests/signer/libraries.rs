//! What signs a batch is in the ledger, and both audits verify what either library made.

use chancery_kit::{TestLedger, TestRun};

/// Whether this processor has what the kernel needs.
fn has_the_kernel() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
    #[cfg(not(target_arch = "x86_64"))]
    let has = false;
    has
}

#[tokio::test]
async fn a_batch_of_enough_records_is_signed_by_the_kernel_where_it_can() -> anyhow::Result<()> {
    let kernel = if has_the_kernel() { "chancery-kernel" } else { "aws-lc-rs" };
    // The last batch of the second run holds what is left.
    for (algorithm, batch_size, expected) in [
        ("RS256", 3, ["aws-lc-rs", "aws-lc-rs"]),
        ("RS256", 11, [kernel, "aws-lc-rs"]),
        ("RS256", 9, [kernel, kernel]),
        ("ES256", 7, ["aws-lc-rs", "aws-lc-rs"]),
        ("ES256", 11, [kernel, "aws-lc-rs"]),
        ("ES256", 9, [kernel, kernel]),
        ("EdDSA", 7, ["aws-lc-rs", "aws-lc-rs"]),
        ("EdDSA", 11, [kernel, "aws-lc-rs"]),
        ("EdDSA", 9, [kernel, kernel]),
        ("ES256K", 11, ["secp256k1", "secp256k1"]),
    ] {
        let ledger = TestLedger::new().await?;
        let run = TestRun::new().algorithm(algorithm).keys(2).records(batch_size + 2).batch_size(batch_size);
        let run = if batch_size == 9 { run.records(18) } else { run };
        let run = run.seeded(&ledger).await?;
        run.finish().await?;
        let said = "SELECT library::text FROM chancery.batches ORDER BY batch";
        let said: Vec<String> = sqlx::query_scalar(said).fetch_all(ledger.ledger.pool()).await?;
        assert_eq!(said, expected, "{algorithm} in batches of {batch_size}");
        if algorithm == "ES256K" {
            // As a former version has left it, with the same bytes.
            let sql = "SET session_replication_role = replica;
                       UPDATE chancery.batches SET library = 'k256';
                       SET session_replication_role = origin";
            ledger.execute(sql).await?;
            run.assert_audit_holds().await?;
        }
    }
    Ok(())
}
