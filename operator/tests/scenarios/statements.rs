//! Statements are made beside everything else: no run waits for them, and its status gets them.

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_operator::run::KeyFiles;
use chancery_process::create_statement_key_file;
use serde_json::Value;

use super::test_operator::{TestOperator, reference};
use super::world::{RUN, World, spec};

/// An operator that makes statements, whose database answers.
async fn stating(world: &World) -> anyhow::Result<TestOperator> {
    let statement_key = world.kek_file().with_file_name("statement.key");
    if !statement_key.exists() {
        create_statement_key_file(&statement_key)?;
    }
    let keys =
        KeyFiles { kek: world.kek_file(), former_keks: Vec::new(), statement_key: Some(statement_key) };
    let mut operator = TestOperator::with_keys(&world.api, &world.ledger.operator_url, keys);
    operator.connect().await;
    Ok(operator)
}

fn stated(world: &World) -> Value {
    world.run(RUN)["status"]["statements"].clone()
}

#[tokio::test]
async fn a_run_is_complete_before_its_signatures_are_stated_and_its_status_says_that_they_will_be()
-> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut first = stating(&world).await?;
    first.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert_eq!(stated(&world), Value::Null);

    while first.woken.try_recv().is_ok() {}
    first.keep_statements();
    assert_eq!(first.woken.recv().await, Some(reference(RUN)), "the sealing is stated");
    first.settle(RUN).await?;
    assert_eq!(stated(&world)["sealed"]["number"], 1);
    assert_eq!(stated(&world)["signed"], Value::Null);
    // The next one goes on where it was.
    drop(first);

    world.sign(RUN, usize::MAX).await?;
    let mut second = stating(&world).await?;
    second.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    let said = world.condition(RUN, ConditionType::Complete).2;
    assert!(said.ends_with("the statement about them is being made"), "{said}");

    while second.woken.try_recv().is_ok() {}
    second.keep_statements();
    assert_eq!(second.woken.recv().await, Some(reference(RUN)), "the signatures are stated");
    second.settle(RUN).await?;
    assert_eq!(stated(&world)["signed"]["number"], 2);
    assert_eq!(stated(&world)["sealed"]["number"], 1, "nothing is stated twice");
    assert_eq!(world.condition(RUN, ConditionType::Complete).2, "every record has a stored signature");

    let rows = world.ledger.ledger.statements_about(&world.stored(RUN).await?).await?;
    let hash = chancery_statement::Digest::try_from(rows[1].hash.as_slice())?.to_string();
    assert_eq!(stated(&world)["signed"]["sha256"], hash);
    assert_eq!(stated(&world)["signed"]["key"], rows[1].key_id);
    Ok(())
}

#[tokio::test]
async fn an_operator_without_a_statement_key_completes_runs_and_states_nothing() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    operator.keep_statements();
    operator.settle(RUN).await?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert_eq!(world.condition(RUN, ConditionType::Complete).2, "every record has a stored signature");
    assert_eq!(stated(&world), Value::Null);
    assert!(world.ledger.ledger.last_statement().await?.is_none());
    Ok(())
}
