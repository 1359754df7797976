//! Programs of other versions that open the ledger while signers are at work.

use chancery_kit::{TestLedger, TestRun, eventually};

/// Has the next program that opens the ledger put every function in place anew.
const OTHER_TEXTS: &str = "UPDATE chancery.functions SET hash = repeat('0', 64)";

#[tokio::test]
async fn a_signer_goes_on_when_functions_are_put_in_place_anew_that_are_called_as_before()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20_000).batch_size(20).keys(3).seeded(&ledger).await?;
    let (mut one, mut two) = (run.start_signer("one")?, run.start_signer("two")?);
    eventually("some is signed", async || run.signed().await.is_ok_and(|signed| signed > 0)).await;
    let mut times = 0;
    let replacing = async {
        loop {
            ledger.execute(OTHER_TEXTS).await?;
            ledger.ledger.migrate().await?;
            times += 1;
        }
    };
    let signing = async { anyhow::Ok([one.ended().await?, two.ended().await?]) };
    let ended = tokio::select! {
        ended = signing => ended?,
        failed = replacing => return failed,
    };
    assert!(times > 1, "they were replaced while signers were at work");
    for (code, log) in ended {
        assert_eq!(code, Some(0), "{log}");
    }
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_signer_says_what_to_do_when_a_function_is_called_in_another_way_now() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20_000).batch_size(50).keys(2).seeded(&ledger).await?;
    let mut signer = run.start_signer("former")?;
    eventually("it signs", async || run.signed().await.is_ok_and(|signed| signed > 0)).await;
    // As if it took other parameters.
    ledger.execute("ALTER FUNCTION chancery.lease_acquire RENAME TO lease_acquire_anew").await?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    for words in [
        "the ledger's functions are of another version of Chancery than this program",
        "lease_acquire",
        "what is signed stays signed",
    ] {
        assert!(log.contains(words), "{words:?} is not in: {log}");
    }
    assert!(run.signed().await? < 20_000, "it was in mid-run");
    ledger.execute("ALTER FUNCTION chancery.lease_acquire_anew RENAME TO lease_acquire").await?;
    run.finish().await
}
