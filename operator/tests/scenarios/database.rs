//! A database that is away.

use std::time::Duration;

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_kit::{PgBouncer, TestLedger, server, throw_away};
use serde_json::{Value, json};

use super::clock::{HeldClock, pass};
use super::fake::FakeApi;
use super::test_operator::TestOperator;
use super::world::{JOB, RUN, World, manifest, spec};

#[tokio::test]
async fn without_its_database_a_run_says_so_once_and_goes_on_when_it_is_back() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator_without_database();
    operator.settle(RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "DatabaseUnavailable"), "{message}");
    assert_eq!(world.phase(RUN), Some(Phase::Pending));
    assert_eq!(world.events(), ["DatabaseUnavailable"]);
    world.api.told();
    operator.settle(RUN).await?;
    assert!(world.api.told().is_empty());

    operator.connect().await;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(world.events().contains(&"DatabaseAvailable".to_owned()));
    Ok(())
}

#[tokio::test]
async fn without_its_database_the_signers_of_a_run_are_neither_stopped_nor_uncounted() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    world.sign(RUN, 2).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    drop(operator);
    let job = world.api.get("jobs", JOB);
    let mut operator = world.operator_without_database();
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert_eq!(world.api.get("jobs", JOB), job);
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 10);

    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": true}}));
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", JOB).expect("the Job")["spec"]["suspend"], true, "that needs no ledger");
    Ok(())
}

#[tokio::test]
async fn a_database_that_dies_is_noticed_by_the_step_that_needs_it_and_found_again() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "chancery").await?;
    let folder = tempfile::tempdir()?;
    let kek_file = folder.path().join("kek");
    chancery_process::create_kek_file(&kek_file)?;
    let clock = HeldClock::hold();
    let api = FakeApi::default();
    api.create("signingruns", manifest(RUN, spec()));
    let mut operator = TestOperator::new(&api, &ledger.operator_url, kek_file);
    operator.connect_and_check().await;
    operator.step(RUN).await?;

    server.stop_immediate()?;
    let mut state = operator.database.subscribe();
    let noticed = async {
        while state.borrow_and_update().is_ok() {
            pass(Duration::from_secs(1)).await;
        }
    };
    let (step, ()) = tokio::join!(operator.step(RUN), noticed);
    step?;
    assert_eq!(progressing(&api)["reason"], "DatabaseUnavailable");

    server.start_again()?;
    // It is tried again after pauses.
    drop(clock);
    state.wait_for(Result::is_ok).await?;
    let _clock = HeldClock::hold();
    operator.settle(RUN).await?;
    assert_eq!(api.get("signingruns", RUN).expect("the run")["status"]["phase"], "Signing");
    Ok(())
}

/// What a run says of its progress to an API server.
fn progressing(api: &FakeApi) -> Value {
    let conditions = api.get("signingruns", RUN).expect("the run")["status"]["conditions"].clone();
    let conditions = conditions.as_array().expect("conditions");
    conditions.iter().find(|condition| condition["type"] == "Progressing").expect("the condition").clone()
}

#[tokio::test]
async fn a_database_behind_a_pool_that_shares_sessions_is_refused_and_the_run_says_so() -> anyhow::Result<()>
{
    for mode in ["transaction", "statement"] {
        let Some(pooler) = PgBouncer::start(server(), mode, &[]).await? else { return Ok(()) };
        let ledger = TestLedger::new().await?;
        let folder = tempfile::tempdir()?;
        let kek_file = folder.path().join("kek");
        chancery_process::create_kek_file(&kek_file)?;
        let api = FakeApi::default();
        api.create("signingruns", manifest(RUN, spec()));
        let mut operator = TestOperator::new(&api, &pooler.url(&ledger.url)?, kek_file);
        let says_so = |why: &str| {
            why.contains("(transaction or statement pooling)")
                && why.contains("connect to PostgreSQL directly")
        };
        operator.connect_until(|state| state.as_ref().is_err_and(|why| says_so(why))).await;

        let _clock = HeldClock::hold();
        operator.settle(RUN).await?;
        let condition = progressing(&api);
        assert_eq!(condition["reason"], "DatabaseUnavailable");
        assert!(condition["message"].as_str().is_some_and(says_so), "{condition}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_is_not_signed_while_the_database_takes_no_key() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    world
        .ledger
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN RAISE 'no more keys today'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON chancery.keys EXECUTE FUNCTION refuse()",
        )
        .await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert!(world.api.get("jobs", JOB).is_some(), "it is for the signers to make keys");
    assert_eq!(world.phase(RUN), Some(Phase::Seeding), "every record is there, and no key");
    assert!(!world.condition(RUN, ConditionType::KeyringReady).0);
    assert_eq!(world.run(RUN)["status"]["keys"], json!({"total": 2, "made": 0, "leased": 0}));

    world.ledger.execute("DROP TRIGGER refuse ON chancery.keys").await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(world.condition(RUN, ConditionType::KeyringReady).0);
    assert_eq!(world.run(RUN)["status"]["keys"], json!({"total": 2, "made": 2, "leased": 0}));
    Ok(())
}
