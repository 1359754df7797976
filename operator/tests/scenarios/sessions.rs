//! Sessions of runs' logins that hold others up are ended, and logins that nobody needs are dropped.

use std::time::Duration;

use anyhow::ensure;
use chancery_store::Run;
use chancery_store::pushing::{Push, PushAnswer, SealAnswer};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::clock::pass;
use super::test_operator::{TestOperator, let_time_pass};
use super::thief::Thief;
use super::world::{RUN, World, spec};

/// By then whatever is ended has been.
const LATEST: Duration = Duration::from_secs(30);

/// A run that is being signed, its operator, and somebody who keeps a turn of its ring.
async fn stolen() -> anyhow::Result<(World, TestOperator, Thief)> {
    let (world, operator) = World::signing(spec()).await?;
    let mut thief = Thief::of(&world, RUN).await?;
    thief.keep_turn().await?;
    Ok((world, operator, thief))
}

#[tokio::test]
async fn a_session_that_keeps_a_rings_turn_is_ended_within_seconds_and_signing_goes_on() -> anyhow::Result<()>
{
    let (world, mut operator, mut thief) = stolen().await?;
    operator.keep_sessions();
    let mut passed = Duration::ZERO;
    while !world.ledger.ledger.login_transactions().await?.is_empty() {
        ensure!(passed < LATEST, "the turn is kept");
        pass(Duration::from_secs(1)).await;
        let_time_pass().await;
        passed += Duration::from_secs(1);
    }
    ensure!(sqlx::query("SELECT 1").execute(&mut thief.connection).await.is_err(), "its session goes on");
    world.sign(RUN, usize::MAX).await?;
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn two_sessions_that_keep_a_rings_turn_in_turn_are_ended_though_neither_has_it_for_long()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let mut thieves = [Thief::of(&world, RUN).await?, Thief::of(&world, RUN).await?];
    let [first, second] = &mut thieves;
    second.login = first.login.clone();
    second.again(&world).await?;
    operator.keep_sessions();
    let mut held = 0;
    'ended: loop {
        for thief in &mut thieves {
            ensure!(held < 200, "they go on: {:?}", operator.shown("chancery_sessions")?);
            held += 1;
            thief.keep_turn().await?;
            // Less than a session may, and enough for two looks where the database takes long to answer.
            for _ in 0..6 {
                pass(Duration::from_millis(500)).await;
                for _ in 0..3 {
                    let_time_pass().await;
                }
            }
            if sqlx::raw_sql("ROLLBACK").execute(&mut thief.connection).await.is_err() {
                break 'ended;
            }
        }
    }
    ensure!(held > 5, "{held}: a slow turn alone is no offence");
    let ended = "chancery_sessions_ended_total{reason=\"turn\"} 1".to_owned();
    // The session hears of its end before the operator is told that it has ended.
    let mut passed = Duration::ZERO;
    while !operator.shown("chancery_sessions")?.contains(&ended) {
        ensure!(passed < LATEST, "nothing is counted: {:?}", operator.shown("chancery_sessions")?);
        pass(Duration::from_millis(500)).await;
        let_time_pass().await;
        passed += Duration::from_millis(500);
    }
    drop(thieves);
    world.sign(RUN, usize::MAX).await?;
    world.assert_audit_holds(RUN).await
}

/// A run to which programs push.
fn pushed() -> Value {
    json!({
        "sources": [{"name": "push", "http": {}}], "keyCount": 2, "batchSize": 5, "algorithm": "EdDSA", "audit": "Never",
    })
}

/// Somebody with the gateway's login, who keeps the turn of a run.
async fn gateway_that_keeps(world: &World, run: &Run) -> anyhow::Result<PgConnection> {
    let mut thief = PgConnection::connect(&world.ledger.gateway_url).await?;
    let keep = format!(
        "SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT chancery.pushes_seal({}, '{}')",
        run.id, run.uid
    );
    sqlx::raw_sql(AssertSqlSafe(keep)).execute(&mut thief).await?;
    Ok(thief)
}

