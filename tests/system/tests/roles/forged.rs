//! What somebody tries who has the login of a run: to have it complete without a signature.

use chancery_kit::{Chancery, TestLedger, TestRun};

use crate::by_login;

#[tokio::test]
async fn a_run_that_is_completed_without_signing_is_complete_and_passes_no_audit() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let store = "DO $$
        DECLARE
            uid uuid := (SELECT r.uid FROM chancery.signer_run('default', 'demo') r);
            a record;
        BEGIN
            LOOP
                SELECT * INTO STRICT a FROM chancery.lease_acquire(1, uid, 'somebody', sha256('token'), 0, 1);
                EXIT WHEN a.answer <> 'leased';
                PERFORM chancery.batch_store(
                    a.lease_id, 'token', a.first_record, a.last_record,
                    decode(repeat('07', (64 * (a.last_record - a.first_record + 1))::integer), 'hex'), true, 'aws-lc-rs');
            END LOOP;
            ASSERT a.answer = 'complete', a.answer;
        END $$";
    sqlx::raw_sql(store).execute(&mut thief).await?;
    assert_eq!(run.signed().await?, 200, "each record has bytes of the right length");

    let chancery = Chancery::on(&ledger.url)?;
    let report = chancery.run(&["verify", "demo", "--output", "json"]).await?.expect_code(1)?.json()?;
    assert_eq!(report["laws"][1]["violations"], 200, "{report}");
    let violations: Vec<_> = (0..5).map(|law| report["laws"][law]["violations"].clone()).collect();
    assert_eq!(violations, [0, 200, 0, 0, 0], "all else is as it has to be: {report}");
    assert!(run.assert_audit_holds().await.is_err());
    Ok(())
}
