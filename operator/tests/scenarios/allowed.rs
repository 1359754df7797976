//! Templates that ask for what is not allowed.

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use kube::runtime::controller::Action;
use serde_json::json;

use super::world::{JOB, RUN, World, spec};

#[tokio::test]
async fn a_template_that_asks_for_more_than_is_allowed_starts_nothing_and_is_told_who_can_allow_it()
-> anyhow::Result<()> {
    let mut asking = spec();
    asking["signerTemplate"] = json!({
        "priorityClassName": "system-node-critical", "tolerations": [{"operator": "Exists"}],
        "labels": {"app": "bank"},
    });
    let world = World::with_run(asking).await?;
    let mut operator = world.operator().await;
    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert_eq!((failed, reason.as_str()), (true, "SignerTemplateNotAllowed"));
    for part in
        ["signer.allowed.priorityClassNames", "\"system-node-critical\"", "tolerations [0]", "\"app\""]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(world.phase(RUN), Some(Phase::Failed));
    assert!(world.stored_runs().await?.is_empty() && world.api.get("jobs", JOB).is_none());
    assert_eq!(world.events(), ["SignerTemplateNotAllowed"]);

    world.api.edit("signingruns", RUN, json!({"spec": {"signerTemplate": null}}));
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(world.events().contains(&"Recovered".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_template_that_comes_to_ask_for_more_stops_the_signers_until_it_no_longer_does()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let template = json!({"serviceAccountName": "robot"});
    world.api.edit("signingruns", RUN, json!({"spec": {"signerTemplate": template}}));
    operator.settle(RUN).await?;
    world.api.collect_garbage();
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Failed).1, "SignerTemplateNotAllowed");
    assert!(world.api.get("jobs", JOB).is_none());
    assert!(world.stored(RUN).await?.suspended, "no signer leases");

    world.api.edit("signingruns", RUN, json!({"spec": {"signerTemplate": null}}));
    operator.settle(RUN).await?;
    assert!(world.api.get("jobs", JOB).is_some_and(|job| job["spec"]["suspend"] == false));
    world.sign(RUN, 4).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    world.assert_audit_holds(RUN).await
}