#[tokio::test]
async fn a_session_of_a_gateway_that_keeps_a_runs_turn_is_ended_and_counted_and_its_login_stays()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(pushed()).await?;
    let run = world.stored(RUN).await?;
    operator.keep_sessions();
    // Once more than a run's login may.
    for times in 1..=4 {
        let mut thief = gateway_that_keeps(&world, &run).await?;
        let counted = format!("chancery_sessions_ended_total{{reason=\"turn\"}} {times}");
        let mut passed = Duration::ZERO;
        while !operator.shown("chancery_sessions_ended_total")?.contains(&counted) {
            ensure!(passed < LATEST, "the turn is kept: {:?}", operator.shown("chancery_sessions")?);
            pass(Duration::from_millis(500)).await;
            let_time_pass().await;
            passed += Duration::from_millis(500);
        }
        ensure!(sqlx::query("SELECT 1").execute(&mut thief).await.is_err(), "its session goes on");
    }
    ensure!(world.ledger.ledger.seal_pushes(&run).await? == SealAnswer::Sealed, "the run goes on");
    Ok(())
}

#[tokio::test]
async fn an_administrators_part_of_before_ends_no_session_of_a_gateway_and_all_others() -> anyhow::Result<()>
{
    let (world, mut operator) = World::signing(pushed()).await?;
    let run = world.stored(RUN).await?;
    // One that knows logins of runs alone.
    world
        .ledger
        .execute(
            "ALTER FUNCTION chancery_logins.change RENAME TO change_now;
             CREATE FUNCTION chancery_logins.change(
                 p_action text, p_login text, p_verifier text, p_connections integer, p_backend integer) RETURNS bigint
             LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN
                 IF p_login !~ '^chancery_[0-9a-f]{12}_r' THEN
                     RAISE EXCEPTION '% is no name of a login of a run', p_login USING ERRCODE = 'invalid_parameter_value';
                 END IF;
                 RETURN chancery_logins.change_now(p_action, p_login, p_verifier, p_connections, p_backend);
             END
             $$",
        )
        .await?;
    let mut push = Push { arrivals: 5, places: (0..5).collect(), ..Push::default() };
    (0..5).for_each(|payload: u8| push.payloads.push(&[payload]));
    ensure!(matches!(world.ledger.ledger.push(&run, &push).await?, PushAnswer::Taken(_)));
    let mut thief = Thief::of(&world, RUN).await?;
    thief.keep_turn().await?;
    let mut gateway = gateway_that_keeps(&world, &run).await?;
    operator.keep_sessions();
    let mut passed = Duration::ZERO;
    while sqlx::query("SELECT 1").execute(&mut thief.connection).await.is_ok() {
        ensure!(passed < LATEST, "the turn is kept");
        pass(Duration::from_secs(1)).await;
        let_time_pass().await;
        passed += Duration::from_secs(1);
    }
    sqlx::query("SELECT 1").execute(&mut gateway).await?;
    Ok(())
}

