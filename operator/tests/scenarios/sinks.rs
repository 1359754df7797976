//! Runs with sinks: their delivery has a Job, a login and a Secret of its own, until no sink lacks a batch.

use anyhow::Context as _;
use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_store::delivery::{ActedOnDeliveries, DeliveriesAct, NotificationTask, WhichDeliveries};
use chancery_store::letters::By;
use chancery_store::logins::Work;
use serde_json::{Value, json};

use super::cluster::pod_status;
use super::courier::{
    ARCHIVE, DELIVERY, HOOK, bring, delivering, find_away, finds_nothing_left, refuse, refuse_manifest,
};
use super::fake::Failure;
use super::test_operator::TestOperator;
use super::world::{JOB, RUN, World};

const POD: &str = "demo-delivery-abcde";

fn count(world: &World, reason: &str) -> usize {
    world.events().iter().filter(|told| *told == reason).count()
}

fn sinks(world: &World) -> Value {
    world.run(RUN)["status"]["sinks"].clone()
}

/// A run of which so many batches are signed, with the operator that has seen it.
async fn signed(spec: Value, batches: usize) -> anyhow::Result<(World, TestOperator)> {
    let (world, mut operator) = World::signing(spec).await?;
    world.sign(RUN, batches).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    Ok((world, operator))
}

#[tokio::test]
async fn a_run_with_sinks_is_complete_once_each_has_every_batch_and_no_signer_is_started_meanwhile()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(delivering()).await?;
    assert!(world.api.get("jobs", DELIVERY).is_none(), "nothing is signed");
    assert_eq!(world.condition(RUN, ConditionType::Delivered).1, "NotAllDelivered");
    world.sign(RUN, 1).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let told = world.api.told();
    let place = |start: &str| told.iter().position(|request| request.starts_with(start));
    assert!(place("APPLY jobs/demo-delivery") < place("CREATE secrets/demo-delivery-"), "{told:?}");
    assert!(told.iter().all(|request| !request.starts_with("GET secrets")), "{told:?}");
    let job = world.api.get("jobs", DELIVERY).expect("the Job");
    assert_eq!(job["spec"]["suspend"], false, "its Secret is there");
    assert_eq!(world.run(RUN)["status"]["deliveryJob"], DELIVERY);
    let secret = world.delivery_secret()?;
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], job["metadata"]["uid"]);

    let mut courier = world.delivery("demo-delivery-1/1").await?;
    assert_eq!(bring(&mut courier, ARCHIVE, 16).await?, 1);
    world.sign(RUN, usize::MAX).await?;
    world.api.job_completes(JOB);
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let (complete, reason, message) = world.condition(RUN, ConditionType::Complete);
    assert!(!complete && reason == "NotAllDelivered", "{reason}: {message}");
    let (progressing, reason, _) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (true, "Delivering"));
    assert_eq!(world.phase(RUN), Some(Phase::Delivering));
    assert_eq!(
        sinks(&world),
        json!([
            {"name": "archive", "delivered": 1, "pending": 3, "dead": 0},
            {"name": "hook", "delivered": 0, "pending": 4, "dead": 0},
        ])
    );
    let told = world.api.told();
    assert!(!told.iter().any(|request| request.contains(&format!("jobs/{JOB}"))), "{told:?}");

    assert_eq!(bring(&mut courier, ARCHIVE, 16).await?, 3);
    assert_eq!(bring(&mut courier, HOOK, 16).await?, 4);
    finds_nothing_left(&mut courier).await?;
    drop(courier);
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    let (delivered, reason, _) = world.condition(RUN, ConditionType::Delivered);
    assert_eq!((delivered, reason.as_str()), (true, "AllDelivered"));
    assert!(world.api.told().contains(&"DELETE jobs/demo-delivery".to_owned()));
    world.api.collect_garbage();
    assert!(world.delivery_secret().is_err(), "it goes with the Job");
    let logins = world.ledger.ledger.logins(&world.stored(RUN).await?).await?;
    assert!(logins.iter().all(|login| login.work != Work::Deliver), "{logins:?}");
    for reason in ["DeliveryStarted", "Completed"] {
        assert_eq!(count(&world, reason), 1, "{reason}");
    }
    operator.keep_progress();
    super::clock::pass(std::time::Duration::from_secs(1)).await;
    let counted = operator.shown("chancery_deliveries_total{outcome=\"delivered\"}")?;
    assert_eq!(counted, ["chancery_deliveries_total{outcome=\"delivered\"} 8"], "whoever read it");
    Ok(())
}

