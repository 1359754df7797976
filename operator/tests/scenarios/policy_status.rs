//! The status of a policy says whether runs can be judged by it, and by which version.

use std::time::Duration;

use chancery_api::condition::{self, ConditionType};
use chancery_api::{SigningPolicyStatus, format};
use kube::runtime::controller::Action;
use serde_json::json;

use super::fake::Failure;
use super::judged::{POLICIES, POLICY, config_map, judged, policy, rejecting};
use super::test_operator::TestOperator;
use super::world::{RUN, World, manifest};

fn status(world: &World) -> SigningPolicyStatus {
    let object = world.api.get(POLICIES, POLICY).expect("the policy");
    serde_json::from_value(object["status"].clone()).expect("a status")
}

/// Whether it is ready, the reason, and the message.
fn ready(world: &World) -> (bool, String, String) {
    let status = status(world);
    let ready = condition::find(&status.conditions, ConditionType::Ready).expect("the condition").clone();
    assert_eq!(ready.observed_generation, status.observed_generation);
    (ready.status == "True", ready.reason, ready.message)
}

fn is(ready: bool, reason: &str, message: &str) -> (bool, String, String) {
    (ready, reason.to_owned(), message.to_owned())
}

async fn with(spec: serde_json::Value) -> anyhow::Result<(World, TestOperator)> {
    let world = World::new().await?;
    world.api.create(POLICIES, policy(spec));
    let operator = world.operator().await;
    Ok((world, operator))
}