#[tokio::test]
async fn whoever_keeps_a_turn_for_the_third_time_loses_the_login_and_each_session_is_counted()
-> anyhow::Result<()> {
    let (world, mut operator, mut thief) = stolen().await?;
    let ledger = &world.ledger.ledger;
    let run = world.stored(RUN).await?;
    let others = ledger.logins(&run).await?.len() - 1;
    operator.keep_sessions();
    let counted = |operator: &TestOperator, turns| -> anyhow::Result<bool> {
        let shown = operator.shown("chancery_sessions_ended_total")?;
        let expected = [("turn", turns), ("transaction", 0)];
        Ok(expected.iter().all(|(reason, times)| {
            shown.contains(&format!("chancery_sessions_ended_total{{reason=\"{reason}\"}} {times}"))
        }))
    };
    ensure!(counted(&operator, 0)?, "{:?}", operator.shown("chancery_sessions")?);
    for offences in 1..=3 {
        let mut passed = Duration::ZERO;
        while !counted(&operator, offences)? {
            ensure!(
                passed < LATEST,
                "session {offences} is not ended: {:?}",
                operator.shown("chancery_sessions")?
            );
            pass(Duration::from_millis(500)).await;
            let_time_pass().await;
            passed += Duration::from_millis(500);
        }
        ensure!(sqlx::query("SELECT 1").execute(&mut thief.connection).await.is_err(), "its session goes on");
        if offences < 3 {
            thief.again(&world).await?;
            thief.keep_turn().await?;
        }
    }
    let mut looks = 0;
    while ledger.logins(&run).await?.len() > others {
        ensure!(looks < 1_000, "the login stays");
        let_time_pass().await;
        looks += 1;
    }
    ensure!(ledger.logins(&run).await?.iter().all(|login| login.name != thief.login.name()));
    ensure!(thief.again(&world).await.is_err(), "nobody logs in with it");
    world.sign(RUN, usize::MAX).await?;
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn whoever_leases_again_and_again_and_signs_nothing_loses_the_login() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let mut thief = Thief::of(&world, RUN).await?;
    let ledger = &world.ledger.ledger;
    let sessions =
        "SELECT sum(r.rolconnlimit)::bigint FROM chancery.logins l JOIN pg_roles r ON r.rolname = l.name";
    let sessions: i64 = sqlx::query_scalar(sessions).fetch_one(ledger.pool()).await?;
    let name = thief.login.name().to_owned();
    let is_there = async || -> anyhow::Result<bool> {
        let run = world.stored(RUN).await?;
        Ok(ledger.logins(&run).await?.iter().any(|login| login.name == name))
    };
    // As many as signers give back that all stop, and that twice.
    thief.waste_leases(4 * sessions).await?;
    operator.keep_sessions();
    for _ in 0..4 {
        pass(Duration::from_secs(31)).await;
        let_time_pass().await;
    }
    ensure!(is_there().await?, "{:?}", operator.shown("chancery_sessions")?);
    thief.waste_leases(1).await?;
    let mut looks = 0;
    while is_there().await? {
        ensure!(looks < 1_000, "the login stays: {:?}", operator.shown("chancery_sessions")?);
        pass(Duration::from_secs(1)).await;
        let_time_pass().await;
        looks += 1;
    }
    let ended = "chancery_sessions_ended_total{reason=\"leases\"} 1";
    ensure!(operator.shown("chancery_sessions")?.contains(&ended.to_owned()), "its one session");
    ensure!(thief.again(&world).await.is_err(), "nobody logs in with it");
    world.sign(RUN, usize::MAX).await?;
    world.assert_audit_holds(RUN).await
}

/// The lease that is open was granted so many minutes earlier, and has just been renewed.
async fn renewed_for(world: &World, minutes: i32) -> anyhow::Result<()> {
    let renewed = format!(
        "UPDATE chancery.leases SET acquired_at = acquired_at - interval '{minutes} min',
                expires_at = clock_timestamp() + duration WHERE outcome IS NULL"
    );
    world.ledger.execute(AssertSqlSafe(renewed)).await
}

#[tokio::test]
async fn whoever_renews_a_lease_for_hours_and_signs_nothing_loses_the_login() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let mut thief = Thief::of(&world, RUN).await?;
    let run = world.stored(RUN).await?;
    let name = thief.login.name().to_owned();
    let is_there = async || -> anyhow::Result<bool> {
        Ok(world.ledger.ledger.logins(&run).await?.iter().any(|login| login.name == name))
    };
    thief.lease().await?;
    operator.keep_sessions();
    for _ in 0..8 {
        renewed_for(&world, 7).await?;
        pass(Duration::from_secs(31)).await;
        let_time_pass().await;
    }
    ensure!(is_there().await?, "a large batch may take as long");
    let mut looks = 0;
    while is_there().await? {
        ensure!(looks < 1_000, "the login stays: {:?}", operator.shown("chancery_sessions")?);
        renewed_for(&world, 7).await?;
        pass(Duration::from_secs(1)).await;
        let_time_pass().await;
        looks += 1;
    }
    ensure!(thief.again(&world).await.is_err(), "nobody logs in with it");
    world.ledger.ledger.release_holders(&run, &["somebody".to_owned()]).await?;
    world.sign(RUN, usize::MAX).await
}

#[tokio::test]
async fn a_login_is_dropped_some_minutes_after_its_run_is_complete() -> anyhow::Result<()> {
    let (world, mut operator, thief) = stolen().await?;
    let login = thief.login.name().to_owned();
    drop(thief);
    world.sign(RUN, usize::MAX).await?;
    let ledger = &world.ledger.ledger;
    ensure!(ledger.unneeded_logins().await?.is_empty(), "a signer may still come and look");
    world
        .ledger
        .execute("UPDATE chancery.runs SET completed_at = completed_at - interval '6 minutes'")
        .await?;
    ensure!(ledger.unneeded_logins().await?.contains(&login));
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