#[tokio::test]
async fn a_run_without_sinks_says_nothing_of_them() -> anyhow::Result<()> {
    let (world, _operator) = World::signing(super::world::spec()).await?;
    let text = world.run(RUN)["status"].to_string();
    assert!(
        !text.contains("Delivered") && !text.contains("SinkUnavailable") && !text.contains("sinks"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn a_sink_that_goes_away_is_told_and_told_again_when_it_is_back_and_signing_goes_on()
-> anyhow::Result<()> {
    let (world, mut operator) = signed(delivering(), 2).await?;
    let mut courier = world.delivery("demo-delivery-1/1").await?;
    find_away(&mut courier, ARCHIVE).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert!(sinks(&world)[0]["unavailableSince"].is_string());
    assert!(!world.condition(RUN, ConditionType::SinkUnavailable).0, "it may be back in a moment");
    let since = "UPDATE chancery.sinks SET unavailable_since = unavailable_since - interval '1 minute'";
    world.ledger.execute(since).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let (away, reason, message) = world.condition(RUN, ConditionType::SinkUnavailable);
    assert!(away && reason == "SinkUnavailable", "{reason}: {message}");
    assert!(message.starts_with("sink archive cannot be reached since 20"), "{message}");
    assert!(message.ends_with(": the store does not answer"), "{message}");
    assert_eq!(sinks(&world)[0]["lastError"], "the store does not answer");
    assert!(sinks(&world)[0]["unavailableSince"].is_string());
    let (progressing, reason, _) = world.condition(RUN, ConditionType::Progressing);
    assert!(progressing, "records are left to be signed: {reason}");
    assert!(!world.condition(RUN, ConditionType::Failed).0, "it passes by itself");
    assert!(operator.shown("chancery_sinks_unavailable")?.len() == 1);

    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert!(!progressing && reason == "SinkUnavailable", "{reason}: {message}");

    assert!(bring(&mut courier, ARCHIVE, 16).await? > 0);
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert!(!world.condition(RUN, ConditionType::SinkUnavailable).0);
    assert!(sinks(&world)[0].get("lastError").is_none());
    for reason in ["SinkUnavailable", "SinksAvailable"] {
        assert_eq!(count(&world, reason), 1, "{reason}");
    }
    Ok(())
}

#[tokio::test]
async fn batches_that_are_given_up_are_told_once_and_end_the_run_all_the_same() -> anyhow::Result<()> {
    let (world, mut operator) = signed(delivering(), usize::MAX).await?;
    let mut courier = world.delivery("demo-delivery-1/1").await?;
    refuse(&mut courier, HOOK).await?;
    refuse(&mut courier, HOOK).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let (delivered, reason, message) = world.condition(RUN, ConditionType::Delivered);
    assert!(!delivered && reason == "DeadDeliveries" && message.contains("sink hook"), "{reason}: {message}");
    assert!(message.contains("`chancery dead-letters list default/demo --deliveries`"), "{message}");
    let hook = &sinks(&world)[1];
    assert_eq!((&hook["delivered"], &hook["pending"], &hook["dead"]), (&json!(0), &json!(2), &json!(2)));
    assert!(
        !world.run(RUN)["status"].to_string().contains("no such thing"),
        "what a service answers is in the ledger alone"
    );
    bring(&mut courier, HOOK, 16).await?;
    bring(&mut courier, ARCHIVE, 16).await?;
    finds_nothing_left(&mut courier).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert_eq!(world.condition(RUN, ConditionType::Delivered).1, "DeadDeliveries");
    assert_eq!(count(&world, "DeadDeliveries"), 1);

    world.api.collect_garbage();
    let (run, by) = (world.stored(RUN).await?, By { actor: "somebody", selection: "" });
    let which = WhichDeliveries::default();
    let acted = world.ledger.ledger.act_on_deliveries(&run, DeliveriesAct::Redrive, by, &which).await?;
    assert!(matches!(acted, ActedOnDeliveries::Done { letters: 2, .. }), "{acted:?}");
    operator.keep_redriven();
    let job = woken_delivery(&world, &mut operator).await?;
    assert_eq!(job["spec"]["suspend"], false);
    assert!(world.condition(RUN, ConditionType::Complete).0, "that is final");
    assert_eq!(sinks(&world)[1]["pending"], 2);
    let mut courier = world.delivery("demo-delivery-2/2").await?;
    assert_eq!(bring(&mut courier, HOOK, 16).await?, 2);
    finds_nothing_left(&mut courier).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Delivered).1, "AllDelivered");
    world.api.collect_garbage();
    assert!(world.api.get("jobs", DELIVERY).is_none(), "nothing is left");
    Ok(())
}

/// The Job that a complete run has once what was given up is taken up again.
async fn woken_delivery(world: &World, operator: &mut TestOperator) -> anyhow::Result<Value> {
    // The first that wakes the run may have been on its way before.
    for _ in 0..8 {
        if world.api.get("jobs", DELIVERY).is_some() {
            break;
        }
        assert_eq!(operator.is_woken().await.name, RUN);
        operator.settle(RUN).await?;
    }
    world.api.get("jobs", DELIVERY).context("the Job of a complete run")
}

#[tokio::test]
async fn a_manifest_that_is_given_up_is_told_until_the_sink_has_one() -> anyhow::Result<()> {
    let (world, mut operator) = signed(delivering(), usize::MAX).await?;
    let mut courier = world.delivery("demo-delivery-1/1").await?;
    bring(&mut courier, HOOK, 16).await?;
    bring(&mut courier, ARCHIVE, 16).await?;
    refuse_manifest(&mut courier, HOOK).await?;
    finds_nothing_left(&mut courier).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    let (delivered, reason, message) = world.condition(RUN, ConditionType::Delivered);
    assert!(!delivered && reason == "DeadDeliveries", "{reason}: {message}");
    assert!(message.starts_with("sink hook refused its manifest so often"), "{message}");
    assert!(message.contains("`chancery dead-letters list default/demo --deliveries`"), "{message}");
    assert_eq!(count(&world, "DeadDeliveries"), 1);

    world.api.collect_garbage();
    let (run, by) = (world.stored(RUN).await?, By { actor: "somebody", selection: "" });
    let which = WhichDeliveries::default();
    let acted = world.ledger.ledger.act_on_deliveries(&run, DeliveriesAct::Redrive, by, &which).await?;
    assert!(matches!(acted, ActedOnDeliveries::Done { letters: 0, manifests: 1, .. }), "{acted:?}");
    operator.keep_redriven();
    woken_delivery(&world, &mut operator).await?;
    finds_nothing_left(&mut world.delivery("demo-delivery-2/2").await?).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Delivered).1, "AllDelivered");
    Ok(())
}

