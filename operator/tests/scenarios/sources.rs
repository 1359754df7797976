//! Runs with sources: their intake has a Job, a login and a Secret of its own, until they are sealed.

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_store::logins::Work;
use serde_json::{Value, json};

use super::cluster::pod_status;
use super::fake::Failure;
use super::reader::{Brought, INTAKE, bring, list, reading, seal, source, take};
use super::test_operator::TestOperator;
use super::world::{JOB, RUN, World};

const POD: &str = "demo-intake-abcde";

fn count(world: &World, reason: &str) -> usize {
    world.events().iter().filter(|told| *told == reason).count()
}

fn records(world: &World) -> Value {
    world.run(RUN)["status"]["records"].clone()
}

#[tokio::test]
async fn a_run_with_sources_is_read_signed_while_it_is_read_and_completes() -> anyhow::Result<()> {
    let world = World::with_run(reading()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let told = world.api.told();
    let place = |start: &str| told.iter().position(|request| request.starts_with(start));
    assert!(place("APPLY jobs/demo-intake") < place("CREATE secrets/demo-intake-"), "{told:?}");
    assert!(told.iter().all(|request| !request.starts_with("GET secrets")), "{told:?}");
    let job = world.api.get("jobs", INTAKE).expect("the Job");
    assert_eq!(job["spec"]["suspend"], false, "its Secret is there");
    assert_eq!(world.run(RUN)["status"]["intakeJob"], INTAKE);
    let secret = world.intake_secret()?;
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], job["metadata"]["uid"]);
    let (sealed, reason, _) = world.condition(RUN, ConditionType::Sealed);
    assert_eq!((sealed, reason.as_str()), (false, "Reading"));

    let mut intake = world.intake("demo-intake-1/1").await?;
    list(&mut intake, 2).await?;
    let mut first = take(&mut intake).await?;
    bring(&mut intake, &mut first, Brought { payloads: 0..7, dead: &["it is not JSON"], done: false })
        .await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(
        records(&world),
        json!({
            "total": 7, "seeded": 7, "signed": 0,
            "received": 8, "admitted": 7, "duplicate": 0, "rejected": 0, "dead": 1, "pending": 0,
        })
    );
    assert_eq!(
        world.run(RUN)["status"]["sources"],
        json!([{"name": "one", "position": "1:8", "splits": 2, "lag": 2}])
    );
    assert_eq!(world.phase(RUN), Some(Phase::Signing), "although more is read");
    world.sign(RUN, 1).await?;

    bring(&mut intake, &mut first, Brought { payloads: 7..8, done: true, ..Brought::default() }).await?;
    let mut second = take(&mut intake).await?;
    bring(&mut intake, &mut second, Brought { payloads: 5..12, done: true, ..Brought::default() }).await?;
    seal(&mut intake).await?;
    drop(intake);
    world.api.told();
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert!(world.api.told().contains(&"DELETE jobs/demo-intake".to_owned()));
    world.api.collect_garbage();
    assert!(world.api.get("jobs", INTAKE).is_none() && world.api.get("jobs", JOB).is_some());
    assert!(world.intake_secret().is_err(), "it goes with the Job");
    let secrets = world.api.all("secrets");
    assert_eq!(secrets.len(), 1, "that of the signers stays: {secrets:?}");
    let logins = world.ledger.ledger.logins(&world.stored(RUN).await?).await?;
    assert!(logins.iter().all(|login| login.work == Work::Sign), "{logins:?}");
    assert_eq!(records(&world)["received"], 16);
    assert_eq!(records(&world)["duplicate"], 3);
    assert_eq!(
        world.run(RUN)["status"]["sources"],
        json!([{"name": "one", "position": "end", "splits": 2, "lag": 0}])
    );
    assert!(world.condition(RUN, ConditionType::Sealed).0);

    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert_eq!(records(&world)["signed"], 12);
    for reason in ["IntakeStarted", "DeadLetters", "Sealed", "Completed"] {
        assert_eq!(count(&world, reason), 1, "{reason}");
    }
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn each_source_has_its_credentials_mounted_and_nothing_else() -> anyhow::Result<()> {
    let mut two = reading();
    let mut public = source("public");
    public["objects"].as_object_mut().map(|objects| objects.remove("credentialsSecretRef"));
    two["sources"] = json!([source("one"), public]);
    let world = World::with_run(two).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let job = world.api.get("jobs", INTAKE).expect("the Job");
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"].as_array().map(Vec::len), Some(1), "{pod}");
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], "source-s3");
    assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], "/etc/chancery/credentials/one");
    Ok(())
}

