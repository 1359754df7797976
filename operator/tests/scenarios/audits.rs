//! A run that is complete is audited, and its condition says what came of it.

use chancery_api::Phase;
use chancery_api::condition::ConditionType::Verified;
use chancery_operator::host::WorkState;
use kube::runtime::controller::Action;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::test_operator::TestOperator;
use super::thief::Thief;
use super::world::{RUN, World, spec};

/// A run that is audited as one is whose manifest says nothing of it.
fn audited() -> Value {
    let mut spec = spec();
    spec.as_object_mut().expect("a map").remove("audit");
    spec
}

fn verified(world: &World) -> (String, String, String) {
    let status = world.run(RUN)["status"]["conditions"].clone();
    let all = status.as_array().cloned().unwrap_or_default();
    let found = all.into_iter().find(|condition| condition["type"] == "Verified").expect("the condition");
    let field = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (field("status"), field("reason"), field("message"))
}

#[tokio::test]
async fn a_complete_run_is_verified_and_then_left_alone() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(audited()).await?;
    assert_eq!(verified(&world).1, "AuditPending");
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.step(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete), "it does not wait for the audit");
    let (status, reason, _) = verified(&world);
    assert_eq!((status.as_str(), reason.as_str()), ("Unknown", "Auditing"));

    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    let (status, reason, message) = verified(&world);
    assert_eq!((status.as_str(), reason.as_str()), ("True", "LawsHold"), "{message}");
    assert!(message.contains("20 signatures verified"), "{message}");
    assert_eq!(world.events().iter().filter(|reason| *reason == "LawsHold").count(), 1);

    drop(operator);
    let mut another = world.operator().await;
    world.api.told();
    another.settle(RUN).await?;
    assert!(world.api.told().is_empty(), "what was reported is not looked at again");
    Ok(())
}

#[tokio::test]
async fn a_signature_that_does_not_verify_is_told_though_the_run_is_complete() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(audited()).await?;
    world.sign(RUN, usize::MAX).await?;
    world
        .ledger
        .execute(
            "SET session_replication_role = replica;
             UPDATE chancery.signature_blocks b
                SET signatures = set_byte(b.signatures, p.place, get_byte(b.signatures, p.place) # 1)
               FROM (SELECT (octet_length(signatures) / (last_record - first_record + 1) * (7 - first_record) + 3)::integer
                       FROM chancery.signature_blocks WHERE 7 BETWEEN first_record AND last_record) p (place)
              WHERE 7 BETWEEN b.first_record AND b.last_record;
             RESET session_replication_role",
        )
        .await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert!(!world.condition(RUN, Verified).0);
    let (status, reason, message) = verified(&world);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "LawsBroken"));
    assert!(
        message.contains("law 2 (true signatures), 1 times, first: ") && message.contains('7'),
        "{message}"
    );
    assert!(world.events().contains(&"LawsBroken".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_run_that_a_stolen_login_completes_without_signing_is_complete_and_told_to_be_false()
-> anyhow::Result<()> {
    let (world, mut operator) = World::signing(audited()).await?;
    assert_eq!(Thief::of(&world, RUN).await?.complete_without_signing().await?, 4);
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    let (status, reason, message) = verified(&world);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "LawsBroken"));
    assert!(message.contains("law 2 (true signatures), 20 times, first: "), "{message}");
    assert!(world.events().contains(&"LawsBroken".to_owned()));
    Ok(())
}

#[tokio::test]
async fn an_audit_that_cannot_be_made_says_why_and_is_made_again() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(audited()).await?;
    world.sign(RUN, usize::MAX).await?;
    world.ledger.execute("REVOKE SELECT ON chancery.signature_blocks FROM chancery_auditor").await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let (status, reason, message) = verified(&world);
    assert_eq!((status.as_str(), reason.as_str()), ("Unknown", "AuditFailed"));
    assert!(message.contains("permission denied for table signature_blocks"), "{message}");
    assert!(matches!(operator.background(RUN).auditing, WorkState::Failed { .. }));

    world.ledger.execute("GRANT SELECT ON chancery.signature_blocks TO chancery_auditor").await?;
    drop(operator);
    world.operator().await.settle(RUN).await?;
    assert_eq!(verified(&world).1, "LawsHold");
    Ok(())
}

#[tokio::test]
async fn an_audit_has_the_login_that_is_given_for_audits_and_no_other() -> anyhow::Result<()> {
    let (world, operator) = World::signing(audited()).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    drop(operator);
    let auditor = format!("auditor_of_{}", world.stored(RUN).await?.uid.simple());
    let make = format!("CREATE ROLE {auditor} NOLOGIN PASSWORD '{auditor}' IN ROLE chancery_auditor");
    world.ledger.execute(AssertSqlSafe(make)).await?;
    let own = &world.ledger.operator_url;
    let url = own.replace("test_operator", &auditor);
    assert_ne!(&url, own);
    let mut operator = TestOperator::with_auditor(&world.api, own, &url, world.kek_file());
    operator.connect().await;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete), "all else has the operator's login");
    let (status, reason, message) = verified(&world);
    assert_eq!((status.as_str(), reason.as_str()), ("Unknown", "AuditFailed"));
    assert!(message.contains("not permitted to log in"), "{message}");
    drop(operator);

    world.ledger.execute(AssertSqlSafe(format!("ALTER ROLE {auditor} LOGIN"))).await?;
    let mut operator = TestOperator::with_auditor(&world.api, own, &url, world.kek_file());
    operator.connect().await;
    operator.settle(RUN).await?;
    assert_eq!(verified(&world).1, "LawsHold");
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_not_to_be_audited_says_so_until_it_is() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    assert_eq!(verified(&world).1, "NotAudited");
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!((world.phase(RUN), verified(&world).1.as_str()), (Some(Phase::Complete), "NotAudited"));
    world.api.edit("signingruns", RUN, json!({"spec": {"audit": "AtCompletion"}}));
    operator.settle(RUN).await?;
    assert_eq!(verified(&world).1, "LawsHold");
    Ok(())
}
