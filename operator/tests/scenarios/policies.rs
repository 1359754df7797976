//! The policy of a run is pinned as the run is made: that version judges it, whatever becomes of the SigningPolicy.

use std::time::Duration;

use chancery_api::condition::ConditionType;
use chancery_api::{Phase, format};
use chancery_store::intake::Taken;
use chancery_store::pushing::SealAnswer;
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use super::cluster::pod_status;
use super::fake::Failure;
use super::judged::{POLICIES, POLICY, config_map, judged, policy, rejecting};
use super::reader::INTAKE;
use super::test_operator::TestOperator;
use super::world::{JOB, RUN, World, manifest};

/// What the run shows of its policy.
fn shown(world: &World, name: &str) -> Value {
    world.run(name)["status"]["policy"].clone()
}

/// The run waits for its policy: a sentence of the condition `Failed`, and when it is looked at again.
async fn waits(world: &World, operator: &mut TestOperator) -> anyhow::Result<String> {
    let action = operator.settle(RUN).await?;
    assert_eq!(action, Action::requeue(Duration::from_secs(15)));
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert_eq!((failed, reason.as_str()), (true, "PolicyNotReady"));
    assert!(world.stored_runs().await?.is_empty(), "nothing is made for it");
    assert!(world.api.get("jobs", JOB).is_none());
    Ok(message)
}

/// The run was made, and this version judges it.
async fn goes_on(world: &World, operator: &mut TestOperator) -> anyhow::Result<String> {
    operator.settle(RUN).await?;
    assert!(!world.condition(RUN, ConditionType::Failed).0);
    assert!(world.api.get("jobs", JOB).is_some());
    let judging = world.judging(RUN).await?;
    let version = format::version(&judging.hash);
    assert_eq!(shown(world, RUN), json!({"name": POLICY, "version": version, "flagged": 0, "alerts": 0}));
    Ok(judging.text)
}