#[tokio::test]
async fn dead_letters_that_are_discarded_are_no_failure_of_a_complete_run_any_more() -> anyhow::Result<()> {
    let (world, mut operator) = signed(delivering(), usize::MAX).await?;
    let mut courier = world.delivery("demo-delivery-1/1").await?;
    refuse(&mut courier, HOOK).await?;
    bring(&mut courier, HOOK, 16).await?;
    bring(&mut courier, ARCHIVE, 16).await?;
    finds_nothing_left(&mut courier).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert_eq!(world.condition(RUN, ConditionType::Delivered).1, "DeadDeliveries");

    let (run, by) = (world.stored(RUN).await?, By { actor: "somebody", selection: "" });
    let which = WhichDeliveries::default();
    world.ledger.ledger.act_on_deliveries(&run, DeliveriesAct::Discard, by, &which).await?;
    operator.keep_redriven();
    // The first that wakes the run may have been on its way before.
    for _ in 0..8 {
        if world.condition(RUN, ConditionType::Delivered).0 {
            break;
        }
        assert_eq!(operator.is_woken().await.name, RUN);
        operator.settle(RUN).await?;
    }
    let (delivered, reason, message) = world.condition(RUN, ConditionType::Delivered);
    assert!(delivered && reason == "AllDelivered", "{reason}: {message}");
    assert_eq!(message, "every sink has every batch, but for dead letters that were discarded: 1");
    Ok(())
}

#[tokio::test]
async fn what_a_dead_delivery_had_in_hand_is_given_back() -> anyhow::Result<()> {
    let (world, mut operator) = signed(delivering(), 2).await?;
    let holder = world.api.delivery_pod(RUN, POD, pod_status::running());
    let mut courier = world.delivery(&holder).await?;
    let held = courier.take(ARCHIVE, 16, std::time::Duration::from_secs(3_600)).await?;
    assert!(matches!(held, chancery_store::delivery::DeliveryTask::Deliver(_)), "{held:?}");
    drop(courier);
    operator.step(RUN).await?;
    assert_eq!(bring(&mut world.delivery("other/2").await?, ARCHIVE, 16).await?, 0, "it is at work");
    world.api.delivery_pod_becomes(POD, pod_status::ended(137, "OOMKilled", ""));
    operator.step(RUN).await?;
    assert_eq!(bring(&mut world.delivery("other/2").await?, ARCHIVE, 16).await?, 2);
    operator.settle(RUN).await?;
    assert_eq!(count(&world, "DeliveryReleased"), 1);
    Ok(())
}