#[tokio::test]
async fn what_a_dead_intake_had_in_hand_is_given_back() -> anyhow::Result<()> {
    let world = World::with_run(reading()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let holder = world.api.intake_pod(RUN, POD, pod_status::running());
    let mut intake = world.intake(&holder).await?;
    list(&mut intake, 1).await?;
    let mut reading = take(&mut intake).await?;
    bring(&mut intake, &mut reading, Brought { payloads: 0..3, ..Brought::default() }).await?;
    drop(intake);
    operator.step(RUN).await?;
    let stored = world.stored(RUN).await?;
    assert_eq!(world.ledger.ledger.intake_holders(&stored).await?, [holder], "it is at work");

    world.api.intake_pod_becomes(POD, pod_status::ended(137, "OOMKilled", ""));
    operator.step(RUN).await?;
    assert!(world.ledger.ledger.intake_holders(&stored).await?.is_empty());
    operator.settle(RUN).await?;
    assert_eq!(count(&world, "IntakeReleased"), 1);
    let again = take(&mut world.intake("demo-intake-fghij/2").await?).await?;
    assert_eq!(again.position, 3, "the next one reads on from there");
    Ok(())
}

#[tokio::test]
async fn a_suspended_run_is_neither_read_nor_signed_and_goes_on_when_resumed() -> anyhow::Result<()> {
    let world = World::with_run(reading()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": true}}));
    operator.settle(RUN).await?;
    for job in [INTAKE, JOB] {
        assert_eq!(world.api.get("jobs", job).expect("the Job")["spec"]["suspend"], true, "{job}");
    }
    let next = world.intake("late").await?.next().await?;
    assert!(matches!(next, chancery_store::intake::Task::Nothing(_)), "{next:?}");
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": false}}));
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", INTAKE).expect("the Job")["spec"]["suspend"], false);
    list(&mut world.intake("again").await?, 1).await
}

#[tokio::test]
async fn another_operator_goes_on_with_the_same_intake_and_one_that_is_told_otherwise_makes_another()
-> anyhow::Result<()> {
    let world = World::with_run(reading()).await?;
    world.operator().await.settle(RUN).await?;
    let before = world.api.get("jobs", INTAKE).expect("the Job");
    let mut other = world.operator().await;
    other.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", INTAKE).expect("the Job")["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(world.api.created("jobs"), 2, "that of the signers, and that of the intake");

    let login = world.ledger.ledger.logins(&world.stored(RUN).await?).await?;
    let login = login.iter().find(|login| login.work == Work::Admit).expect("a login");
    world.ledger.ledger.drop_login(&login.name).await?;
    let mut third = world.operator().await;
    third.settle(RUN).await?;
    world.api.collect_garbage();
    third.settle(RUN).await?;
    assert_eq!(world.api.created("jobs"), 3, "its login was gone");
    list(&mut world.intake("again").await?, 1).await
}

/// Whether the intake is there, whatever was left of attempts before.
async fn comes_to_be(world: &World, operator: &mut TestOperator) -> anyhow::Result<()> {
    for _ in 0..3 {
        operator.settle_at_last(RUN).await?;
        world.api.collect_garbage();
    }
    operator.settle_at_last(RUN).await?;
    let job = world.api.get("jobs", INTAKE).expect("the Job");
    assert_eq!(job["spec"]["suspend"], false);
    list(&mut world.intake("demo-intake-1/1").await?, 1).await
}

#[tokio::test]
async fn whatever_fails_as_the_intake_is_made_it_is_there_in_the_end() -> anyhow::Result<()> {
    for requests in ["APPLY jobs/demo-intake", "CREATE secrets/demo-intake-"] {
        {
            let world = World::with_run(reading()).await?;
            let mut operator = world.operator().await;
            world.api.fail(1, requests, Failure::Refused(500, "no"));
            comes_to_be(&world, &mut operator).await?;
        }
        for failure in [Failure::Lost, Failure::AnswerLost] {
            let world = World::with_run(reading()).await?;
            let mut killed = world.operator().await;
            world.api.fail(1, requests, failure);
            let unanswered = world.api.unanswered();
            tokio::select! {
                settled = killed.settle(RUN) => panic!("{requests}: nothing failed: {settled:?}"),
                () = unanswered => {}
            }
            drop(killed);
            comes_to_be(&world, &mut world.operator().await).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_deleted_takes_its_intake_and_its_part_of_the_ledger_with_it() -> anyhow::Result<()> {
    let mut with_policy = reading();
    with_policy["deletionPolicy"] = json!("Delete");
    let world = World::with_run(with_policy).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    world.api.collect_garbage();
    assert!(world.api.get("jobs", INTAKE).is_none());
    assert!(world.api.all("secrets").is_empty());
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}
