//! A ledger, or a run, that is made anew while a signer of the old one lives on.

use chancery_kit::{TestLedger, TestRun, eventually, throw_away};
use chancery_store::StoreError;
use chancery_store::lease::{Library, Payloads};
use nix::sys::signal::Signal;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{count, leased};

#[tokio::test]
async fn under_a_lease_of_another_ledger_nothing_is_fetched_renewed_given_back_or_stored()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let former = TestRun::new().records(10).seeded(&ledger).await?;
    let mut late = former.session("late").await?;
    let held = leased(&mut late).await?;

    // Under its very connection.
    ledger.execute("DROP SCHEMA chancery CASCADE").await?;
    let ledger = TestLedger::at(&ledger.url).await?;
    let run = TestRun::new().records(10).seeded(&ledger).await?;
    // As where a ledger was restored that has this login for this number of a run.
    ledger
        .execute(AssertSqlSafe(format!(
            "SELECT chancery.login_bind({}, '{}')",
            run.run.id,
            former.login.name()
        )))
        .await?;
    let mut session = run.session("one").await?;
    let granted = leased(&mut session).await?;
    assert_eq!(
        (granted.id, granted.batch, run.run.id),
        (held.id, held.batch, former.run.id),
        "the same numbers"
    );

    let fetched = late.fetch(held.first_record, held.last_record, &mut Payloads::default()).await;
    assert!(matches!(fetched, Err(StoreError::OtherLedger { .. })), "{fetched:?}");
    assert_eq!(late.renew(&held).await?, None);
    assert!(!late.abandon(&held).await?);
    let stored = late.store(&held, &[&[7_u8; 64][..]; 10], Library::AwsLcRs).await;
    assert!(matches!(stored, Err(StoreError::LeaseLost(_) | StoreError::OtherLedger { .. })), "{stored:?}");
    let asked = late.acquire().await;
    assert!(matches!(asked, Err(StoreError::OtherLedger { .. })), "{asked:?}");

    assert!(session.renew(&granted).await?.is_some(), "it is not touched");
    assert!(session.abandon(&granted).await?);
    run.finish().await
}

#[tokio::test]
async fn a_signer_whose_ledger_was_dropped_and_made_anew_says_so_and_signs_nothing_there()
-> anyhow::Result<()> {
    let server = throw_away();
    let former = TestLedger::create(&server, "ledger").await?;
    let run =
        TestRun::new().algorithm("RS256").records(20_000).batch_size(1_000).keys(1).seeded(&former).await?;
    let mut signer = run.start_signer("late")?;
    eventually("it signs", async || run.signed().await.is_ok_and(|signed| signed > 0)).await;
    signer.signal(Signal::SIGSTOP)?;
    let url = former.url.clone();
    drop(run);
    former.ledger.close().await;
    let postgres = server.url("postgres");
    sqlx::raw_sql("DROP DATABASE ledger WITH (FORCE)")
        .execute(&mut PgConnection::connect(&postgres).await?)
        .await?;

    let ledger = TestLedger::at(&url).await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    let granted = leased(&mut session).await?;
    signer.signal(Signal::SIGCONT)?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("it was made anew, or the URL leads elsewhere now"), "{log}");
    assert_eq!(count(&ledger, "SELECT count(*) FROM chancery.signatures").await, 0);
    assert!(session.abandon(&granted).await?, "its lease is still its own");
    run.finish().await
}

#[tokio::test]
async fn an_owner_whose_ledger_was_made_anew_changes_nothing_there() -> anyhow::Result<()> {
    let server = throw_away();
    let former = TestLedger::create(&server, "ledger").await?;
    let run = TestRun::new().seeded(&former).await?;
    let postgres = server.url("postgres");
    sqlx::raw_sql("DROP DATABASE ledger WITH (FORCE)")
        .execute(&mut PgConnection::connect(&postgres).await?)
        .await?;
    let ledger = TestLedger::at(&former.url).await?;
    let other = TestRun::new().seeded(&ledger).await?;
    assert_eq!(run.run.id, other.run.id);
    let mut answer = former.ledger.delete_run(&run.run).await;
    // A connection that was open is found broken first.
    while matches!(&answer, Err(error) if error.is_transient()) {
        answer = former.ledger.delete_run(&run.run).await;
    }
    assert!(matches!(answer, Err(StoreError::OtherLedger { .. })), "{answer:?}");
    other.finish().await
}

#[tokio::test]
async fn a_signer_of_a_run_that_was_made_anew_under_its_name_leaves_the_new_one_alone() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let former =
        TestRun::new().algorithm("RS256").records(20_000).batch_size(1_000).keys(1).seeded(&ledger).await?;
    let mut signer = former.start_signer("late")?;
    eventually("it signs", async || former.signed().await.is_ok_and(|signed| signed > 0)).await;
    signer.signal(Signal::SIGSTOP)?;
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'late'";
    ledger.execute(terminate).await?;
    ledger.ledger.delete_run(&former.run).await?;
    let run = TestRun::new().seeded_beside(&former).await?;
    signer.signal(Signal::SIGCONT)?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("the run was deleted"), "{log}");

    // Nor does one that is started anew for the old run.
    let uid = former.run.uid.to_string();
    let (code, log) = run.start_signer_with("late again", &["--run-uid", &uid])?.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("the run was deleted"), "{log}");
    let of_late = "SELECT count(*) FROM chancery.leases l JOIN chancery.runs r ON r.id = l.run_id WHERE holder LIKE 'late%'";
    assert_eq!(count(&ledger, of_late).await, 0);
    run.finish().await
}