#[tokio::test]
async fn a_delivery_that_lacks_its_credentials_fails_the_run_until_something_is_delivered()
-> anyhow::Result<()> {
    let (world, mut operator) = signed(delivering(), 2).await?;
    let said =
        "sink archive: AWS_ACCESS_KEY_ID is not set, and AWS_SECRET_ACCESS_KEY is; set both, or neither";
    world.api.delivery_pod(RUN, POD, pod_status::ended(78, "Error", said));
    world.api.job_fails(DELIVERY, "PodFailurePolicy", "Container delivery failed with exit code 78");
    operator.settle(RUN).await?;
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed && reason == "DeliveryMisconfigured" && message.contains(said), "{reason}: {message}");

    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Failed), "until something is delivered");
    assert_eq!(world.api.get("jobs", JOB).expect("the Job")["spec"]["suspend"], false, "signing goes on");
    bring(&mut world.delivery("demo-delivery-2/2").await?, ARCHIVE, 16).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert!(!world.condition(RUN, ConditionType::Failed).0);
    assert!(world.events().contains(&"Recovered".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_suspended_run_delivers_nothing_and_goes_on_when_resumed() -> anyhow::Result<()> {
    let (world, mut operator) = signed(delivering(), 2).await?;
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": true}}));
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", DELIVERY).expect("the Job")["spec"]["suspend"], true);
    assert_eq!(bring(&mut world.delivery("late/1").await?, ARCHIVE, 16).await?, 0);
    world.api.edit("signingruns", RUN, json!({"spec": {"suspend": false}}));
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", DELIVERY).expect("the Job")["spec"]["suspend"], false);
    assert_eq!(bring(&mut world.delivery("again/2").await?, ARCHIVE, 16).await?, 2);
    Ok(())
}

#[tokio::test]
async fn another_operator_goes_on_with_the_same_delivery_and_one_whose_login_is_gone_is_made_anew()
-> anyhow::Result<()> {
    let (world, first) = signed(delivering(), 2).await?;
    drop(first);
    let before = world.api.get("jobs", DELIVERY).expect("the Job");
    let mut other = world.operator().await;
    other.settle(RUN).await?;
    let after = world.api.get("jobs", DELIVERY).expect("the Job");
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);

    let logins = world.ledger.ledger.logins(&world.stored(RUN).await?).await?;
    let login = logins.iter().find(|login| login.work == Work::Deliver).expect("a login");
    world.ledger.ledger.drop_login(&login.name).await?;
    let mut third = world.operator().await;
    third.settle(RUN).await?;
    world.api.collect_garbage();
    third.settle(RUN).await?;
    assert_eq!(count(&world, "ReplacingDelivery"), 1);
    assert_eq!(bring(&mut world.delivery("again/2").await?, ARCHIVE, 16).await?, 2);
    Ok(())
}

#[tokio::test]
async fn whatever_fails_as_the_delivery_is_made_it_is_there_in_the_end() -> anyhow::Result<()> {
    for requests in ["APPLY jobs/demo-delivery", "CREATE secrets/demo-delivery-"] {
        for failure in [Failure::Refused(500, "no"), Failure::Lost, Failure::AnswerLost] {
            let is_refused = matches!(failure, Failure::Refused(..));
            let (world, mut first) = World::signing(delivering()).await?;
            world.sign(RUN, 2).await?;
            first.look(RUN).await?;
            world.api.fail(1, requests, failure);
            if is_refused {
                first.settle_at_last(RUN).await?;
            } else {
                let unanswered = world.api.unanswered();
                tokio::select! {
                    settled = first.settle(RUN) => panic!("{requests}: nothing failed: {settled:?}"),
                    () = unanswered => {}
                }
            }
            drop(first);
            let mut operator = world.operator().await;
            for _ in 0..3 {
                operator.settle_at_last(RUN).await?;
                world.api.collect_garbage();
            }
            operator.settle_at_last(RUN).await?;
            assert_eq!(world.api.get("jobs", DELIVERY).expect("the Job")["spec"]["suspend"], false);
            assert_eq!(bring(&mut world.delivery("demo-delivery-1/1").await?, ARCHIVE, 16).await?, 2);
        }
    }
    Ok(())
}

#[tokio::test]
async fn sinks_that_may_not_be_or_cannot_be_are_said_and_nothing_is_made() -> anyhow::Result<()> {
    for (sink, reason, wanted) in [
        (
            json!({"objects": {"url": "s3://a", "credentialsSecretRef": {"name": "chancery-kek"}}}),
            "SinkNotAllowed",
            "delivery.allowed.secretPrefixes",
        ),
        (json!({"objects": {"url": "file:///etc"}}), "SinkNotAllowed", "objects.volumeClaim"),
        (
            json!({"table": {"url": "postgres://u@db/d", "table": "public.a"}}),
            "SinkNotAllowed",
            "urlSecretRef",
        ),
        (json!({"objects": {"url": "ftp://host/a"}}), "SinkInvalid", "nothing was changed in the ledger"),
        (json!({"http": {"url": "https://169.254.169.254/a"}}), "SinkInvalid", "keep their own credentials"),
    ] {
        let mut spec = delivering();
        spec["sinks"] = json!([sink]);
        spec["sinks"][0]["name"] = json!("one");
        let world = World::with_run(spec).await?;
        let mut operator = world.operator().await;
        operator.settle(RUN).await?;
        let (failed, found, message) = world.condition(RUN, ConditionType::Failed);
        assert!(failed && found == reason && message.contains(wanted), "{found}: {message}");
        assert!(message.starts_with("sink one: "), "{message}");
        assert!(world.stored_runs().await?.is_empty() && world.api.all("jobs").is_empty());
        assert_eq!(count(&world, reason), 1);
    }
    Ok(())
}

#[tokio::test]
async fn whoever_is_told_of_a_run_is_told_that_it_failed_and_its_delivery_ends_once_all_is_told()
-> anyhow::Result<()> {
    let mut spec = super::world::spec();
    let events = ["run.started", "run.failed", "run.completed"];
    spec["notifications"] =
        json!([{"name": "ops", "http": {"url": "https://ops.example/"}, "events": events}]);
    let (world, mut operator) = World::signing(spec).await?;
    assert_eq!(
        world.api.get("jobs", DELIVERY).expect("the Job")["spec"]["suspend"],
        false,
        "from the beginning"
    );
    assert!(!world.run(RUN)["status"].to_string().contains("Delivered"), "it has no sinks");
    for _ in 0..2 {
        world.api.edit(
            "signingruns",
            RUN,
            json!({"spec": {"signerTemplate": {"priorityClassName": "high"}}}),
        );
        operator.settle(RUN).await?;
        assert_eq!(world.condition(RUN, ConditionType::Failed).1, "SignerTemplateNotAllowed");
        world.api.edit("signingruns", RUN, json!({"spec": {"signerTemplate": {"priorityClassName": null}}}));
        operator.settle(RUN).await?;
    }
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert!(world.api.get("jobs", DELIVERY).is_some(), "somebody is still to be told");
    let what = "SELECT what FROM chancery.events ORDER BY what";
    let what: Vec<String> = sqlx::query_scalar(what).fetch_all(world.ledger.ledger.pool()).await?;
    assert_eq!(what, ["run.completed", "run.failed/SignerTemplateNotAllowed", "run.started"]);

    let mut teller = world.delivery("demo-delivery-1/1").await?;
    let task = teller.take_events(1, 16, std::time::Duration::from_secs(60)).await?;
    let NotificationTask::Tell(taken) = task else { anyhow::bail!("nothing to tell: {task:?}") };
    let told: Vec<String> = taken.events.iter().map(|event| event.what.clone()).collect();
    assert_eq!(told.len(), 3);
    teller.settle_events(&taken, &told).await?;
    drop(teller);
    operator.settle(RUN).await?;
    assert!(world.api.told().contains(&"DELETE jobs/demo-delivery".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_deleted_takes_its_delivery_and_its_part_of_the_ledger_with_it() -> anyhow::Result<()> {
    let mut with_policy = delivering();
    with_policy["deletionPolicy"] = json!("Delete");
    let (world, mut operator) = signed(with_policy, 2).await?;
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert!(world.api.get("signingruns", RUN).is_none());
    world.api.collect_garbage();
    assert!(world.api.get("jobs", DELIVERY).is_none());
    assert!(world.api.all("secrets").is_empty());
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}