#[tokio::test]
async fn a_good_policy_is_ready_and_shows_the_version_that_runs_show() -> anyhow::Result<()> {
    let (world, mut operator) = with(rejecting("record.amount > 0")).await?;
    assert_eq!(operator.look_at_policy(POLICY).await?, Action::await_change());
    assert_eq!(ready(&world), is(true, "PolicyReady", "the policy is good"));
    assert_eq!(status(&world).observed_generation, Some(1));
    let version = status(&world).version.expect("a version");
    world.api.create("signingruns", manifest(RUN, judged()));
    operator.settle(RUN).await?;
    assert_eq!(format::version(&world.judging(RUN).await?.hash), version);
    assert_eq!(world.run(RUN)["status"]["policy"]["version"], version);

    let before = world.api.version();
    operator.look_at_policy(POLICY).await?;
    assert_eq!(world.api.version(), before, "what is there is not written again");
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_edited_is_looked_at_anew() -> anyhow::Result<()> {
    let (world, operator) = with(rejecting("record.amount > 0")).await?;
    operator.look_at_policy(POLICY).await?;
    let first = status(&world);
    world.api.edit(POLICIES, POLICY, json!({"spec": rejecting("record.amount > 1")}));
    operator.look_at_policy(POLICY).await?;
    let second = status(&world);
    assert_eq!(second.observed_generation, Some(2));
    assert_ne!(second.version, first.version);
    assert_eq!(second.conditions[0].last_transition_time, first.conditions[0].last_transition_time);

    world.api.edit(POLICIES, POLICY, json!({"spec": rejecting("row.amount > 1")}));
    operator.look_at_policy(POLICY).await?;
    let (is_ready, reason, message) = ready(&world);
    assert_eq!((is_ready, reason.as_str()), (false, "PolicyNotReady"));
    assert!(message.starts_with("spec.validations[0].expression: "), "{message}");
    assert!(message.contains("names `row`"), "{message}");
    assert_eq!(status(&world).version, None, "nothing is judged by it");
    Ok(())
}

/// No run is made with such a policy.
#[tokio::test]
async fn a_policy_that_names_a_secret_that_is_not_allowed_is_not_ready() -> anyhow::Result<()> {
    let mut spec = rejecting("record.amount > 0");
    let webhook = |secret: &str| json!([{"name": "model", "url": "https://model.example/", "adds": "score", "secretRef": {"name": secret}}]);
    spec["webhooks"] = webhook("chancery-kek");
    let (world, operator) = with(spec.clone()).await?;
    assert_eq!(operator.look_at_policy(POLICY).await?, Action::await_change());
    let (is_ready, reason, message) = ready(&world);
    assert_eq!((is_ready, reason.as_str()), (false, "PolicyNotReady"));
    assert!(message.contains("names the Secret chancery-kek"), "{message}");
    assert!(message.contains("intake.allowed.secretPrefixes"), "{message}");

    // Another installation allows it, and says so.
    let good = json!({"conditions": [{
        "type": "Ready", "status": "True", "reason": "PolicyReady", "message": "the policy is good",
        "observedGeneration": 1, "lastTransitionTime": "2026-01-02T03:04:05Z",
    }]});
    world.api.edit(POLICIES, POLICY, json!({"status": good}));
    operator.look_at_policy(POLICY).await?;
    assert!(ready(&world).0, "each says it once: none of the two would ever stop");

    spec["webhooks"] = webhook("source-model");
    world.api.edit(POLICIES, POLICY, json!({"spec": spec}));
    operator.look_at_policy(POLICY).await?;
    assert_eq!(ready(&world), is(true, "PolicyReady", "the policy is good"));
    Ok(())
}

#[tokio::test]
async fn a_policy_that_waits_for_a_config_map_says_which_and_is_looked_at_again() -> anyhow::Result<()> {
    let mut spec = rejecting("lookup('rates', record.currency) > 1.0");
    spec["lookups"] = json!([{"name": "rates", "configMapRef": {"name": "fx"}}]);
    let (world, operator) = with(spec).await?;
    assert_eq!(operator.look_at_policy(POLICY).await?, Action::requeue(Duration::from_secs(15)));
    let waits = "spec.lookups[0].configMapRef: the ConfigMap fx is not there";
    assert_eq!(ready(&world), is(false, "PolicyNotReady", waits));
    world.api.create("configmaps", config_map("fx", json!({"EUR": "1.25"})));
    assert_eq!(operator.look_at_policy(POLICY).await?, Action::requeue(Duration::from_secs(60)));
    assert_eq!(ready(&world), is(true, "PolicyReady", "the policy is good"));
    let version = status(&world).version;
    world.api.edit("configmaps", "fx", json!({"data": {"EUR": "1.5"}}));
    operator.look_at_policy(POLICY).await?;
    assert_ne!(status(&world).version, version, "its tables are part of a version");
    Ok(())
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_says_so_and_is_left_alone() -> anyhow::Result<()> {
    let (world, operator) = with(json!({"validations": "none"})).await?;
    assert_eq!(operator.look_at_policy(POLICY).await?, Action::await_change());
    let (is_ready, reason, message) = ready(&world);
    assert_eq!((is_ready, reason.as_str()), (false, "PolicyNotReady"));
    assert!(message.starts_with("it cannot be read as a SigningPolicy: "), "{message}");
    assert!(message.ends_with("; correct it, or delete it"), "{message}");
    let before = world.api.version();
    operator.look_at_policy(POLICY).await?;
    assert_eq!(world.api.version(), before);
    Ok(())
}

#[tokio::test]
async fn what_the_api_server_refuses_is_tried_again() -> anyhow::Result<()> {
    let mut spec = rejecting("lookup('rates', record.currency) > 1.0");
    spec["lookups"] = json!([{"name": "rates", "configMapRef": {"name": "fx"}}]);
    let (world, operator) = with(spec).await?;
    world.api.create("configmaps", config_map("fx", json!({"EUR": "1.25"})));
    for (request, label, right) in [
        ("GET configmaps/fx", "PolicyUnread", "get on configmaps"),
        ("APPLY signingpolicies/payments/status", "PolicyStatus", "patch on signingpolicies/status"),
    ] {
        world.api.fail(1, request, Failure::Refused(403, "it is forbidden"));
        let error = operator.look_at_policy(POLICY).await.expect_err("it is refused");
        assert_eq!(error.label(), label);
        let said = error.to_string();
        assert!(said.contains("it is forbidden") && said.contains(right), "{said}");
        assert!(world.api.get(POLICIES, POLICY).is_some_and(|object| object["status"].is_null()));
    }
    operator.look_at_policy(POLICY).await?;
    assert!(ready(&world).0);
    Ok(())
}
