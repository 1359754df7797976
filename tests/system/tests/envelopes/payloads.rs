//! Payloads come along with signatures where an envelope has them in it, and no more of them than are asked for.

use chancery_kit::{TestLedger, TestRun};

#[tokio::test]
async fn rows_end_with_the_record_with_which_payloads_have_the_bytes_that_are_asked_for() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    for (envelope, is_in_it) in [("JWS", true), ("COSESign1", true), ("DSSE", true), ("JWSDetached", false)] {
        let run =
            TestRun::new().named(&envelope.to_lowercase()).envelope(envelope).records(20).record_size(100);
        let run = run.seeded(&ledger).await?;
        run.finish().await?;
        let records: Vec<i64> = (1..=20).collect();
        let of = async |bytes| ledger.ledger.signed_of(&run.run, &records, bytes).await;

        let without = of(0).await?;
        assert_eq!(without.len(), 20);
        assert!(without.iter().all(|signed| signed.payload.is_none()), "{envelope}");
        for (bytes, expected) in [(1, 1), (100, 1), (101, 2), (250, 3), (10_000, 20)] {
            let found = of(bytes).await?;
            assert_eq!(found.len(), if is_in_it { expected } else { 20 }, "{envelope}, {bytes} bytes");
            assert!(found.iter().all(|signed| signed.payload.is_some() == is_in_it), "{envelope}");
            assert!(found.iter().zip(&without).all(|(one, other)| one.signature == other.signature));
        }
    }
    Ok(())
}