#[tokio::test]
async fn a_run_whose_policy_is_not_there_says_so_and_goes_on_once_it_is() -> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    let mut operator = world.operator().await;
    let message = waits(&world, &mut operator).await?;
    assert_eq!(
        message,
        "there is no SigningPolicy default/payments, which the run names with spec.policyRef; apply it, or name another in a new run"
    );
    world.api.create(POLICIES, policy(rejecting("record.amount > 0")));
    let text = goes_on(&world, &mut operator).await?;
    assert!(text.contains("record.amount > 0"), "{text}");
    let events = world.events();
    for reason in ["PolicyNotReady", "Recovered", "SignersStarted"] {
        assert_eq!(events.iter().filter(|told| *told == reason).count(), 1, "{reason}: {events:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_whose_policy_waits_for_a_config_map_says_which_and_goes_on_once_it_is_there()
-> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    let mut spec = rejecting("lookup('rates', record.currency) > 1.0");
    spec["lookups"] = json!([{"name": "rates", "configMapRef": {"name": "fx"}}]);
    world.api.create(POLICIES, policy(spec));
    let mut operator = world.operator().await;
    let message = waits(&world, &mut operator).await?;
    assert_eq!(
        message,
        "the policy payments cannot be used: spec.lookups[0].configMapRef: the ConfigMap fx is not there"
    );
    world.api.create("configmaps", config_map("fx", json!({"EUR": "1.25"})));
    let text = goes_on(&world, &mut operator).await?;
    assert!(text.contains(r#""EUR":"1.25""#), "its data is pinned: {text}");
    world.api.edit("configmaps", "fx", json!({"data": {"EUR": "0.5"}}));
    world.push(RUN, &[json!({"currency": "EUR"})]).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let records = &world.run(RUN)["status"]["records"];
    assert_eq!((&records["admitted"], &records["rejected"]), (&json!(1), &json!(0)), "by the rate of then");
    Ok(())
}

#[tokio::test]
async fn a_policy_that_nothing_can_be_judged_by_is_told_in_the_words_of_the_check() -> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    world.api.create(POLICIES, policy(rejecting("row.amount > 0")));
    let mut operator = world.operator().await;
    let message = waits(&world, &mut operator).await?;
    assert!(
        message.starts_with("the policy payments cannot be used: spec.validations[0].expression: ")
            && message.contains("names `row`"),
        "{message}"
    );
    world.api.edit(POLICIES, POLICY, json!({"spec": rejecting("record.amount > 0")}));
    goes_on(&world, &mut operator).await?;
    Ok(())
}

#[tokio::test]
async fn a_policy_that_the_operator_may_not_read_is_an_obstacle_that_passes() -> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    world.api.create(POLICIES, policy(rejecting("record.amount > 0")));
    let mut operator = world.operator().await;
    let refused = Failure::Refused(403, "signingpolicies is forbidden");
    world.api.fail(usize::MAX, "GET signingpolicies/payments", refused);
    let failed = operator.settle(RUN).await.expect_err("it is refused");
    assert!(failed.to_string().contains("signingpolicies is forbidden"), "{failed}");
    let (progresses, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progresses, reason.as_str()), (false, "PolicyNotReady"));
    assert!(
        message.contains("signingpolicies is forbidden") && message.contains("needs get on signingpolicies"),
        "{message}"
    );
    world.api.mend();
    goes_on(&world, &mut operator).await?;
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_edited_between_two_reconciles_is_pinned_as_it_is_when_the_run_is_made()
-> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    world.api.create(POLICIES, policy(rejecting("record.amount > 1")));
    let mut operator = world.operator().await;
    operator.step(RUN).await?;
    assert!(world.stored_runs().await?.is_empty(), "the first reconcile takes charge of it");
    world.api.edit(POLICIES, POLICY, json!({"spec": rejecting("record.amount > 2")}));
    let text = goes_on(&world, &mut operator).await?;
    assert!(text.contains("record.amount > 2"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_run_keeps_its_version_and_the_next_one_takes_the_new_one() -> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    world.api.create(POLICIES, policy(rejecting("record.amount > 1")));
    let mut operator = world.operator().await;
    let text = goes_on(&world, &mut operator).await?;
    world.api.edit(POLICIES, POLICY, json!({"spec": rejecting("record.amount > 2")}));
    // What the edit changed is no news to the run, nor to an operator that was just started.
    assert_eq!(goes_on(&world, &mut operator).await?, text);
    let mut other = world.operator().await;
    assert_eq!(goes_on(&world, &mut other).await?, text);

    world.api.create("signingruns", manifest("next", judged()));
    other.settle("next").await?;
    let next = world.judging("next").await?;
    assert!(next.text.contains("record.amount > 2"), "{}", next.text);
    assert_eq!(shown(&world, "next")["version"], format::version(&next.hash));
    assert_ne!(shown(&world, "next")["version"], shown(&world, RUN)["version"]);
    for (name, rejected) in [(RUN, 1), ("next", 2)] {
        world.push(name, &[json!({"amount": 1}), json!({"amount": 2}), json!({"amount": 3})]).await?;
        other.look(name).await?;
        other.settle(name).await?;
        assert_eq!(world.run(name)["status"]["records"]["rejected"], rejected, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_deleted_while_a_run_uses_it_judges_it_to_its_end() -> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    world.api.create(POLICIES, policy(rejecting("record.amount > 1")));
    let mut operator = world.operator().await;
    let text = goes_on(&world, &mut operator).await?;
    world.push(RUN, &[json!({"amount": 1}), json!({"amount": 5})]).await?;
    world.api.delete(POLICIES, POLICY);
    assert_eq!(goes_on(&world, &mut operator).await?, text);
    // Another operator knows nothing but the ledger.
    drop(operator);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    world.push(RUN, &[json!({"amount": 0}), json!({"amount": 6})]).await?;
    let run = world.stored(RUN).await?;
    assert_eq!(world.ledger.ledger.seal_pushes(&run).await?, SealAnswer::Sealed);
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    let records = &world.run(RUN)["status"]["records"];
    assert_eq!((&records["signed"], &records["rejected"]), (&json!(2), &json!(2)));
    // The audit judges again, by the version that is in the ledger.
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn a_run_to_which_programs_push_has_an_intake_if_its_policy_asks_others() -> anyhow::Result<()> {
    let hook = json!({"name": "model", "url": "https://model.example/score", "adds": "score"});
    let spec = json!({"webhooks": [hook], "thresholds": {"reject": 10}});
    let world = World::with_run(judged()).await?;
    world.api.create(POLICIES, policy(spec));
    let mut operator = world.operator().await;
    goes_on(&world, &mut operator).await?;
    let job = world.api.get("jobs", INTAKE).expect("an intake");
    assert_eq!(job["spec"]["suspend"], false);
    world.push(RUN, &[json!({"amount": 1}), json!({"amount": 2})]).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let records = world.run(RUN)["status"]["records"].clone();
    assert_eq!((&records["received"], &records["pending"]), (&json!(2), &json!(2)), "{records}");
    let run = world.stored(RUN).await?;
    // What an intake has in hand that is killed waits for nobody.
    let holder = world.api.intake_pod(RUN, "demo-intake-abcde", pod_status::running());
    let mut intake = world.intake(&holder).await?;
    let taken = intake.take_pendings(10, Duration::from_secs(600)).await?;
    assert!(matches!(taken, Taken::These(taken) if taken.arrivals.len() == 2));
    drop(intake);
    assert_eq!(world.ledger.ledger.intake_holders(&run).await?, [holder]);
    world.api.intake_pod_becomes("demo-intake-abcde", pod_status::ended(137, "OOMKilled", ""));
    operator.step(RUN).await?;
    assert!(world.ledger.ledger.intake_holders(&run).await?.is_empty());
    assert_eq!(world.ledger.ledger.seal_pushes(&run).await?, SealAnswer::Closed);
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert!(world.api.get("jobs", INTAKE).is_some(), "something waits");
    Ok(())
}
