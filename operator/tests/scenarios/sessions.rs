//! Sessions of runs' logins that hold others up are ended, and logins that nobody needs are dropped.

use std::time::Duration;

use anyhow::ensure;
use chancery_store::logins::sessions_for;
use chancery_store::{LedgerUrl, RunLogin};
use sqlx::{Connection, PgConnection};

use super::clock::pass;
use super::test_operator::{TestOperator, let_time_pass};
use super::world::{RUN, World, spec};

/// By then whatever is ended has been.
const LATEST: Duration = Duration::from_secs(30);

/// A run that is being signed, its operator, and another login of it in the hands of somebody.
async fn stolen() -> anyhow::Result<(World, TestOperator, PgConnection, RunLogin)> {
    let world = World::with_run(spec()).await?;
    let mut operator = TestOperator::new(&world.api, &world.ledger.operator_url, world.kek_file());
    operator.connect().await;
    operator.settle(RUN).await?;
    let run = world.stored(RUN).await?;
    let login = world.ledger.ledger.make_login(&run, sessions_for(1)).await?;
    let url = world.ledger.url.parse::<LedgerUrl>()?.for_login(&login)?;
    let mut thief = PgConnection::connect(&url).await?;
    sqlx::raw_sql("SET idle_in_transaction_session_timeout = 0; BEGIN").execute(&mut thief).await?;
    let acquire = "SELECT answer FROM chancery.lease_acquire($1, $2, 'somebody', sha256('token'), 0, 1)";
    let answer: String = sqlx::query_scalar(acquire).bind(run.id).bind(run.uid).fetch_one(&mut thief).await?;
    ensure!(answer == "leased", "{answer}");
    Ok((world, operator, thief, login))
}

#[tokio::test]
async fn a_session_that_keeps_a_rings_turn_is_ended_within_seconds_and_signing_goes_on() -> anyhow::Result<()>
{
    let (world, mut operator, mut thief, _login) = stolen().await?;
    operator.keep_sessions();
    let mut passed = Duration::ZERO;
    while !world.ledger.ledger.login_transactions().await?.is_empty() {
        ensure!(passed < LATEST, "the turn is kept");
        pass(Duration::from_secs(1)).await;
        let_time_pass().await;
        passed += Duration::from_secs(1);
    }
    ensure!(sqlx::query("SELECT 1").execute(&mut thief).await.is_err(), "its session goes on");
    world.sign(RUN, usize::MAX).await?;
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn a_login_is_dropped_some_minutes_after_its_run_is_complete() -> anyhow::Result<()> {
    let (world, mut operator, thief, login) = stolen().await?;
    drop(thief);
    world.sign(RUN, usize::MAX).await?;
    let ledger = &world.ledger.ledger;
    ensure!(ledger.unneeded_logins().await?.is_empty(), "a signer may still come and look");
    world
        .ledger
        .execute("UPDATE chancery.runs SET completed_at = completed_at - interval '6 minutes'")
        .await?;
    ensure!(ledger.unneeded_logins().await?.contains(&login.name().to_owned()));
    operator.keep_sessions();
    let mut passed = Duration::ZERO;
    while !ledger.unneeded_logins().await?.is_empty() {
        ensure!(passed < LATEST * 4, "the login stays");
        pass(Duration::from_secs(2)).await;
        let_time_pass().await;
        passed += Duration::from_secs(2);
    }
    Ok(())
}
