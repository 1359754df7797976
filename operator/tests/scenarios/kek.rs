//! A KEK that is missing, broken, or another.

use std::fs;
use std::time::Duration;

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_process::create_kek_file;
use kube::runtime::controller::Action;

use super::world::{RUN, World, spec};

const LOOK_AGAIN: Action = Action::requeue(Duration::from_secs(15));

#[tokio::test]
async fn a_kek_that_cannot_be_used_fails_the_run_until_it_is_mended() -> anyhow::Result<()> {
    for content in [None, Some("garbage")] {
        let world = World::with_run(spec()).await?;
        let good = fs::read(world.kek_file())?;
        fs::remove_file(world.kek_file())?;
        if let Some(content) = content {
            fs::write(world.kek_file(), content)?;
        }
        let mut operator = world.operator().await;
        assert_eq!(operator.settle(RUN).await?, LOOK_AGAIN, "no watch tells of a file");
        let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
        assert!(failed && !message.contains("garbage"), "{message}");
        assert_eq!((reason.as_str(), world.phase(RUN)), ("InvalidKek", Some(Phase::Failed)));
        world.api.told();
        operator.settle(RUN).await?;
        assert!(world.api.told().is_empty(), "said once");
        assert!(world.stored_runs().await?.is_empty());

        fs::write(world.kek_file(), good)?;
        operator.settle(RUN).await?;
        assert_eq!(world.phase(RUN), Some(Phase::Signing));
        assert!(world.events().contains(&"Recovered".to_owned()));
    }
    Ok(())
}

#[tokio::test]
async fn another_kek_than_that_of_the_keyring_fails_a_run_until_the_first_is_back() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    operator.step(RUN).await?;
    operator.step(RUN).await?;
    assert!(!world.stored(RUN).await?.keyring.filled, "created with the first KEK");
    let first = fs::read(world.kek_file())?;
    fs::remove_file(world.kek_file())?;
    create_kek_file(&world.kek_file())?;
    assert_eq!(operator.settle(RUN).await?, LOOK_AGAIN);
    let (failed, reason, message) = world.condition(RUN, ConditionType::Failed);
    assert!(failed && message.contains("fingerprint"), "{message}");
    assert_eq!(reason, "WrongKek");

    fs::write(world.kek_file(), first)?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}

#[tokio::test]
async fn a_run_whose_keyring_is_ready_does_not_need_the_operators_kek() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let kek = fs::read(world.kek_file())?;
    fs::remove_file(world.kek_file())?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(world.api.told().is_empty());
    fs::write(world.kek_file(), kek)?;
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    world.assert_audit_holds(RUN).await
}
